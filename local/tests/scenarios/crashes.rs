//! An invocation can be lost at any moment. Between two calls nothing that lasts is changed, so to be lost anywhere is to be
//! lost right after one of its calls; here it is lost after each of them in turn.

use std::cell::Cell;
use std::rc::Rc;

use berth::template::Function;
use berth_core::tenant::{Phase, Wanted};
use serde_json::{Value, json};

use crate::stand::{Fate, Stand};

/// Something that is asked of Berth.
#[derive(Clone, Copy)]
enum Wish {
    Provision,
    Change,
    Sleep,
    Wake,
    Delete,
}

impl Wish {
    /// The tenant before somebody wishes that.
    fn prepare(self, stand: &mut Stand) {
        match self {
            Self::Provision => return,
            Self::Change | Self::Sleep | Self::Delete => drop(stand.running("acme", &overlay())),
            Self::Wake => {
                stand.running("acme", &overlay());
                stand.post("/tenants/acme/sleep");
                stand.until("acme", "stopped");
            }
        }
        stand.pass(60);
    }

    fn ask(self, stand: &mut Stand) -> u16 {
        let (method, path, body) = match self {
            Self::Provision => ("PUT", "/tenants/acme", overlay()),
            Self::Change => ("PATCH", "/tenants/acme", json!({ "env": { "PLAN": "silver" } })),
            Self::Sleep => ("POST", "/tenants/acme/sleep", Value::Null),
            Self::Wake => ("POST", "/tenants/acme/wake", Value::Null),
            Self::Delete => ("DELETE", "/tenants/acme", Value::Null),
        };
        stand.http(method, path, &body).0
    }
}

fn overlay() -> Value {
    json!({ "env": { "PLAN": "gold" }, "idle": { "alwaysOn": true } })
}

/// What there is in the end. Where two runs differ in this, somebody would notice.
#[derive(Debug, PartialEq)]
struct Ending {
    wanted: Wanted,
    phase: Phase,
    overlay: Value,
    containers: Value,
    heartbeats: usize,
    things: (usize, usize, usize),
    alive: usize,
    error: bool,
    retiring: usize,
    dead_letters: usize,
}

/// How a wish ends of which an invocation is lost after the call of this number, and how many calls it takes.
fn ending(wish: Wish, lost_after: Option<usize>) -> (Ending, usize) {
    let mut stand = Stand::new();
    wish.prepare(&mut stand);
    let calls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&calls);
    stand.order(move |made| {
        let counts = matches!(
            made.function,
            Function::Provision | Function::Reconcile | Function::TaskState
        );
        counted.set(counted.get() + usize::from(counts));
        (counts && Some(counted.get()) == lost_after).then_some(Fate::CrashAfter)
    });
    if wish.ask(&mut stand) >= 500 {
        assert!(lost_after.is_some());
        assert!(wish.ask(&mut stand) < 300, "a caller who tries again gets an answer");
    }
    let over = |stand: &mut Stand| {
        let row = stand.row("acme").unwrap();
        row.is_settled() || row.made.deleted_at.is_some()
    };
    for _ in 0..60 {
        stand.pass(15);
        if over(&mut stand) {
            break;
        }
    }
    stand.pass(60);
    let calls = calls.get();
    (of(&mut stand), calls)
}

fn of(stand: &mut Stand) -> Ending {
    let row = stand.row("acme").unwrap();
    let applied = row.made.applied.as_ref();
    let containers = applied.map_or(Value::Null, |applied| {
        let tenant = json!({ "definitionArn": applied.definition_arn });
        stand.definition(&tenant)["containerDefinitions"].take()
    });
    Ending {
        wanted: row.intent.state,
        phase: stand.phase("acme").unwrap(),
        overlay: json!(row.overlay),
        containers,
        heartbeats: stand.rows("Activity").len(),
        things: stand.things(),
        alive: stand.alive("acme"),
        error: row.made.last_error.is_some(),
        retiring: row.retiring.len(),
        dead_letters: stand.letters("berth-ReconcileDeadLetters.fifo").len(),
    }
}

fn ends_alike_wherever_it_is_lost(wish: Wish, phase: Phase) {
    let (expected, calls) = ending(wish, None);
    assert_eq!((expected.phase, expected.error), (phase, false), "{expected:?}");
    assert!(calls > 20, "{calls} calls");
    for lost_after in 1..=calls {
        let (found, _) = ending(wish, Some(lost_after));
        assert_eq!(found, expected, "lost after call {lost_after} of {calls}");
    }
}

#[test]
fn p2_a_provision_ends_alike_wherever_an_invocation_is_lost() {
    ends_alike_wherever_it_is_lost(Wish::Provision, Phase::Running);
}

#[test]
fn p2_a_change_ends_alike_wherever_an_invocation_is_lost() {
    ends_alike_wherever_it_is_lost(Wish::Change, Phase::Running);
}

#[test]
fn p2_a_stop_ends_alike_wherever_an_invocation_is_lost() {
    ends_alike_wherever_it_is_lost(Wish::Sleep, Phase::Stopped);
}

#[test]
fn p2_a_wake_ends_alike_wherever_an_invocation_is_lost() {
    ends_alike_wherever_it_is_lost(Wish::Wake, Phase::Running);
}

#[test]
fn p2_a_delete_ends_alike_wherever_an_invocation_is_lost() {
    ends_alike_wherever_it_is_lost(Wish::Delete, Phase::Deleted);
}
