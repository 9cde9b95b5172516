//! What to do next so that a tenant becomes what it should be.
