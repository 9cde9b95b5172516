//! The function `watchdog`, through the real SDK, with things going wrong between any two calls.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must fail, in its helpers as well"
)]

#[allow(dead_code, unreachable_pub, reason = "each test binary uses its part of the stand")]
#[path = "../stand/mod.rs"]
mod stand;
mod wake;

use berth_aws::service::activity;
use berth_aws::service::watchdog::{Context, Report, Sight, tick};
use berth_aws::tables::SweepOverride;
use berth_core::idle::{Admission, Case, Override, Verdict};
use jiff::Timestamp;
use serde_json::{Value, json};
use stand::{Stand, Trouble, activity_row, at, tenant_row};

/// When a tenant that worked at second 0 may be stopped: idle time, coalescing and skew.
const DUE: i64 = 600 + 30 + 120;

fn context(stand: &Stand) -> Context {
    Context::new(&stand.config(), &Stand::variables(&[("BERTH_COALESCE_SECONDS", "30")])).unwrap()
}

fn sight(stand: &Stand) -> Sight {
    Sight::new(&stand.config(), &Stand::variables(&[("BERTH_COALESCE_SECONDS", "30")])).unwrap()
}

async fn sweep(stand: &Stand) -> Report {
    tick(&context(stand)).await
}

/// A stand with one tenant that is idle now.
fn idle(id: &str) -> Stand {
    let stand = Stand::new();
    stand.running(id, at(0));
    stand.set_now(at(DUE));
    stand
}

fn intent(stand: &Stand, id: &str) -> (String, String) {
    let row = stand.tenant(id);
    (
        row["intent"]["S"].as_str().unwrap().to_owned(),
        row["generation"]["N"].as_str().unwrap().to_owned(),
    )
}

fn is(action: &'static str, id: &'static str) -> impl Fn(&str, &Value) -> bool + Send + Clone + 'static {
    move |called, input| called == action && input["Key"]["tenantId"]["S"] == id
}

fn on_table(
    action: &'static str,
    table: &'static str,
    id: &'static str,
) -> impl Fn(&str, &Value) -> bool + Send + Clone {
    move |called, input| is(action, id)(called, input) && input["TableName"] == table
}

fn running() -> (String, String) {
    ("running".to_owned(), "3".to_owned())
}

fn stopped() -> (String, String) {
    ("stopped".to_owned(), "4".to_owned())
}

#[tokio::test]
async fn a1_a_tenant_is_put_to_sleep_when_it_is_due_and_not_before() {
    let stand = idle("acme");
    stand.set_now(at(DUE - 1));
    sweep(&stand).await;
    assert_eq!(intent(&stand, "acme"), running());

    stand.set_now(at(DUE));
    let report = sweep(&stand).await;
    assert_eq!(report.ends.stopped, 1);
    assert_eq!(intent(&stand, "acme"), stopped());
    let row = stand.tenant("acme");
    assert_eq!(
        (&row["intentReason"]["S"], &row["intentBy"]["S"]),
        (&json!("idle"), &json!("watchdog"))
    );
    assert_eq!(
        stand.activity("acme")["lastActivity"],
        Value::Null,
        "heartbeats are told to wake it"
    );
    assert_eq!(stand.nudges(), [("acme".to_owned(), "idle".to_owned())]);
}

#[tokio::test]
async fn a6_work_between_the_scan_and_the_claim_prevents_the_stop() {
    let stand = idle("acme");
    let works = |stand: &Stand| stand.put("Activity", activity_row("acme", at(DUE)));
    stand.trouble(is("UpdateItem", "acme"), Trouble::After(Box::new(works)));
    let report = sweep(&stand).await;
    assert_eq!((report.ends.stopped, report.ends.lost_claims), (0, 1));
    assert_eq!(intent(&stand, "acme"), running());
    assert_eq!(stand.activity("acme"), activity_row("acme", at(DUE)));
    assert_eq!(stand.nudges(), []);
}

#[tokio::test]
async fn a6_whatever_the_decision_was_made_of_prevents_the_stop_if_it_changes() {
    for (attribute, value) in [
        ("holdUntil", at(DUE + 60).as_millisecond()),
        ("holdUntil", at(DUE - 119).as_millisecond()),
        ("notBefore", at(DUE + 60).as_millisecond()),
        ("epoch", 4),
        ("idleAfter", 6000),
    ] {
        let stand = idle("acme");
        let changes = move |stand: &Stand| {
            let mut row = stand.activity("acme");
            row[attribute] = json!({ "N": value.to_string() });
            stand.put("Activity", row);
        };
        stand.trouble(is("UpdateItem", "acme"), Trouble::After(Box::new(changes)));
        let report = sweep(&stand).await;
        assert_eq!(
            (report.ends.stopped, report.ends.lost_claims),
            (0, 1),
            "{attribute} = {value}"
        );
        assert_eq!(intent(&stand, "acme"), running(), "{attribute} = {value}");
    }
}

#[tokio::test]
async fn a6_a_hold_that_has_ended_does_not_prevent_the_stop() {
    let stand = idle("acme");
    let mut row = activity_row("acme", at(0));
    row["holdUntil"] = json!({ "N": at(DUE - 120).as_millisecond().to_string() });
    stand.put("Activity", row);
    assert_eq!(sweep(&stand).await.ends.stopped, 1);
}

#[tokio::test]
async fn a7_a_wake_between_claim_and_intent_wins() {
    let stand = idle("acme");
    let wakes = |stand: &Stand| stand.put("Tenants", tenant_row("acme", "running", 4));
    stand.trouble(
        on_table("UpdateItem", "Tenants", "acme"),
        Trouble::After(Box::new(wakes)),
    );
    let report = sweep(&stand).await;
    assert_eq!((report.ends.stopped, report.ends.superseded), (0, 1));
    assert_eq!(intent(&stand, "acme"), ("running".to_owned(), "4".to_owned()));
}

#[tokio::test]
async fn a10_a_fleet_over_many_pages_is_judged_and_what_a_failed_page_hides_is_left_for_the_next_sweep() {
    let stand = Stand::new();
    for index in 0..2500 {
        let id = format!("tenant-{index}");
        let worked = if index % 10 == 0 { at(0) } else { at(DUE) };
        stand.put("Tenants", tenant_row(&id, "running", 3));
        let mut row = activity_row(&id, worked);
        row["padding"] = json!({ "S": "x".repeat(3000) });
        stand.put("Activity", row);
    }
    stand.set_now(at(DUE));
    let second_page = |action: &str, input: &Value| {
        action == "Scan" && input["Segment"] == 0 && !input["ExclusiveStartKey"].is_null()
    };
    stand.throttle(3, second_page);

    let first = sweep(&stand).await;
    assert!(!first.found.complete);
    assert!(
        first.found.running < 2500 && first.found.running > 0,
        "{} were seen",
        first.found.running
    );
    assert_eq!(first.ends.stopped, first.found.verdicts.idle);
    let asleep = |stand: &Stand| {
        stand
            .rows("Tenants")
            .iter()
            .filter(|row| row["intent"]["S"] == "stopped")
            .count()
    };
    assert_eq!(asleep(&stand), first.ends.stopped, "nothing unseen was stopped");
    assert!(first.ends.stopped < 250);

    let second = sweep(&stand).await;
    assert!(
        second.found.complete && second.found.pages > 6,
        "{} pages",
        second.found.pages
    );
    assert_eq!(asleep(&stand), 250, "each idle one is, and no other");
    assert_eq!(second.ends.failed, 0);
}

#[tokio::test]
async fn a11_the_failure_of_one_is_nobody_elses_and_is_made_good_by_the_next_sweep() {
    for (action, table) in [
        ("UpdateItem", "Activity"),
        ("GetItem", "Tenants"),
        ("UpdateItem", "Tenants"),
    ] {
        let stand = idle("bad");
        stand.running("good", at(0));
        stand.throttle(3, on_table(action, table, "bad"));
        let first = sweep(&stand).await;
        assert_eq!((first.ends.stopped, first.ends.failed), (1, 1), "{action} of {table}");
        assert_eq!((intent(&stand, "good"), intent(&stand, "bad")), (stopped(), running()));

        let second = sweep(&stand).await;
        assert_eq!(second.ends.stopped + second.ends.healed, 1, "{action} of {table}");
        assert_eq!(intent(&stand, "bad"), stopped(), "{action} of {table}");
    }
}

#[tokio::test]
async fn a11_a_crash_after_the_claim_is_healed_and_after_the_intent_is_found_by_its_due_date() {
    let stand = idle("acme");
    stand.throttle(3, |action, _| action == "SendMessage");
    let report = sweep(&stand).await;
    assert_eq!(report.ends.failed, 1);
    assert_eq!(intent(&stand, "acme"), stopped());
    stand.take_calls();

    let due: i64 = stand.tenant("acme")["dueAt"]["N"].as_str().unwrap().parse().unwrap();
    let due = Timestamp::from_millisecond(due).unwrap();
    for (now, nudged) in [(due - jiff::SignedDuration::from_millis(1), 0), (due, 1)] {
        stand.set_now(now);
        let report = sweep(&stand).await;
        assert_eq!(report.overdue.unwrap().nudged, nudged);
        assert_eq!(
            report.ends.superseded, 1,
            "the claim is seen, and the intent has moved on"
        );
    }
    assert_eq!(stand.nudges(), [("acme".to_owned(), "overdue".to_owned())]);
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_recognised_by_its_repetition() {
    for table in ["Activity", "Tenants"] {
        let stand = idle("acme");
        stand.trouble(on_table("UpdateItem", table, "acme"), Trouble::AnswerLost);
        let report = sweep(&stand).await;
        assert_eq!(report.ends.stopped, 1, "{table}");
        assert_eq!(intent(&stand, "acme"), stopped());
        assert_eq!(stand.nudges().len(), 1, "{table}");
    }
}

fn ledger(stand: &Stand, decision: &str) -> Vec<Value> {
    let rows = stand.rows("Fleet");
    rows.into_iter()
        .filter(|entry| entry["decision"]["S"] == decision)
        .collect()
}

#[tokio::test]
async fn a19_a_protection_that_the_row_of_activity_does_not_know_yet_gives_the_claim_back() {
    let ms = jiff::SignedDuration::from_millis(1);
    for (until, stopped) in [(at(DUE), 1), (at(DUE) + ms, 0)] {
        let stand = idle("acme");
        let mut row = tenant_row("acme", "running", 3);
        row["protectedUntil"] = json!({ "S": until });
        stand.put("Tenants", row);
        let report = sweep(&stand).await;
        assert_eq!((report.ends.stopped, report.ends.lost_claims), (stopped, 1 - stopped));
        if stopped == 0 {
            let row = stand.activity("acme");
            let number = |at: Timestamp| json!({ "N": at.as_millisecond().to_string() });
            assert_eq!(row["lastActivity"], number(at(DUE)), "heartbeats are accepted again");
            assert_eq!((&row["notBefore"], &row["claimed"]), (&number(until), &Value::Null));
        }
    }
}

#[tokio::test]
async fn a_stop_that_is_late_is_counted_and_driven() {
    let stand = Stand::new();
    let late = 10 * 60 + 1;
    for (id, wanted, ago) in [
        ("stop", "stopped", late),
        ("soon", "stopped", late - 1),
        ("up", "running", 3600),
    ] {
        let mut row = tenant_row(id, wanted, 3);
        let number = |at: Timestamp| json!({ "N": at.as_millisecond().to_string() });
        // It was looked at a moment ago, and put off: that does not make it any younger.
        (row["unsettledAt"], row["dueAt"]) = (number(at(-ago)), number(at(-1)));
        row["dueShard"] = json!({ "S": "tenant" });
        stand.put("Tenants", row);
    }
    let driven = sweep(&stand).await.overdue.unwrap();
    assert_eq!(
        (driven.nudged, driven.stops_late, driven.oldest_stop_seconds),
        (3, 1, 601)
    );
}

#[tokio::test]
async fn a_stop_counts_from_its_claim_although_a_crash_came_between() {
    let stand = idle("acme");
    stand.throttle(3, on_table("GetItem", "Tenants", "acme"));
    sweep(&stand).await;
    stand.set_now(at(DUE + 60));
    assert_eq!(sweep(&stand).await.ends.healed, 1);
    assert_eq!(stand.tenant("acme")["intentAt"]["S"], json!(at(DUE)));
    assert_eq!(ledger(&stand, "idle-stop-healed").len(), 1);
}

#[tokio::test]
async fn a18_clocks_two_minutes_apart_stop_nobody_early() {
    for skew in [-120, 120] {
        let stand = Stand::new();
        stand.running("acme", at(-1000));
        // The heartbeat of second 0, by a clock that is wrong, and the sweep by the right one.
        stand.set_now(at(skew));
        let activity = activity::Context::new(&stand.config(), &Stand::variables(&[])).unwrap();
        activity::touch(&activity, &"acme".parse().unwrap()).await.unwrap();
        let early = at(600 - 1);
        stand.set_now(early);
        assert_eq!(sweep(&stand).await.ends.stopped, 0, "{skew}");
        stand.set_now(at(skew + DUE - 1));
        assert_eq!(sweep(&stand).await.ends.stopped, 0, "{skew}");
        stand.set_now(at(skew + DUE));
        assert_eq!(sweep(&stand).await.ends.stopped, 1, "{skew}");
    }
}

/// `count` of a thousand running tenants are idle.
fn thousand(count: usize) -> Stand {
    let stand = Stand::new();
    for index in 0..1000 {
        stand.running(&format!("tenant-{index}"), if index < count { at(0) } else { at(DUE) });
    }
    stand.set_now(at(DUE));
    stand
}

#[tokio::test]
async fn a12_a_sweep_that_would_stop_too_many_stops_none_until_a_word_that_counts_once() {
    let stand = thousand(500);
    let report = sweep(&stand).await;
    let refused = Admission::Refused {
        wanted: 500,
        limit: 200,
        running: 1000,
    };
    assert_eq!((&report.found.admission, report.ends.stopped), (&refused, 0));
    assert!(
        stand.rows("Activity").iter().all(|row| row["lastActivity"].is_object()),
        "not one was claimed"
    );
    let ledger = stand.rows("Fleet");
    assert!(
        ledger.iter().any(|entry| entry["decision"]["S"] == "sweep-refused"),
        "{ledger:?}"
    );

    let overrides = SweepOverride::new(&stand.config(), &Stand::variables(&[])).unwrap();
    let given = Override {
        by: "ops".to_owned(),
        reason: "the trial is over".to_owned(),
        at: at(DUE),
    };
    overrides.give(&given).await.unwrap();
    let report = sweep(&stand).await;
    assert_eq!(
        (&report.found.admission, report.ends.stopped),
        (&Admission::GrantedByOverride(given), 500)
    );

    for index in 500..1000 {
        stand.put("Activity", activity_row(&format!("tenant-{index}"), at(0)));
    }
    let report = sweep(&stand).await;
    assert_eq!(
        report.ends.stopped, 0,
        "the word was used up: {:?}",
        report.found.admission
    );
}

/// What the account's budget has, as the next sweeps find it.
fn budget(stand: &Stand, spent: Timestamp) {
    let spent = json!({ "N": spent.as_millisecond().to_string() });
    let row = json!({ "kind": { "S": "budget" }, "id": { "S": "service-writes" }, "spent": spent });
    stand.put("Fleet", row);
}

#[tokio::test]
async fn a12_a_word_counts_until_a_sweep_had_the_budget_for_all_that_it_was_given_for() {
    let stand = thousand(500);
    let overrides = SweepOverride::new(&stand.config(), &Stand::variables(&[])).unwrap();
    let given = Override {
        by: "ops".to_owned(),
        reason: "the trial is over".to_owned(),
        at: at(DUE),
    };
    overrides.give(&given).await.unwrap();
    budget(&stand, at(DUE + 3_600));
    let report = sweep(&stand).await;
    let granted = Admission::GrantedByOverride(given);
    assert_eq!((&report.found.admission, report.ends.stopped), (&granted, 0));
    budget(&stand, at(0));
    let report = sweep(&stand).await;
    assert_eq!((&report.found.admission, report.ends.stopped), (&granted, 500));
    assert_eq!(overrides.unused(at(DUE)).await.unwrap(), None);
}

#[tokio::test]
async fn a12_the_guard_lets_its_limit_through_and_one_more_stops_all() {
    assert_eq!(sweep(&thousand(200)).await.ends.stopped, 200);
    assert_eq!(sweep(&thousand(201)).await.ends.stopped, 0);
}

#[tokio::test]
async fn a13_a_table_that_cannot_be_read_changes_nothing() {
    let stand = idle("acme");
    stand.throttle(9, |action, _| action == "Scan");
    let before = (stand.activity("acme"), stand.tenant("acme"));
    let report = sweep(&stand).await;
    assert!(!report.found.complete);
    assert_eq!((stand.activity("acme"), stand.tenant("acme")), before);
    assert!(
        stand
            .take_calls()
            .iter()
            .all(|action| action == "Scan" || action == "Query")
    );
}

#[tokio::test]
async fn a14_a_sweep_calls_no_service_but_dynamodb_and_sqs() {
    let stand = idle("acme");
    sweep(&stand).await;
    let known = ["Scan", "Query", "GetItem", "UpdateItem", "PutItem", "SendMessage"];
    assert!(stand.take_calls().iter().all(|action| known.contains(&action.as_str())));
}

#[tokio::test]
async fn a5_what_cannot_be_true_is_repaired_once_and_costs_one_idle_time() {
    let stand = idle("acme");
    let mut row = activity_row("acme", at(0));
    row["lastActivity"] = json!({ "S": "yesterday" });
    stand.put("Activity", row);
    let report = sweep(&stand).await;
    assert_eq!((report.ends.stopped, report.ends.repaired), (0, 1));
    assert_eq!(stand.activity("acme"), activity_row("acme", at(DUE)));
    stand.set_now(at(DUE + DUE - 1));
    assert_eq!(sweep(&stand).await.ends.stopped, 0);
    stand.set_now(at(DUE + DUE));
    assert_eq!(sweep(&stand).await.ends.stopped, 1);
}

#[tokio::test]
async fn a5_rows_that_cannot_be_read_are_left_alone_and_counted() {
    let stand = idle("acme");
    for (id, epoch) in [("no id", json!({ "N": "3" })), ("no-epoch", json!({ "S": "x" }))] {
        let mut row = activity_row(id, at(0));
        row["epoch"] = epoch;
        stand.put("Activity", row);
    }
    let report = sweep(&stand).await;
    assert_eq!((report.found.unreadable, report.ends.stopped), (2, 1));
}

#[tokio::test]
async fn what_is_not_idle_costs_no_call_beyond_the_scan() {
    let stand = Stand::new();
    for index in 0..300 {
        stand.running(&format!("tenant-{index}"), at(0));
    }
    sweep(&stand).await;
    assert_eq!(stand.take_calls(), ["Query", "Query", "Scan", "Scan", "Scan"]);
}

#[tokio::test]
async fn a_dry_run_says_what_a_sweep_does_and_writes_nothing() {
    let stand = idle("acme");
    stand.running("busy", at(DUE));
    let dry = sight(&stand).dry_run().await;
    assert!(stand.take_calls().iter().all(|action| action == "Scan"));
    let told = serde_json::to_value(&dry).unwrap();
    assert_eq!(told["idle"][0]["tenant"], "acme");
    assert_eq!(told["notIdle"][0]["tenant"], "busy");
    assert_eq!(told["notIdle"][0]["verdict"], "active");
    assert_eq!(told["notIdle"][0]["stopsAt"], json!(at(DUE + DUE)));

    let wet = sweep(&stand).await;
    assert_eq!(serde_json::to_value(&wet.found.idle).unwrap(), told["idle"]);
    assert_eq!(wet.ends.stopped, dry.idle.len());
}

#[tokio::test]
async fn a_stop_is_in_the_ledger_with_all_that_it_was_decided_on() {
    let stand = idle("acme");
    sweep(&stand).await;
    let entries = stand.rows("Fleet");
    let entry = entries
        .iter()
        .find(|entry| entry["decision"]["S"] == "idle-stop")
        .unwrap();
    let case: Case = serde_json::from_value(plain(&entry["on"]["M"]["case"])).unwrap();
    let Verdict::Idle { since, claim, .. } = case.judge() else {
        panic!("{:?}", case.judge())
    };
    assert_eq!((since, claim.last_activity), (at(0), at(0).as_millisecond()));
    assert_eq!(case.now, at(DUE));
}

/// An attribute value as plain JSON.
fn plain(attribute: &Value) -> Value {
    let (kind, value) = attribute.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "M" => value
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect(),
        "L" => value.as_array().unwrap().iter().map(plain).collect(),
        "N" => value.as_str().unwrap().parse().map(Value::Number).unwrap(),
        _ => value.clone(),
    }
}
