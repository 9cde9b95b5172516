//! What an ECS event says about a tenant.
