//! Spares a provider that keeps failing.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use super::HELD_BACK;
use super::watch::{Ending, Watcher, watched};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{LanguageModel, ModelDescriptor, ModelRequest, ModelStream, Reason};
use crate::resilience::{Breaker, BreakerPermit, RetryAfter};

/// Refuses calls at once while its breaker is open. What came of a call is known when its stream ends; a stream that
/// is dropped before tells the breaker nothing.
pub struct Guard {
    model: Arc<dyn LanguageModel>,
    breaker: Breaker,
}

impl Guard {
    /// `model` behind this breaker, which several models of one provider may share.
    pub fn new(model: Arc<dyn LanguageModel>, breaker: Breaker) -> Self {
        Self { model, breaker }
    }
}

#[async_trait]
impl LanguageModel for Guard {
    fn descriptor(&self) -> &ModelDescriptor {
        self.model.descriptor()
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream> {
        let permit = self.breaker.try_acquire(Instant::now()).map_err(|RetryAfter(wait)| {
            Error::new(ErrorKind::Unavailable, "the model keeps failing and is not asked for a while")
                .with_context("model", self.descriptor().name())
                .with_context(HELD_BACK, "breaker")
                .with_retry_after(wait)
        })?;
        match self.model.stream(request).await {
            Ok(stream) => Ok(watched(stream, Pending(permit))),
            Err(error) => {
                Pending(permit).end(Ending::Failed(&error));
                Err(error)
            }
        }
    }
}

/// A call whose outcome is not known yet.
struct Pending(BreakerPermit);

impl Watcher for Pending {
    fn end(self, ending: Ending<'_>) {
        match ending {
            Ending::Complete => self.0.success(),
            Ending::Failed(error) if speaks_against_the_provider(error) => self.0.failure(Instant::now()),
            Ending::Failed(_) => self.0.success(),
            Ending::Abandoned => {}
        }
    }
}

/// A provider that refuses a request, or asks to be left in peace for a moment, is well.
fn speaks_against_the_provider(error: &Error) -> bool {
    match Reason::of(error) {
        Some(reason) => matches!(
            reason,
            Reason::Overloaded
                | Reason::ServerError
                | Reason::FirstByteTimeout
                | Reason::Stalled
                | Reason::Malformed
                | Reason::CutOff
                | Reason::Network
        ),
        None => matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout),
    }
}
