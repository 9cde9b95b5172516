//! What things cost in what AWS bills: invocations, calls, request units, bytes. `berth cost` reckons with these figures.

use berth::template::Function;
use berth_core::cost::{self, Work};
use serde_json::{Value, json};

use crate::stand::{Made, Stand};

/// As long as most tenants' ids are.
const ID: &str = "0193b7c5-9c1e-7d3a-8b52-4a6f1e2d3c4b";

/// What was measured: shares of functions in their order, then as [`Work`] has it.
#[derive(Debug, Default, PartialEq)]
struct Measured {
    shares: Vec<(Function, u64, u64)>,
    reads: u64,
    writes: u64,
    sends: u64,
}

impl Measured {
    fn of(log: &[Made]) -> Self {
        let mut measured = Self::default();
        for function in Function::ALL {
            let calls: Vec<&Made> = log.iter().filter(|made| made.function == function).collect();
            let mut invocations: Vec<u64> = calls.iter().map(|made| made.invocation).collect();
            invocations.sort_unstable();
            invocations.dedup();
            measured
                .shares
                .push((function, invocations.len() as u64, calls.len() as u64));
        }
        for made in log {
            if made.call.changes_nothing() {
                measured.reads += made.units;
            } else {
                measured.writes += made.units;
            }
            measured.sends += u64::from(made.call.action == "SendMessage");
        }
        measured
    }

    /// Without what happens anyway in so many quarters of an hour.
    fn beyond(mut self, quiet: &Work, quarters: u64) -> Self {
        for (function, invocations, calls) in &mut self.shares {
            let anyway = quiet.shares.iter().find(|share| here(share.function) == *function);
            if let Some(anyway) = anyway {
                *invocations -= quarters * anyway.invocations;
                *calls -= quarters * anyway.calls;
            }
        }
        self.reads -= quarters * quiet.reads;
        self.writes -= quarters * quiet.writes;
        self.sends -= quarters * quiet.sends;
        self.told()
    }

    fn told(mut self) -> Self {
        self.shares
            .retain(|(_, invocations, calls)| *invocations > 0 || *calls > 0);
        self
    }
}

impl From<&Work> for Measured {
    fn from(work: &Work) -> Self {
        let mut shares: Vec<_> = work
            .shares
            .iter()
            .map(|share| (here(share.function), share.invocations, share.calls))
            .collect();
        shares.sort_unstable();
        Self {
            shares,
            reads: work.reads,
            writes: work.writes,
            sends: work.sends,
        }
    }
}

fn here(function: cost::Function) -> Function {
    match function {
        cost::Function::Provision => Function::Provision,
        cost::Function::Activity => Function::Activity,
        cost::Function::TaskState => Function::TaskState,
        cost::Function::Rebase => Function::Rebase,
        cost::Function::Watchdog => Function::Watchdog,
        cost::Function::Reconcile => Function::Reconcile,
    }
}

/// What happens in so many quarters of an hour, beyond what happens anyway.
fn beyond_quiet(stand: &mut Stand, quarters: u64) -> Measured {
    stand.pass(900 * quarters);
    let measured = Measured::of(&stand.log).beyond(&cost::QUIET, quarters);
    stand.log.clear();
    measured
}

/// How large `DynamoDB` takes a value to be (Developer Guide, "`DynamoDB` item sizes and formats").
fn size(value: &Value) -> u64 {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "S" => value.as_str().unwrap().len() as u64,
        "N" => {
            // Zeros at the end are not stored, but which they are is chance.
            let digits = value.as_str().unwrap().len() as u64;
            digits.div_ceil(2) + 1
        }
        "M" => 3 + named(value) + value.as_object().unwrap().len() as u64,
        "L" => 3 + value.as_array().unwrap().iter().map(|item| 1 + size(item)).sum::<u64>(),
        _ => 1,
    }
}

fn named(members: &Value) -> u64 {
    let members = members.as_object().unwrap().iter();
    members.map(|(name, value)| name.len() as u64 + size(value)).sum()
}

/// What the rows of a table take that are of this kind.
fn bytes(stand: &mut Stand, table: &str, kind: &str) -> u64 {
    let rows = stand.items(table).into_iter();
    let of_kind = rows.filter(|row| {
        row.get("kind")
            .is_none_or(|found| found["S"].as_str().unwrap().starts_with(kind))
    });
    of_kind.map(|row| named(&row)).sum()
}

#[test]
fn what_is_billed_for_what_a_tenant_does() {
    let mut stand = Stand::with(&[("MinUptimeSeconds", "60")]);
    stand.pass(900);
    assert_eq!(Measured::of(&stand.log).told(), Measured::from(&cost::QUIET), "quiet");

    let path = format!("/tenants/{ID}");
    stand.http("PUT", &path, &json!({ "env": { "PLAN": "gold" } }));
    stand.pass(900);
    assert_eq!(stand.tenant(ID)["phase"], "running");
    stand.log.clear();

    stand.post(&format!("{path}/activity"));
    let heartbeat = Measured::of(&std::mem::take(&mut stand.log)).told();
    assert_eq!(heartbeat, Measured::from(&cost::HEARTBEAT), "a heartbeat");
    assert_eq!(bytes(&mut stand, "Activity", ""), cost::ACTIVITY_ROW);

    let idle_stop = beyond_quiet(&mut stand, 3);
    assert_eq!(stand.row(ID).unwrap().intent.by, "watchdog");
    assert_eq!(idle_stop, Measured::from(&cost::IDLE_STOP), "an idle stop");

    stand.post(&format!("{path}/wake"));
    let wake = beyond_quiet(&mut stand, 1);
    assert_eq!(wake, Measured::from(&cost::WAKE), "a wake");
    assert_eq!(bytes(&mut stand, "Tenants", ""), cost::TENANT_ROW);
    assert_eq!(bytes(&mut stand, "Fleet", "definition#"), cost::DEFINITION_ROW);
    assert_eq!(bytes(&mut stand, "Fleet", "ledger#"), cost::LEDGER_OF_A_NIGHT);

    stand.http("PATCH", &path, &json!({ "env": { "PLAN": "silver" } }));
    let change = beyond_quiet(&mut stand, 1);
    assert_eq!(change, Measured::from(&cost::CHANGE), "a change");

    stand.post(&format!("{path}/sleep"));
    stand.until(ID, "stopped");
    let before = stand.promoted();
    stand.deploy(|base| base["containerDefinitions"][0]["image"] = json!("public.ecr.aws/berth/sample:2"));
    stand.until_promoted(&before);
    while stand.engine.now().as_second() % 900 != 0 {
        stand.pass(60 - u64::try_from(stand.engine.now().as_second() % 60).unwrap());
    }
    stand.log.clear();
    stand.post(&format!("{path}/wake"));
    let moved = beyond_quiet(&mut stand, 1);
    assert_eq!(moved, Measured::from(&cost::WAKE_TO_RELEASE), "a wake to a new release");
}
