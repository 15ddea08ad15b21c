//! A step that fails for what was made before it leads to another plan: asked of a model over real HTTP, and bounded by the
//! budget.

use std::path::Path;
use std::sync::Arc;

use axum::routing::post;
use axum::{Json, Router};
use octollm_core::arm::{Arm, ArmDescriptor};
use octollm_core::task::{Budget, Event, EventKind, TaskRequest, TaskResult, TaskStatus};
use octollm_core::testing::arms::ScriptedArm;
use octollm_core::{Error, ErrorKind, Status};
use octollm_server::settings::{Settings, Sources};
use octollm_server::{LocalOptions, Session};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const GOAL: &str = "Write a short poem about the sea and have it judged";
const FAULT: &str = "the poem does not mention the tide";

/// A step that writes this, and one that judges it.
fn steps(first: u32, words: &str) -> Value {
    json!([
        {"step": first, "action": "Write the poem", "required_arm": "poet", "input": {"words": words}},
        {"step": first + 1, "action": "Judge the poem", "required_arm": "critic",
         "input": {"output": {"$step": first, "pointer": "/poem"}}},
    ])
}

/// What the model says to each of the brain's prompts.
fn answer(request: &Value) -> Value {
    let system = request["messages"][0]["content"].as_str().unwrap_or_default();
    if system.starts_with("You read goals") {
        json!({"goal": GOAL, "required_capabilities": ["poetry"], "constraints": [], "context": {},
               "complexity": "simple", "confidence": 0.9, "source": "model"})
    } else if system.starts_with("You plan work") {
        json!({"subtasks": steps(1, "waves and gulls"), "confidence": 0.9, "rationale": "Write, then judge."})
    } else if system.starts_with("You revise plans") {
        let told = request["messages"].to_string();
        assert!(told.contains(FAULT), "the planner is told why: {told}");
        json!({"reason": "The tide was missing.", "changed": steps(3, "waves, gulls and the tide"),
               "removed": [2], "confidence": 0.8})
    } else {
        json!({})
    }
}

async fn model() -> String {
    let reply = |Json(request): Json<Value>| async move {
        let message = json!({"role": "assistant", "content": answer(&request).to_string()});
        Json(json!({
            "id": "c", "model": "test", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 20_000, "completion_tokens": 100},
        }))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let app = Router::new().route("/v1/chat/completions", post(reply));
    tokio::spawn(async { axum::serve(listener, app).await });
    url
}

fn poet() -> ScriptedArm {
    ScriptedArm::new(ArmDescriptor::new("poet", ["poetry"]), |call| async move {
        Ok(json!({"poem": call.input["words"]}))
    })
}

/// Wants the tide, and fails without it.
fn critic() -> ScriptedArm {
    ScriptedArm::new(ArmDescriptor::new("critic", ["criticism"]), |call| async move {
        match call.input["output"].as_str() {
            Some(poem) if poem.contains("tide") => Ok(json!({"valid": true})),
            _ => Err(Error::new(ErrorKind::ArmFailed, FAULT).with_status(Status::Permanent)),
        }
    })
}

async fn run(home: &Path, budget: Option<Budget>) -> (TaskResult, Vec<Arc<Event>>) {
    let url = model().await;
    let home = home.display().to_string();
    let own = [
        ("OCTOLLM_HOME", home.as_str()),
        ("OPENAI_BASE_URL", &url),
        ("LLM_MODEL", "openai/test"),
        ("LLM_DISCOVERY", "off"),
        ("PLAN_REUSE", "off"),
    ];
    let program = own.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    let sources = Sources { folder: Path::new(&home).to_owned(), program, ..Sources::default() };
    let own_arms: Vec<Arc<dyn Arm>> = vec![Arc::new(poet()), Arc::new(critic())];
    let options = LocalOptions { arms: Some(Vec::new()), own_arms, ..LocalOptions::default() };
    let session = Session::local(&Settings::load(&sources).unwrap(), &options).await.unwrap();
    let request = TaskRequest { budget, ..TaskRequest::new(GOAL) };
    let result = session.orchestrator().run(request.into()).await.unwrap();
    let events = session.orchestrator().journal(result.task_id, 0, 100).await.unwrap();
    session.close().await.unwrap();
    (result, events)
}

/// The reasons of all revisions.
fn reasons(events: &[Arc<Event>]) -> Vec<&str> {
    let revised = events.iter().filter_map(|event| match &event.kind {
        EventKind::PlanRevised { reason, .. } => Some(reason.as_str()),
        _ => None,
    });
    revised.collect()
}

#[tokio::test]
async fn what_failed_leads_to_a_plan_that_does_not_fail() {
    let home = tempfile::tempdir().unwrap();
    let (result, events) = run(home.path(), None).await;
    assert_eq!(result.status, TaskStatus::Completed, "{result:?}");
    let reasons = reasons(&events);
    assert!(matches!(reasons.as_slice(), [reason] if reason.contains(FAULT)), "{reasons:?}");
    assert_eq!(result.plan.unwrap().revision, 1);
    let judged = result.steps.iter().find(|step| step.step == 4).unwrap();
    assert_eq!(*judged.output.clone().unwrap(), json!({"valid": true}));
}

#[tokio::test]
async fn no_plan_is_revised_beyond_the_budget() {
    let home = tempfile::tempdir().unwrap();
    // Enough for reading the goal and planning, and for nothing after them.
    let budget = Some(Budget { max_tokens: Some(41_000), ..Budget::default() });
    let (result, events) = run(home.path(), budget).await;
    assert_eq!((result.status, reasons(&events).len()), (TaskStatus::Failed, 0), "{result:?}");
    let error = result.error.unwrap();
    assert!(error.message.contains(FAULT), "{error:?}");
}
