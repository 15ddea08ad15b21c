//! What a goal asks for, once it has been read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A goal, read: which capabilities it needs and how much work it looks like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ParsedIntent {
    /// The goal, cleaned up.
    pub goal: String,
    /// Capabilities that the work needs, such as `code_generation`.
    #[serde(default)]
    pub required_capabilities: Vec<String>,
    /// What the result must respect.
    #[serde(default)]
    pub constraints: Vec<String>,
    /// Data that the goal itself contains.
    #[serde(default)]
    pub context: Map<String, Value>,
    /// How much work it looks like.
    pub complexity: Complexity,
    /// How sure the parser is, 0..=1; absent where the parser cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Who read it.
    pub source: IntentSource,
}

/// How much work a goal looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Complexity {
    /// One step.
    Simple,
    /// A few steps.
    Medium,
    /// Many steps, or steps that depend on what earlier ones find.
    Complex,
}

/// Who read the goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IntentSource {
    /// A language model.
    Model,
    /// The built-in rules.
    Rules,
}
