//! Ids that nobody can guess in AWS and everybody can replay here.

use serde::{Deserialize, Serialize};

/// A source of random ids. It is a value: the same source gives the same ids.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ids {
    seed: u64,
}

impl Ids {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// A random UUID, version 4.
    pub(super) fn uuid(&mut self) -> String {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let (high, low) = (random.u64(..), random.u64(..));
        self.seed = random.get_seed();
        let (first, second, third) = (high >> 32, (high >> 16) & 0xffff, (high & 0x0fff) | 0x4000);
        let (fourth, fifth) = (((low >> 48) & 0x3fff) | 0x8000, low & 0xffff_ffff_ffff);
        format!("{first:08x}-{second:04x}-{third:04x}-{fourth:04x}-{fifth:012x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_that_differ_and_can_be_replayed() {
        let (mut one, mut other) = (Ids::new(7), Ids::new(7));
        let first = one.uuid();
        assert_eq!(first, other.uuid());
        assert_ne!(first, one.uuid());
        let lengths: Vec<usize> = first.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }
}
