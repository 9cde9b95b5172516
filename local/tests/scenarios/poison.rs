//! What fails again and again, and how it comes back.

use std::time::Duration;

use berth_core::tenant::Phase;
use serde_json::{Value, json};

use crate::stand::{Fate, Stand};

/// The dead letters, as the API lists them.
fn letters(stand: &mut Stand) -> Vec<Value> {
    let (status, mut answer) = stand.http("GET", "/dead-letters", &Value::Null);
    assert_eq!(status, 200, "{answer}");
    answer["deadLetters"].as_array_mut().unwrap().split_off(0)
}

/// Sends letters back, and tells how many went.
fn redrive(stand: &mut Stand, wanted: &Value) -> usize {
    let (status, answer) = stand.http("POST", "/dead-letters/redrive", wanted);
    assert_eq!(status, 200, "{answer}");
    answer["sentBack"].as_array().unwrap().len()
}

#[test]
fn s8_poison_ends_in_the_dead_letter_queue_with_its_reason_and_can_be_sent_back() {
    let mut stand = Stand::new();
    stand.every_call("CreateService", Fate::Refused("ServerException"));
    stand.http("PUT", "/tenants/acme", &json!({}));
    let failed = stand.until("acme", "failed");
    let error = &failed["lastError"];
    assert_eq!(
        (&error["step"], &error["attempts"]),
        (&json!("create-service"), &json!(10)),
        "{error}"
    );
    assert_eq!(
        (&error["code"], &error["outlook"]),
        (&json!("ServerException"), &json!("terminal")),
        "{error}"
    );
    let history = stand.http("GET", "/tenants/acme/history", &Value::Null).1.to_string();
    assert!(history.contains("dead-letter"), "{history}");
    // Nobody tries any more.
    stand.log.clear();
    stand.pass(3_600);
    assert_eq!(stand.calls("CreateService"), 0);

    let found = letters(&mut stand);
    let [letter] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(letter["tenant"], "acme");
    let reason = letter["reason"].as_str().unwrap();
    assert!(reason.contains("create-service failed 10 times"), "{reason}");
    assert!(letter["at"].is_string());
    assert_eq!(letters(&mut stand), found, "looking changes nothing");

    stand.mend();
    assert_eq!(redrive(&mut stand, &json!({ "tenant": "nobody" })), 0);
    assert_eq!(redrive(&mut stand, &json!({ "tenant": "acme" })), 1);
    let running = stand.until("acme", "running");
    assert_eq!(running["lastError"], Value::Null);
    assert!(letters(&mut stand).is_empty());
    let history = stand.http("GET", "/tenants/acme/history", &Value::Null).1.to_string();
    assert!(history.contains("dead-letter-sent-back"), "{history}");
}

#[test]
fn what_is_sent_back_and_fails_again_is_back_at_once() {
    let mut stand = Stand::new();
    stand.every_call("CreateService", Fate::Refused("ServerException"));
    stand.http("PUT", "/tenants/acme", &json!({}));
    stand.until("acme", "failed");
    assert_eq!(redrive(&mut stand, &Value::Null), 1);
    stand.pass(60);
    assert_eq!(
        (stand.phase("acme"), letters(&mut stand).len()),
        (Some(Phase::Failed), 1)
    );
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
    stand.pass_for(Duration::from_hours(1));
    let failed = stand.tenant("acme");
    assert_eq!(
        (&failed["phase"], &failed["lastError"]["code"]),
        (&json!("failed"), &json!("Unanswered")),
        "{failed:#}"
    );
    let found = letters(&mut stand);
    let told = |letter: &Value| letter["reason"].as_str().unwrap().contains("never came to an end");
    assert!(found.iter().any(told), "{found:?}");
}

#[test]
fn a_message_that_names_nobody_is_put_aside_at_once() {
    let mut stand = Stand::new();
    assert!(stand.tell_reconcile(&json!({ "hello": "world" })));
    stand.pass(5);
    let found = letters(&mut stand);
    let [letter] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(
        (&letter["tenant"], &letter["reason"]),
        (&Value::Null, &json!("it names no tenant"))
    );
    assert_eq!(
        redrive(&mut stand, &Value::Null),
        0,
        "nobody could deal with it this time either"
    );
    assert_eq!(
        stand
            .http("POST", "/dead-letters/redrive", &json!({ "tennant": "acme" }))
            .0,
        400
    );
}
