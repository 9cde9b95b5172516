//! A sweep of a hundred thousand running tenants: what it reads, and what it does not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must fail, in its helpers as well"
)]

#[allow(dead_code, unreachable_pub, reason = "each test binary uses its part of the stand")]
mod stand;

use berth_aws::service::watchdog::{Context, tick};
use serde_json::{Value, json};
use stand::{Stand, at, tenant_row};

const RUNNING: usize = 100_000;

/// The row of a tenant whose id is a UUID, and that holds; the fullest row that most tenants ever have.
fn row(number: usize) -> Value {
    let millis = |second: i64| json!({ "N": (at(second).as_millisecond() + 1).to_string() });
    json!({
        "tenantId": { "S": format!("{number:08x}-0000-4000-8000-000000000000") },
        "epoch": { "N": "37" },
        "idleAfter": { "N": "1800" },
        "lastActivity": millis(0),
        "holdUntil": millis(60),
        "notBefore": millis(-600),
    })
}

/// What `DynamoDB` counts of a row ("DynamoDB item sizes and formats"): names and texts in UTF-8, and of a number about a
/// byte for two digits and one more.
fn size(row: &Value) -> usize {
    let attributes = row.as_object().unwrap().iter();
    attributes
        .map(|(name, value)| {
            let own = match (value["S"].as_str(), value["N"].as_str()) {
                (Some(text), _) => text.len(),
                (_, Some(digits)) => digits.trim_end_matches('0').len().div_ceil(2) + 1,
                _ => panic!("{value}"),
            };
            name.len() + own
        })
        .sum()
}

#[tokio::test]
async fn a10_a_hundred_thousand_running_tenants_are_judged_with_fifteen_page_reads_and_no_other() {
    let stand = Stand::new();
    stand.put_all("Activity", (0..RUNNING).map(row));
    let size = size(&row(1));
    assert!((110..=125).contains(&size), "a row has {size} bytes");
    stand.put("Tenants", tenant_row("somebody", "running", 3));
    stand.set_now(at(1));
    let context = Context::new(&stand.config(), &Stand::variables(&[])).unwrap();
    let report = tick(&context).await;
    assert!(report.found.complete);
    assert_eq!(report.found.running, RUNNING);
    let calls = stand.take_calls();
    let scans = calls.iter().filter(|action| *action == "Scan").count();
    assert!(scans <= 15, "{scans} pages");
    assert_eq!(scans, report.found.pages);
    let rest: Vec<&String> = calls.iter().filter(|action| *action != "Scan").collect();
    assert_eq!(
        rest,
        ["Query", "Query"],
        "who is overdue, and who is to wake: one index page each"
    );
}
