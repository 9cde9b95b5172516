//! Rollouts over tenants that run.

use jiff::Timestamp;
use serde_json::json;

use crate::stand::Stand;

/// A fleet of so many that share a definition, and a policy that would move all of them in one go.
fn fleet(tenants: usize) -> Stand {
    let mut stand = Stand::without_volume_and(&[(
        "RolloutPolicy",
        r#"{"canaries":0,"waves":[100],"maxInFlight":500,"maxInFlightPercent":100}"#,
    )]);
    for number in 0..tenants {
        let (status, answer) = stand.http(
            "PUT",
            &format!("/tenants/t{number}"),
            &json!({"idle": {"alwaysOn": true}}),
        );
        assert_eq!(status, 202, "{answer}");
        stand.pass(1);
    }
    stand.until(&format!("t{}", tenants - 1), "running");
    // Who has just started is not moved.
    stand.pass(600);
    stand.log.clear();
    stand
}

/// When each call of this action was made, in order.
fn made(stand: &Stand, action: &str) -> Vec<Timestamp> {
    let of_it = stand.log.iter().filter(|made| made.call.action == action);
    of_it.map(|made| made.at).collect()
}

#[test]
fn definitions_are_registered_before_the_wave_that_needs_them() {
    let policy = r#"{"canaries":1,"bakeSeconds":180,"waves":[100],"maxInFlight":500,"maxInFlightPercent":100}"#;
    let mut stand = Stand::with(&[("RolloutPolicy", policy)]);
    let before = stand.promoted();
    for number in 0..6 {
        stand.running(&format!("t{number}"), &json!({"idle": {"alwaysOn": true}}));
    }
    stand.pass(600);
    stand.log.clear();
    stand.deploy(|base| base["containerDefinitions"][0]["environment"][0]["value"] = json!("second"));
    stand.until_promoted(&before);
    stand.pass(300);
    let (registered, updated) = (made(&stand, "RegisterTaskDefinition"), made(&stand, "UpdateService"));
    assert_eq!((registered.len(), updated.len()), (6, 12), "none is registered twice");
    // The canary is stopped and started, and then everyone's definition is there before the next one is stopped.
    let canary_runs = updated[1];
    assert!(registered[1] > canary_runs, "{registered:?} {updated:?}");
    assert!(registered[5] < updated[2], "{registered:?} {updated:?}");
    let written = stand.log.iter().filter(|made| made.body.to_string().contains("#ahead"));
    assert!(written.count() >= 5, "the rows say what was registered");
    for number in 0..6 {
        stand.http("DELETE", &format!("/tenants/t{number}"), &json!(null));
    }
    stand.pass(900);
    let left = stand.ecs(
        "ListTaskDefinitions",
        &json!({"familyPrefix": "base-user", "status": "ACTIVE"}),
    );
    assert_eq!(left["taskDefinitionArns"], json!([]));
}

#[test]
fn what_was_registered_ahead_for_nothing_goes_with_its_tenant() {
    let policy = r#"{"canaries":1,"bakeSeconds":3600,"waves":[100]}"#;
    let mut stand = Stand::with(&[("RolloutPolicy", policy)]);
    for number in 0..3 {
        stand.running(&format!("t{number}"), &json!({"idle": {"alwaysOn": true}}));
    }
    stand.pass(600);
    stand.deploy(|base| base["containerDefinitions"][0]["environment"][0]["value"] = json!("second"));
    stand.pass(900);
    let rollout = stand.http("GET", "/fleet", &json!(null)).1["rollout"].clone();
    let (status, answer) = stand.post(&format!("/rollouts/{}/rollback", rollout.as_str().unwrap()));
    assert_eq!(status, 202, "{answer}");
    stand.pass(600);
    let active = json!({"familyPrefix": "base-user", "status": "ACTIVE"});
    let kept = stand.ecs("ListTaskDefinitions", &active);
    assert_eq!(kept["taskDefinitionArns"].as_array().unwrap().len(), 6, "{kept}");
    for number in 0..3 {
        stand.http("DELETE", &format!("/tenants/t{number}"), &json!(null));
    }
    stand.pass(900);
    assert_eq!(
        stand.ecs("ListTaskDefinitions", &active)["taskDefinitionArns"],
        json!([])
    );
}

fn moves(stand: &Stand) -> usize {
    stand
        .log
        .iter()
        .filter(|made| made.call.action == "UpdateService")
        .count()
}

#[test]
fn r3_a_pause_is_heard_in_the_midst_of_a_wave() {
    let mut stand = fleet(100);
    stand.deploy(|base| base["containerDefinitions"][0]["environment"][0]["value"] = json!("second"));
    for _ in 0..300 {
        if moves(&stand) > 0 {
            break;
        }
        stand.pass(1);
    }
    let rollout = stand.http("GET", "/fleet", &json!(null)).1["rollout"].clone();
    let path = format!("/rollouts/{}/pause", rollout.as_str().unwrap());
    let (status, answer) = stand.post(&path);
    assert_eq!(status, 202, "{answer}");
    let before = moves(&stand);
    assert!(before < 60, "{before} were moved before anybody could say a word");
    stand.pass(300);
    let after = moves(&stand) - before;
    // Four a second may begin until the pause is seen.
    assert!(after <= 25, "{after} were moved after the pause");
    let (status, answer) = stand.post(&path.replace("pause", "resume"));
    assert_eq!(status, 202, "{answer}");
    stand.pass(300);
    assert_eq!(moves(&stand), 100);
}
