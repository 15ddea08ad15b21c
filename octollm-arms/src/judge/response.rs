//! What the judge answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::request::ValidationType;

/// How bad an issue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IssueSeverity {
    /// The output is not valid.
    Error,
    /// Somebody should look at it.
    Warning,
    /// Worth knowing: what could not be verified, and why.
    Info,
}

/// Where something stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JudgeLocation {
    /// JSON pointer into the output; empty for the whole of it.
    pub pointer: String,
    /// Line within the text there, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column in characters, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// Something that is wrong, doubtful or unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JudgeIssue {
    /// How bad it is.
    pub severity: IssueSeverity,
    /// Which check says so.
    #[serde(rename = "type")]
    pub validation_type: ValidationType,
    /// What it is.
    pub message: String,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<JudgeLocation>,
    /// What could be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

/// What came of a check or a criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It was looked at and is as it should be.
    Passed,
    /// It was looked at and is not.
    Failed,
    /// Nobody could look at it.
    Unverified,
}

/// One check: what came of it, and how that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckReport {
    /// Which one.
    #[serde(rename = "type")]
    pub validation_type: ValidationType,
    /// What came of it.
    pub status: Status,
    /// How that is known, or why it is not.
    pub explanation: String,
}

/// Who decided about a criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// A rule: it can be counted or looked up.
    Rule,
    /// The output's own tests, which were run.
    Tests,
    /// A language model.
    Model,
    /// Nobody.
    Nobody,
}

/// One criterion: what came of it, and how that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CriterionReport {
    /// The criterion, as it was given.
    pub criterion: String,
    /// What came of it.
    pub status: Status,
    /// Who decided.
    pub decided_by: DecidedBy,
    /// Why.
    pub reason: String,
}

/// A judgement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JudgeResponse {
    /// Whether no error was found. What could not be verified is no error.
    pub valid: bool,
    /// Of all measurements of quality, the part that keeps its threshold, 0..=1; absent where nothing was measured.
    /// `metrics` and `checks` say which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    pub quality_score: Option<f64>,
    /// How sure the judgement is, 0..=1. Of an invalid output: how sure the surest error is. Else the mean over all checks and
    /// criteria of how sure whoever decided is: 1 for a rule and for tests, what a model stated, 0 for what nobody verified.
    #[schemars(range(min = 0, max = 1))]
    pub confidence: f64,
    /// What was found, errors first; 200 at most.
    pub issues: Vec<JudgeIssue>,
    /// Issues beyond these.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: usize,
    /// Criteria that are met.
    pub passed_criteria: Vec<String>,
    /// Criteria that are not.
    pub failed_criteria: Vec<String>,
    /// Criteria that nobody could decide about.
    pub unverified_criteria: Vec<String>,
    /// Every check: what came of it, and how that is known.
    pub checks: Vec<CheckReport>,
    /// Every criterion: what came of it, and who decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<CriterionReport>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}
