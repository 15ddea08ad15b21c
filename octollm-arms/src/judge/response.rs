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
    /// Who decided; absent for the criteria, each of which says so for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<DecidedBy>,
    /// How that is known, or why it is not.
    pub explanation: String,
}

/// Who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// A rule: it can be counted or looked up.
    Rule,
    /// A language model, by something that it quotes where there is something to quote.
    Model,
    /// A run of the tests.
    Run,
    /// Another arm.
    Arm,
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
    /// What it rests on: the words of the output that decide, the end of what the tests printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// What sources say of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactStatus {
    /// A source says it.
    Supported,
    /// A source says what cannot be true together with it: an error.
    Contradicted,
    /// No source says it: a warning.
    Unsupported,
    /// It says nothing that could be true or false.
    NoStatement,
    /// Nobody could tell.
    Unverified,
}

/// One statement of the output: what the sources say of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FactReport {
    /// The statement, as it stands in the output; a short value with its name before it.
    pub statement: String,
    /// Where it stands.
    pub location: JudgeLocation,
    /// What the sources say of it.
    pub status: FactStatus,
    /// Who decided.
    pub decided_by: DecidedBy,
    /// Why.
    pub reason: String,
    /// The source that decides: its name, or its place in the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The words of that source that decide. They do stand there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// How sure whoever decided is, 0..=1.
    #[schemars(range(min = 0, max = 1))]
    pub confidence: f64,
}

/// One measurement of quality, over everything in the output that it could be made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricReport {
    /// What was measured: `cyclomatic_complexity`, `line_length`, ...
    pub metric: String,
    /// What it was measured of: `function`, `line`, `name`, `sentence`, ...
    pub unit: String,
    /// How many of these there are.
    pub measured: usize,
    /// How many of them keep the threshold.
    pub within: usize,
    /// The most that is within it; absent where there is nothing to count, only to have or to lack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<usize>,
    /// The highest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<usize>,
}

/// A judgement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JudgeResponse {
    /// Whether no error was found. What could not be verified is no error.
    pub valid: bool,
    /// The mean, over all `metrics`, of the part of what each measured that is within its threshold, 0..=1; absent where
    /// nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    pub quality_score: Option<f64>,
    /// How sure the judgement is, 0..=1. Of an invalid output: how sure the surest error is. Else the mean over all checks and
    /// criteria of how sure whoever decided is: 1 for a rule and a run, what it states for a model, 0 for what nobody verified.
    /// Facts count with the part of the statements that is supported.
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
    /// Every statement that was held against the sources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<FactReport>,
    /// Every measurement of quality.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricReport>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}
