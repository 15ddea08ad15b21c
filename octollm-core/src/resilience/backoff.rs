//! How long to wait before another attempt. Pure: the caller brings the randomness, so that a replay waits alike.

use std::time::Duration;

/// Exponential backoff with jitter: `first`, twice that, four times that, up to `longest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Before the first retry, before jitter.
    pub first: Duration,
    /// Never longer than this, unless the other side asks for more.
    pub longest: Duration,
    /// How much of the delay is left to chance.
    pub jitter: Jitter,
}

/// How much of a delay is left to chance. Without chance, everybody who failed together comes back together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Jitter {
    /// Nothing: for tests and for a single caller.
    None,
    /// The second half.
    #[default]
    Equal,
    /// All of it.
    Full,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(200), longest: Duration::from_secs(30), jitter: Jitter::Equal }
    }
}

impl Backoff {
    /// The wait before retry number `retry` (counted from 1), out of 64 random bits.
    ///
    /// Never shorter than `retry_after`, what the other side asked for; a tenth of that is added by chance, because
    /// the other side has told everybody the same.
    pub fn delay(&self, retry: u32, retry_after: Option<Duration>, random: u64) -> Duration {
        let doublings = retry.saturating_sub(1).min(31);
        let full = self.first.saturating_mul(1 << doublings).min(self.longest);
        let own = match self.jitter {
            Jitter::None => full,
            Jitter::Equal => full / 2 + share(full - full / 2, random),
            Jitter::Full => share(full, random),
        };
        let asked = retry_after.map(|after| after.saturating_add(share(after / 10, random)));
        own.max(asked.unwrap_or_default())
    }
}

/// 64 well-mixed bits out of an identifier and two counters (a task's step and attempt): the randomness of a wait that
/// can be computed again.
pub fn seed(id: &[u8; 16], step: u32, attempt: u32) -> u64 {
    let words = id.first_chunk().into_iter().chain(id.last_chunk()).map(|half| u64::from_le_bytes(*half));
    let counters = u64::from(step) << 32 | u64::from(attempt);
    words.chain([counters]).fold(0, |state, word| mix(state ^ word))
}

/// The step of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A uniform share of `whole`, 0 to all of it.
fn share(whole: Duration, random: u64) -> Duration {
    // 0 <= random / 2^64 < 1; a wait beyond 584 years is cut.
    let nanos = u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX);
    let part = (u128::from(random) * (u128::from(nanos) + 1)) >> 64;
    Duration::from_nanos(u64::try_from(part).unwrap_or(nanos))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn doubles_up_to_the_longest() {
        let backoff = Backoff { first: ms(100), longest: ms(1000), jitter: Jitter::None };
        let delays: Vec<_> = (1..=6).map(|retry| backoff.delay(retry, None, 0).as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(backoff.delay(u32::MAX, None, 0), ms(1000));
    }

    #[test]
    fn seeds_differ_by_task_step_and_attempt() {
        let seeds = [seed(&[1; 16], 1, 1), seed(&[2; 16], 1, 1), seed(&[1; 16], 2, 1), seed(&[1; 16], 1, 2)];
        let distinct: std::collections::BTreeSet<_> = seeds.into_iter().collect();
        assert_eq!(distinct.len(), seeds.len());
        assert_eq!(seeds[0], seed(&[1; 16], 1, 1), "a replay waits alike");
    }

    proptest! {
        #[test]
        fn jitter_stays_in_its_share(first in 1u64..10_000, retry in 1u32..40, random: u64) {
            let bare = Backoff { first: ms(first), longest: ms(60_000), jitter: Jitter::None };
            let full = bare.delay(retry, None, random);
            let equal = Backoff { jitter: Jitter::Equal, ..bare }.delay(retry, None, random);
            let any = Backoff { jitter: Jitter::Full, ..bare }.delay(retry, None, random);
            prop_assert!(full / 2 <= equal && equal <= full);
            prop_assert!(any <= full);
        }

        #[test]
        fn what_the_other_side_asks_for_is_kept(asked in 0u64..4_000, retry in 1u32..10, random: u64) {
            let asked = Duration::from_secs(asked);
            let delay = Backoff::default().delay(retry, Some(asked), random);
            prop_assert!(delay >= asked);
            prop_assert!(delay <= (asked + asked / 10).max(Backoff::default().longest));
        }
    }
}
