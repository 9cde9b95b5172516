//! What fails again and again, and how it comes back.

use std::time::Duration;

use berth_aws::dead_letters::DeadLetterOffice;
use berth_core::tenant::Phase;
use serde_json::{Value, json};

use crate::stand::{Fate, Stand};

const QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/berth-ReconcileQueue.fifo";
const DEAD: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/berth-ReconcileDeadLetters.fifo";

/// Somebody with an SDK of his own, to whom calls are answered at once.
fn office(stand: &Stand) -> DeadLetterOffice {
    let direct = berth::connector::Shared::beside(stand.engine.shared());
    DeadLetterOffice::new(&direct.sdk_config("us-east-1"), QUEUE.to_owned(), DEAD.to_owned())
}

fn now<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

#[test]
fn poison_ends_in_the_dead_letter_queue_with_its_reason_and_can_be_sent_back() {
    let mut stand = Stand::new();
    stand.every_call("CreateService", Fate::Refused("ServerException"));
    stand.http("PUT", "/tenants/acme", &json!({}));
    let failed = stand.until("acme", "failed");
    let error = &failed["lastError"];
    assert_eq!((&error["step"], &error["attempts"]), (&json!("create-service"), &json!(10)), "{error}");
    assert_eq!((&error["code"], &error["outlook"]), (&json!("ServerException"), &json!("terminal")), "{error}");
    let history = stand.http("GET", "/tenants/acme/history", &Value::Null).1.to_string();
    assert!(history.contains("dead-letter"), "{history}");
    // Nobody tries any more.
    stand.log.clear();
    stand.pass(3_600);
    assert_eq!(stand.calls("CreateService"), 0);

    let office = office(&stand);
    let letters = now(office.list()).unwrap();
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!(letter.tenant.as_ref().map(|id| id.as_str()), Some("acme"));
    assert!(letter.reason.contains("create-service failed 10 times"), "{}", letter.reason);
    assert!(letter.at.is_some());

    stand.mend();
    let nobody = "nobody".parse().unwrap();
    assert!(now(office.redrive(Some(&nobody))).unwrap().is_empty());
    assert_eq!(now(office.redrive(letter.tenant.as_ref())).unwrap().len(), 1);
    let running = stand.until("acme", "running");
    assert_eq!(running["lastError"], Value::Null);
    assert!(now(office.list()).unwrap().is_empty());
}

#[test]
fn what_is_sent_back_and_fails_again_is_back_at_once() {
    let mut stand = Stand::new();
    stand.every_call("CreateService", Fate::Refused("ServerException"));
    stand.http("PUT", "/tenants/acme", &json!({}));
    stand.until("acme", "failed");
    let office = office(&stand);
    now(office.redrive(None)).unwrap();
    stand.pass(60);
    assert_eq!((stand.phase("acme"), now(office.list()).unwrap().len()), (Some(Phase::Failed), 1));
}

#[test]
fn a_message_that_kills_the_function_is_put_aside_and_holds_nobody_else_up() {
    let mut stand = Stand::new();
    stand.order(|made| {
        let strikes = made.tenant.as_deref() == Some("acme") && made.call.action == "CreateAccessPoint";
        strikes.then_some(Fate::CrashAfter)
    });
    stand.http("PUT", "/tenants/acme", &json!({}));
    stand.running("other", &json!({}));
    assert_ne!(stand.phase("acme"), Some(Phase::Running));
    stand.pass_for(Duration::from_mins(60));
    let failed = stand.tenant("acme");
    assert_eq!((&failed["phase"], &failed["lastError"]["code"]), (&json!("failed"), &json!("Unanswered")), "{failed:#}");
    let letters = now(office(&stand).list()).unwrap();
    assert!(letters.iter().any(|letter| letter.reason.contains("never came to an end")), "{letters:?}");
}

#[test]
fn a_message_that_names_nobody_is_put_aside_at_once() {
    let mut stand = Stand::new();
    let queue = stand.engine.stack().function(berth::template::Function::Reconcile).unwrap().mappings[0].queue.clone();
    let now_at = stand.engine.now();
    stand.engine.shared().cloud().queues().put(&queue, &json!({ "hello": "world" }), now_at);
    stand.pass(5);
    let letters = now(office(&stand).list()).unwrap();
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!((letter.tenant.as_ref(), letter.reason.as_str()), (None, "it names no tenant"));
}
