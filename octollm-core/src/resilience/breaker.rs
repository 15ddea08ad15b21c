//! A circuit breaker: what fails again and again is left alone for a while, then tried with one call.
//!
//! ```text
//! closed --N failures in a row--> open --its time is over--> half-open --the probe succeeds--> closed
//!                                  ^                            |
//!                                  +----- the probe fails ------+   (and stays open twice as long)
//! ```
//!
//! Calls overlap, so outcomes come late. Every change of state starts a new *era*; an outcome that belongs to an
//! earlier era says nothing about the present one and is dropped. A probe that ends without an outcome (its caller was
//! cancelled) gives its place back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::lock;
use crate::error::{Error, ErrorKind};

const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether calls go through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// They do.
    #[default]
    Closed,
    /// They are refused at once.
    Open,
    /// One goes through, to see whether the others may.
    HalfOpen,
}

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerOptions {
    /// Failures in a row that open it; at least 1.
    pub failures: u32,
    /// How long it stays open the first time; doubled by every failed probe.
    pub open_for: Duration,
    /// The longest that it stays open; a day at most.
    pub longest: Duration,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self { failures: 5, open_for: Duration::from_secs(2), longest: Duration::from_secs(120) }
    }
}

/// A refusal: when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

impl From<RetryAfter> for Error {
    fn from(RetryAfter(after): RetryAfter) -> Self {
        Error::new(ErrorKind::Unavailable, "it failed too often and is left alone for a while")
            .with_retry_after(after)
    }
}

/// A circuit breaker. Clones share their state.
#[derive(Debug, Clone)]
pub struct Breaker(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: BreakerOptions,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Counts changes of state, so that late outcomes can be told.
    era: u64,
    /// Failures in a row while closed.
    failures: u32,
    /// Times that it opened since it was last closed.
    openings: u32,
    /// `None` while closed. Once it has passed, the breaker is half-open.
    open_until: Option<Instant>,
    /// Whether a probe is on its way.
    probing: bool,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(mut options: BreakerOptions) -> Self {
        options.longest = options.longest.min(A_DAY);
        Self(Arc::new(Shared { options, inner: Mutex::default() }))
    }

    /// Whether it is closed, which takes no look at the clock.
    pub fn is_closed(&self) -> bool {
        lock(&self.0.inner).open_until.is_none()
    }

    /// Asks to make a call. What comes of it is told to the permit; a permit that is dropped tells nothing.
    ///
    /// # Errors
    /// When to come back: while open, the time that is left; while a probe is on its way, a second at most.
    pub fn try_acquire(&self, now: Instant) -> Result<BreakerPermit, RetryAfter> {
        self.try_acquire_at(|| now)
    }

    /// As [`try_acquire`](Self::try_acquire); looks at the clock only while it is not closed.
    pub(crate) fn try_acquire_at(
        &self,
        clock: impl FnOnce() -> Instant,
    ) -> Result<BreakerPermit, RetryAfter> {
        let mut inner = lock(&self.0.inner);
        let open_until = inner.open_until.map(|until| (until, clock()));
        let probe = match open_until {
            None => false,
            Some((until, now)) if now < until => return Err(RetryAfter(until - now)),
            Some(_) if inner.probing => {
                return Err(RetryAfter(self.0.options.open_for.min(Duration::from_secs(1))));
            }
            Some(_) => true,
        };
        inner.probing = probe;
        Ok(BreakerPermit { breaker: self.clone(), era: inner.era, probe })
    }

    /// How it stands.
    pub fn state(&self, now: Instant) -> BreakerState {
        match lock(&self.0.inner).open_until {
            None => BreakerState::Closed,
            Some(until) if now < until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// Somebody saw it healthy: an open breaker lets a probe through at once. It closes only when that succeeds.
    pub fn hint_recovered(&self, now: Instant) {
        let mut inner = lock(&self.0.inner);
        inner.open_until = inner.open_until.map(|until| until.min(now));
    }

    fn settle(&self, era: u64, now: Option<Instant>) {
        let mut inner = lock(&self.0.inner);
        if era != inner.era {
            return;
        }
        match now {
            None if inner.open_until.is_none() => inner.failures = 0,
            None => *inner = Inner { era: era + 1, ..Inner::default() },
            Some(now) => inner.fail(&self.0.options, now),
        }
    }
}

impl Inner {
    fn fail(&mut self, options: &BreakerOptions, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.open_until.is_none() && self.failures < options.failures {
            return;
        }
        let doublings = self.openings.min(31);
        let open_for = options.open_for.saturating_mul(1 << doublings).min(options.longest);
        *self = Self {
            era: self.era + 1,
            failures: 0,
            openings: self.openings.saturating_add(1),
            open_until: Some(now + open_for),
            probing: false,
        };
    }
}

/// Leave to make one call.
#[derive(Debug)]
#[must_use = "a permit that is dropped tells the breaker nothing"]
pub struct BreakerPermit {
    breaker: Breaker,
    era: u64,
    probe: bool,
}

impl BreakerPermit {
    /// The call was answered. An answer that refuses the input counts too: whoever gives it is there.
    pub fn success(self) {
        self.breaker.settle(self.era, None);
    }

    /// The call was not answered, or with a failure that is not the input's fault.
    pub fn failure(self, now: Instant) {
        self.breaker.settle(self.era, Some(now));
    }

    /// Whether this is the one call that is let through to see whether the others may.
    pub fn is_probe(&self) -> bool {
        self.probe
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if !self.probe {
            return;
        }
        let mut inner = lock(&self.breaker.0.inner);
        // After an outcome the era is another one, and the place may already be somebody else's.
        if inner.era == self.era {
            inner.probing = false;
        }
    }
}

#[cfg(test)]
mod tests;
