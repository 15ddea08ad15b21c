//! What is said to a model and by it: messages of parts.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The program: what the model is to do, and how.
    System,
    /// Who asks; also the results of tools.
    User,
    /// The model.
    Assistant,
}

/// One turn of a conversation.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
    /// Whether everything up to here is the same in many calls and worth keeping in the provider's prompt cache.
    /// A hint: a wire that has no markers ignores it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cache: bool,
}

/// A part of a message.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Words.
    Text(String),
    /// A picture; from a user only.
    Image(Image),
    /// A call that the model asks for; from the assistant only.
    ToolCall(ToolCall),
    /// What a tool answered; from the user only.
    ToolResult(ToolResult),
    /// A block of thoughts, exactly as the provider gave it (see [`ModelReply::thoughts`](super::ModelReply::thoughts));
    /// from the assistant only, before everything else. A wire that does not know such blocks leaves it out.
    Thoughts(Value),
}

/// A picture.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Image {
    /// Somewhere that the provider can reach.
    Url(String),
    /// Here.
    Bytes {
        /// For example `image/png`.
        media_type: String,
        /// The file as it is, not encoded.
        data: Arc<[u8]>,
    },
}

/// A call of a tool that a model asks for.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Names this call; its result refers to it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// What it is called with: an object, or the raw text as a string where the model wrote no valid JSON.
    pub arguments: Value,
}

/// What a tool answered.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The call's id.
    pub call_id: String,
    /// The answer.
    pub content: String,
    /// Whether the tool failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
}

impl Message {
    /// A message of these parts.
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts, cache: false }
    }

    /// What the model is to do, and how.
    pub fn system(text: impl Into<String>) -> Self {
        Self::new(Role::System, vec![Part::Text(text.into())])
    }

    /// What is asked.
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Role::User, vec![Part::Text(text.into())])
    }

    /// What the model said.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::new(Role::Assistant, vec![Part::Text(text.into())])
    }

    /// Results of tools, in one message.
    pub fn tool_results(results: impl IntoIterator<Item = ToolResult>) -> Self {
        Self::new(Role::User, results.into_iter().map(Part::ToolResult).collect())
    }

    /// Marks the end of what is worth caching at the provider.
    #[must_use]
    pub fn cached(mut self) -> Self {
        self.cache = true;
        self
    }

    /// Its text parts, one after the other.
    pub fn text(&self) -> String {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }
}

/// Prompts are what people wrote: `Debug` tells sizes, so that no log repeats them.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.role, self.parts)
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "text of {} bytes", text.len()),
            Self::Image(Image::Url(_)) => f.write_str("image by URL"),
            Self::Image(Image::Bytes { media_type, data }) => {
                write!(f, "{media_type} of {} bytes", data.len())
            }
            Self::ToolCall(call) => write!(f, "{call:?}"),
            Self::ToolResult(result) => write!(f, "{result:?}"),
            Self::Thoughts(_) => f.write_str("thoughts"),
        }
    }
}

impl fmt::Debug for ToolCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call of `{}`", self.name)
    }
}

impl fmt::Debug for ToolResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tool result of {} bytes", self.content.len())
    }
}
