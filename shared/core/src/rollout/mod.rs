//! Moving the running tenants from one release to another, in waves.
