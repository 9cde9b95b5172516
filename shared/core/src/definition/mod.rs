//! A *definition* is base + overlay, rendered.
