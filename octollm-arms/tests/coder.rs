//! The coder in the engine: what a reviewer found goes back to it by reference, and what it spent is on the bill.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use octollm_arms::coder::{Coder, CoderOptions};
use octollm_core::TaskRequest;
use octollm_core::arm::{ArmContext, TypedArm};
use octollm_core::model::layers::{Link, LinkOptions, guarded};
use octollm_core::model::{Models, ScriptedModel, ScriptedReply};
use octollm_core::orchestrator::{LocalOrchestrator, Orchestrator};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Deserialize, JsonSchema)]
struct Review {
    code: String,
}

#[derive(Serialize, JsonSchema)]
struct Reviewed {
    issues: Vec<Issue>,
}

#[derive(Serialize, JsonSchema)]
struct Issue {
    message: &'static str,
    line: usize,
}

/// Finds subtractions.
fn reviewer() -> TypedArm {
    TypedArm::new("reviewer", ["validation"], |input: Review, _: ArmContext| async move {
        let wrong = input.code.lines().zip(1..).filter(|(line, _)| line.contains(" - "));
        let issues = wrong.map(|(_, line)| Issue { message: "this subtracts", line }).collect();
        Ok(Reviewed { issues })
    })
}

fn says(code: &str, confidence: f64) -> ScriptedReply {
    let answer = json!({
        "code": code, "tests": null, "explanation": "It adds.", "warnings": [], "confidence": confidence
    });
    ScriptedReply::json(&answer).using(1_000, 100)
}

fn step(number: u32, arm: &str, after: &[u32], input: &Value) -> Value {
    json!({
        "step": number, "action": "Do it", "required_arm": arm, "input": input, "acceptance_criteria": [],
        "depends_on": after, "estimated_duration_seconds": 1
    })
}

/// Write, review, mend.
fn task(budget: &Value) -> TaskRequest {
    let write = json!({"request_type": "generate", "instruction": "Add two numbers", "language": "python"});
    let review = json!({"code": {"$step": 1, "pointer": "/code"}});
    let mend = json!({
        "request_type": "debug", "instruction": "Mend what was found wrong", "language": "python",
        "existing_code": {"$step": 1, "pointer": "/code"},
        "context": {"issues": {"$step": 2, "pointer": "/issues"}}
    });
    let subtasks =
        [step(1, "coder", &[], &write), step(2, "reviewer", &[1], &review), step(3, "coder", &[1, 2], &mend)];
    TaskRequest::from_json(json!({
        "goal": "Write a function that adds, reviewed",
        "budget": budget,
        "plan": {"subtasks": subtasks, "estimated_duration_seconds": 3}
    }))
    .unwrap()
}

async fn orchestrator(model: &ScriptedModel) -> Arc<LocalOrchestrator> {
    let guarded = guarded(Arc::new(model.clone()), &Link::new(&LinkOptions::default()));
    let coder = Coder::new(Models::new(guarded), CoderOptions::default()).unwrap();
    LocalOrchestrator::builder().arm(coder).arm(reviewer()).start().await.unwrap()
}

#[tokio::test]
async fn what_a_reviewer_found_is_mended() {
    let (wrong, right) = ("def add(a, b):\n    return a - b\n", "def add(a, b):\n    return a + b\n");
    let model = ScriptedModel::in_order([says(wrong, 0.9), says(right, 0.75)]);
    let result = orchestrator(&model).await.run(task(&json!({})).into()).await.unwrap();
    assert_eq!(result.error, None);
    assert_eq!(result.steps[2].output.as_ref().unwrap()["code"], right);
    assert_eq!(result.steps[2].confidence, Some(0.75));
    assert_eq!(
        (result.usage.input_tokens, result.usage.output_tokens, result.usage.model_calls),
        (2_000, 200, 2)
    );
    let asked = model.requests()[1].messages[1].text();
    let issues = "<data-1 name=\"issues\">\n- {\"line\":2,\"message\":\"this subtracts\"}\n</data-1>";
    assert!(asked.contains(issues) && asked.contains("return a - b"), "{asked}");
}

#[tokio::test]
async fn a_task_without_the_tokens_ends_before_a_model_is_asked() {
    let model = ScriptedModel::in_order([]);
    let result = orchestrator(&model).await.run(task(&json!({"max_tokens": 200})).into()).await.unwrap();
    assert_eq!(result.error.unwrap().code, "budget_exceeded");
    assert_eq!(model.calls(), 0);
}
