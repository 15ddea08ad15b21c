//! What is known of an answer: whether it parses, and whether its tests pass.

use octollm_core::arm::ArmCall;
use octollm_core::{Error, ErrorKind, Result};

use super::draft::Draft;
use super::request::{CodeRequest, RequestType};
use crate::syntax::{self, Checked};
use crate::trial::{self, TestRun, Trial};

/// How much less sure an answer is when nobody could check its syntax.
const UNCHECKED: f64 = 0.8;
/// How much less sure an answer is that does not parse: it may be right but for a bracket.
const BROKEN: f64 = 0.25;
/// How much less sure an answer is whose own tests fail: either the code is wrong, or they are.
const FAILING: f64 = 0.1;

/// What is known of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) proof: Proof,
    pub(super) trial: Trial,
}

/// What the parser said about all that an answer wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// All of it parses.
    Sound,
    /// Some of it does not; each flaw with its part and its line.
    Broken(Vec<String>),
    /// Nobody can tell.
    Unchecked,
}

impl Verdict {
    /// Has the answer read by a parser, and what can be read tried by the arm that runs code, where `call` reaches one.
    pub(super) async fn of(request: &CodeRequest, draft: &Draft, call: Option<&ArmCall>) -> Result<Self> {
        let proof = Proof::of(request, draft).await?;
        let trial = match proof {
            Proof::Broken(_) => Trial::Nothing,
            _ => Self::tried(request, draft, call).await,
        };
        Ok(Self { proof, trial })
    }

    /// Runs the draft's tests against its code, or against the code that it was to test.
    async fn tried(request: &CodeRequest, draft: &Draft, call: Option<&ArmCall>) -> Trial {
        let code = match request.request_type {
            RequestType::Test => request.code(),
            other if other.writes_code() => &draft.code,
            _ => return Trial::Nothing,
        };
        match &draft.tests {
            Some(tests) => trial::run(&request.language, code, tests, call).await,
            None => Trial::Nothing,
        }
    }

    /// Whether nothing speaks against the answer.
    pub(super) fn is_sound(&self) -> bool {
        self.proof == Proof::Sound && self.trial.failure().is_none()
    }

    /// The model's own confidence, after this.
    pub(super) fn lowered(&self, stated: Option<f64>) -> Option<f64> {
        let failing = if self.trial.failure().is_some() { FAILING } else { 1.0 };
        self.proof.lowered(stated).map(|stated| stated * failing)
    }

    /// What somebody who uses the answer must know.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.proof.warnings();
        match &self.trial {
            Trial::NotRun(why) => warnings.push(format!("the tests were not run: {why}")),
            Trial::Ran(run) if !run.passed => {
                warnings.push(format!(
                    "{} of {} tests failed; see `test_run`",
                    run.failed,
                    run.ran.max(run.failed)
                ));
            }
            _ => {}
        }
        warnings
    }

    /// How the tests went, if they were run.
    pub(super) fn test_run(self) -> Option<TestRun> {
        match self.trial {
            Trial::Ran(run) => Some(run),
            _ => None,
        }
    }
}

impl Proof {
    /// Checks what a draft has written for this request.
    pub(super) async fn of(request: &CodeRequest, draft: &Draft) -> Result<Self> {
        let language = request.language.clone();
        let code = request.request_type.writes_code().then(|| draft.code.clone());
        let parts = [("code", code), ("tests", draft.tests.clone())];
        // Milliseconds of work: too much for the async threads.
        tokio::task::spawn_blocking(move || Self::read(&language, &parts))
            .await
            .map_err(|cause| Error::new(ErrorKind::Internal, "the syntax check broke off").with_source(cause))
    }

    fn read(language: &str, parts: &[(&str, Option<String>)]) -> Self {
        let (mut flaws, mut unknown) = (Vec::new(), false);
        for (part, code) in parts {
            let Some(code) = code else { continue };
            match syntax::check(language, code) {
                Checked::Sound => {}
                Checked::Unknown => unknown = true,
                Checked::Broken(flaw) => flaws.push(format!("In `{part}`, {}", flaw.quoted(code))),
            }
        }
        match (flaws.is_empty(), unknown) {
            (false, _) => Self::Broken(flaws),
            (true, true) => Self::Unchecked,
            (true, false) => Self::Sound,
        }
    }

    /// The model's own confidence, after this.
    fn lowered(&self, stated: Option<f64>) -> Option<f64> {
        let factor = match self {
            Self::Sound => 1.0,
            Self::Unchecked => UNCHECKED,
            Self::Broken(_) => BROKEN,
        };
        stated.map(|stated| stated * factor)
    }

    /// What somebody who uses the answer must know.
    fn warnings(&self) -> Vec<String> {
        match self {
            Self::Sound => Vec::new(),
            Self::Unchecked => {
                vec![
                    "the syntax was not checked: there is no grammar for this language, or it is too long"
                        .into(),
                ]
            }
            Self::Broken(flaws) => {
                flaws.iter().map(|flaw| format!("syntax error: {}", first_line(flaw))).collect()
            }
        }
    }
}

/// Without the quoted line, which stands in the answer.
fn first_line(flaw: &str) -> &str {
    flaw.lines().next().unwrap_or_default()
}
