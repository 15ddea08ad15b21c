//! Language models: what thinks, behind one small trait.
//!
//! Streaming is the only path: [`LanguageModel::stream`] is the one call to implement, and
//! [`LanguageModel::complete`] folds what it yields. Dropping a stream drops the connection, so that cancelling a
//! task stops the bill at once.
//!
//! A wire is implemented once for each protocol that is really different; vendors of one protocol are rows of a table.
//! Whatever is not a protocol (retries, fallbacks, limits, budgets, caches, redaction, traces) is a layer around an
//! `Arc<dyn LanguageModel>`.

mod allowance;
#[cfg(feature = "http")]
mod anthropic;
#[cfg(feature = "http")]
mod connect;
mod descriptor;
#[cfg(feature = "http")]
mod embeddings;
mod estimate;
pub mod layers;
mod live;
mod message;
mod models;
#[cfg(feature = "http")]
mod openai;
pub mod prompts;
mod reason;
mod reply;
mod request;
mod scripted;
#[cfg(feature = "http")]
mod secret;
pub mod structured;
#[cfg(feature = "http")]
pub mod vendors;
#[cfg(feature = "http")]
mod wire;

use std::pin::Pin;

use async_trait::async_trait;
use futures_util::Stream;

pub use allowance::{Allowance, Reservation};
#[cfg(feature = "http")]
pub use anthropic::AnthropicModel;
#[cfg(feature = "http")]
pub use connect::{ModelRef, Providers};
pub use descriptor::{Features, ModelDescriptor, Price};
#[cfg(feature = "http")]
pub use embeddings::OpenAiEmbedder;
pub use estimate::{input_tokens, text_tokens};
pub use live::{Live, LiveSink, Screen, Shown, WholePlaceholders, Words};
pub use message::{Image, Message, Part, Role, ToolCall, ToolResult};
pub use models::Models;
#[cfg(feature = "http")]
pub use openai::OpenAiModel;
pub use reason::Reason;
pub use reply::{Delta, FinishReason, Fold, ModelReply, TokenUsage};
pub use request::{CallContext, ModelRequest, OutputFormat, Purpose, Tool, ToolChoice};
pub use scripted::{ScriptedModel, ScriptedReply};
#[cfg(feature = "http")]
pub use secret::Secret;
#[cfg(feature = "http")]
pub use vendors::Vendors;
#[cfg(feature = "http")]
pub use wire::TimeLimits;

use crate::error::Result;

/// What a model says, piece by piece. Dropping it ends the call and closes its connection.
pub type ModelStream = Pin<Box<dyn Stream<Item = Result<Delta>> + Send>>;

/// A language model, near or far.
#[async_trait]
pub trait LanguageModel: Send + Sync {
    /// What it is, what it can do, what it costs.
    fn descriptor(&self) -> &ModelDescriptor;

    /// Begins an answer. It returns once the provider has begun to answer: what the provider refuses outright is an
    /// error here, what breaks later is an error in the stream, and the stream ends after its first error.
    ///
    /// A stream that ends without [`Delta::Finished`] was cut off; the wires yield an error then, never a silent end.
    ///
    /// # Errors
    /// `unauthorized`, `rate_limited`, `too_large` (context too long), `refused_by_reflex` (content refused),
    /// `budget_exceeded`, `timeout`, `unavailable`, `invalid_input`, `not_configured`.
    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream>;

    /// The whole answer: the fold of the stream.
    ///
    /// # Errors
    /// Those of [`stream`](Self::stream).
    async fn complete(&self, request: &ModelRequest) -> Result<ModelReply> {
        ModelReply::fold(self.descriptor(), self.stream(request).await?).await
    }
}
