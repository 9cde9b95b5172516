//! Rollouts over tenants that run.

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
