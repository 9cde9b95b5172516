//! How a rollout is to go, as flags.

use std::path::PathBuf;
use std::time::Duration;

use berth_core::release::ReleaseId;
use berth_core::tenant::TenantId;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::cli::print::parse_span;
use crate::cli::trouble::Trouble;

/// To which release, and how carefully; what is not said is as the fleet's policy has it.
#[derive(Args, Debug, Default)]
#[command(after_help = "\
Examples:
  berth rollout plan
  berth rollout plan --release r7 --canaries 3 --waves 5,25,100
  berth rollout start --tolerance 2 --bake 30m --watch")]
pub struct PolicyArgs {
    /// The release; the newest base if none is named.
    #[arg(long)]
    release: Option<ReleaseId>,
    /// How many tenants run it before anyone else.
    #[arg(long, value_name = "N")]
    canaries: Option<u32>,
    /// Who goes first; may be given several times.
    #[arg(long, value_name = "ID")]
    canary: Vec<TenantId>,
    /// How long the canaries run before the first wave.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    bake: Option<Duration>,
    /// How many percent have been moved at the end of each wave.
    #[arg(long, value_name = "PERCENT,…", value_delimiter = ',')]
    waves: Vec<u8>,
    /// How many percent run it when new and waking tenants take it.
    #[arg(long, value_name = "PERCENT")]
    promote_percent: Option<u8>,
    /// How many are on their way at once.
    #[arg(long, value_name = "N")]
    max_in_flight: Option<u32>,
    /// The same in percent of the running fleet.
    #[arg(long, value_name = "PERCENT")]
    max_in_flight_percent: Option<u8>,
    /// How many may fail.
    #[arg(long, value_name = "N")]
    tolerance: Option<u32>,
    /// How long a tenant may take.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    step: Option<Duration>,
    /// From when on busy tenants are moved too.
    #[arg(long, value_name = "TIME")]
    force_by: Option<Timestamp>,
    /// File with a policy as JSON, for what has no flag; flags come first.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl PolicyArgs {
    /// The body of `POST /rollouts`.
    pub(super) fn body(&self) -> Result<Value, Trouble> {
        let mut policy = self.of_file()?;
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                policy.insert(name.to_owned(), value);
            }
        };
        put("canaries", self.canaries.map(|number| json!(number)));
        put("namedCanaries", (!self.canary.is_empty()).then(|| json!(self.canary)));
        put("bakeSeconds", self.bake.map(|span| json!(span.as_secs())));
        put("waves", (!self.waves.is_empty()).then(|| json!(self.waves)));
        put("promotePercent", self.promote_percent.map(|number| json!(number)));
        put("maxInFlight", self.max_in_flight.map(|number| json!(number)));
        put(
            "maxInFlightPercent",
            self.max_in_flight_percent.map(|number| json!(number)),
        );
        put("tolerance", self.tolerance.map(|number| json!(number)));
        put("stepSeconds", self.step.map(|span| json!(span.as_secs())));
        put("forceBy", self.force_by.map(|at| json!(at)));
        let mut body = Map::new();
        if let Some(release) = self.release {
            body.insert("release".to_owned(), json!(release));
        }
        if !policy.is_empty() {
            body.insert("policy".to_owned(), Value::Object(policy));
        }
        Ok(Value::Object(body))
    }

    fn of_file(&self) -> Result<Map<String, Value>, Trouble> {
        let Some(path) = &self.policy else {
            return Ok(Map::new());
        };
        let wrong = |why: &dyn std::fmt::Display| Trouble::Usage(format!("{} cannot be used: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
        serde_json::from_str(&text).map_err(|error| wrong(&error))
    }
}

#[cfg(test)]
mod tests {
    use berth_core::rollout::{Policy, PolicyChange};
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        policy: PolicyArgs,
    }

    #[test]
    fn every_flag_is_a_member_that_the_api_knows() {
        let words = "plan --release r7 --canaries 2 --canary acme --bake 30m --waves 5,100 --promote-percent 60 \
                     --max-in-flight 9 --max-in-flight-percent 8 --tolerance 1 --step 20m --force-by 2027-01-31T00:00:00Z";
        let typed = Typed::try_parse_from(words.split_whitespace()).unwrap();
        let body = typed.policy.body().unwrap();
        assert_eq!(body["release"], "r7");
        let change: PolicyChange = serde_json::from_value(body["policy"].clone()).unwrap();
        let members = serde_json::to_value(&change).unwrap();
        let unsaid: Vec<_> = members
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| value.is_null())
            .collect();
        assert_eq!(
            unsaid.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["windows"]
        );
        assert!(Policy::default().with(change).is_ok());
    }

    #[test]
    fn nothing_said_is_nothing_asked() {
        assert_eq!(PolicyArgs::default().body().unwrap(), json!({}));
    }
}
