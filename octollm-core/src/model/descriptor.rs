//! What a model is, what it can do, what it costs.

use serde::{Deserialize, Serialize};

use super::TokenUsage;
use crate::task::Usage;

/// What is known about a model before it is asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelDescriptor {
    /// Who serves it: the name of a row of the table of vendors, or of a host's own implementation.
    pub vendor: String,
    /// The model's name as that vendor knows it.
    pub model: String,
    /// Tokens that one call may have, input and output together; absent where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    /// Tokens that one answer may have; absent where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// What it can do.
    #[serde(default)]
    pub features: Features,
    /// What it costs; absent where that is not public. Local models cost nothing and say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// What a model can do beyond answering with text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Features {
    /// Holds an answer to a JSON Schema.
    pub json_schema: bool,
    /// Holds an answer to be some JSON object.
    pub json_object: bool,
    /// Asks for tools.
    pub tools: bool,
    /// Sees pictures.
    pub images: bool,
    /// Keeps prompts whose end is marked.
    pub prompt_cache: bool,
}

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// Read.
    pub input: f64,
    /// Written.
    pub output: f64,
    /// Read out of the provider's prompt cache.
    pub cached_input: f64,
    /// Written into the provider's prompt cache.
    pub cache_write: f64,
}

impl Price {
    /// A model that costs nothing.
    pub const FREE: Self = Self { input: 0.0, output: 0.0, cached_input: 0.0, cache_write: 0.0 };

    /// What these tokens cost, in US dollars.
    pub fn cost(&self, tokens: TokenUsage) -> f64 {
        let special = tokens.cached_input_tokens.saturating_add(tokens.cache_write_tokens);
        let plain = tokens.input_tokens.saturating_sub(special);
        let parts = [
            (plain, self.input),
            (tokens.cached_input_tokens, self.cached_input),
            (tokens.cache_write_tokens, self.cache_write),
            (tokens.output_tokens, self.output),
        ];
        parts.into_iter().map(|(count, price)| count as f64 * price / 1e6).sum()
    }
}

impl ModelDescriptor {
    /// `vendor/model`, as settings and traces name it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.vendor, self.model)
    }

    /// One call that used these tokens, in a task's terms.
    pub fn usage(&self, tokens: TokenUsage) -> Usage {
        Usage {
            input_tokens: tokens.input_tokens,
            output_tokens: tokens.output_tokens,
            cost_usd: self.price.map_or(0.0, |price| price.cost(tokens)),
            model_calls: 1,
            ..Usage::default()
        }
    }
}
