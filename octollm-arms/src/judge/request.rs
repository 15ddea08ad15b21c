//! What the judge is asked: the wire type of `POST /execute` and of the library alike.

use octollm_core::schema::{self, Validator};
use octollm_core::{Error, Fault, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Bytes of an output, and of all sources together.
const MOST_BYTES: usize = 1 << 20;
/// Criteria of one request.
const MOST_CRITERIA: usize = 50;
/// Characters of a criterion.
const LONGEST_CRITERION: usize = 2_000;
/// Sources of one request.
const MOST_SOURCES: usize = 200;

/// What an output is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValidationType {
    /// `expected_schema`.
    Schema,
    /// The grammar of the code's language.
    Syntax,
    /// Metrics of the code.
    Quality,
    /// `acceptance_criteria`.
    Criteria,
    /// `trusted_sources`.
    Facts,
    /// What must not go further: personal data, secrets, injections, payloads.
    Safety,
}

impl ValidationType {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Schema, Self::Syntax, Self::Quality, Self::Criteria, Self::Facts, Self::Safety];

    /// The name, as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Syntax => "syntax",
            Self::Quality => "quality",
            Self::Criteria => "criteria",
            Self::Facts => "facts",
            Self::Safety => "safety",
        }
    }
}

/// A text that is taken for true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TrustedSource {
    /// The text alone.
    Text(String),
    /// The text and where it is from, as a retriever answers it.
    Named {
        /// The text.
        content: String,
        /// Where it is from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
    },
}

impl TrustedSource {
    /// Where it is from, if that is said.
    pub fn source(&self) -> Option<&str> {
        match self {
            Self::Text(_) => None,
            Self::Named { source, .. } => source.as_deref(),
        }
    }

    /// The text.
    pub fn content(&self) -> &str {
        match self {
            Self::Text(content) | Self::Named { content, .. } => content,
        }
    }
}

/// What is to be judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JudgeRequest {
    /// What somebody made: text, or any JSON; 1 MiB at most. Code is a text with a `language` in the context, a text that is
    /// one fenced block, or the `code` and `tests` of an object, as a coder answers them.
    pub output: Value,
    /// What it is held against; where absent or empty, whatever the request has the means for: a schema, code in a known
    /// language, criteria, sources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation_types: Vec<ValidationType>,
    /// What the output must be or have, in words; 50 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub acceptance_criteria: Vec<String>,
    /// The JSON Schema that the output must satisfy. A text is read as JSON, unless the schema wants a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_schema: Option<Value>,
    /// What the output's statements are held against; 200 texts and 1 MiB at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub trusted_sources: Vec<TrustedSource>,
    /// Anything else that helps. `language` names the language of the code.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
}

impl JudgeRequest {
    /// A judgement of this output; what it is held against is still to be said.
    pub fn new(output: impl Into<Value>) -> Self {
        Self {
            output: output.into(),
            validation_types: Vec::new(),
            acceptance_criteria: Vec::new(),
            expected_schema: None,
            trusted_sources: Vec::new(),
            context: Map::new(),
        }
    }

    /// Reads and checks a request.
    ///
    /// # Errors
    /// `invalid_input` with every fault and its place.
    pub fn from_value(value: Value) -> Result<Self> {
        let faults = Validator::of::<Self>().faults(&value);
        if !faults.is_empty() {
            return Err(invalid(faults));
        }
        let request: Self = schema::from_value(value, "the judge's request")?;
        request.validate()?;
        Ok(request)
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// `invalid_input` with every fault and its place.
    pub fn validate(&self) -> Result<()> {
        let mut faults = Vec::new();
        if schema::json_len(&self.output, MOST_BYTES).is_none() {
            faults.push(Fault::new("/output", "must have 1 MiB at most"));
        }
        if self.acceptance_criteria.len() > MOST_CRITERIA {
            faults.push(Fault::new("/acceptance_criteria", format!("must be {MOST_CRITERIA} at most")));
        }
        for (index, criterion) in self.acceptance_criteria.iter().enumerate() {
            if criterion.trim().is_empty() || criterion.chars().count() > LONGEST_CRITERION {
                let detail =
                    format!("must have 1 to {LONGEST_CRITERION} characters that are not all white space");
                faults.push(Fault::new(format!("/acceptance_criteria/{index}"), detail));
            }
        }
        let sources = self.trusted_sources.iter().map(|source| source.content().len()).sum::<usize>();
        if self.trusted_sources.len() > MOST_SOURCES || sources > MOST_BYTES {
            faults.push(Fault::new("/trusted_sources", format!("must be {MOST_SOURCES} and 1 MiB at most")));
        }
        if let Some(schema) = &self.expected_schema
            && let Err(detail) = Validator::compile(schema)
        {
            faults.push(Fault::new("/expected_schema", format!("is no JSON Schema: {detail}")));
        }
        if faults.is_empty() { Ok(()) } else { Err(invalid(faults)) }
    }

    /// The language that the caller, or else the output itself, names for the code.
    pub(super) fn language(&self) -> Option<&str> {
        let named = self.context.get("language").or_else(|| self.output.get("language"));
        named.and_then(Value::as_str).map(str::trim).filter(|language| !language.is_empty())
    }
}

pub(super) fn invalid(faults: Vec<Fault>) -> Error {
    Error::invalid("the judge's request is invalid", faults).with_hint(
        "send {\"output\": ..., \"expected_schema\": {...}}, or `acceptance_criteria`, `trusted_sources`, or `context` with a \
         `language`; `validation_types` (schema, syntax, quality, criteria, facts, safety) chooses among them",
    )
}
