//! What the planner does with what models answer.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::arm::ArmDescriptor;
use crate::error::ErrorKind;
use crate::model::{ScriptedModel, ScriptedReply};
use crate::orchestrator::{IntentParser, RulesIntentParser};
use crate::task::{
    Event, EventKind, Grant, PlanSource, SideEffects, SubTask, TaskError, TaskId, Then, Usage, now,
};

fn thought() -> Thought {
    let mut weather = ArmDescriptor::new("weather", ["weather_forecast"]);
    weather.input_schema =
        json!({"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]});
    weather.output_schema = json!({"type": "object", "properties": {"text": {"type": "string"}}});
    let mut writer = ArmDescriptor::new("writer", ["writing"]);
    writer.input_schema =
        json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]});
    Thought::about([weather.into(), writer.into()])
}

fn planner(replies: impl IntoIterator<Item = ScriptedReply>) -> (ModelTaskPlanner, Arc<ScriptedModel>) {
    let model = Arc::new(ScriptedModel::in_order(replies));
    let prompts = Prompts::embedded().unwrap();
    (ModelTaskPlanner::new(Models::new(model.clone()), prompts, RulesTaskPlanner::default()), model)
}

fn good() -> Value {
    json!({
        "subtasks": [
            {"step": 1, "action": "Ask for the weather", "required_arm": "weather", "input": {"location": "Lyon"}},
            {"step": 2, "action": "Write about it", "required_arm": "writer", "input": {"text": {"$step": 1, "pointer": "/text"}}},
        ],
        "confidence": 0.8,
        "rationale": "the text needs the weather",
    })
}

async fn plan(planner: &ModelTaskPlanner, goal: &str) -> Result<ExecutionPlan> {
    let request = TaskRequest::new(goal);
    let intent = RulesIntentParser.parse(&request, &thought()).await.unwrap();
    planner.plan(&request, &intent, &thought()).await
}

#[tokio::test]
async fn the_model_is_told_the_arms_that_are_there() {
    let (planner, model) = planner([ScriptedReply::json(&good())]);
    let plan = plan(&planner, "Write two lines about the weather in Lyon").await.unwrap();
    assert_eq!((plan.source, plan.confidence, plan.subtasks.len()), (PlanSource::Model, Some(0.8), 2));
    let told = model.requests()[0].messages[0].text();
    assert!(told.contains("weather_forecast") && told.contains("\n  input: {\n"), "{told}");
}

#[tokio::test]
async fn a_plan_that_cannot_work_goes_back_with_its_faults() {
    let mut bad = good();
    bad["subtasks"][1]["required_arm"] = "poet".into();
    let (planner, model) = planner([ScriptedReply::json(&bad), ScriptedReply::json(&good())]);
    plan(&planner, "Write two lines about the weather in Lyon").await.unwrap();
    let repair = serde_json::to_string(&model.requests()[1].messages).unwrap();
    assert!(repair.contains("/subtasks/1/required_arm") && repair.contains("weather, writer"), "{repair}");
}

#[tokio::test]
async fn after_two_bad_plans_the_rules_plan_and_the_plan_says_so() {
    let bad = json!({"subtasks": [{"step": 1, "action": "x", "required_arm": "poet"}]});
    let (planner, model) = planner([ScriptedReply::json(&bad), ScriptedReply::json(&bad)]);
    let mut request = TaskRequest::new("Get the weather forecast for Lyon");
    request.context.insert("location".into(), "Lyon".into());
    let intent = RulesIntentParser.parse(&request, &thought()).await.unwrap();
    let plan = planner.plan(&request, &intent, &thought()).await.unwrap();
    assert_eq!((plan.source, model.calls()), (PlanSource::Rules, 2));
    assert!(plan.rationale.unwrap().starts_with("planned by rules, because no model did (invalid_input)"));
}

#[tokio::test]
async fn what_nobody_can_plan_tells_all_of_it() {
    let down = Error::new(ErrorKind::Unavailable, "the provider is down");
    let (planner, _) = planner([ScriptedReply::refuse(down)]);
    let error = plan(&planner, "Write a sonnet about octopuses").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let told = error.to_string();
    assert!(told.contains("the provider is down") && told.contains("no rule can plan"), "{told}");
}

/// Step 1 is done, step 2 has failed, step 3 waits for it.
fn half_way() -> TaskState {
    let steps = vec![
        SubTask::new(1, "Ask for the weather", "weather").with_input(json!({"location": "Lyon"})),
        SubTask::new(2, "Write", "writer").with_input(json!({"text": {"$step": 1, "pointer": "/text"}})),
        SubTask::new(3, "Write again", "writer").with_input(json!({"text": {"$step": 2}})),
    ];
    let plan = Arc::new(ExecutionPlan::new(PlanSource::Model, steps).normalised());
    let request = Arc::new(TaskRequest::new("Write about the weather in Lyon"));
    let kinds = [
        EventKind::TaskAccepted { request, deadline_at: now() },
        EventKind::PlanCreated { plan, usage: Usage::default() },
        started(1),
        EventKind::StepCompleted {
            step: 1,
            arm_id: "weather".into(),
            output: Arc::new(json!({"text": "sunny"})),
            confidence: None,
            usage: Usage::default(),
            duration_ms: 1,
        },
        started(2),
        EventKind::StepFailed {
            step: 2,
            arm_id: Some("writer".into()),
            error: TaskError::new(ErrorKind::ArmFailed, "out of ink").in_step(2),
            usage: Usage::default(),
            duration_ms: 1,
            then: Then::GiveUp,
        },
    ];
    let task_id = TaskId::new();
    let event = |(index, kind)| Event { task_id, seq: index as u64 + 1, at: now(), kind };
    TaskState::fold(kinds.into_iter().enumerate().map(event)).unwrap()
}

fn started(step: u32) -> EventKind {
    EventKind::StepStarted {
        step,
        arm_id: "arm".into(),
        attempt: 1,
        side_effects: SideEffects::None,
        grant: Grant::default(),
        routing: None,
    }
}

#[tokio::test]
async fn a_failed_step_is_replaced_and_what_builds_on_it_follows() {
    let change = json!({
        "reason": "the writer had no ink: write shorter",
        "changed": [{"step": 2, "action": "Write shorter", "required_arm": "writer", "input": {"text": "sun"}}],
        "removed": [],
        "confidence": 0.6,
    });
    let (planner, model) = planner([ScriptedReply::json(&change)]);
    let state = half_way();
    let plan = planner.revise(&state, &thought()).await.unwrap().normalised();
    let numbers: Vec<_> = plan.subtasks.iter().map(|subtask| subtask.step).collect();
    assert_eq!(numbers, [1, 4, 5]);
    assert_eq!(plan.subtasks[2].input, Some(json!({"text": {"$step": 4}})));
    assert_eq!(plan.subtasks[2].depends_on, [4]);
    state.check_revision(&plan).unwrap();
    let told: String = model.requests()[0].messages.iter().map(crate::model::Message::text).collect();
    assert!(told.contains("out of ink") && told.contains("sunny") && told.contains("failed"), "{told}");
}

#[tokio::test]
async fn a_change_without_steps_says_that_there_is_no_way() {
    let change = json!({"reason": "there is no ink anywhere", "changed": [], "removed": []});
    let (planner, _) = planner([ScriptedReply::json(&change)]);
    let error = planner.revise(&half_way(), &thought()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ArmFailed);
}

#[tokio::test]
async fn what_is_done_cannot_be_changed_or_removed() {
    let change = json!({
        "reason": "start over",
        "changed": [
            {"step": 1, "action": "Ask again", "required_arm": "weather", "input": {"location": "Nice"}},
            {"step": 9, "action": "Write", "required_arm": "writer", "input": {"text": {"$step": 1}}},
        ],
        "removed": [1, 2, 3],
    });
    let (planner, _) = planner([ScriptedReply::json(&change)]);
    let state = half_way();
    let plan = planner.revise(&state, &thought()).await.unwrap().normalised();
    state.check_revision(&plan).unwrap();
    assert_eq!(plan.subtasks[0].action, "Ask for the weather");
    assert_eq!(plan.subtasks.len(), 2);
}
