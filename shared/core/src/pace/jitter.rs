//! Spreading what would otherwise happen at the same moment.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// A span between half of `most` and `most`. Which one, the key decides: the same key always the same, others others, so
/// that those who were refused together do not come back together.
pub fn jitter(most: Duration, key: impl Hash) -> Duration {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let half = most / 2;
    let steps = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    half + Duration::from_millis(hasher.finish() % steps)
}
