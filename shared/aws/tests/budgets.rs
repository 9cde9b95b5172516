//! The rows of the budgets, against the pure arithmetic: what DynamoDB does in one write is what `Terms` says.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must fail, in its helpers as well"
)]

#[allow(dead_code, unreachable_pub, reason = "each test binary uses its part of the stand")]
mod stand;

use std::time::Duration;

use berth_aws::tables::Budgets;
use berth_core::pace::{Bucket, Lane, Share};
use jiff::Timestamp;
use stand::{Stand, Trouble, at};

fn budgets(stand: &Stand) -> Budgets {
    Budgets::new(&stand.config(), &Stand::variables(&[])).unwrap()
}

/// A claim of one token, by somebody who can wait so long.
async fn claim(budgets: &Budgets, now: Timestamp, waits: Duration) -> Result<Timestamp, i64> {
    let budget = Share::default().budget(Bucket::ServiceWrites);
    let terms = budget.terms(1, Lane::Interactive, now, now + waits);
    let claimed = budgets.claim(Bucket::ServiceWrites, &terms).await.unwrap();
    claimed.map_err(|refused| refused.opens)
}

#[tokio::test]
async fn a_claim_is_one_write_of_one_row_and_does_what_the_arithmetic_says() {
    let stand = Stand::new();
    let ours = budgets(&stand);
    let mut spent = None;
    for (number, (after, waits)) in (0..120_u64).map(|n| (n, (n * 37 % 700, n * 53 % 2_000))) {
        let now = at(0) + Duration::from_millis(after * number);
        let waits = Duration::from_millis(waits);
        let budget = Share::default().budget(Bucket::ServiceWrites);
        let expected = budget.terms(1, Lane::Interactive, now, now + waits).claim(spent);
        let claimed = claim(&ours, now, waits).await;
        assert_eq!(
            claimed.map(Timestamp::as_millisecond),
            expected.map_err(|refused| refused.opens),
            "claim {number}"
        );
        spent = expected.ok().or(spent);
        let calls = stand.take_calls();
        assert!(
            calls.len() <= 2,
            "{calls:?}: one write, and another if it was on the wrong side of full"
        );
    }
}

#[tokio::test]
async fn who_has_never_seen_a_budget_takes_from_the_same_one() {
    let stand = Stand::new();
    let (ours, theirs) = (budgets(&stand), budgets(&stand));
    for taken in 0..40 {
        let whose = if taken % 2 == 0 { &ours } else { &theirs };
        assert!(claim(whose, at(0), Duration::ZERO).await.is_ok(), "{taken}");
    }
    let opens = (at(0) + Duration::from_millis(250)).as_millisecond();
    assert_eq!(claim(&ours, at(0), Duration::ZERO).await, Err(opens));
    assert_eq!(claim(&budgets(&stand), at(0), Duration::ZERO).await, Err(opens));
}

#[tokio::test]
async fn somebody_else_between_two_writes_costs_a_try_and_no_token() {
    let stand = Stand::new();
    let (ours, theirs) = (budgets(&stand), budgets(&stand));
    // Ours takes the budget for full, and is wrong by the time it writes.
    let steal = move |stand: &Stand| {
        let row = serde_json::json!({ "kind": { "S": "budget" }, "id": { "S": "service-writes" },
            "spent": { "N": (at(0).as_millisecond() - 250).to_string() } });
        stand.put("Fleet", row);
    };
    stand.trouble(|action, _| action == "UpdateItem", Trouble::After(Box::new(steal)));
    assert_eq!(claim(&ours, at(0), Duration::ZERO).await, Ok(at(0)));
    assert!(
        claim(&theirs, at(0), Duration::ZERO).await.is_err(),
        "that was the last one"
    );
}
