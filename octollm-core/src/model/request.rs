//! What a model is asked.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::layers::CallRedactor;
use super::{Allowance, Live, Message};
use crate::task::{Priority, TaskId};

/// One call of a model. Everything that changes the answer is in its serialised form; what belongs to this one call
/// only (whose it is, what it may spend) is in [`CallContext`] and is not serialised.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelRequest {
    /// The conversation so far; system messages first.
    pub messages: Vec<Message>,
    /// Tools that the model may ask for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// Whether it must.
    pub tool_choice: ToolChoice,
    /// What the answer must look like.
    pub output: OutputFormat,
    /// Tokens that the answer may have; the model's own limit where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// 0 is the most predictable; the provider's default where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Nucleus sampling, 0..=1; the provider's default where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// The answer ends before the first of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// Makes answers repeatable where the provider supports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What the answer is for; decides which model is asked.
    pub purpose: Purpose,
    /// Whose call it is and what it may spend.
    #[serde(skip)]
    pub context: CallContext,
}

impl ModelRequest {
    /// A conversation, with every default.
    pub fn new(messages: Vec<Message>) -> Self {
        Self { messages, ..Self::default() }
    }
}

/// What an answer is for. Each purpose may have a model and fallbacks of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Reading what a goal asks for.
    Intent,
    /// Making or revising a plan.
    Planning,
    /// Writing code.
    Coding,
    /// Judging what was made.
    Judging,
    /// Anything else.
    #[default]
    General,
}

impl Purpose {
    /// The name, as it stands in settings: `intent`, `planning`, `coding`, `judging`, `general`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Planning => "planning",
            Self::Coding => "coding",
            Self::Judging => "judging",
            Self::General => "general",
        }
    }
}

/// Something that a model may ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// Letters, digits, `_` and `-`, 64 at most.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// JSON Schema of its arguments, an object.
    pub parameters: Value,
}

/// Whether a model must use a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// It may.
    #[default]
    Auto,
    /// It must not.
    None,
    /// It must use at least one.
    Required,
    /// It must use this one.
    Named(String),
}

/// What an answer must look like.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFormat {
    /// Anything.
    #[default]
    Text,
    /// A JSON object of any shape.
    Json,
    /// JSON of this shape, held by the provider where it can (see [`Features`](super::Features)). Nobody should rely
    /// on it alone: validate the answer.
    Schema {
        /// Letters, digits, `_` and `-`, 64 at most.
        name: String,
        /// JSON Schema of the answer.
        schema: Arc<Value>,
    },
}

/// Whose call it is and what it may spend. Changes nothing about the answer.
#[derive(Debug, Clone, Default)]
pub struct CallContext {
    /// The task, for traces.
    pub task_id: Option<TaskId>,
    /// The step of its plan, for traces.
    pub step: Option<u32>,
    /// Who is asked first where calls wait for a place.
    pub priority: Priority,
    /// When the answer is no longer of use.
    pub deadline: Option<Instant>,
    /// What may be spent and where it is counted; unlimited and uncounted where absent.
    pub allowance: Option<Arc<Allowance>>,
    /// Knows what is personal in the texts of the task; none where nobody does.
    pub redactor: Option<CallRedactor>,
    /// Where the words of the answer are shown while they come; nowhere where absent.
    pub live: Option<Live>,
}

/// Two requests are equal if they ask the same, whoever asks.
impl PartialEq for CallContext {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
