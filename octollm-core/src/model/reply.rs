//! What a model answers: deltas, and their fold.

use std::collections::BTreeMap;
use std::fmt;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Message, ModelDescriptor, ModelStream, Part, Reason, Role, ToolCall};
use crate::error::{Error, Result};
use crate::task::Usage;

/// A piece of an answer. Comes in any number and order, except that [`Finished`](Self::Finished) and
/// [`Usage`](Self::Usage) come after everything else.
#[derive(Clone, PartialEq)]
pub enum Delta {
    /// The provider's own names for what answers: the exact model, and the answer's id.
    Started {
        /// For example `gpt-4o-mini-2024-07-18`.
        model: String,
        /// The provider's id of this answer, for its support.
        id: Option<String>,
    },
    /// Words of the answer. Never empty.
    Text(String),
    /// Words that the model thinks before it answers, where the provider shows them. Never part of the answer.
    Reasoning(String),
    /// A whole block of thoughts as the provider gave it, to be handed back unchanged; [`Reasoning`](Self::Reasoning) has
    /// had its words already.
    Thoughts(Value),
    /// A piece of a tool call.
    ToolCall {
        /// Which one; pieces of one call share it.
        index: usize,
        /// Comes once.
        id: Option<String>,
        /// Comes once.
        name: Option<String>,
        /// The next piece of the arguments' JSON text.
        arguments: String,
    },
    /// Tokens used; a later one replaces an earlier one.
    Usage(TokenUsage),
    /// Why the answer ended.
    Finished(FinishReason),
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// It is complete, or a stop sequence came.
    Stop,
    /// It reached the limit of tokens: what there is may be cut anywhere.
    Length,
    /// The model waits for tools.
    ToolCalls,
    /// The provider withheld the rest.
    ContentFilter,
    /// The provider's own word for something else.
    Other(String),
}

/// Tokens of one call, as the provider counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenUsage {
    /// Tokens read, those out of and into the provider's cache included.
    pub input_tokens: u64,
    /// Tokens written, those of reasoning included.
    pub output_tokens: u64,
    /// Of the input: read out of the provider's prompt cache.
    pub cached_input_tokens: u64,
    /// Of the input: written into the provider's prompt cache.
    pub cache_write_tokens: u64,
}

/// A whole answer.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelReply {
    /// The exact model, as the provider names it.
    pub model: String,
    /// The provider's id of this answer.
    pub id: Option<String>,
    /// The words.
    pub text: String,
    /// What the model thought before, where the provider shows it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// Blocks of thoughts that the provider wants to see again, unchanged and first, where this answer becomes part of the
    /// conversation: it checks that the thoughts before a tool call are its own. Names in them stay placeholders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thoughts: Vec<Value>,
    /// Tools that it asks for, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Why it ended.
    pub finish: FinishReason,
    /// Tokens, where the provider counts them.
    pub tokens: Option<TokenUsage>,
    /// Tokens and money in a task's terms; money is 0 where the price is not known.
    pub usage: Usage,
}

impl ModelReply {
    /// The answer as a turn of the conversation, for those who go on with it: thoughts, words, tool calls.
    pub fn message(&self) -> Message {
        let mut parts: Vec<_> = self.thoughts.iter().cloned().map(Part::Thoughts).collect();
        parts.extend(Some(self.text.clone()).filter(|text| !text.is_empty()).map(Part::Text));
        parts.extend(self.tool_calls.iter().cloned().map(Part::ToolCall));
        Message::new(Role::Assistant, parts)
    }

    /// Folds a stream.
    ///
    /// # Errors
    /// The stream's first error; `unavailable` (temporary) if it ends without saying why.
    pub async fn fold(descriptor: &ModelDescriptor, mut stream: ModelStream) -> Result<Self> {
        let mut fold = Fold::default();
        while let Some(delta) = stream.next().await {
            fold.push(delta?);
        }
        fold.finish(descriptor)
    }
}

/// A fold in progress: for those who pass deltas on while they collect the answer.
#[derive(Default)]
pub struct Fold {
    model: Option<String>,
    id: Option<String>,
    text: String,
    reasoning: String,
    thoughts: Vec<Value>,
    calls: BTreeMap<usize, PartialCall>,
    tokens: Option<TokenUsage>,
    finish: Option<FinishReason>,
}

#[derive(Default)]
struct PartialCall {
    id: Option<String>,
    name: Option<String>,
    arguments: String,
}

impl Fold {
    /// Takes the next piece in.
    pub fn push(&mut self, delta: Delta) {
        match delta {
            Delta::Started { model, id } => {
                self.model = Some(model);
                self.id = id;
            }
            Delta::Text(text) => self.text.push_str(&text),
            Delta::Reasoning(text) => self.reasoning.push_str(&text),
            Delta::Thoughts(block) => self.thoughts.push(block),
            Delta::ToolCall { index, id, name, arguments } => {
                let call = self.calls.entry(index).or_default();
                call.id = id.or(call.id.take());
                call.name = name.or(call.name.take());
                call.arguments.push_str(&arguments);
            }
            Delta::Usage(tokens) => self.tokens = Some(tokens),
            Delta::Finished(reason) => self.finish = Some(reason),
        }
    }

    /// The whole answer.
    ///
    /// # Errors
    /// `unavailable` (temporary) if nothing said that it had ended.
    pub fn finish(self, descriptor: &ModelDescriptor) -> Result<ModelReply> {
        let Some(finish) = self.finish else { return Err(cut_off()) };
        let calls = self.calls.into_iter().map(|(index, call)| call.finish(index));
        Ok(ModelReply {
            model: self.model.unwrap_or_else(|| descriptor.model.clone()),
            id: self.id,
            text: self.text,
            reasoning: self.reasoning,
            thoughts: self.thoughts,
            tool_calls: calls.collect(),
            finish,
            tokens: self.tokens,
            usage: descriptor.usage(self.tokens.unwrap_or_default()),
        })
    }
}

impl PartialCall {
    fn finish(self, index: usize) -> ToolCall {
        let empty = self.arguments.trim().is_empty();
        let arguments = if empty {
            Ok(Value::Object(serde_json::Map::new()))
        } else {
            serde_json::from_str(&self.arguments)
        };
        ToolCall {
            id: self.id.unwrap_or_else(|| format!("call-{index}")),
            name: self.name.unwrap_or_default(),
            arguments: arguments.unwrap_or(Value::String(self.arguments)),
        }
    }
}

fn cut_off() -> Error {
    Reason::CutOff.error("the model's answer was cut off before its end")
}

/// An answer may hold what a user wrote: `Debug` tells sizes.
impl fmt::Debug for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { model, .. } => write!(f, "started by {model}"),
            Self::Text(text) => write!(f, "text of {} bytes", text.len()),
            Self::Reasoning(text) => write!(f, "reasoning of {} bytes", text.len()),
            Self::Thoughts(_) => f.write_str("thoughts"),
            Self::ToolCall { index, .. } => write!(f, "piece of tool call {index}"),
            Self::Usage(tokens) => write!(f, "{tokens:?}"),
            Self::Finished(reason) => write!(f, "finished: {reason:?}"),
        }
    }
}

impl fmt::Debug for ModelReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelReply")
            .field("model", &self.model)
            .field("text_bytes", &self.text.len())
            .field("tool_calls", &self.tool_calls)
            .field("finish", &self.finish)
            .field("usage", &self.usage)
            .finish_non_exhaustive()
    }
}
