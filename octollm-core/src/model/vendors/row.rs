//! One row of the table.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::model::layers::RateOptions;
use crate::model::{Features, ModelDescriptor, Price};

/// The protocol that a vendor speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WireKind {
    /// `POST /chat/completions`.
    OpenAi,
    /// `POST /v1/messages`.
    Anthropic,
}

/// How a key is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    #[default]
    Bearer,
    /// `Authorization: Bearer KEY` where there is a key, nothing where there is none.
    Optional,
    /// `api-key: KEY`.
    ApiKey,
    /// `x-api-key: KEY`.
    XApiKey,
}

/// How an answer is held to a JSON Schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SchemaBy {
    /// By the protocol's own field.
    #[default]
    Native,
    /// By a tool that the model must use.
    Tool,
}

/// A vendor.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vendor {
    /// Where it stands among those that could be the default: the lowest with a key wins.
    #[serde(default = "last")]
    pub rank: u32,
    /// The protocol it speaks.
    pub wire: WireKind,
    /// Its address; absent where every customer has another.
    pub base_url: Option<String>,
    /// Variables that name another address; the first that is set wins.
    #[serde(default)]
    pub base_url_variables: Vec<String>,
    /// A variable that names its host the way Ollama does: `host`, `host:port` or a URL.
    pub host_variable: Option<String>,
    /// Variables that hold its key; the first that is set wins.
    #[serde(default)]
    pub key_variables: Vec<String>,
    /// Where answers are asked for, below the address; `{model}` stands for the model's name.
    #[serde(default = "chat_completions")]
    pub path: String,
    /// Where embeddings are asked for, below the address.
    #[serde(default = "embeddings")]
    pub embeddings_path: String,
    /// How the key is sent.
    #[serde(default)]
    pub auth: Auth,
    /// Headers of every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Parameters in the address of every request.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Variables that replace these parameters.
    #[serde(default)]
    pub query_variables: BTreeMap<String, String>,
    /// Whether it runs on this machine: costs nothing, and is looked for on its port.
    #[serde(default)]
    pub local: bool,
    /// The model that is used where none is named.
    pub default_model: Option<String>,
    /// The model for embeddings that is used where none is named.
    pub default_embedder: Option<String>,
    /// What its models can do.
    #[serde(default)]
    pub features: Features,
    /// How it wants to be asked.
    #[serde(default)]
    pub quirks: Quirks,
    /// How much one account may ask of it.
    #[serde(default)]
    pub limits: LimitsRow,
    /// What the row was checked against.
    #[serde(default)]
    pub checked: String,
    /// Its models; a name may end in `*`.
    #[serde(default)]
    pub model: BTreeMap<String, ModelRow>,
}

/// A model, or several whose names begin alike.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelRow {
    /// Tokens that one call may have, input and output together.
    pub context_tokens: Option<u64>,
    /// Tokens that one answer may have.
    pub max_output_tokens: Option<u32>,
    /// US dollars for a million tokens.
    pub price: Option<PriceRow>,
    /// Who said so, and when.
    pub source: String,
    /// What it can do, where that is not what the vendor's row says.
    pub features: Option<Features>,
    /// How it wants to be asked, where that is not what the vendor's row says.
    pub quirks: Quirks,
}

/// How much one account may ask. Depends on the account, so the built-in table says nothing of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsRow {
    /// Calls at once.
    pub concurrent: Option<NonZeroUsize>,
    /// Calls a minute.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Tokens a minute, read and written.
    pub tokens_per_minute: Option<NonZeroU64>,
}

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceRow {
    /// Read.
    pub input: f64,
    /// Written.
    pub output: f64,
    /// Read out of the prompt cache; as `input` where absent.
    pub cached_input: Option<f64>,
    /// Written into the prompt cache; as `input` where absent.
    pub cache_write: Option<f64>,
}

/// How somebody wants to be asked. Absent means: as the protocol's documentation has it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// The field that limits an answer's tokens; `max_tokens` where absent.
    pub max_tokens_field: Option<String>,
    /// Tokens that an answer may have where neither the caller nor the model's row says, and the protocol must be told.
    pub default_max_tokens: Option<u32>,
    /// Whether it takes `temperature` and `top_p`.
    pub sampling: Option<bool>,
    /// Whether it takes `stop`.
    pub stop: Option<bool>,
    /// The field for a seed; empty where it takes none.
    pub seed_field: Option<String>,
    /// Whether it takes `stream_options`. Those that do not send usage all the same.
    pub usage_option: Option<bool>,
    /// Its word for "must use a tool"; `required` where absent.
    pub required_tool: Option<String>,
    /// Whether a certain tool can be demanded.
    pub forced_tools: Option<bool>,
    /// Whether the body names the model; not where the address does.
    pub with_model: Option<bool>,
    /// How an answer is held to a schema.
    pub schema_by: Option<SchemaBy>,
    /// Fields of every request.
    pub with: Map<String, Value>,
    /// Fields of every request that has tools.
    pub with_tools: Map<String, Value>,
}

impl Quirks {
    /// These, and `below` where they are silent.
    #[must_use]
    pub fn over(mut self, below: &Self) -> Self {
        self.max_tokens_field = self.max_tokens_field.or_else(|| below.max_tokens_field.clone());
        self.default_max_tokens = self.default_max_tokens.or(below.default_max_tokens);
        self.sampling = self.sampling.or(below.sampling);
        self.stop = self.stop.or(below.stop);
        self.seed_field = self.seed_field.or_else(|| below.seed_field.clone());
        self.usage_option = self.usage_option.or(below.usage_option);
        self.required_tool = self.required_tool.or_else(|| below.required_tool.clone());
        self.forced_tools = self.forced_tools.or(below.forced_tools);
        self.with_model = self.with_model.or(below.with_model);
        self.schema_by = self.schema_by.or(below.schema_by);
        for (own, lower) in [(&mut self.with, &below.with), (&mut self.with_tools, &below.with_tools)] {
            for (key, value) in lower {
                own.entry(key).or_insert_with(|| value.clone());
            }
        }
        self
    }
}

impl Vendor {
    /// Every variable that it is configured by.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        let lists = [&self.key_variables, &self.base_url_variables];
        let listed =
            lists.into_iter().flatten().chain(&self.host_variable).chain(self.query_variables.values());
        listed.map(String::as_str)
    }

    /// The row that fits this model best: its own name, else the longest beginning.
    pub fn row(&self, model: &str) -> Option<&ModelRow> {
        let fits = self.model.iter().filter(|(name, _)| match name.strip_suffix('*') {
            Some(beginning) => model.starts_with(beginning),
            None => name.as_str() == model,
        });
        fits.max_by_key(|(name, _)| (!name.ends_with('*'), name.len())).map(|(_, row)| row)
    }

    pub(super) fn descriptor(&self, vendor: &str, model: &str) -> ModelDescriptor {
        let row = self.row(model);
        let free = self.local.then_some(Price::FREE);
        ModelDescriptor {
            vendor: vendor.to_owned(),
            model: model.to_owned(),
            context_tokens: row.and_then(|row| row.context_tokens),
            max_output_tokens: row.and_then(|row| row.max_output_tokens),
            features: row.and_then(|row| row.features).unwrap_or(self.features),
            price: row.and_then(|row| row.price).map(Price::from).or(free),
        }
    }

    pub(super) fn quirks(&self, model: &str) -> Quirks {
        let own = self.row(model).map(|row| row.quirks.clone());
        own.unwrap_or_default().over(&self.quirks)
    }
}

impl From<LimitsRow> for RateOptions {
    fn from(row: LimitsRow) -> Self {
        let usual = Self::default();
        Self {
            concurrent: row.concurrent.map_or(usual.concurrent, NonZeroUsize::get),
            requests_per_minute: row.requests_per_minute.map(NonZeroU32::get),
            tokens_per_minute: row.tokens_per_minute.map(NonZeroU64::get),
            ..usual
        }
    }
}

impl From<PriceRow> for Price {
    fn from(row: PriceRow) -> Self {
        Self {
            input: row.input,
            output: row.output,
            cached_input: row.cached_input.unwrap_or(row.input),
            cache_write: row.cache_write.unwrap_or(row.input),
        }
    }
}

fn last() -> u32 {
    1000
}

fn chat_completions() -> String {
    "chat/completions".to_owned()
}

fn embeddings() -> String {
    "embeddings".to_owned()
}
