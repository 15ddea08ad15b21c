//! An allowance that refills evenly. Pure: the caller brings the clock and does the waiting.

use std::time::Duration;

use tokio::time::Instant;

/// So much a minute, a minute's worth at once.
///
/// Whoever takes more than is there goes into debt and waits until it is paid off: so the order is that of arrival,
/// and one call that is larger than a minute's worth is not refused for ever.
#[derive(Debug)]
pub(super) struct Bucket {
    per_minute: f64,
    /// Negative while somebody waits.
    level: f64,
    filled: Instant,
}

impl Bucket {
    /// A full bucket; `per_minute` is 1 at least.
    pub(super) fn new(per_minute: u64, now: Instant) -> Self {
        let per_minute = per_minute.max(1) as f64;
        Self { per_minute, level: per_minute, filled: now }
    }

    /// How long one that takes `amount` now would have to wait.
    pub(super) fn wait(&mut self, amount: u64, now: Instant) -> Duration {
        self.fill(now);
        // A full bucket is enough for everybody, else the largest call would never go.
        let missing = (amount as f64).min(self.per_minute) - self.level;
        Duration::from_secs_f64((missing * 60.0 / self.per_minute).clamp(0.0, 1e9))
    }

    /// Takes it, if need be out of what is to come.
    pub(super) fn take(&mut self, amount: u64) {
        self.level -= amount as f64;
    }

    /// Gives back what was taken and not used.
    pub(super) fn give_back(&mut self, amount: u64) {
        self.level = (self.level + amount as f64).min(self.per_minute);
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.level = (self.level + passed * self.per_minute / 60.0).min(self.per_minute);
        self.filled = self.filled.max(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_minute_s_worth_goes_at_once_and_the_rest_waits() {
        let now = Instant::now();
        let mut bucket = Bucket::new(60, now);
        assert_eq!(bucket.wait(60, now), Duration::ZERO);
        bucket.take(60);
        assert_eq!(bucket.wait(2, now), Duration::from_secs(2));
        bucket.take(2);
        assert_eq!(bucket.wait(1, now), Duration::from_secs(3), "who comes later waits longer");
        bucket.give_back(2);
        assert_eq!(bucket.wait(1, now + Duration::from_secs(1)), Duration::ZERO);
    }

    #[test]
    fn a_call_larger_than_a_minute_s_worth_goes_when_the_bucket_is_full() {
        let now = Instant::now();
        let mut bucket = Bucket::new(100, now);
        assert_eq!(bucket.wait(250, now), Duration::ZERO);
        bucket.take(250);
        assert_eq!(bucket.wait(250, now), Duration::from_secs(150));
    }

    proptest! {
        /// Over any stretch of time no more goes through than a full bucket and what flowed in.
        #[test]
        fn never_more_than_the_rate(amounts in prop::collection::vec(1u64..50, 1..60), per_minute in 50u64..500) {
            let start = Instant::now();
            let mut bucket = Bucket::new(per_minute, start);
            let (mut now, mut total) = (start, 0);
            for amount in amounts {
                now += bucket.wait(amount, now);
                bucket.wait(amount, now);
                bucket.take(amount);
                total += amount;
                let minutes = (now - start).as_secs_f64() / MINUTE.as_secs_f64();
                prop_assert!(total as f64 <= per_minute as f64 * (1.0 + minutes) + 1e-3);
            }
        }
    }
}
