//! Asks again after a failure that may pass.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::{held_back, watch};
use crate::error::{Error, Result};
use crate::model::{LanguageModel, ModelDescriptor, ModelReply, ModelRequest, ModelStream};
use crate::resilience::Backoff;

/// How often a call is made again, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryOptions {
    /// Calls in all, the first one included; 1 never retries.
    pub attempts: u32,
    /// How long to wait between two.
    pub backoff: Backoff,
    /// A provider that asks for a longer wait than this is not waited for: a fallback may answer meanwhile.
    pub patience: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        let backoff = Backoff { first: Duration::from_millis(500), ..Backoff::default() };
        Self { attempts: 3, backoff, patience: Duration::from_secs(20) }
    }
}

/// Makes a call again that failed temporarily, as long as nothing of the answer was passed on. What a layer of ours
/// held back (a breaker, a limit) is not asked again: that layer has said already when to come back.
///
/// No wait goes beyond the call's deadline: where it would, the failure is told at once.
pub struct Retry {
    model: Arc<dyn LanguageModel>,
    options: RetryOptions,
}

impl Retry {
    /// `model`, asked again.
    pub fn new(model: Arc<dyn LanguageModel>, options: RetryOptions) -> Self {
        Self { model, options }
    }

    async fn attempts<'a, T>(
        &'a self,
        request: &'a ModelRequest,
        call: impl Fn() -> BoxFuture<'a, Result<T>> + Send,
    ) -> Result<T> {
        let mut attempt = 1;
        loop {
            let error = match call().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(wait) = self.wait(attempt, &error, request) else { return Err(error) };
            tracing::debug!(
                model = %self.descriptor().name(), attempt, wait_ms = wait.as_millis() as u64, error = %error.summary(),
                "the model failed and is asked again"
            );
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// How long to wait before the next attempt, if there is to be one.
    fn wait(&self, attempt: u32, error: &Error, request: &ModelRequest) -> Option<Duration> {
        if attempt >= self.options.attempts || !error.is_temporary() || held_back(error) {
            return None;
        }
        let asked = error.retry_after();
        let random = RandomState::new().build_hasher().finish();
        let wait = self.options.backoff.delay(attempt, asked, random);
        let impatient = asked.is_some_and(|asked| asked > self.options.patience);
        let late = request.context.deadline.is_some_and(|deadline| Instant::now() + wait >= deadline);
        (!impatient && !late).then_some(wait)
    }
}

#[async_trait]
impl LanguageModel for Retry {
    fn descriptor(&self) -> &ModelDescriptor {
        self.model.descriptor()
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream> {
        self.attempts(request, || Box::pin(watch::begun(&*self.model, request))).await
    }

    /// Nothing is passed on before the end, so an answer that breaks off is asked for again too.
    async fn complete(&self, request: &ModelRequest) -> Result<ModelReply> {
        self.attempts(request, || self.model.complete(request)).await
    }
}
