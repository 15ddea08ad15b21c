//! Asks no more of a provider than it takes: calls at once, calls a minute, tokens a minute.

mod bucket;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use self::bucket::Bucket;
use super::tally::Tally;
use super::watch::{Ending, Watcher, watched};
use super::{HELD_BACK, held_back};
use crate::error::{Error, ErrorKind, Result};
use crate::model::estimate::input_tokens;
use crate::model::{Delta, LanguageModel, ModelDescriptor, ModelRequest, ModelStream};
use crate::resilience::{Gate, Permit};
use crate::task::Priority;

/// Tokens that an answer is taken to have before it is there, where the request names no limit.
const USUAL_ANSWER: u64 = 1_000;

/// What a provider takes. Nothing binds where nothing is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateOptions {
    /// Calls at once.
    pub concurrent: usize,
    /// Calls that may wait for a free place; more are refused at once.
    pub max_waiting: usize,
    /// Calls a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens a minute, read and written.
    pub tokens_per_minute: Option<u64>,
}

impl Default for RateOptions {
    fn default() -> Self {
        Self { concurrent: 64, max_waiting: 10_000, requests_per_minute: None, tokens_per_minute: None }
    }
}

/// What a provider takes, and what it has been asked just now. Clones share both: models of one account share one.
#[derive(Debug, Clone)]
pub struct Limits {
    gate: Gate,
    rates: Arc<Mutex<Rates>>,
}

#[derive(Debug)]
struct Rates {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
}

impl Limits {
    /// Everything is free.
    pub fn new(options: RateOptions) -> Self {
        let now = Instant::now();
        let rates = Rates {
            requests: options.requests_per_minute.map(|rate| Bucket::new(rate.into(), now)),
            tokens: options.tokens_per_minute.map(|rate| Bucket::new(rate, now)),
        };
        let gate = Gate::new(options.concurrent.max(1), options.max_waiting);
        Self { gate, rates: Arc::new(Mutex::new(rates)) }
    }

    /// Waits for a place until the deadline, behind those that are more urgent.
    async fn place(&self, priority: Priority, deadline: Option<Instant>) -> Result<Permit> {
        let place = self.gate.acquire(priority);
        match deadline {
            None => place.await.map_err(told),
            Some(deadline) => match tokio::time::timeout_at(deadline, place).await {
                Ok(place) => place.map_err(told),
                Err(_) => Err(late(Duration::from_secs(1))),
            },
        }
    }

    /// Takes so many tokens of the minute, and says how long to wait for them.
    fn take(&self, tokens: u64, deadline: Option<Instant>) -> Result<(Taken, Duration)> {
        let (now, mut rates) = (Instant::now(), self.rates());
        let wait = rates.wait(tokens, now);
        if deadline.is_some_and(|deadline| now + wait >= deadline && !wait.is_zero()) {
            return Err(late(wait));
        }
        rates.take(tokens);
        drop(rates);
        Ok((Taken { limits: self.clone(), tokens, called: false }, wait))
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rates {
    fn wait(&mut self, tokens: u64, now: Instant) -> Duration {
        let requests = self.requests.as_mut().map(|bucket| bucket.wait(1, now));
        let tokens = self.tokens.as_mut().map(|bucket| bucket.wait(tokens, now));
        requests.max(tokens).unwrap_or_default()
    }

    fn take(&mut self, tokens: u64) {
        self.requests.iter_mut().for_each(|bucket| bucket.take(1));
        self.tokens.iter_mut().for_each(|bucket| bucket.take(tokens));
    }
}

/// What a call took of the minute. Whatever it did not use goes back: all of it if it was never made, what it was
/// estimated too high if it was.
#[derive(Debug)]
struct Taken {
    limits: Limits,
    tokens: u64,
    called: bool,
}

impl Taken {
    /// The call used this much, which may be more than was taken.
    fn settle(&mut self, used: u64) {
        if let Some(bucket) = &mut self.limits.rates().tokens {
            bucket.give_back(self.tokens);
            bucket.take(used);
        }
        self.tokens = 0;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.called {
            return;
        }
        let mut rates = self.limits.rates();
        rates.requests.iter_mut().for_each(|bucket| bucket.give_back(1));
        rates.tokens.iter_mut().for_each(|bucket| bucket.give_back(self.tokens));
    }
}

/// Waits until the provider may be asked, until the call's deadline at most.
pub struct Limit {
    model: Arc<dyn LanguageModel>,
    limits: Limits,
}

impl Limit {
    /// `model` within these limits.
    pub fn new(model: Arc<dyn LanguageModel>, limits: Limits) -> Self {
        Self { model, limits }
    }
}

#[async_trait]
impl LanguageModel for Limit {
    fn descriptor(&self) -> &ModelDescriptor {
        self.model.descriptor()
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream> {
        let deadline = request.context.deadline;
        let place = self.limits.place(request.context.priority, deadline).await?;
        let input = input_tokens(request);
        let answer = request.max_output_tokens.map_or(USUAL_ANSWER, |most| USUAL_ANSWER.min(most.into()));
        let (mut taken, wait) = self.limits.take(input + answer, deadline)?;
        if !wait.is_zero() {
            tracing::debug!(model = %self.descriptor().name(), wait_ms = wait.as_millis() as u64, "waiting for the rate");
            tokio::time::sleep(wait).await;
        }
        match self.model.stream(request).await {
            Ok(stream) => {
                taken.called = true;
                Ok(watched(stream, Meter { taken, _place: place, tally: Tally::new(input) }))
            }
            Err(error) => {
                // Who was refused by the provider has called; who was held back by a breaker has not.
                taken.called = !held_back(&error);
                if taken.called {
                    taken.settle(0);
                }
                Err(error)
            }
        }
    }
}

/// Keeps the place and counts what is used.
struct Meter {
    taken: Taken,
    _place: Permit,
    tally: Tally,
}

impl Watcher for Meter {
    fn delta(&mut self, delta: &Delta) {
        self.tally.delta(delta);
    }

    fn end(mut self, ending: Ending<'_>) {
        let used = self.tally.used(ending);
        self.taken.settle(used.input_tokens.saturating_add(used.output_tokens));
    }
}

fn told(error: Error) -> Error {
    error.with_context(HELD_BACK, "limit")
}

fn late(wait: Duration) -> Error {
    Error::new(ErrorKind::RateLimited, "the limit of calls to this model leaves none before the deadline")
        .with_context(HELD_BACK, "limit")
        .with_retry_after(wait)
        .with_hint("allow more calls or tokens a minute, or give the task more time")
}
