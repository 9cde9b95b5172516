//! Registered revisions, and which of them nobody needs any more.

use super::Fingerprint;

/// A definition that was registered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revision {
    /// What it is.
    pub fingerprint: Fingerprint,
    /// The ARN that ECS gave it, with the number of the revision.
    pub arn: String,
}

impl Revision {
    fn number(&self) -> u64 {
        self.arn
            .rsplit(':')
            .next()
            .and_then(|number| number.parse().ok())
            .unwrap_or_default()
    }
}

/// The revisions to let go of: of those that nothing refers to, all but the newest `kept`; the newest first.
///
/// The newest are kept because a fleet that is put back to its former release needs those, and registering is what ECS
/// allows least of.
pub fn surplus(revisions: &[Revision], refers_to: impl Fn(&Revision) -> bool, kept: usize) -> Vec<&Revision> {
    let mut idle: Vec<&Revision> = revisions.iter().filter(|revision| !refers_to(revision)).collect();
    idle.sort_unstable_by_key(|revision| std::cmp::Reverse(revision.number()));
    idle.split_off(kept.min(idle.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(number: u64) -> Revision {
        Revision {
            fingerprint: format!("{number:064x}").parse().unwrap(),
            arn: format!("arn:aws:ecs:us-east-1:123456789012:task-definition/base-user:{number}"),
        }
    }

    #[test]
    fn b19_of_many_revisions_the_newest_few_and_whatever_is_referred_to_are_kept() {
        let all = [2, 10, 9, 1, 3, 11].map(revision);
        let used = [1, 11].map(revision);
        let let_go = |kept: usize| -> Vec<u64> {
            let surplus = surplus(&all, |revision| used.contains(revision), kept);
            surplus.into_iter().map(Revision::number).collect()
        };
        assert_eq!(let_go(0), [10, 9, 3, 2]);
        assert_eq!(let_go(2), [3, 2]);
        assert_eq!(let_go(3), [2]);
        assert!(let_go(4).is_empty() && let_go(5).is_empty());
    }
}
