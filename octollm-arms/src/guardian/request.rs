//! What the guardian is asked and what it answers: the wire types of `POST /execute` and of the library alike.

use octollm_core::reflex::{Origin, Severity};
use octollm_core::schema::{self, Validator};
use octollm_core::{Error, Fault, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Bytes of text and fields together: as much as a task's context may have.
const MOST_BYTES: usize = 1 << 20;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Personal data.
    Pii,
    /// Credentials.
    Secrets,
    /// Orders to the model that reads the text.
    Injection,
    /// Payloads for a database, a browser, a file system or a shell, in places where they are data.
    Content,
    /// What the operator's policy file forbids or demands.
    Policy,
}

impl Check {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pii, Self::Secrets, Self::Injection, Self::Content, Self::Policy];

    /// The name, as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pii => "pii",
            Self::Secrets => "secrets",
            Self::Injection => "injection",
            Self::Content => "content",
            Self::Policy => "policy",
        }
    }
}

/// What the text is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Words or data. Fenced blocks and code spans in it are code.
    #[default]
    Text,
    /// Code that is meant to be code: `content` does not look at it.
    Code,
}

/// What is to be checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardRequest {
    /// The text; may be empty where `fields` are given. 1 MiB at most, together with the fields.
    pub text: String,
    /// Named values that are checked too: the fields of a task, the input of a tool. Every text in them is data, except
    /// under keys that name code (`code`, `tests`, `sql`, `..._code`).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
    /// What is looked for; everything where absent or empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// Whether to answer the text with personal data, secrets and what the policy denies replaced, and injections marked
    /// as data.
    #[serde(default)]
    pub redact: bool,
    /// From which severity on the text is blocked; `high` by default.
    #[serde(default = "high")]
    pub block_on: Severity,
    /// Who the text comes from; what does not come from the user is judged more strictly for injections.
    #[serde(default)]
    pub origin: Origin,
    /// What the text is: `text` or `code`.
    #[serde(default)]
    pub format: Format,
}

const fn high() -> Severity {
    Severity::High
}

impl GuardRequest {
    /// Every check of this text of the user's; blocked from `high` on; nothing is replaced.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            fields: Map::new(),
            checks: Vec::new(),
            redact: false,
            block_on: high(),
            origin: Origin::default(),
            format: Format::default(),
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
        let request: Self = schema::from_value(value, "the guardian's request")?;
        request.validate()?;
        Ok(request)
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// `invalid_input` with every fault and its place.
    pub fn validate(&self) -> Result<()> {
        if self.text.is_empty() && self.fields.is_empty() {
            return Err(invalid(vec![Fault::new("/text", "must not be empty where there are no `fields`")]));
        }
        let fields = schema::json_len(&self.fields, MOST_BYTES);
        if fields.is_none_or(|fields| fields + self.text.len() > MOST_BYTES) {
            return Err(invalid(vec![Fault::new("/text", "must have 1 MiB at most, with the fields")]));
        }
        Ok(())
    }

    /// What is looked for, each once and in one order.
    pub(super) fn wanted(&self) -> Vec<Check> {
        let all = Check::ALL.into_iter();
        all.filter(|check| self.checks.is_empty() || self.checks.contains(check)).collect()
    }

    /// Bytes that are looked at, roughly.
    pub(super) fn size(&self) -> usize {
        self.text.len() + schema::json_len(&self.fields, MOST_BYTES).unwrap_or(MOST_BYTES)
    }
}

fn invalid(faults: Vec<Fault>) -> Error {
    Error::invalid("the guardian's request is invalid", faults).with_hint(
        "send {\"text\": \"...\"}; `checks` (pii, secrets, injection, content, policy), `redact`, `block_on`, `fields`, \
         `origin` and `format` are optional",
    )
}

/// How bad the worst issue is.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RiskLevel {
    /// There is none.
    #[default]
    None,
    /// Worth a note.
    Low,
    /// Personal, but public for many people; a payload that needs an accomplice.
    Medium,
    /// Identifies a person, opens an account, or is a payload.
    High,
    /// Gives access or money to whoever reads it.
    Critical,
}

impl From<Severity> for RiskLevel {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Low => Self::Low,
            Severity::Medium => Self::Medium,
            Severity::High => Self::High,
            Severity::Critical => Self::Critical,
        }
    }
}

/// Where something stands. It never holds what stands there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardLocation {
    /// JSON pointer into the request: `/text`, `/fields/goal`. A key in which something was found is `*`.
    pub pointer: String,
    /// First byte within that text (UTF-8 offset); absent where it is the whole of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<usize>,
    /// One past the last byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<usize>,
    /// Line within that text, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column in characters, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// One thing that was found, or is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GuardIssue {
    /// Which check found it.
    pub check: Check,
    /// What it is: `email`, `aws_access_key`, `sql_injection`, the name of a policy's rule.
    #[serde(rename = "type")]
    pub type_name: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in words, without the value.
    pub message: String,
    /// How sure the check is, 0..=1.
    #[serde(serialize_with = "octollm_core::reflex::confidence")]
    pub confidence: f32,
    /// Where it stands, or should.
    pub location: GuardLocation,
}

/// A check that was asked for and could not be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unchecked {
    /// Which one.
    pub check: Check,
    /// Why.
    pub reason: String,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GuardResponse {
    /// Whether nothing was found, and every check that was asked for by name was made.
    pub safe: bool,
    /// The worst severity that was found.
    pub risk_level: RiskLevel,
    /// Whether something is at least as bad as `block_on`.
    pub blocked: bool,
    /// What was found, in the order of the checks and of the text; 200 at most.
    pub issues: Vec<GuardIssue>,
    /// Issues beyond these. They count for `risk_level` and `blocked`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: usize,
    /// The text with what was found replaced, where `redact` asked for it. Payloads that `content` found stay: whoever uses
    /// the text escapes it for the place of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sanitized_text: Option<String>,
    /// The same of the fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sanitized_fields: Option<Map<String, Value>>,
    /// What was looked for.
    pub checked: Vec<Check>,
    /// What was asked for by name and could not be looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<Unchecked>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}
