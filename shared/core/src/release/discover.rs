//! What a look at the base means, given the releases that are known.

use super::{Pointer, Rejection, Release, ReleaseId, ReleaseState};
use crate::definition::BaseFingerprint;

/// What a look at the base means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// Nothing to do.
    Unchanged(Unchanged),
    /// A base that was never seen: write its row, then put it through preflight.
    New(ReleaseId),
    /// A known release to put through preflight and, if that passes, to roll out.
    Consider(ReleaseId, Consider),
}

/// Why there is nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// The base is the promoted release, and nothing else is on trial.
    Promoted(ReleaseId),
    /// The base is the candidate, whose rollout is under way.
    OnTrial(ReleaseId),
    /// The base did not run on its canaries or an operator refused it. Only an operator tries it again.
    Refused(ReleaseId),
}

/// Why a known release is to be considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consider {
    /// It was found, but whoever found it did not get as far as its rollout.
    Unfinished,
    /// Preflight rejected it, and what was missing may be there by now.
    PerhapsFixed,
    /// The base was put back to what the fleet had before: an ordinary rollout to an older release, which takes the
    /// place of the one that is on trial.
    PutBack,
}

/// What to do, given what the base contains now.
///
/// The same answer for the same content, however often and by whatever event the base is looked at.
pub fn discover(content: &BaseFingerprint, pointer: &Pointer, known: &[Release]) -> Discovery {
    let Some(release) = known.iter().find(|release| release.content == *content) else {
        let newest = known.iter().map(|release| release.id).max();
        return Discovery::New(newest.map_or(ReleaseId::FIRST, ReleaseId::next));
    };
    let id = release.id;
    if pointer.candidate == Some(id) {
        return Discovery::Unchanged(Unchanged::OnTrial(id));
    }
    if pointer.promoted == Some(id) {
        return match pointer.candidate {
            None => Discovery::Unchanged(Unchanged::Promoted(id)),
            Some(_) => Discovery::Consider(id, Consider::PutBack),
        };
    }
    match &release.state {
        ReleaseState::Candidate => Discovery::Consider(id, Consider::Unfinished),
        ReleaseState::Promoted { .. } | ReleaseState::Superseded { .. } => Discovery::Consider(id, Consider::PutBack),
        ReleaseState::Rejected { cause, .. } => match cause {
            Rejection::Preflight { .. } => Discovery::Consider(id, Consider::PerhapsFixed),
            Rejection::Canary { .. } | Rejection::Operator { .. } => Discovery::Unchanged(Unchanged::Refused(id)),
        },
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::release::{Finding, Proof, RolloutId};

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    fn content(digit: char) -> BaseFingerprint {
        digit.to_string().repeat(64).parse().unwrap()
    }

    fn id(text: &str) -> ReleaseId {
        text.parse().unwrap()
    }

    fn release(name: &str, digit: char, state: ReleaseState) -> Release {
        Release {
            id: id(name),
            content: content(digit),
            source: format!("arn:aws:ecs:eu-central-1:111122223333:task-definition/base:{digit}"),
            found: AT,
            state,
        }
    }

    fn promoted() -> ReleaseState {
        let proof = Proof::Unproven;
        ReleaseState::Promoted { at: AT, proof }
    }

    fn rejected(cause: Rejection) -> ReleaseState {
        ReleaseState::Rejected { at: AT, cause }
    }

    fn pointer(promoted: &str, candidate: Option<&str>) -> Pointer {
        Pointer {
            forced_from: None,
            promoted: Some(id(promoted)),
            candidate: candidate.map(id),
            rollout: Some(RolloutId::FIRST),
        }
    }

    #[test]
    fn the_first_base_is_r1_and_the_next_unknown_one_counts_on() {
        assert_eq!(
            discover(&content('1'), &Pointer::default(), &[]),
            Discovery::New(id("r1"))
        );
        let known = [release("r9", '9', promoted()), release("r10", 'a', promoted())];
        assert_eq!(
            discover(&content('b'), &pointer("r10", None), &known),
            Discovery::New(id("r11"))
        );
    }

    #[test]
    fn b15_no_change_of_the_base_is_no_rollout() {
        let known = [
            release("r1", '1', promoted()),
            release("r2", '2', ReleaseState::Candidate),
        ];
        let unchanged = Discovery::Unchanged(Unchanged::Promoted(id("r1")));
        assert_eq!(discover(&content('1'), &pointer("r1", None), &known), unchanged);
        let on_trial = Discovery::Unchanged(Unchanged::OnTrial(id("r2")));
        assert_eq!(discover(&content('2'), &pointer("r1", Some("r2")), &known), on_trial);
    }

    #[test]
    fn b14_a_deploy_that_was_undone_leaves_the_fleet_where_it_was() {
        let known = [release("r1", '1', promoted())];
        let seen = discover(&content('1'), &pointer("r1", None), &known);
        assert_eq!(seen, Discovery::Unchanged(Unchanged::Promoted(id("r1"))));
    }

    #[test]
    fn b14_a_base_put_back_while_its_successor_is_on_trial_takes_its_place() {
        let known = [
            release("r1", '1', promoted()),
            release("r2", '2', ReleaseState::Candidate),
        ];
        let seen = discover(&content('1'), &pointer("r1", Some("r2")), &known);
        assert_eq!(seen, Discovery::Consider(id("r1"), Consider::PutBack));
    }

    #[test]
    fn a_base_put_back_to_an_older_release_is_a_rollout_to_that_release() {
        let by = id("r3");
        let known = [
            release("r1", '1', promoted()),
            release("r2", '2', ReleaseState::Superseded { at: AT, by }),
            release("r3", '3', promoted()),
        ];
        for (digit, older) in [('1', "r1"), ('2', "r2")] {
            let seen = discover(&content(digit), &pointer("r3", None), &known);
            assert_eq!(seen, Discovery::Consider(id(older), Consider::PutBack));
        }
    }

    #[test]
    fn a_crash_after_the_release_row_is_taken_up_where_it_was() {
        let known = [
            release("r1", '1', promoted()),
            release("r2", '2', ReleaseState::Candidate),
        ];
        let seen = discover(&content('2'), &pointer("r1", None), &known);
        assert_eq!(seen, Discovery::Consider(id("r2"), Consider::Unfinished));
    }

    #[test]
    fn b16_what_preflight_rejected_is_looked_at_again_and_what_failed_is_not() {
        let at_preflight = rejected(Rejection::Preflight {
            findings: vec![Finding("image absent".to_owned())],
        });
        let at_canary = rejected(Rejection::Canary {
            rollout: RolloutId::FIRST,
            failures: std::collections::BTreeMap::new(),
        });
        let by_hand = rejected(Rejection::Operator { by: "ada".to_owned() });
        let looked_at = |state| {
            let known = [release("r1", '1', promoted()), release("r2", '2', state)];
            discover(&content('2'), &pointer("r1", None), &known)
        };
        assert_eq!(
            looked_at(at_preflight),
            Discovery::Consider(id("r2"), Consider::PerhapsFixed)
        );
        for refused in [at_canary, by_hand] {
            assert_eq!(looked_at(refused), Discovery::Unchanged(Unchanged::Refused(id("r2"))));
        }
    }
}
