//! Budgets against AWS's buckets, and both sides of each condition.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

/// AWS's bucket, in thousandths of a token.
struct Theirs {
    burst: i64,
    a_second: i64,
    milli: i64,
    now: i64,
    lowest: i64,
}

impl Theirs {
    fn of(bucket: Bucket) -> Self {
        let (burst, a_second) = match bucket {
            Bucket::DefinitionWrites => (20_000, 1),
            Bucket::DefinitionReads => (50_000, 20),
            Bucket::ServiceWrites => (50_000, 5),
            Bucket::ServiceReads | Bucket::TaskReads => (100_000, 20),
            Bucket::AccessPoints => (10_000, 2),
        };
        Self {
            burst,
            a_second,
            milli: burst,
            now: 0,
            lowest: burst,
        }
    }

    fn take(&mut self, now: i64, tokens: u32) {
        let taken = i64::from(tokens) * 1_000;
        self.milli = (self.milli + (now - self.now) * self.a_second).min(self.burst) - taken;
        self.now = now;
        self.lowest = self.lowest.min(self.milli);
    }
}

#[test]
fn a_budget_is_four_fifths_of_what_aws_grants() {
    for (bucket, burst, interval) in [
        (Bucket::DefinitionWrites, 16, 1_250),
        (Bucket::DefinitionReads, 40, 63),
        (Bucket::ServiceWrites, 40, 250),
        (Bucket::ServiceReads, 80, 63),
        (Bucket::TaskReads, 80, 63),
        (Bucket::AccessPoints, 8, 625),
    ] {
        let budget = Share::default().budget(bucket);
        assert_eq!(budget.interval(), Duration::from_millis(interval), "{bucket:?}");
        let claims = |spent: &mut Option<i64>| {
            let claimed = budget.terms(1, Lane::Interactive, at(0), at(0)).claim(*spent);
            claimed.map(|becomes| *spent = Some(becomes)).is_ok()
        };
        let mut spent = None;
        let taken = std::iter::repeat_with(|| claims(&mut spent)).take_while(|granted| *granted);
        assert_eq!(taken.count(), burst, "{bucket:?}");
    }
}

#[test]
fn both_sides_of_a_share() {
    assert!(Share::percent(9).unwrap_err().to_string().starts_with("9 is not"));
    assert!(Share::percent(10).is_ok() && Share::percent(1000).is_ok());
    assert!(Share::percent(1001).unwrap_err().to_string().starts_with("1001 is not"));
}

#[test]
fn a_token_comes_back_after_its_interval_and_not_a_millisecond_before() {
    let budget = Share::default().budget(Bucket::ServiceWrites);
    let claim = |spent, now| budget.terms(1, Lane::Interactive, at(now), at(now)).claim(Some(spent));
    assert_eq!(claim(1_000, 1_249), Err(Refused { opens: 1_250 }));
    assert_eq!(claim(1_000, 1_250), Ok(1_250));
    // A bucket that has been left alone holds its burst and no more.
    let full = 100_000 - 40 * 250;
    assert_eq!(claim(full - 1, 100_000), Ok(full + 250));
    assert_eq!(claim(full + 1, 100_000), Ok(full + 251));
}

#[test]
fn who_can_wait_is_promised_a_token_that_is_still_to_come_back() {
    let budget = Share::default().budget(Bucket::ServiceWrites);
    let claim = |until| {
        budget
            .terms(1, Lane::Interactive, at(1_000), at(until))
            .claim(Some(3_000))
    };
    assert_eq!(claim(3_249), Err(Refused { opens: 3_250 }));
    assert_eq!(claim(3_250), Ok(3_250));
    assert_eq!(
        claim(0),
        Err(Refused { opens: 3_250 }),
        "a deadline that has passed is now"
    );
}

#[test]
fn bulk_leaves_a_quarter_and_spare_half_to_who_waits() {
    let budget = Share::default().budget(Bucket::ServiceWrites);
    for (lane, leaves) in [(Lane::Bulk, 10), (Lane::Spare, 20)] {
        // So many tokens are there; one is taken.
        let claim = |tokens: i64| budget.terms(1, lane, at(0), at(60_000)).claim(Some(-tokens * 250));
        assert_eq!(claim(leaves + 1), Ok(-leaves * 250), "{lane:?}");
        assert_eq!(claim(leaves), Err(Refused { opens: 250 }), "{lane:?}");
    }
}

#[test]
fn a_token_that_was_refused_is_there_when_it_was_said_to_be() {
    let budget = Share::default().budget(Bucket::DefinitionWrites);
    for lane in [Lane::Interactive, Lane::Bulk, Lane::Spare] {
        let claim = |now| budget.terms(1, lane, at(now), at(now)).claim(Some(5_000));
        let Err(Refused { opens }) = claim(0) else {
            panic!("{lane:?} is granted a token that is not there")
        };
        assert!(claim(opens - 1).is_err(), "{lane:?}");
        assert!(claim(opens).is_ok(), "{lane:?}");
    }
}

#[test]
fn several_tokens_are_there_together_or_not_at_all() {
    let budget = Share::default().budget(Bucket::ServiceWrites);
    let claim = |tokens| budget.terms(tokens, Lane::Interactive, at(0), at(0)).claim(Some(-750));
    assert_eq!(claim(3), Ok(0));
    assert_eq!(claim(4), Err(Refused { opens: 250 }));
}

#[test]
fn jitter_is_between_half_and_all_and_differs() {
    let most = Duration::from_secs(4);
    let spans: Vec<Duration> = (0..1_000).map(|key| jitter(most, key)).collect();
    assert!(spans.iter().all(|span| (most / 2..=most).contains(span)));
    let early = spans.iter().filter(|span| **span < most * 3 / 4).count();
    assert!((400..600).contains(&early), "{early} of 1,000 in the first half");
    assert_eq!(jitter(most, 7), jitter(most, 7));
    assert_eq!(jitter(Duration::ZERO, 7), Duration::ZERO);
}

#[derive(Clone, Copy, Debug)]
struct Caller {
    after: i64,
    tokens: u32,
    lane: Lane,
    patience: i64,
}

fn callers() -> impl Strategy<Value = Vec<Caller>> {
    let lane = prop_oneof![Just(Lane::Interactive), Just(Lane::Bulk), Just(Lane::Spare)];
    let after = prop_oneof![4 => Just(0), 3 => 0..400_i64, 1 => 0..60_000_i64];
    let caller = (after, 1..4_u32, lane, 0..50_000_i64).prop_map(|(after, tokens, lane, patience)| Caller {
        after,
        tokens,
        lane,
        patience,
    });
    proptest::collection::vec(caller, 1..300)
}

proptest! {
    /// Whoever claims when, and calls when its token is there: AWS's bucket always has a fifth left.
    #[test]
    fn no_bucket_is_ever_used_by_more_than_its_share(callers in callers(), which in 0..6_usize) {
        let bucket = Bucket::ALL[which];
        let budget = Share::default().budget(bucket);
        let mut theirs = Theirs::of(bucket);
        let (mut now, mut spent) = (0, None);
        let mut calls = Vec::new();
        for caller in callers {
            now += caller.after;
            let terms = budget.terms(caller.tokens, caller.lane, at(now), at(now + caller.patience));
            if let Ok(becomes) = terms.claim(spent) {
                spent = Some(becomes);
                prop_assert!(becomes <= now + caller.patience, "nobody waits longer than he can");
                calls.push((becomes.max(now), caller.tokens));
            }
        }
        calls.sort_unstable();
        for (at, tokens) in calls {
            theirs.take(at, tokens);
        }
        prop_assert!(theirs.lowest * 5 >= theirs.burst, "{} of {}", theirs.lowest, theirs.burst);
    }

    /// However much bulk there is: a quarter of the burst is there at once for whoever waits.
    #[test]
    fn bulk_never_takes_what_is_left_for_who_waits(gaps in proptest::collection::vec(0..500_i64, 1..200)) {
        let budget = Share::default().budget(Bucket::ServiceWrites);
        let (mut now, mut spent) = (0, None);
        for gap in gaps {
            now += gap;
            spent = budget.terms(1, Lane::Bulk, at(now), at(now)).claim(spent).ok().or(spent);
            let mut theirs = spent;
            for _ in 0..10 {
                theirs = Some(budget.terms(1, Lane::Interactive, at(now), at(now)).claim(theirs).unwrap());
            }
        }
    }
}
