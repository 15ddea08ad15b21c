//! Anthropic's messages: `POST /v1/messages` with server-sent events.
//!
//! Protocol: <https://platform.claude.com/docs/en/api/messages>. A structured answer is asked for natively where the
//! model can do that and the schema fits, else by a tool that the model must use, whose input then is the answer.

mod body;
mod decoder;
mod event;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

use super::vendors::Quirks;
use super::wire::{self, Endpoint};
use super::{LanguageModel, ModelDescriptor, ModelRequest, ModelStream};
use crate::error::Result;

/// A model behind messages.
#[derive(Debug)]
pub struct AnthropicModel {
    descriptor: ModelDescriptor,
    quirks: Quirks,
    endpoint: Endpoint,
}

impl AnthropicModel {
    pub(super) fn new(descriptor: ModelDescriptor, quirks: Quirks, endpoint: Endpoint) -> Self {
        Self { descriptor, quirks, endpoint }
    }
}

#[async_trait]
impl LanguageModel for AnthropicModel {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream> {
        let shape = body::Shape::of(request, &self.quirks);
        let body = body::of(request, &self.descriptor, &self.quirks, &shape)?;
        let deadline = request.context.deadline;
        let response = self.endpoint.post(body, "text/event-stream, application/json", deadline).await?;
        let decoder = decoder::MessageDecoder::new(shape.answer_tool());
        Ok(wire::stream(&self.endpoint, response, decoder, deadline))
    }
}
