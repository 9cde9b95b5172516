//! Why a tenant is up or down, and what will change that.
