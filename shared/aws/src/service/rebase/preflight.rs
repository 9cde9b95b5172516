//! What preflight has to know: what is wrong with the base, whom it would break, and whether its images are there.

use berth_core::definition::{Base, admit, check};
use berth_core::release::{Image, Preflight, ReleaseId, preflight};
use berth_core::tenant::Tenant;

use super::Context;
use crate::error::CallError;

/// How many tenants that would break are named; the rest is counted.
const NAMED: usize = 20;

/// The verdict on a base that may replace the promoted one.
pub(super) async fn judge(context: &Context, base: &Base, promoted: Option<ReleaseId>) -> Result<Preflight, CallError> {
    let mut findings: Vec<String> = check(base, &context.layout).iter().map(ToString::to_string).collect();
    if findings.is_empty() {
        findings = broken_tenants(context, base, promoted).await?;
    }
    let mut images = Vec::new();
    for (container, reference) in base.images() {
        images.push(Image {
            container: container.to_owned(),
            reference: reference.to_owned(),
            presence: context.images.presence(reference).await,
        });
    }
    Ok(preflight(findings, &images))
}

/// The tenants whose overlay renders over the promoted base and would not over this one. Those who are pinned stay
/// where they are, and those who are broken already are not this base's fault.
async fn broken_tenants(context: &Context, base: &Base, promoted: Option<ReleaseId>) -> Result<Vec<String>, CallError> {
    let before = match promoted {
        Some(release) => Some(context.releases.base(release).await?),
        None => None,
    };
    let now = context.clock.now();
    let stays = |tenant: &Tenant| tenant.overlay.pin.is_some_and(|pin| pin.holds(now));
    let mut broken = Vec::new();
    for tenant in context.tenants.kept().await? {
        let Err(error) = admit(base, &context.layout, &tenant.overlay) else {
            continue;
        };
        let worked = before
            .as_deref()
            .is_none_or(|before| admit(before, &context.layout, &tenant.overlay).is_ok());
        if worked && !stays(&tenant) {
            broken.push(format!(
                "tenant {} would not render any more: {error}",
                tenant.tenant_id
            ));
        }
    }
    broken.sort_unstable();
    let more = broken.len().saturating_sub(NAMED);
    broken.truncate(NAMED);
    if more > 0 {
        broken.push(format!("and {more} more tenants would not render any more"));
    }
    Ok(broken)
}
