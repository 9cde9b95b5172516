//! When a running tenant may be put to sleep.
