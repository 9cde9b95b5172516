//! Changing what a tenant should be.

use std::time::Duration;

use berth_core::api::{Code, Problem};
use berth_core::definition::admit;
use berth_core::tenant::{Booked, Generation, Intent, Made, Overlay, Phase, Reason, Tenant, TenantId, Wanted, phase};
use jiff::Timestamp;

use super::{Context, read};
use crate::assets::NoBundle;
use crate::http::{Request, Response};
use crate::service::intent::{self, Change};
use crate::tables::Outcome;

/// How often a change is tried that others got ahead of.
pub(super) const TRIES: usize = 5;

/// The longest `?wait=`: API Gateway ends a request after 30 s ("Quotas for HTTP APIs").
const LONGEST_WAIT: u64 = 25;

/// How often a waiting request looks at the row.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a request waits for the tenant to be settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait(Duration);

impl Wait {
    /// What `?wait=` says. It is read before anything is written.
    pub(super) fn of(request: &Request) -> Result<Self, Problem> {
        let Some(text) = request.query("wait") else {
            return Ok(Self(Duration::ZERO));
        };
        match text.parse() {
            Ok(seconds) if seconds <= LONGEST_WAIT => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(Problem::new(
                Code::InvalidParameter,
                format!("wait is not a number of seconds from 0 to {LONGEST_WAIT}"),
            )),
        }
    }
}

/// `PUT /tenants/{id}`: creates the tenant, or replaces its overlay.
pub(super) async fn put(context: &Context, request: &Request, id: TenantId) -> Result<Response, Problem> {
    let wait = Wait::of(request)?;
    let overlay = Overlay::parse(&request.json()?)?;
    check(context, &overlay).await?;
    for _ in 0..TRIES {
        let Some(tenant) = context.tenants.get(&id).await? else {
            require_no_match(request)?;
            check_template(context, &overlay, None).await?;
            let tenant = newborn(context, request, id.clone(), overlay.clone());
            if context.tenants.create(&tenant).await? == Outcome::Written(()) {
                return told(context, wait, tenant, 202).await;
            }
            continue;
        };
        require_match(request, &tenant)?;
        let wanted = match tenant.intent.state {
            Wanted::Deleted => (Wanted::Running, Reason::Provision),
            _ if tenant.overlay == overlay => return answer(context, wait, tenant, 200).await,
            state => (state, Reason::Change),
        };
        check_template(context, &overlay, Some(&tenant)).await?;
        let change = Change {
            overlay: Some(overlay.clone()),
            ..change(context, request, wanted.0, wanted.1)
        };
        if let Outcome::Written(tenant) = intent::change(&context.tenants, &tenant, change).await? {
            return told(context, wait, tenant, 202).await;
        }
    }
    Err(crowded())
}

/// `PATCH /tenants/{id}`: a JSON merge patch of the overlay.
pub(super) async fn patch(context: &Context, request: &Request, id: &TenantId) -> Result<Response, Problem> {
    let wait = Wait::of(request)?;
    let patch = request.json()?;
    for _ in 0..TRIES {
        let tenant = read::find(context, id).await?;
        refuse_deleting(&tenant)?;
        // What is no patch is refused as such, whatever version it is meant for (RFC 9110, section 13.2.1).
        let overlay = tenant.overlay.merge_patch(&patch)?;
        require_match(request, &tenant)?;
        if tenant.overlay == overlay {
            return answer(context, wait, tenant, 200).await;
        }
        check(context, &overlay).await?;
        check_template(context, &overlay, Some(&tenant)).await?;
        let change = Change {
            overlay: Some(overlay),
            ..change(context, request, tenant.intent.state, Reason::Change)
        };
        if let Outcome::Written(tenant) = intent::change(&context.tenants, &tenant, change).await? {
            return told(context, wait, tenant, 202).await;
        }
    }
    Err(crowded())
}

/// `DELETE /tenants/{id}`
pub(super) async fn delete(context: &Context, request: &Request, id: &TenantId) -> Result<Response, Problem> {
    let wait = Wait::of(request)?;
    for _ in 0..TRIES {
        let tenant = read::find(context, id).await?;
        match (tenant.intent.state, phase(&tenant)) {
            // What could not be deleted is tried again.
            (Wanted::Deleted, Phase::Failed) => return told(context, wait, tenant, 202).await,
            (Wanted::Deleted, _) => return answer(context, wait, tenant, 202).await,
            _ => {}
        }
        context.activity.refuse(id, tenant.intent.generation).await?;
        let change = change(context, request, Wanted::Deleted, Reason::Delete);
        if let Outcome::Written(tenant) = intent::change(&context.tenants, &tenant, change).await? {
            return told(context, wait, tenant, 202).await;
        }
    }
    Err(crowded())
}

/// `POST /tenants/{id}/sleep`, `/restart`, `/retry`
pub(super) async fn intend(context: &Context, request: &Request, reason: Reason) -> Result<Response, Problem> {
    let (id, wait) = (&request.tenant()?, Wait::of(request)?);
    for _ in 0..TRIES {
        let tenant = read::find(context, id).await?;
        refuse_deleting(&tenant)?;
        let Some(wanted) = next_state(&tenant, reason) else {
            return answer(context, wait, tenant, 200).await;
        };
        if wanted == Wanted::Stopped {
            context.activity.refuse(id, tenant.intent.generation).await?;
        }
        let change = change(context, request, wanted, reason);
        if let Outcome::Written(tenant) = intent::change(&context.tenants, &tenant, change).await? {
            return told(context, wait, tenant, 202).await;
        }
    }
    Err(crowded())
}

/// `POST /tenants/{id}/update`: takes the promoted release. One that sleeps stays asleep, and takes it when it wakes.
pub(super) async fn update(context: &Context, request: &Request, id: &TenantId) -> Result<Response, Problem> {
    let wait = Wait::of(request)?;
    let Some(promoted) = context.releases.pointer().await?.promoted else {
        return Err(no_release());
    };
    for _ in 0..TRIES {
        let tenant = read::find(context, id).await?;
        refuse_deleting(&tenant)?;
        refuse_pinned(context, &tenant)?;
        let has = tenant.made.applied.as_ref().map(|applied| applied.release);
        if tenant.intent.release.or(has) == Some(promoted) {
            return answer(context, wait, tenant, 200).await;
        }
        let mut change = change(context, request, tenant.intent.state, Reason::Update);
        change.release = Some(promoted);
        if let Outcome::Written(tenant) = intent::change(&context.tenants, &tenant, change).await? {
            return told(context, wait, tenant, 202).await;
        }
    }
    Err(crowded())
}

/// What a verb makes of a tenant; `None` if it is so already.
///
/// A wake or a retry of a tenant that has failed tries again; of one that is up, or on its way up, it changes nothing.
pub(super) fn next_state(tenant: &Tenant, reason: Reason) -> Option<Wanted> {
    let already = match (reason, tenant.intent.state) {
        (Reason::Sleep | Reason::Retry | Reason::Restart, Wanted::Stopped) | (Reason::Wake, Wanted::Running) => true,
        (Reason::Retry, Wanted::Running) => tenant.made.failed.is_empty(),
        _ => false,
    };
    if already && phase(tenant) != Phase::Failed {
        return None;
    }
    // A stop that failed is tried again as one; a tenant that was stopped for its crashes is started again.
    let looped = tenant.intent.reason == Reason::CrashLoop;
    Some(match (reason, tenant.intent.state) {
        (Reason::Sleep, _) => Wanted::Stopped,
        (Reason::Retry, Wanted::Stopped) if !looped => Wanted::Stopped,
        _ => Wanted::Running,
    })
}

/// Refuses an overlay that would not render over the promoted base: before anything is written.
async fn check(context: &Context, overlay: &Overlay) -> Result<(), Problem> {
    let Some(promoted) = context.releases.pointer().await?.promoted else {
        return Err(no_release());
    };
    let base = context.releases.base(promoted).await?;
    match admit(&base, &context.layout, overlay) {
        Ok(()) => Ok(()),
        Err(error) => match error.in_overlay() {
            Some(mistake) => Err(berth_core::tenant::Invalid { errors: vec![mistake] }.into()),
            None => Err(Problem::new(
                Code::NoRelease,
                format!("the promoted base cannot be rendered: {error}"),
            )),
        },
    }
}

/// Refuses a template that cannot be delivered: before anything is written. Who was given a bundle of it keeps that one, so
/// that a template that is gone stands in the way of no other change.
async fn check_template(context: &Context, overlay: &Overlay, before: Option<&Tenant>) -> Result<(), Problem> {
    let Some(template) = &overlay.template else {
        return Ok(());
    };
    let lives = before.filter(|tenant| tenant.intent.state != Wanted::Deleted);
    if lives.is_some_and(|tenant| tenant.delivered(template).is_some()) {
        return Ok(());
    }
    match context.assets.files(template).await {
        Ok(_) => Ok(()),
        Err(NoBundle::Template(why)) => Err(Problem::undeliverable(template, &why)),
        Err(NoBundle::Call(error)) => Err(error.into()),
    }
}

fn no_release() -> Problem {
    let detail = "no base has been promoted yet: deploy the base stack first";
    Problem::new(Code::NoRelease, detail)
}

fn newborn(context: &Context, request: &Request, id: TenantId, overlay: Overlay) -> Tenant {
    let at = context.clock.now();
    let intent = Intent {
        state: Wanted::Running,
        generation: Generation::FIRST,
        reason: Reason::Provision,
        by: request.caller.clone(),
        at,
        release: None,
        put_down: None,
    };
    Tenant {
        tenant_id: id,
        incarnation: Generation::FIRST,
        retiring: Vec::new(),
        overlay,
        overlay_version: 1,
        intent,
        made: Made::default(),
        observed: None,
        stopped: None,
        crashes: berth_core::event::Crashes::default(),
        due_at: at
            .checked_add(intent::patience_for(Wanted::Running))
            .ok()
            .map(Timestamp::as_millisecond),
        unsettled_at: Some(at),
        booked: Booked::default(),
    }
}

pub(super) fn change(context: &Context, request: &Request, state: Wanted, reason: Reason) -> Change {
    Change::new(state, reason, &request.caller, context.clock.now())
}

/// Has reconcile look at what was changed, and answers.
pub(super) async fn told(context: &Context, wait: Wait, tenant: Tenant, status: u16) -> Result<Response, Problem> {
    let (id, generation) = (&tenant.tenant_id, tenant.intent.generation);
    context
        .queue
        .nudge(id, generation, tenant.intent.reason.as_str(), context.clock.now())
        .await?;
    answer(context, wait, tenant, status).await
}

/// Answers with the tenant, after waiting for it to be settled if the caller asked for that.
pub(super) async fn answer(context: &Context, wait: Wait, tenant: Tenant, status: u16) -> Result<Response, Problem> {
    let tenant = settled_within(context, tenant, wait).await?;
    let status = if phase_is_final(&tenant) { 200 } else { status.max(202) };
    let view = read::view(context, &tenant).await?;
    let response = Response::json(status, &view).with("etag", read::etag(&tenant));
    Ok(if status == 202 {
        response.with("retry-after", "5")
    } else {
        response
    })
}

fn phase_is_final(tenant: &Tenant) -> bool {
    tenant.is_settled() || matches!(phase(tenant), Phase::Failed | Phase::Deleted)
}

async fn settled_within(context: &Context, mut tenant: Tenant, wait: Wait) -> Result<Tenant, Problem> {
    let rounds = wait.0.as_millis() / LOOK_EVERY.as_millis();
    for _ in 0..rounds {
        if phase_is_final(&tenant) {
            break;
        }
        context.clock.sleep(LOOK_EVERY).await;
        match context.tenants.get(&tenant.tenant_id).await? {
            Some(row) => tenant = row,
            None => break,
        }
    }
    Ok(tenant)
}

fn require_match(request: &Request, tenant: &Tenant) -> Result<(), Problem> {
    let current = read::etag(tenant);
    match request.header("if-match") {
        Some(asked) if asked != "*" && !asked.split(',').any(|one| one.trim() == current) => Err(stale(&current)),
        _ => Ok(()),
    }
}

/// `If-Match` names something that is there, and nothing is (RFC 9110, section 13.1.1).
fn require_no_match(request: &Request) -> Result<(), Problem> {
    request.header("if-match").map_or(Ok(()), |_| Err(stale("none")))
}

fn stale(current: &str) -> Problem {
    Problem::new(
        Code::PreconditionFailed,
        format!("the overlay is at version {current}; read it again"),
    )
}

pub(super) fn refuse_deleting(tenant: &Tenant) -> Result<(), Problem> {
    if tenant.intent.state == Wanted::Deleted {
        let id = &tenant.tenant_id;
        return Err(Problem::new(
            Code::BeingDeleted,
            format!("{id} is being deleted; PUT /tenants/{id} makes a new one"),
        ));
    }
    Ok(())
}

fn refuse_pinned(context: &Context, tenant: &Tenant) -> Result<(), Problem> {
    let holds = tenant.overlay.pin.is_some_and(|pin| pin.holds(context.clock.now()));
    if !holds {
        return Ok(());
    }
    let id = &tenant.tenant_id;
    let detail =
        format!("{id} is pinned to the release that it has; PATCH /tenants/{id} {{\"pin\":null}} takes the pin away");
    Err(Problem::new(Code::Pinned, detail))
}

pub(super) fn crowded() -> Problem {
    Problem::new(
        Code::Conflict,
        "others changed this tenant at the same time, again and again; try again",
    )
}
