//! Waiting until a tenant is as wanted, and showing that one waits.

use std::time::Duration;

use berth_core::tenant::TenantId;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::client::{Answer, Client};
use super::tenants::Tenant;
use super::trouble::Trouble;

/// How often to look.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// It is in this phase, and all that was asked for is proven to be so.
    Phase(&'static str),
    /// All that was asked for is proven to be so.
    Settled,
    /// It is not there any more.
    Gone,
}

/// Where a tenant is, compared to what is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    There,
    On,
    /// It will not come there by itself, because of this.
    Off(String),
}

/// Waits. The last answer is of the tenant as it was waited for, or without a body if it is gone.
pub(crate) async fn until(
    client: &Client,
    id: &TenantId,
    goal: Until,
    longest: Duration,
    progress: &Progress,
) -> Result<Answer, Trouble> {
    let begun = Instant::now();
    let path = format!("/tenants/{id}");
    loop {
        let answer = match client.get(&path).await {
            Err(Trouble::Refused(refusal)) if refusal.code == "no_tenant" && goal == Until::Gone => {
                return Ok(Answer {
                    at: jiff::Timestamp::UNIX_EPOCH,
                    body: Value::Null,
                });
            }
            answer => answer?,
        };
        let tenant: Tenant = answer.read(client)?;
        progress.say(id, &tenant.phase);
        match way(&tenant, goal) {
            Way::There => return Ok(answer),
            Way::Off(why) => return Err(Trouble::NotReached(why)),
            Way::On if begun.elapsed() > longest => {
                let seconds = longest.as_secs();
                let phase = &tenant.phase;
                return Err(Trouble::NotReached(format!(
                    "{id} is still {phase} after {seconds} s; wait longer with --timeout, or see `berth tenants get {id}`"
                )));
            }
            Way::On => sleep(LOOK_EVERY).await,
        }
    }
}

fn way(tenant: &Tenant, goal: Until) -> Way {
    let Tenant { id, phase, settled, .. } = tenant;
    if phase == "failed" && goal != Until::Gone {
        let why = tenant.note().map(|note| format!(": {note}")).unwrap_or_default();
        return Way::Off(format!("{id} has failed{why}; `berth tenants retry {id}` tries again"));
    }
    match goal {
        Until::Phase(wanted) if *settled && phase == wanted => Way::There,
        Until::Phase(wanted) if *settled => {
            let (reason, by) = (&tenant.intent.reason, tenant.by());
            Way::Off(format!(
                "{id} is {phase} and not {wanted}: meanwhile {by} asked for something else ({reason})"
            ))
        }
        Until::Settled if *settled => Way::There,
        Until::Phase(_) | Until::Settled | Until::Gone => Way::On,
    }
}

/// What a terminal shows while something takes its time; nothing else sees it.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// The way of so many tenants.
    pub(crate) fn over(tenants: usize) -> Self {
        let template = if tenants == 1 {
            "{spinner} {msg} {elapsed}"
        } else {
            "{bar:30} {pos}/{len} {msg} {elapsed}"
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(tenants as u64).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    fn say(&self, id: &TenantId, phase: &str) {
        self.0.set_message(format!("{id} is {phase}"));
    }

    /// One is there.
    pub(crate) fn one_more(&self) {
        self.0.inc(1);
    }

    /// All are there, or it makes no sense to go on.
    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tenant(phase: &str, settled: bool) -> Tenant {
        let intent =
            json!({"state": "running", "generation": 1, "reason": "wake", "by": "x/ann", "at": "2026-01-01T00:00:00Z"});
        serde_json::from_value(json!({"id": "acme", "phase": phase, "settled": settled, "intent": intent})).unwrap()
    }

    #[test]
    fn waiting_ends_when_it_is_so_or_cannot_be() {
        let running = Until::Phase("running");
        assert_eq!(way(&tenant("starting", false), running), Way::On);
        assert_eq!(way(&tenant("running", false), running), Way::On);
        assert_eq!(way(&tenant("running", true), running), Way::There);
        assert!(matches!(way(&tenant("failed", true), running), Way::Off(why) if why.contains("retry acme")));
        assert!(matches!(way(&tenant("stopped", true), running), Way::Off(why) if why.contains("ann")));
        assert_eq!(way(&tenant("stopped", true), Until::Settled), Way::There);
        assert_eq!(way(&tenant("failed", true), Until::Gone), Way::On);
    }
}
