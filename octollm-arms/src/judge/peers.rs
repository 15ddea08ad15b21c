//! What is asked of other arms: whether tests pass, and whether an output is safe.

use octollm_core::arm::{ArmCall, Peer};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::judgement::{Finding, Ruling, issue};
use super::parts::CodePart;
use super::request::{JudgeRequest, ValidationType};
use super::response::{DecidedBy, IssueSeverity, JudgeIssue, JudgeLocation, Status};
use crate::trial::{self, TestRun, Trial};

/// Runs the output's tests against its code.
pub(super) async fn tests_pass(parts: &[CodePart<'_>], call: Option<&ArmCall>) -> Ruling {
    let find = |pointer: &str| parts.iter().find(|part| part.pointer == pointer);
    let (Some(code), Some(tests)) = (find("/code"), find("/tests")) else {
        return Ruling::nobody("the output has no `code` with `tests` that could be run");
    };
    let Some(language) = code.language else {
        return Ruling::nobody("nothing names the language of the code");
    };
    match trial::run(language, code.code, tests.code, call).await {
        Trial::Nothing => Ruling::nobody("there is nothing to run"),
        Trial::NotRun(why) => Ruling::nobody(format!("the tests were not run: {why}")),
        Trial::Ran(TestRun { passed, ran, failed, output }) => Ruling {
            status: if passed { Status::Passed } else { Status::Failed },
            by: DecidedBy::Run,
            certainty: 1.0,
            reason: match (passed, ran) {
                (true, _) => format!("all {ran} passed"),
                (false, 0) => {
                    "the code or its tests could not be loaded, or ended before one had run".to_owned()
                }
                (false, _) => format!("{failed} of {} failed", ran.max(failed)),
            },
            evidence: Some(output),
        },
    }
}

/// What an arm that can `safety` answers, as far as it matters here.
#[derive(Deserialize)]
struct Answer {
    safe: bool,
    blocked: bool,
    #[serde(default)]
    issues: Vec<Found>,
    #[serde(default)]
    unchecked: Vec<Value>,
}

#[derive(Deserialize)]
struct Found {
    severity: String,
    message: String,
    #[serde(default)]
    confidence: Option<f64>,
    #[serde(default)]
    location: Option<JudgeLocation>,
}

/// Asks an arm that can `safety`.
pub(super) async fn safety(request: &JudgeRequest, call: Option<&ArmCall>) -> Finding {
    let guardian = Peer::capability("safety");
    let Some(call) = call.filter(|call| call.has(&guardian)) else {
        return Finding::unverified("there is no arm that can `safety`");
    };
    call.progress.report("asking whether it is safe", None);
    let reply = match call.ask(&guardian, question(request)).await {
        Ok(reply) => reply,
        Err(error) => {
            return Finding::unverified(format!("the arm that was asked failed: {}", trial::reason(&error)));
        }
    };
    match Answer::deserialize(&reply.output) {
        Ok(answer) => answer.finding(reply.confidence, front(&request.output)),
        Err(_) => Finding::unverified("the arm that was asked answered nothing that could be read"),
    }
}

/// The output as the guardian takes it: a text as text, the rest as fields, where keys say what is code.
fn question(request: &JudgeRequest) -> Value {
    match &request.output {
        Value::String(text) => {
            let format = if request.language().is_some() { "code" } else { "text" };
            json!({"text": text, "origin": "arm", "format": format})
        }
        Value::Object(fields) => json!({"text": "", "fields": fields, "origin": "arm"}),
        other => {
            let fields: Map<String, Value> = [("output".to_owned(), other.clone())].into_iter().collect();
            json!({"text": "", "fields": fields, "origin": "arm"})
        }
    }
}

impl Answer {
    /// What it found: what is bad enough to block is an error, the rest a warning.
    fn finding(self, confidence: Option<f64>, front: &str) -> Finding {
        let count = self.issues.len();
        let surest = |issues: &[Found]| {
            issues
                .iter()
                .filter_map(|found| found.confidence)
                .fold(None, |most: Option<f64>, one| Some(most.map_or(one, |most| most.max(one))))
        };
        let certainty = surest(&self.issues).or(confidence).unwrap_or(1.0).clamp(0.0, 1.0);
        let (blocked, safe, unchecked) = (self.blocked, self.safe, !self.unchecked.is_empty());
        let mut issues: Vec<_> =
            self.issues.into_iter().map(|found| found.into_issue(blocked, front)).collect();
        if blocked && !issues.iter().any(|issue| issue.severity == IssueSeverity::Error) {
            let message = "the arm that was asked blocks it and says no more";
            issues.push(issue(IssueSeverity::Error, ValidationType::Safety, message, None));
        }
        let (status, explanation) = match (blocked, unchecked) {
            (true, _) => (Status::Failed, format!("it is blocked; found: {count}")),
            (false, true) => (Status::Unverified, "not all could be looked for".to_owned()),
            (false, false) if safe => (Status::Passed, "nothing was found".to_owned()),
            (false, false) => (Status::Passed, format!("found: {count}, none bad enough to block it")),
        };
        let certainty = if status == Status::Unverified { 0.0 } else { certainty };
        Finding { status, by: DecidedBy::Arm, certainty, explanation, issues }
    }
}

impl Found {
    fn into_issue(self, blocked: bool, front: &str) -> JudgeIssue {
        let bad = blocked && matches!(self.severity.as_str(), "high" | "critical");
        let severity = if bad { IssueSeverity::Error } else { IssueSeverity::Warning };
        let place = self.location.map(|place| {
            let pointer = place.pointer.strip_prefix(front).unwrap_or_default().to_owned();
            JudgeLocation { pointer, ..place }
        });
        issue(severity, ValidationType::Safety, self.message, place)
    }
}

/// Where the output stands in the guardian's request.
const fn front(output: &Value) -> &'static str {
    match output {
        Value::String(_) => "/text",
        Value::Object(_) => "/fields",
        _ => "/fields/output",
    }
}
