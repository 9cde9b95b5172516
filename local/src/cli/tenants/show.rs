//! `berth tenants get`.

use berth_core::tenant::TenantId;
use serde_json::Value;

use super::view::Tenant;
use crate::cli::Session;
use crate::cli::print::{Paper, Tone, ago, clock, left, short};
use crate::cli::trouble::Trouble;

pub(super) async fn run(session: &Session, id: &TenantId) -> Result<(), Trouble> {
    let answer = session.client.get(&format!("/tenants/{id}")).await?;
    let tenant: Tenant = answer.read(&session.client)?;
    session.tell(&answer, |paper| Ok(text(paper, &tenant)))
}

/// All that is known of a tenant.
pub(super) fn text(paper: &Paper, tenant: &Tenant) -> String {
    let intent = &tenant.intent;
    let settled = if tenant.settled { "" } else { ", not there yet" };
    let title = format!(
        "{}  {}{settled}",
        paper.paint(&tenant.id, Tone::Strong),
        paper.paint(&tenant.phase, tenant.tone())
    );
    let wanted = format!(
        "{} since {} ({} by {}, generation {})",
        intent.state,
        ago(intent.at, paper.now),
        intent.reason,
        tenant.by(),
        intent.generation
    );
    let past = |at: Option<jiff::Timestamp>| at.map(|at| format!("{} ({})", ago(at, paper.now), clock(at)));
    let ahead = |at: Option<jiff::Timestamp>| at.map(|at| format!("{} ({})", left(at, paper.now), clock(at)));
    let live = paper.facts(&[
        ("wanted", Some(wanted)),
        ("release", release(tenant)),
        (
            "address",
            tenant.endpoint.as_ref().map(|endpoint| endpoint.address.clone()),
        ),
        ("last work", past(tenant.last_activity)),
        ("sleeps", ahead(tenant.stops_at)),
        ("held", ahead(tenant.hold_until)),
        ("protected", ahead(tenant.protected_until)),
        ("wakes", ahead(tenant.wake_at)),
        ("ended", tenant.stopped.as_ref().map(|stopped| ended(paper, stopped))),
        ("error", tenant.last_error.as_ref().map(|error| error_of(paper, error))),
    ]);
    let own = own(paper, tenant);
    let made = paper.facts(&[
        (
            "definition",
            tenant.definition_arn.as_deref().map(short).map(str::to_owned),
        ),
        ("bundle", tenant.bundle.as_ref().map(bundle)),
        ("service", tenant.service_name.clone()),
        ("task", tenant.task_arn.as_deref().map(short).map(str::to_owned)),
    ]);
    let parts = [live, own, made].into_iter().filter(|part| !part.is_empty());
    parts.fold(format!("{}\n", paper.fit(&title)), |text, part| text + "\n" + &part)
}

/// The digest as far as one tells bundles apart by it, and why it is an earlier one.
fn bundle(bundle: &super::view::Bundle) -> String {
    let digest: String = bundle.digest.chars().take(12).collect();
    match &bundle.kept {
        Some(why) => format!("{digest}, delivered before: {why}"),
        None => digest,
    }
}

fn release(tenant: &Tenant) -> Option<String> {
    let applied = tenant.release.applied.as_ref()?;
    Some(match &tenant.release.promoted {
        Some(promoted) if promoted != applied => format!("{applied}; the fleet's is {promoted}"),
        _ => format!("{applied}, the fleet's"),
    })
}

fn ended(paper: &Paper, stopped: &super::view::Stopped) -> String {
    let code = stopped
        .exit_code
        .map(|code| format!(", exit code {code}"))
        .unwrap_or_default();
    let by = stopped
        .by
        .as_deref()
        .map(|by| format!(", by {}", short(by)))
        .unwrap_or_default();
    format!("{}: {}{by}{code}", ago(stopped.at, paper.now), stopped.reason)
}

fn error_of(paper: &Paper, error: &super::view::LastError) -> String {
    let times = if error.attempts > 1 {
        format!(", {} times", error.attempts)
    } else {
        String::new()
    };
    let text = format!(
        "{} at {} ({}{times}): {}",
        error.code,
        error.step,
        ago(error.at, paper.now),
        error.message
    );
    paper.paint(&text, Tone::Bad)
}

/// What is the tenant's own, one member a line.
fn own(paper: &Paper, tenant: &Tenant) -> String {
    let mut lines = Vec::new();
    for (name, value) in tenant.overlay.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("size", _) => lines.push((name.clone(), tenant.size().unwrap_or_default())),
            ("env" | "secrets", Value::Object(entries)) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (name.clone(), format!("{key}={}", plain(value))));
                lines.extend(entries);
            }
            (_, Value::Object(members)) => {
                let members: Vec<String> = members
                    .iter()
                    .map(|(key, value)| format!("{key} {}", plain(value)))
                    .collect();
                lines.push((name.clone(), members.join(", ")));
            }
            (_, value) => lines.push((name.clone(), plain(value))),
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    let title = format!("its own, version {}", tenant.overlay_version);
    let lines: Vec<(&str, Option<String>)> = lines
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.clone())))
        .collect();
    format!("{}\n{}", paper.paint(&title, Tone::Quiet), paper.facts(&lines))
}

/// A value without the quotes of JSON.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
