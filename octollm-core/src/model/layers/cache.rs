//! Keeps whole answers, so that the same question is not paid for twice. Opt-in.
//!
//! **What is the same question?** The key is a hash over everything that could change the answer: vendor and model, the
//! whole request as it is serialised, and the tenant, so that nobody can find out what somebody else asked by timing
//! an answer. The layer stands below redaction: what it hashes and keeps has placeholders where people had names.
//!
//! **Which answers?** Complete ones only: an answer that was cut by its limit, withheld or broken is not kept. By
//! default only of requests with temperature 0: who asks for chance is given chance. Most providers sample where no
//! temperature is set, so an absent one counts as chance too; [`CacheOptions::sampled`] keeps those answers as well.
//!
//! **Many at once** share one call: one asks the model and streams, the others wait for its whole answer, until their
//! own deadlines at most. If the one who asks is dropped, one of those who wait asks in its place. A reader that is slow
//! slows those who wait for the same answer.

mod flight;
mod key;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::error::Result;
use crate::memory::{Cache, CacheKey};
use crate::model::{
    Delta, FinishReason, LanguageModel, ModelDescriptor, ModelReply, ModelRequest, ModelStream,
};
use crate::task::Usage;

/// What is kept, for whom and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheOptions {
    /// How long an answer is kept.
    pub ttl: Duration,
    /// Whose answers these are: answers are not shared between two names.
    pub tenant: String,
    /// Whether answers that chance had a part in are kept too.
    pub sampled: bool,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(24 * 3600), tenant: String::new(), sampled: false }
    }
}

/// Answers out of a cache where it can. A hit costs nothing and counts as `cache_hits` of the call's allowance.
///
/// Only whole answers are kept, by default only of requests with temperature 0, and under a hash of everything that could
/// change the answer: vendor, model, the whole request, the tenant. Of several who ask the same at once one asks the model,
/// and the others wait for its whole answer.
pub struct Cached {
    model: Arc<dyn LanguageModel>,
    cache: Arc<dyn Cache>,
    options: CacheOptions,
}

impl Cached {
    /// `model`, with its answers kept in `cache`.
    pub fn new(model: Arc<dyn LanguageModel>, cache: Arc<dyn Cache>, options: CacheOptions) -> Self {
        Self { model, cache, options }
    }

    fn key(&self, request: &ModelRequest) -> Option<CacheKey> {
        let repeatable = self.options.sampled || request.temperature == Some(0.0);
        repeatable.then(|| key::of(self.descriptor(), &self.options.tenant, request)).flatten()
    }

    /// A kept answer, if there is one that is whole. A cache that cannot be reached has none.
    async fn kept(&self, key: &CacheKey) -> Option<ModelReply> {
        let kept = self.cache.get(key).await;
        let kept = kept.inspect_err(|error| tracing::warn!(%error, "the cache of answers cannot be read"));
        decode(&kept.ok()??).filter(is_whole)
    }
}

#[async_trait]
impl LanguageModel for Cached {
    fn descriptor(&self) -> &ModelDescriptor {
        self.model.descriptor()
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream> {
        let Some(key) = self.key(request) else { return self.model.stream(request).await };
        if let Some(reply) = self.kept(&key).await {
            return Ok(replay(hit(reply, request)));
        }
        flight::streamed(self, key, request).await
    }

    async fn complete(&self, request: &ModelRequest) -> Result<ModelReply> {
        let Some(key) = self.key(request) else { return self.model.complete(request).await };
        if let Some(reply) = self.kept(&key).await {
            return Ok(hit(reply, request));
        }
        flight::whole(self, &key, request).await
    }
}

/// Only an answer that the model itself ended is kept.
fn is_whole(reply: &ModelReply) -> bool {
    matches!(reply.finish, FinishReason::Stop | FinishReason::ToolCalls)
}

/// Counts the hit.
fn hit(mut reply: ModelReply, request: &ModelRequest) -> ModelReply {
    tracing::debug!(model = %reply.model, "answered out of the cache");
    reply.usage = Usage { cache_hits: 1, ..Usage::default() };
    reply.tokens = None;
    if let Some(allowance) = &request.context.allowance {
        allowance.add(&reply.usage);
    }
    reply
}

/// The answer as a stream: each part in one piece.
fn replay(reply: ModelReply) -> ModelStream {
    let mut deltas = vec![Delta::Started { model: reply.model, id: reply.id }];
    deltas.extend(Some(reply.reasoning).filter(|text| !text.is_empty()).map(Delta::Reasoning));
    deltas.extend(reply.thoughts.into_iter().map(Delta::Thoughts));
    deltas.extend(Some(reply.text).filter(|text| !text.is_empty()).map(Delta::Text));
    let calls = reply.tool_calls.into_iter().enumerate();
    deltas.extend(calls.map(|(index, call)| Delta::ToolCall {
        index,
        id: Some(call.id),
        name: Some(call.name),
        arguments: call.arguments.as_str().map_or_else(|| call.arguments.to_string(), str::to_owned),
    }));
    deltas.push(Delta::Finished(reply.finish));
    Box::pin(stream::iter(deltas).map(Ok))
}

fn encode(reply: &ModelReply) -> Bytes {
    serde_json::to_vec(reply).unwrap_or_default().into()
}

fn decode(bytes: &[u8]) -> Option<ModelReply> {
    serde_json::from_slice(bytes).ok()
}
