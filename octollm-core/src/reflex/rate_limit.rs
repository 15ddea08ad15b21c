//! How often somebody may ask: per key, per client and per route.
//!
//! It is a reflex of the door, not of the chain: it looks at who asks and not at a text, it comes before anything that costs,
//! and it may have to wait for another process. So it stands behind its own trait, which an in-process table and a shared
//! store can both implement.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::resilience::Quota;

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Who holds a key.
    Key,
    /// Who calls from an address.
    Client,
    /// Everybody who calls a route.
    Route,
}

impl Scope {
    /// The name, as it stands in errors and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Client => "client",
            Self::Route => "route",
        }
    }
}

/// One place that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Who is counted.
    pub scope: Scope,
    /// Which one. A limiter keeps a hash of it at most.
    pub who: &'a str,
    /// How much they may ask.
    pub quota: Quota,
}

/// What a limiter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// There is room, and it is taken.
    Admitted,
    /// There is none, and nothing is taken.
    Throttled {
        /// Whose room is used up.
        scope: Scope,
        /// When there is room again.
        retry_after: Duration,
    },
}

/// Counts. All claims have room, or none of them is counted.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes one place of each claim.
    ///
    /// # Errors
    /// `unavailable` where it cannot count: its store is away, or its table is full.
    async fn take(&self, claims: &[Claim<'_>]) -> Result<Decision>;
}

/// Counts in this process, in a table of bounded size.
#[derive(Debug)]
pub struct InProcessLimiter {
    hasher: RandomState,
    began: Instant,
    most: usize,
    table: Mutex<Table>,
}

/// Theoretical arrival times, in nanoseconds since the limiter began, by the keyed hash of who they belong to.
#[derive(Debug, Default)]
struct Table {
    arrivals: HashMap<u64, u64>,
    /// When the table was last looked through for what has passed.
    swept: u64,
}

/// Shortest time between two looks through a full table.
const SWEEP: u64 = 1_000_000_000;

impl InProcessLimiter {
    /// Counts this many at once, at about 32 bytes each.
    pub fn new(most: usize) -> Self {
        Self { hasher: RandomState::new(), began: Instant::now(), most, table: Mutex::default() }
    }

    fn take_at(&self, now: u64, claims: &[Claim<'_>]) -> Result<Decision> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::with_capacity(claims.len());
        let mut throttled: Option<(Scope, Duration)> = None;
        for claim in claims {
            let bucket = self.hasher.hash_one((claim.scope, claim.who));
            let arrival = table.arrivals.get(&bucket).copied().unwrap_or_default();
            match claim.quota.admit(now, arrival) {
                Ok(next) => taken.push((bucket, next)),
                Err(wait) if throttled.is_none_or(|(_, longest)| wait > longest) => {
                    throttled = Some((claim.scope, wait));
                }
                Err(_) => {}
            }
        }
        if let Some((scope, retry_after)) = throttled {
            return Ok(Decision::Throttled { scope, retry_after });
        }
        let fresh = taken.iter().filter(|(bucket, _)| !table.arrivals.contains_key(bucket)).count();
        table.make_room(fresh, self.most, now)?;
        table.arrivals.extend(taken);
        Ok(Decision::Admitted)
    }
}

impl Table {
    /// Forgets who could ask a whole burst again anyway, once the table is full.
    fn make_room(&mut self, fresh: usize, most: usize, now: u64) -> Result<()> {
        if self.arrivals.len() + fresh <= most {
            return Ok(());
        }
        if now.saturating_sub(self.swept) >= SWEEP {
            self.swept = now;
            self.arrivals.retain(|_, arrival| *arrival > now);
        }
        if self.arrivals.len() + fresh <= most {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unavailable, "too many ask at once to count them")
            .with_retry_after(Duration::from_nanos(SWEEP)))
    }
}

impl Default for InProcessLimiter {
    /// 65,536 at once.
    fn default() -> Self {
        Self::new(1 << 16)
    }
}

#[async_trait]
impl RateLimiter for InProcessLimiter {
    async fn take(&self, claims: &[Claim<'_>]) -> Result<Decision> {
        let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        // 0 stands for nobody yet.
        self.take_at(now.saturating_add(1), claims)
    }
}

/// What happens while nobody can count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Everybody is let in: availability first.
    #[default]
    Open,
    /// Nobody is let in.
    Closed,
}

/// How much each may ask; what is `None` is not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Each key.
    pub key: Option<Quota>,
    /// Each client.
    pub client: Option<Quota>,
    /// Each route, everybody together.
    pub route: Option<Quota>,
}

/// Who asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visitor<'a> {
    /// The key, or a hash of it. Only one that was checked: whoever makes up keys would have room for each.
    pub key: Option<&'a str>,
    /// Where the call comes from.
    pub client: Option<&'a str>,
    /// What is asked for.
    pub route: Option<&'a str>,
}

/// How long somebody may take to count; a limiter that takes longer counts as one that failed.
const PATIENCE: Duration = Duration::from_millis(500);

/// The rate limit: who may ask how much, and who counts.
#[derive(Clone)]
pub struct RateLimit {
    limiter: Arc<dyn RateLimiter>,
    quotas: Quotas,
    on_failure: OnFailure,
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("quotas", &self.quotas)
            .field("on_failure", &self.on_failure)
            .finish_non_exhaustive()
    }
}

impl RateLimit {
    /// A limit that this limiter counts.
    pub fn new(limiter: Arc<dyn RateLimiter>, quotas: Quotas, on_failure: OnFailure) -> Self {
        Self { limiter, quotas, on_failure }
    }

    /// Lets a visitor in.
    ///
    /// # Errors
    /// `rate_limited` with the time to come back; `unavailable` where nobody can count and the limit fails closed.
    pub async fn admit(&self, visitor: Visitor<'_>) -> Result<()> {
        let claim = |scope, who: Option<_>, quota: Option<_>| Some(Claim { scope, who: who?, quota: quota? });
        let claims = [
            claim(Scope::Client, visitor.client, self.quotas.client),
            claim(Scope::Key, visitor.key, self.quotas.key),
            claim(Scope::Route, visitor.route, self.quotas.route),
        ];
        let claims: Vec<_> = claims.into_iter().flatten().collect();
        if claims.is_empty() {
            return Ok(());
        }
        let counted = tokio::time::timeout(PATIENCE, self.limiter.take(&claims)).await;
        let counted = counted.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Unavailable, "who counts requests does not answer"))
        });
        match counted {
            Ok(Decision::Admitted) => Ok(()),
            Ok(Decision::Throttled { scope, retry_after }) => Err(too_often(scope, retry_after)),
            Err(error) if self.on_failure == OnFailure::Open => {
                tracing::warn!(%error, "nobody counts requests; they are let in");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn too_often(scope: Scope, retry_after: Duration) -> Error {
    Error::new(ErrorKind::RateLimited, "too many requests")
        .with_context("limit", scope.name())
        .with_retry_after(retry_after)
        .with_hint("the answer says when there is room again")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn claim<'a>(scope: Scope, who: &'a str, quota: &str) -> Claim<'a> {
        Claim { scope, who, quota: quota.parse().unwrap() }
    }

    #[test]
    fn one_who_asks_too_often_keeps_nobody_else_out() {
        let limiter = InProcessLimiter::default();
        let ask = |who| limiter.take_at(1, &[claim(Scope::Client, who, "2/minute")]).unwrap();
        assert_eq!([ask("a"), ask("a")], [Decision::Admitted; 2]);
        assert_eq!(
            ask("a"),
            Decision::Throttled { scope: Scope::Client, retry_after: Duration::from_secs(30) }
        );
        assert_eq!(ask("b"), Decision::Admitted);
    }

    #[test]
    fn what_one_claim_refuses_no_other_one_pays_for() {
        let limiter = InProcessLimiter::default();
        let (client, route) = (claim(Scope::Client, "a", "1/minute"), claim(Scope::Route, "a", "2/minute"));
        assert_eq!(limiter.take_at(1, &[client, route]).unwrap(), Decision::Admitted);
        for _ in 0..5 {
            assert!(matches!(
                limiter.take_at(1, &[client, route]).unwrap(),
                Decision::Throttled { scope: Scope::Client, .. }
            ));
        }
        assert_eq!(limiter.take_at(1, &[route]).unwrap(), Decision::Admitted, "the route has a place left");
    }

    #[test]
    fn a_full_table_says_so_and_forgets_who_may_ask_again_anyway() {
        let limiter = InProcessLimiter::new(2);
        let ask = |now, who| limiter.take_at(now, &[claim(Scope::Client, who, "1/second")]);
        ask(2 * SECOND, "a").unwrap();
        ask(2 * SECOND, "b").unwrap();
        assert_eq!(ask(2 * SECOND, "c").unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(ask(4 * SECOND, "c").unwrap(), Decision::Admitted);
        assert_eq!(limiter.table.lock().unwrap().arrivals.len(), 1);
    }

    struct Away;

    #[async_trait]
    impl RateLimiter for Away {
        async fn take(&self, _: &[Claim<'_>]) -> Result<Decision> {
            Err(Error::new(ErrorKind::Unavailable, "the store is away"))
        }
    }

    #[tokio::test]
    async fn while_nobody_counts_the_setting_decides() {
        let quotas = Quotas { client: Some("1/day".parse().unwrap()), ..Quotas::default() };
        let visitor = Visitor { client: Some("a"), ..Visitor::default() };
        let admit =
            async |on_failure| RateLimit::new(Arc::new(Away), quotas, on_failure).admit(visitor).await;
        assert!(admit(OnFailure::Open).await.is_ok());
        assert_eq!(admit(OnFailure::Closed).await.unwrap_err().kind(), ErrorKind::Unavailable);
        let nothing = RateLimit::new(Arc::new(Away), Quotas::default(), OnFailure::Closed);
        assert!(nothing.admit(visitor).await.is_ok(), "what is not limited is not counted");
    }

    struct Asleep;

    #[async_trait]
    impl RateLimiter for Asleep {
        async fn take(&self, _: &[Claim<'_>]) -> Result<Decision> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_answer_does_not_count() {
        let quotas = Quotas { client: Some("1/day".parse().unwrap()), ..Quotas::default() };
        let visitor = Visitor { client: Some("a"), ..Visitor::default() };
        let admit =
            async |on_failure| RateLimit::new(Arc::new(Asleep), quotas, on_failure).admit(visitor).await;
        assert!(admit(OnFailure::Open).await.is_ok());
        assert_eq!(admit(OnFailure::Closed).await.unwrap_err().kind(), ErrorKind::Unavailable);
    }

    #[tokio::test]
    async fn a_refusal_says_whose_limit_it_is_and_when_to_come_back() {
        let quotas = Quotas { route: Some("1/hour".parse().unwrap()), ..Quotas::default() };
        let limit = RateLimit::new(Arc::new(InProcessLimiter::default()), quotas, OnFailure::Open);
        let visitor = Visitor { route: Some("/api/v1/tasks"), ..Visitor::default() };
        limit.admit(visitor).await.unwrap();
        let error = limit.admit(visitor).await.unwrap_err();
        assert_eq!((error.kind(), error.context("limit")), (ErrorKind::RateLimited, Some("route")));
        assert!(error.retry_after().unwrap() > Duration::from_secs(3590));
    }
}
