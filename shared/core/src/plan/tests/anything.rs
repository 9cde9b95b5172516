//! Whatever happens, in whatever order.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Event {
    Ecs,
    Pass,
    Intent(Wanted, Reason),
    NewDefinition,
    Break,
    Mend,
    Crash,
    Behind(usize),
    Silent(bool),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => Just(Event::Ecs),
        4 => Just(Event::Pass),
        1 => Just(Event::Intent(Wanted::Running, Reason::Wake)),
        1 => Just(Event::Intent(Wanted::Running, Reason::Restart)),
        1 => Just(Event::Intent(Wanted::Running, Reason::Retry)),
        1 => Just(Event::Intent(Wanted::Stopped, Reason::Sleep)),
        1 => Just(Event::Intent(Wanted::Deleted, Reason::Delete)),
        1 => Just(Event::NewDefinition),
        1 => Just(Event::Break),
        1 => Just(Event::Mend),
        1 => Just(Event::Crash),
        1 => (0..=LAG).prop_map(Event::Behind),
        1 => any::<bool>().prop_map(Event::Silent),
    ];
    proptest::collection::vec(event, 0..60)
}

proptest! {
    /// Whatever happens in whatever order: no task is started beside another, and once it ends the last intent stands.
    #[test]
    fn the_last_intent_wins(events in events(), strict in any::<bool>()) {
        let mut model = Model::new(if strict { Replacing::Strict } else { Replacing::Rolling });
        for event in events {
            match event {
                Event::Ecs => model.ecs(),
                Event::Pass => drop(model.pass()),
                Event::Intent(state, reason) => model.intend(state, reason),
                Event::NewDefinition => model.goal_kind = model.goal_kind % 3 + 1,
                Event::Break => model.break_current(),
                Event::Mend => model.bad.clear(),
                Event::Crash => model.crash(),
                Event::Behind(steps) => model.behind = steps,
                Event::Silent(silent) => model.silent = silent,
            }
        }
        model.settle();
        model.ecs(); // a rolling replacement settles on its new task while the old one still winds down
        let ended = phase(&model.tenant);
        match model.tenant.intent.state {
            Wanted::Running => prop_assert!(matches!(ended, Phase::Running | Phase::Failed), "{ended:?}"),
            Wanted::Stopped => prop_assert_eq!(ended, Phase::Stopped),
            Wanted::Deleted => prop_assert_eq!(ended, Phase::Deleted),
        }
        prop_assert_eq!(model.alive(), usize::from(ended == Phase::Running));
    }
}
