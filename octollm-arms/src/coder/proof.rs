//! What the parser says about an answer.

use octollm_core::{Error, ErrorKind, Result};

use super::draft::Draft;
use super::request::CodeRequest;
use crate::syntax::{self, Checked};

/// How much less sure an answer is when nobody could check its syntax.
const UNCHECKED: f64 = 0.8;
/// How much less sure an answer is that does not parse: it may be right but for a bracket.
const BROKEN: f64 = 0.25;

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
    pub(super) fn lowered(&self, stated: Option<f64>) -> Option<f64> {
        let factor = match self {
            Self::Sound => 1.0,
            Self::Unchecked => UNCHECKED,
            Self::Broken(_) => BROKEN,
        };
        stated.map(|stated| stated * factor)
    }

    /// What somebody who uses the answer must know.
    pub(super) fn warnings(&self) -> Vec<String> {
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
