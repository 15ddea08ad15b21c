//! What comes: the fields of a chunk, or of a whole answer, that matter. Everything is optional, because some server
//! leaves it out.

use serde::Deserialize;
use serde_json::Value;

use crate::model::TokenUsage;

/// A chunk of an answer, or a whole one.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) usage: Option<Usage>,
    #[serde(default)]
    pub(super) error: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    pub(super) index: u32,
    /// In a chunk.
    pub(super) delta: Option<Said>,
    /// In a whole answer.
    pub(super) message: Option<Said>,
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Said {
    pub(super) content: Option<Content>,
    /// DeepSeek's, vLLM's and llama.cpp's name for thoughts.
    pub(super) reasoning_content: Option<String>,
    /// OpenRouter's, Groq's and Ollama's.
    pub(super) reasoning: Option<String>,
    /// Why the model declines: its answer in other words.
    pub(super) refusal: Option<String>,
    pub(super) tool_calls: Option<Vec<CallPiece>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    /// Mistral's, where the model thinks.
    Parts(Vec<ContentPart>),
}

#[derive(Debug, Deserialize)]
pub(super) struct ContentPart {
    pub(super) text: Option<String>,
    pub(super) thinking: Option<Vec<ContentPart>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CallPiece {
    pub(super) index: Option<usize>,
    pub(super) id: Option<String>,
    pub(super) function: Option<FunctionPiece>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct FunctionPiece {
    pub(super) name: Option<String>,
    /// JSON text; an object in some servers' answers.
    #[serde(default)]
    pub(super) arguments: Value,
}

/// `completion_tokens` has the tokens of thoughts in it, `prompt_tokens` those out of the cache.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
    /// DeepSeek's own.
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

impl From<Usage> for TokenUsage {
    fn from(usage: Usage) -> Self {
        let details = usage.prompt_tokens_details.unwrap_or_default();
        Self {
            input_tokens: usage.prompt_tokens.unwrap_or_default(),
            output_tokens: usage.completion_tokens.unwrap_or_default(),
            cached_input_tokens: details.cached_tokens.or(usage.prompt_cache_hit_tokens).unwrap_or_default(),
            cache_write_tokens: details.cache_write_tokens.unwrap_or_default(),
        }
    }
}
