//! Steps that must pass.

use serde_json::json;

use super::*;
use crate::arm::{ArmContext, TypedArm};
use crate::task::{EventKind, StepStatus, SubTask, Then};
use crate::testing::orchestrator::{echo, planned};

/// Judges an even number valid, and says what it cost.
fn judge() -> TypedArm {
    TypedArm::new("judge", ["validation"], |input: serde_json::Value, _: ArmContext| async move {
        let valid = input["n"].as_i64().unwrap_or(1) % 2 == 0;
        Ok(json!({
            "valid": valid,
            "issues": if valid { json!([]) } else { json!([{"severity": "error", "message": "is odd"}]) },
            "usage": {"input_tokens": 7, "output_tokens": 1, "cost_usd": 0.0, "model_calls": 1, "cache_hits": 0,
                      "arm_calls": 0, "reflex_us": 0}
        }))
    })
}

async fn run(n: i64, must_pass: bool) -> (TaskResult, Vec<std::sync::Arc<crate::task::Event>>) {
    let other =
        TypedArm::new("other", ["validation"], |_: serde_json::Value, _: ArmContext| async { Ok(json!({})) });
    let octo = with_arms(LocalOrchestrator::builder()).arm(judge()).arm(other).start().await.unwrap();
    let mut judged = SubTask::new(1, "judge it", "judge").with_input(json!({"n": n}));
    judged.required_capabilities = vec!["validation".into()];
    judged.must_pass = must_pass;
    let result =
        octo.run(planned(vec![judged, echo(2, json!({"done": true})).after([1])]).into()).await.unwrap();
    let events = octo.journal(result.task_id, 0, 100).await.unwrap();
    (result, events)
}

#[tokio::test]
async fn what_passes_goes_on() {
    let (result, _) = run(2, true).await;
    assert_eq!(result.status, TaskStatus::Completed, "{result:?}");
}

#[tokio::test]
async fn what_does_not_pass_is_a_failed_step_with_the_judges_reason() {
    let (result, events) = run(3, true).await;
    assert_eq!(result.status, TaskStatus::Failed);
    let error = result.error.unwrap();
    assert_eq!((error.code.as_str(), error.message.as_str()), ("arm_failed", "did not pass: is odd"));
    assert_eq!(error.step, Some(1));
    let steps: Vec<_> = result.steps.iter().map(|step| (step.status, step.attempts)).collect();
    assert_eq!(steps, [(StepStatus::Failed, 1), (StepStatus::Skipped, 0)]);
    assert_eq!(result.usage.input_tokens, 7, "what the judgement cost is on the bill");
    // Neither the same arm again nor another one: the answer was an answer.
    let failed = events.iter().find_map(|event| match &event.kind {
        EventKind::StepFailed { then, .. } => Some(*then),
        _ => None,
    });
    assert_eq!(failed, Some(Then::GiveUp));
}

#[tokio::test]
async fn without_the_demand_a_no_is_an_output_like_any_other() {
    let (result, _) = run(3, false).await;
    assert_eq!(result.status, TaskStatus::Completed);
    assert_eq!(result.steps[0].output.as_ref().unwrap()["valid"], false);
}

#[tokio::test]
async fn the_result_is_what_was_checked_and_not_the_check() {
    let octo = with_arms(LocalOrchestrator::builder()).arm(judge()).start().await.unwrap();
    let made = echo(1, json!({"made": true}));
    let check = |step| SubTask::new(step, "judge it", "judge").with_input(json!({"n": 2})).passing();
    let result = async |steps| octo.run(planned(steps).into()).await.unwrap().result.unwrap();
    let checked_twice = vec![made.clone(), check(2).after([1]), check(3).after([2])];
    assert_eq!(result(checked_twice).await["echo"]["made"], true);
    // Who builds on a check builds on what was checked.
    let gone_on = vec![made, check(2).after([1]), echo(3, json!({"last": true})).after([2])];
    assert_eq!(result(gone_on).await["echo"]["last"], true);
    assert_eq!(
        result(vec![check(1)]).await["valid"],
        true,
        "where there is nothing else, the check is the result"
    );
}
