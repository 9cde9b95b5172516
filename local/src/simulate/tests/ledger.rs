//! Every decision that a rule makes in a run is made again, from the ledger alone.

use super::*;

fn request(run: &mut Run, method: &'static str, path: &str, body: Value) {
    let path = path.to_owned();
    run.ask(&Ask { method, path, body });
}

/// A run in which each rule has something to decide: idle stops, one of them healed after a crash, more idle tenants than
/// is believable, an override, a hold, a wake that is booked, and a container that crashes again and again.
#[test]
fn what_the_ledger_of_a_run_says_is_decided_again_on_what_it_has_kept() {
    let mut run = calm();
    let overlay = || json!({"idle": {"after": 600, "minUptime": 0}});
    for number in 0..13 {
        request(&mut run, "PUT", &format!("/tenants/t{number}"), overlay());
    }
    request(
        &mut run,
        "PUT",
        "/tenants/loops",
        json!({"image": "registry.example/app:crashes"}),
    );
    pass(&mut run, 240);
    let hold = json!({"seconds": 1800, "reason": "a long job"});
    request(&mut run, "PUT", "/tenants/t0/hold", hold);
    request(&mut run, "POST", "/tenants/t1/sleep", Value::Null);
    let at = jiff::Timestamp::from_second(1_800_000_000 + 1_200).expect("a time");
    request(
        &mut run,
        "POST",
        "/tenants/t1/wake",
        json!({"at": at, "protectFor": 60}),
    );
    // The rest falls idle in the same minute: eleven are more than is believable of so few.
    let ids: Vec<String> = (0..13).map(|number| format!("t{number}")).collect();
    request(&mut run, "POST", "/activity", json!({"tenants": ids}));
    pass(&mut run, 1_200);
    request(
        &mut run,
        "PUT",
        "/sweeps/override",
        json!({"reason": "the trial is over"}),
    );
    pass(&mut run, 540);
    // The one that is held is left. Its claim is the next update of anything, and the sweep is lost right after it.
    run.order("UpdateItem", Fate::CrashAfter);
    pass(&mut run, 300);
    let replayed = run.replayed().expect("each is decided again");
    for decision in [
        "idle-stop",
        "idle-stop-healed",
        "sweep-refused",
        "sweep-overridden",
        "hold",
        "scheduled-wake",
        "crash-loop",
    ] {
        assert!(
            replayed.contains_key(decision),
            "{decision} was not decided: {replayed:?}"
        );
    }
    assert!(replayed["idle-stop"] >= 5, "{replayed:?}");
}
