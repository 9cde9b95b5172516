//! Wakes that were booked.

use serde_json::json;

use super::stand::{Stand, Trouble, at, tenant_row};
use super::{intent, ledger, on_table, sweep};

/// A tenant that sleeps and is booked to wake at second 100.
fn booked(stand: &Stand, protect_for: Option<u64>) {
    let mut row = tenant_row("acme", "stopped", 4);
    row["wakeAt"] = json!({ "N": at(100).as_millisecond().to_string() });
    row["wakeShard"] = json!({ "S": "tenant" });
    row["wakeBy"] = json!({ "S": "ops" });
    if let Some(seconds) = protect_for {
        row["wakeProtectFor"] = json!({ "N": seconds.to_string() });
    }
    stand.put("Tenants", row);
    stand.set_now(at(100));
}

fn woken() -> (String, String) {
    ("running".to_owned(), "5".to_owned())
}

#[tokio::test]
async fn a_booked_wake_comes_at_its_time_and_not_a_millisecond_before() {
    let ms = jiff::SignedDuration::from_millis(1);
    for (now, came) in [(at(100) - ms, 0), (at(100), 1)] {
        let stand = Stand::new();
        booked(&stand, Some(600));
        stand.set_now(now);
        let report = sweep(&stand).await;
        assert_eq!(report.woken.unwrap().woken, came);
        assert_eq!(ledger(&stand, "scheduled-wake").len(), came);
        let row = stand.tenant("acme");
        assert_eq!(row["wakeAt"].is_null(), came == 1, "{row}");
        if came == 1 {
            assert_eq!(intent(&stand, "acme"), woken());
            let why = (&row["intentReason"]["S"], &row["intentBy"]["S"]);
            assert_eq!(why, (&json!("wake"), &json!("ops")));
            assert_eq!(row["protectedUntil"]["S"], json!(at(700)));
            assert_eq!(stand.nudges(), [("acme".to_owned(), "wake".to_owned())]);
        }
    }
}

/// A whole sweep, a millisecond later, in a thread of its own, as another invocation would make it.
fn another_sweep(stand: &Stand) {
    stand.set_now(at(100) + jiff::SignedDuration::from_millis(1));
    let stand = stand.clone();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(sweep(&stand));
    });
    thread.join().unwrap();
}

#[tokio::test]
async fn two_sweeps_that_see_the_same_booked_wake_act_on_it_once() {
    for (state, after, nudges) in [("stopped", "5", 1), ("running", "4", 0)] {
        let stand = Stand::new();
        booked(&stand, None);
        let mut row = stand.tenant("acme");
        row["intent"] = json!({ "S": state });
        stand.put("Tenants", row);
        let wakes = on_table("UpdateItem", "Tenants", "acme");
        stand.trouble(wakes, Trouble::After(Box::new(another_sweep)));
        let report = sweep(&stand).await.woken.unwrap();
        let here = (report.woken, report.were_up, report.superseded);
        assert_eq!(here, (0, 0, 1), "the other one has, of one that is {state}");
        assert_eq!(intent(&stand, "acme"), ("running".to_owned(), after.to_owned()));
        assert_eq!(ledger(&stand, "scheduled-wake").len(), 1, "{state}");
        assert_eq!(stand.nudges().len(), nudges, "{state}");
    }
}

#[tokio::test]
async fn a_booked_wake_whose_answer_was_lost_is_recognised_by_its_repetition() {
    let stand = Stand::new();
    booked(&stand, None);
    stand.trouble(on_table("UpdateItem", "Tenants", "acme"), Trouble::AnswerLost);
    assert_eq!(sweep(&stand).await.woken.unwrap().woken, 1);
    assert_eq!(intent(&stand, "acme"), woken());
    assert_eq!((ledger(&stand, "scheduled-wake").len(), stand.nudges().len()), (1, 1));
}

#[tokio::test]
async fn a_booked_wake_that_fails_is_made_good_by_the_next_sweep() {
    for action in ["GetItem", "UpdateItem"] {
        let stand = Stand::new();
        booked(&stand, None);
        stand.throttle(3, on_table(action, "Tenants", "acme"));
        assert_eq!(sweep(&stand).await.woken.unwrap().failed, 1, "{action}");
        assert_eq!(sweep(&stand).await.woken.unwrap().woken, 1, "{action}");
    }
}
