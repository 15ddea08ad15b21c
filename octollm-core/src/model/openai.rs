//! OpenAI's chat completions, which most vendors speak: `POST /chat/completions` with server-sent events.
//!
//! Protocol: <https://platform.openai.com/docs/api-reference/chat>. What a vendor does differently is data: see
//! [`Quirks`].

mod body;
mod calls;
mod chunk;
mod decoder;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

use super::vendors::Quirks;
use super::wire::{self, Endpoint};
use super::{LanguageModel, ModelDescriptor, ModelRequest, ModelStream};
use crate::error::Result;

/// A model behind chat completions.
#[derive(Debug)]
pub struct OpenAiModel {
    descriptor: ModelDescriptor,
    quirks: Quirks,
    endpoint: Endpoint,
}

impl OpenAiModel {
    pub(super) fn new(descriptor: ModelDescriptor, quirks: Quirks, endpoint: Endpoint) -> Self {
        Self { descriptor, quirks, endpoint }
    }
}

#[async_trait]
impl LanguageModel for OpenAiModel {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream> {
        let body = body::of(request, &self.descriptor, &self.quirks)?;
        let deadline = request.context.deadline;
        let response = self.endpoint.post(body, "text/event-stream, application/json", deadline).await?;
        Ok(wire::stream(&self.endpoint, response, decoder::ChatDecoder::default(), deadline))
    }
}
