//! What each thing that is asked of Berth costs in calls. Nothing is called that need not be: who adds a call has to say so
//! here, and in `docs/performance.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::expect;
use serde_json::{Value, json};

use crate::stand::Stand;

/// The calls since the last time, function by function, in the order in which each was first made.
fn told(stand: &mut Stand) -> String {
    let mut functions: Vec<&str> = Vec::new();
    let mut of_each: BTreeMap<&str, Vec<(String, usize)>> = BTreeMap::new();
    for made in &stand.log {
        let function = made.function.as_str();
        if matches!(function, "watchdog" | "rebase") && made.tenant.is_none() {
            continue;
        }
        if !functions.contains(&function) {
            functions.push(function);
        }
        let short = made.short();
        let counts = of_each.entry(function).or_default();
        match counts.iter_mut().find(|(name, _)| *name == short) {
            Some((_, count)) => *count += 1,
            None => counts.push((short, 1)),
        }
    }
    let mut text = String::new();
    for function in functions {
        let counts = &of_each[function];
        let all: usize = counts.iter().map(|(_, count)| count).sum();
        writeln!(text, "{function}: {all}").unwrap();
        for (name, count) in counts {
            writeln!(text, "  {count} {name}").unwrap();
        }
    }
    stand.log.clear();
    text
}

/// Lets what was begun come to its end. No API is asked in the meantime.
fn settle(stand: &mut Stand, id: &str) -> String {
    stand.pass(100);
    let told = told(stand);
    let row = stand.row(id).unwrap();
    assert!(row.is_settled() || row.made.deleted_at.is_some(), "{row:?}");
    told
}

#[test]
fn what_a_tenants_life_costs_in_calls() {
    let mut stand = Stand::new();
    // So that what follows is not a process's first time with its base.
    stand.running("warm", &json!({}));
    stand.log.clear();

    stand.http("PUT", "/tenants/acme", &json!({ "env": { "PLAN": "gold" } }));
    expect![[r#"
        provision: 5
          2 GetItem Fleet pointer
          1 GetItem Tenants
          1 PutItem Tenants
          1 SendMessage
        reconcile: 16
          2 GetItem Tenants
          1 GetItem Fleet pointer
          4 UpdateItem Tenants
          3 UpdateItem Fleet budget
          1 CreateAccessPoint
          2 UpdateItem Fleet definition
          1 RegisterTaskDefinition
          1 CreateService
          1 UpdateItem Activity
        task-state: 12
          6 GetItem Tenants
          4 UpdateItem Tenants
          1 UpdateItem Activity
          1 SendMessage
    "#]]
    .assert_eq(&settle(&mut stand, "acme"));

    stand.http("PATCH", "/tenants/acme", &json!({ "env": { "PLAN": "silver" } }));
    expect![[r#"
        provision: 6
          1 GetItem Tenants
          2 GetItem Fleet pointer
          1 UpdateItem Tenants
          1 SendMessage
          1 GetItem Activity
        reconcile: 24
          3 GetItem Tenants
          2 GetItem Fleet pointer
          3 UpdateItem Fleet definition
          5 UpdateItem Fleet budget
          1 RegisterTaskDefinition
          2 UpdateService
          1 DescribeServices
          2 ListTasks
          1 DescribeTasks
          1 UpdateItem Activity
          2 UpdateItem Tenants
          1 Query Fleet definition
        task-state: 24
          10 GetItem Tenants
          9 UpdateItem Tenants
          2 UpdateItem Activity
          1 PutItem Fleet ledger
          2 SendMessage
    "#]]
    .assert_eq(&settle(&mut stand, "acme"));

    stand.post("/tenants/acme/sleep");
    expect![[r#"
        provision: 5
          1 GetItem Tenants
          1 UpdateItem Activity
          1 UpdateItem Tenants
          1 SendMessage
          1 GetItem Fleet pointer
        reconcile: 12
          2 GetItem Tenants
          3 UpdateItem Fleet budget
          1 UpdateService
          1 DescribeServices
          2 ListTasks
          1 DescribeTasks
          1 DeleteItem Activity
          1 UpdateItem Tenants
        task-state: 12
          5 GetItem Tenants
          5 UpdateItem Tenants
          1 PutItem Fleet ledger
          1 SendMessage
    "#]]
    .assert_eq(&settle(&mut stand, "acme"));

    stand.post("/tenants/acme/wake");
    expect![[r#"
        provision: 4
          1 GetItem Tenants
          1 UpdateItem Tenants
          1 SendMessage
          1 GetItem Fleet pointer
        reconcile: 10
          2 GetItem Tenants
          1 GetItem Fleet pointer
          2 UpdateItem Fleet budget
          1 DescribeServices
          1 UpdateService
          1 UpdateItem Activity
          2 UpdateItem Tenants
        task-state: 10
          4 GetItem Tenants
          4 UpdateItem Tenants
          1 UpdateItem Activity
          1 SendMessage
    "#]]
    .assert_eq(&settle(&mut stand, "acme"));

    stand.http("DELETE", "/tenants/acme", &Value::Null);
    expect![[r#"
        provision: 5
          1 GetItem Tenants
          1 UpdateItem Activity
          1 UpdateItem Tenants
          1 SendMessage
          1 GetItem Fleet pointer
        reconcile: 25
          2 GetItem Tenants
          7 UpdateItem Fleet budget
          1 UpdateService
          1 DescribeServices
          2 ListTasks
          1 DescribeTasks
          1 DeleteService
          1 DeleteItem Activity
          1 Query Fleet definition
          2 DeregisterTaskDefinition
          2 DeleteItem Fleet definition
          1 DeleteAccessPoint
          2 UpdateItem Tenants
          1 PutItem Fleet ledger
        task-state: 12
          5 GetItem Tenants
          5 UpdateItem Tenants
          1 PutItem Fleet ledger
          1 SendMessage
    "#]]
    .assert_eq(&settle(&mut stand, "acme"));
}
