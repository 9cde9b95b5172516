//! Everyone who is awake, as a rollout sees them.

use std::collections::HashMap;

use berth_core::rollout::TenantFacts;
use berth_core::tenant::{Tenant, TenantId};

use crate::error::CallError;
use crate::tables::{ActivityTable, Tenants};

/// Everyone who is awake, as rows and as facts.
pub(super) struct Fleet {
    pub(super) tenants: HashMap<TenantId, Tenant>,
    pub(super) facts: Vec<TenantFacts>,
}

impl Fleet {
    /// Reads all of it, or fails.
    pub(super) async fn read(tenants: &Tenants, activity: &ActivityTable) -> Result<Self, CallError> {
        let activity = activity.everyone().await?;
        let tenants = tenants.awake().await?;
        let facts = |tenant: &Tenant| {
            let activity = activity.get(&tenant.tenant_id).copied().unwrap_or_default();
            TenantFacts::of(tenant, activity)
        };
        Ok(Self {
            facts: tenants.iter().map(facts).collect(),
            tenants: tenants
                .into_iter()
                .map(|tenant| (tenant.tenant_id.clone(), tenant))
                .collect(),
        })
    }
}
