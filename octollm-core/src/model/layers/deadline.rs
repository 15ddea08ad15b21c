//! Ends a call at its deadline.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{LanguageModel, ModelDescriptor, ModelReply, ModelRequest, ModelStream};

/// Ends a call when its answer is no longer of use: the connection is dropped then, in the middle of a word if need be.
pub struct Deadline {
    model: Arc<dyn LanguageModel>,
}

impl Deadline {
    /// `model`, until each call's deadline.
    pub fn new(model: Arc<dyn LanguageModel>) -> Self {
        Self { model }
    }
}

#[async_trait]
impl LanguageModel for Deadline {
    fn descriptor(&self) -> &ModelDescriptor {
        self.model.descriptor()
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream> {
        let Some(deadline) = request.context.deadline else { return self.model.stream(request).await };
        let begun = timeout_at(deadline, self.model.stream(request)).await;
        let stream = begun.unwrap_or_else(|_| Err(passed()))?;
        Ok(Box::pin(until(stream, deadline)))
    }

    async fn complete(&self, request: &ModelRequest) -> Result<ModelReply> {
        match request.context.deadline {
            None => self.model.complete(request).await,
            Some(deadline) => {
                let reply = timeout_at(deadline, self.model.complete(request)).await;
                reply.unwrap_or_else(|_| Err(passed()))
            }
        }
    }
}

fn until(
    stream: ModelStream,
    deadline: Instant,
) -> impl futures_util::Stream<Item = Result<crate::model::Delta>> {
    stream::unfold(Some(stream), move |stream| async move {
        let mut stream = stream?;
        match timeout_at(deadline, stream.next()).await {
            Ok(Some(item)) => Some((item, Some(stream))),
            Ok(None) => None,
            Err(_) => Some((Err(passed()), None)),
        }
    })
}

fn passed() -> Error {
    Error::new(ErrorKind::Timeout, "the model had not finished its answer at the deadline")
        .with_hint("give the task a later `deadline_seconds`, or ask a faster model")
}
