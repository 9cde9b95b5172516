//! Wakes, with every call of them seen.

use super::*;

#[test]
fn a16_however_often_a_tenant_is_woken_it_is_started_once_with_its_definition_in_the_same_call() {
    let mut run = calm();
    ask(&mut run, "PUT", json!({}));
    pass(&mut run, 120);
    post(&mut run, "sleep");
    pass(&mut run, 120);
    let before = run.row("acme").expect("a row").intent.generation;
    let told = run.story.sent("UpdateService").len();
    for _ in 0..10 {
        post(&mut run, "wake");
    }
    pass(&mut run, 120);
    for _ in 0..10 {
        post(&mut run, "wake");
    }
    pass(&mut run, 120);
    let row = run.row("acme").expect("a row");
    assert_eq!(phase(row), Phase::Running);
    assert_eq!(
        row.intent.generation,
        before.next(),
        "one wake, however often it was asked for"
    );
    let sent = run.story.sent("UpdateService");
    let [wake] = sent.get(told..).expect("no call is forgotten") else {
        panic!("one call: {sent:?}")
    };
    let applied = row.made.applied.as_ref().expect("what was applied");
    assert_eq!(wake["desiredCount"], 1, "{wake}");
    assert_eq!(wake["taskDefinition"], applied.definition_arn, "{wake}");
}

#[test]
fn a_sleeping_tenant_takes_the_promoted_release_with_its_wake() {
    let mut run = calm();
    ask(&mut run, "PUT", json!({}));
    pass(&mut run, 120);
    post(&mut run, "sleep");
    pass(&mut run, 120);
    let release = |run: &Run| run.row("acme").and_then(|row| Some(row.made.applied.as_ref()?.release));
    let before = release(&run);
    run.act(Act::Deploy(Deploy::Completes(Behaviour::Healthy)));
    pass(&mut run, 1_800);
    assert_eq!(release(&run), before, "a sleeping one is not touched");
    let told = run.story.sent("UpdateService").len();
    post(&mut run, "wake");
    pass(&mut run, 120);
    assert!(release(&run) > before, "{before:?}");
    assert_eq!(
        run.story.sent("UpdateService").len(),
        told + 1,
        "count and definition in one call"
    );
}
