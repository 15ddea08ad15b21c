//! The judge with real schemas, grammars and rules.

mod asked;
mod criteria;
mod peers;
mod shape;

use octollm_core::arm::{Arm, ArmCall};
use octollm_core::schema::Validator;
use octollm_core::{ErrorKind, Result};
use serde_json::{Value, json};

use super::*;

async fn judged(request: Value) -> JudgeResponse {
    let judge = Judge::new();
    let request = JudgeRequest::from_value(request).unwrap();
    judge.judge(request).await.unwrap()
}

fn errors(response: &JudgeResponse) -> Vec<&JudgeIssue> {
    response.issues.iter().filter(|issue| issue.severity == IssueSeverity::Error).collect()
}

fn place(issue: &JudgeIssue) -> (&str, Option<usize>, Option<usize>) {
    let place = issue.location.as_ref().unwrap();
    (&place.pointer, place.line, place.column)
}

fn status(response: &JudgeResponse, wanted: ValidationType) -> Option<Status> {
    response.checks.iter().find(|check| check.validation_type == wanted).map(|check| check.status)
}

#[tokio::test]
async fn what_is_held_against_nothing_is_refused() {
    let judge = Judge::new();
    let request = JudgeRequest::new("text");
    let error = judge.judge(request).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.faults()[0].pointer.as_str()),
        (ErrorKind::InvalidInput, "/validation_types")
    );
    assert!(error.hint().unwrap().contains("expected_schema"));
}

#[tokio::test]
async fn what_was_asked_for_and_cannot_be_looked_at_is_unverified() {
    let response =
        judged(json!({"output": "x", "validation_types": ["criteria", "syntax", "schema", "schema"]})).await;
    assert!(response.valid && response.confidence == 0.0);
    assert_eq!(response.checks.len(), 3);
    assert!(
        response
            .checks
            .iter()
            .all(|check| check.status == Status::Unverified && !check.explanation.is_empty())
    );
    assert!(response.issues.iter().all(|issue| issue.severity == IssueSeverity::Info));
}

#[tokio::test]
async fn confidence_is_what_was_verified() {
    let friendly = "The text is friendly";
    let request = |output: &str| {
        json!({
            "output": output, "acceptance_criteria": ["At most 3 words", friendly], "expected_schema": {"type": "string"}
        })
    };
    let response = judged(request("Hello there")).await;
    assert!(response.valid);
    assert_eq!(response.passed_criteria, ["At most 3 words"]);
    assert_eq!(response.unverified_criteria, [friendly]);
    assert!((response.confidence - 2.0 / 3.0).abs() < 1e-9, "{}", response.confidence);
    // That something is wrong is certain, whatever else nobody looked at.
    let response = judged(request("Hello there my dear")).await;
    assert!(!response.valid && response.confidence == 1.0);
    assert_eq!(response.failed_criteria, ["At most 3 words"]);
    assert_eq!(status(&response, ValidationType::Criteria), Some(Status::Failed));
    assert!(errors(&response)[0].message.contains("it has 4 words"));
}

#[test]
fn every_fault_of_a_request_is_named() {
    let faults = |value: Value| {
        let error = JudgeRequest::from_value(value).unwrap_err();
        error.faults().iter().map(|fault| fault.pointer.clone()).collect::<Vec<_>>()
    };
    assert_eq!(faults(json!({})), [""]);
    assert_eq!(faults(json!({"output": 1, "colour": 2, "validation_types": ["taste"]})).len(), 2);
    let bad =
        json!({"output": "x", "acceptance_criteria": [" ", "ok"], "expected_schema": {"type": "texxt"}});
    assert_eq!(faults(bad), ["/acceptance_criteria/0", "/expected_schema"]);
    assert_eq!(faults(json!({"output": "x".repeat(1 << 20)})), ["/output"]);
    assert_eq!(
        faults(json!({"output": 1, "trusted_sources": ["y".repeat(1 << 20), "z"]})),
        ["/trusted_sources"]
    );
}

#[tokio::test]
async fn the_arm_answers_what_its_schema_promises() -> Result<()> {
    let judge = Judge::new();
    let schema = Validator::compile(&judge.descriptor().output_schema).unwrap();
    let input = json!({
        "output": {"code": "def f(:\n", "language": "python"}, "acceptance_criteria": ["it is kind"],
        "trusted_sources": ["a", {"content": "b", "source": "b.md", "score": 1.0}],
        "validation_types": ["schema", "syntax", "quality", "criteria", "facts", "safety"]
    });
    let reply = judge.execute(ArmCall::new(input)).await?;
    assert_eq!(schema.faults(&reply.output), []);
    assert_eq!((reply.output["valid"].as_bool(), reply.confidence), (Some(false), Some(1.0)));
    Ok(())
}
