//! What the coder is asked and what it answers: the wire types of `POST /execute` and of the library alike.

use octollm_core::schema::{self, Validator};
use octollm_core::{Error, Fault, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::syntax::Language;
use crate::trial::TestRun;

/// Characters of an instruction.
const MOST_INSTRUCTION: usize = 20_000;
/// Bytes of existing code: more than any model reads at once.
const MOST_CODE: usize = 1 << 20;
/// Constraints, each of them an instruction's length at most.
const MOST_CONSTRAINTS: usize = 50;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestType {
    /// Write new code.
    Generate,
    /// Find a fault and mend it.
    Debug,
    /// Improve the structure, not the behaviour.
    Refactor,
    /// Say what is wrong or weak; write nothing.
    Analyze,
    /// Write tests.
    Test,
    /// Say what it does and how; write nothing.
    Explain,
    /// Make it cheaper.
    Optimize,
}

impl RequestType {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Generate,
        Self::Debug,
        Self::Refactor,
        Self::Analyze,
        Self::Test,
        Self::Explain,
        Self::Optimize,
    ];

    /// The name, as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Debug => "debug",
            Self::Refactor => "refactor",
            Self::Analyze => "analyze",
            Self::Test => "test",
            Self::Explain => "explain",
            Self::Optimize => "optimize",
        }
    }

    /// Whether it is about code that is there: all but [`Generate`](Self::Generate).
    pub const fn needs_code(self) -> bool {
        !matches!(self, Self::Generate)
    }

    /// Whether the answer's `code` is new. Otherwise it is the existing code, unchanged.
    pub const fn writes_code(self) -> bool {
        matches!(self, Self::Generate | Self::Debug | Self::Refactor | Self::Optimize)
    }
}

/// A piece of work for the coder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeRequest {
    /// What is to be done.
    pub request_type: RequestType,
    /// What is wanted, in words: 1 to 20000 characters.
    #[schemars(length(min = 1, max = 20_000))]
    pub instruction: String,
    /// The language of the code, by a name that people use: `python`, `ts`, `C++`. 1 to 40 characters on one line.
    #[schemars(length(min = 1, max = 40))]
    pub language: String,
    /// The code that it is about; every request but `generate` needs it. 1 MiB at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing_code: Option<String>,
    /// Anything else that helps. `issues` (a list of texts or objects: a judge's, a compiler's, an executor's) is told as
    /// what was found wrong with `existing_code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Map<String, Value>>,
    /// What the code must respect; 50 at most.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub constraints: Vec<String>,
}

impl CodeRequest {
    /// A request without code, context and constraints.
    pub fn new(
        request_type: RequestType,
        language: impl Into<String>,
        instruction: impl Into<String>,
    ) -> Self {
        Self {
            request_type,
            instruction: instruction.into(),
            language: language.into(),
            existing_code: None,
            context: None,
            constraints: Vec::new(),
        }
    }

    /// The same request about this code.
    #[must_use]
    pub fn about(mut self, code: impl Into<String>) -> Self {
        self.existing_code = Some(code.into());
        self
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
        let request: Self = schema::from_value(value, "the coder's request")?;
        request.validate()?;
        Ok(request)
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// `invalid_input` with every fault and its place.
    pub fn validate(&self) -> Result<()> {
        let mut faults = Vec::new();
        if self.instruction.trim().is_empty() || self.instruction.chars().count() > MOST_INSTRUCTION {
            faults.push(Fault::new(
                "/instruction",
                "must have 1 to 20000 characters that are not all white space",
            ));
        }
        let language = self.language.trim();
        if language.is_empty() || language.chars().count() > 40 || language.contains(['\n', '\r']) {
            faults.push(Fault::new("/language", "must have 1 to 40 characters on one line"));
        }
        if self.constraints.len() > MOST_CONSTRAINTS {
            faults.push(Fault::new("/constraints", "must be 50 at most"));
        }
        self.code_faults(&mut faults);
        if faults.is_empty() { Ok(()) } else { Err(invalid(faults)) }
    }

    fn code_faults(&self, faults: &mut Vec<Fault>) {
        let code = self.code();
        if self.request_type.needs_code() && code.trim().is_empty() {
            let what = self.request_type.as_str();
            faults.push(Fault::new("/existing_code", format!("`{what}` needs the code that it is about")));
        }
        if code.len() > MOST_CODE {
            faults.push(Fault::new("/existing_code", "must have 1 MiB at most"));
        }
    }

    /// The language's usual name where it is a known one, otherwise as it was asked for.
    pub(super) fn language_name(&self) -> String {
        let name = self.language.trim();
        Language::named(name).map_or_else(|| name.to_owned(), |language| language.as_str().to_owned())
    }

    /// The existing code; empty where there is none.
    pub(super) fn code(&self) -> &str {
        self.existing_code.as_deref().unwrap_or_default()
    }
}

fn invalid(faults: Vec<Fault>) -> Error {
    Error::invalid("the coder's request is invalid", faults).with_hint(
        "send {\"request_type\": \"generate\", \"instruction\": \"...\", \"language\": \"python\"}; `existing_code`, \
         `context` and `constraints` are optional for `generate`",
    )
}

/// What the coder made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CodeResponse {
    /// The code, whole. For `analyze`, `test` and `explain` the existing code, unchanged.
    pub code: String,
    /// Tests for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<String>,
    /// What was done or found, and why.
    pub explanation: String,
    /// The language: the usual name where it is a known one (`python` for `py`), otherwise as it was asked for.
    pub language: String,
    /// What somebody who uses the code must know: the model's warnings, then what the checks say.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// How the tests went, where they were run: in Python, and if there is an arm that runs code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_run: Option<TestRun>,
    /// 0..=1: what the model stated, lowered where the syntax could not be checked or stayed broken, or its own tests failed.
    /// Absent if it stated nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    pub confidence: Option<f64>,
}
