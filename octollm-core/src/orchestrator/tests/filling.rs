//! What a step's input lacks is asked of a model, once.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::*;
use crate::arm::{ArmDescriptor, SideEffects};
use crate::error::{Error, Status};
use crate::model::{Models, Reason, ScriptedModel, ScriptedReply};
use crate::task::{Approval, EventKind, SubTask};
use crate::testing::arms::ScriptedArm;
use crate::testing::orchestrator::planned;

/// Says `values` when it is asked to fill an input, and refuses everything else.
fn model(values: Value) -> ScriptedModel {
    ScriptedModel::matching(move |request| {
        if request.messages[0].text().contains("what is missing in the input") {
            ScriptedReply::json(&values).using(30, 3)
        } else {
            ScriptedReply::refuse(Reason::BadRequest.error("this model fills inputs only"))
        }
    })
}

/// Wants a place, and answers what it got. Fails `failures` times first.
fn weather(failures: usize) -> ScriptedArm {
    let mut descriptor = ArmDescriptor::new("weather", ["forecast"]);
    descriptor.input_schema = json!({
        "type": "object",
        "properties": {"place": {"type": "string", "minLength": 2}, "days": {"type": "integer"}},
        "required": ["place"],
    });
    descriptor.side_effects = SideEffects::Idempotent;
    let left = Mutex::new(failures);
    ScriptedArm::new(descriptor, move |call| {
        let mut left = left.lock().unwrap();
        let fails = *left > 0;
        *left = left.saturating_sub(1);
        async move {
            if fails {
                return Err(Error::new(ErrorKind::ArmFailed, "not yet").with_status(Status::Temporary));
            }
            Ok(json!({"got": *call.input}))
        }
    })
}

async fn octo(model: &ScriptedModel, arm: ScriptedArm) -> Arc<LocalOrchestrator> {
    let models = Models::layered(Arc::new(model.clone()));
    LocalOrchestrator::builder().arm(arm).models(models).start().await.unwrap()
}

fn forecast() -> TaskRequest {
    TaskRequest {
        goal: "Tell me whether I need an umbrella in Lyon".into(),
        ..planned(vec![SubTask::new(1, "Forecast the weather", "weather")])
    }
}

async fn filled(octo: &LocalOrchestrator, id: TaskId) -> Vec<Value> {
    let events = octo.journal(id, 0, 100).await.unwrap();
    let values = events.iter().filter_map(|event| match &event.kind {
        EventKind::StepFilled { step: 1, values, .. } => Some(Value::Object((**values).clone())),
        _ => None,
    });
    values.collect()
}

#[tokio::test]
async fn what_nobody_named_is_asked_for_once_and_kept() {
    let model = model(json!({"place": "Lyon"}));
    let octo = octo(&model, weather(2)).await;
    let result = octo.run(forecast().into()).await.unwrap();
    assert_eq!(result.status, TaskStatus::Completed, "{result:?}");
    assert_eq!(*result.result.unwrap(), json!({"got": {"place": "Lyon"}}));
    assert_eq!((result.steps[0].attempts, model.calls(), result.usage.tokens()), (3, 1, 33));
    assert_eq!(filled(&octo, result.task_id).await, [json!({"place": "Lyon"})]);
    assert!(model.requests()[0].messages[1].text().contains("umbrella in Lyon"));
}

#[tokio::test]
async fn nobody_is_asked_where_nothing_is_missing_or_the_plan_says_what_the_input_is() {
    let model = model(json!({"place": "Lyon"}));
    let octo = octo(&model, weather(0)).await;
    let mut request = forecast();
    request.context.insert("place".into(), "Oslo".into());
    let result = octo.run(request.into()).await.unwrap();
    assert_eq!(*result.result.unwrap(), json!({"got": {"place": "Oslo"}}));
    let wrong = SubTask::new(1, "Forecast", "weather").with_input(json!({"days": 3}));
    let result = octo.run(planned(vec![wrong]).into()).await.unwrap();
    assert_eq!((result.error.unwrap().code, model.calls()), ("invalid_input".to_owned(), 0));
}

#[tokio::test]
async fn what_the_model_cannot_tell_stays_missing() {
    let broken = ScriptedModel::matching(|_| ScriptedReply::refuse(Reason::Auth.error("no key")));
    for (model, calls) in [(model(json!({"place": null})), 1), (broken, 1)] {
        let octo = octo(&model, weather(0)).await;
        let result = octo.run(forecast().into()).await.unwrap();
        let error = result.error.unwrap();
        assert_eq!((error.code.as_str(), error.step), ("invalid_input", Some(1)), "{error:?}");
        assert!(error.hint.unwrap().contains("`place`") && model.calls() == calls);
        assert_eq!(filled(&octo, result.task_id).await, [json!({})]);
    }
}

#[tokio::test]
async fn a_value_that_breaks_the_arms_schema_is_no_value() {
    let model = model(json!({"place": "?"}));
    let octo = octo(&model, weather(0)).await;
    let result = octo.run(forecast().into()).await.unwrap();
    assert_eq!((result.error.unwrap().code, model.calls()), ("invalid_input".to_owned(), 2), "repaired once");
}

#[tokio::test]
async fn a_person_approves_the_input_that_the_arm_will_get() {
    let model = model(json!({"place": "Lyon"}));
    let octo = octo(&model, weather(0)).await;
    let request = TaskRequest { approval: Approval::SideEffects, ..forecast() };
    let id = octo.submit(request.into()).await.unwrap().task_id;
    status_becomes(&*octo, id, TaskStatus::AwaitingApproval).await;
    let events = octo.journal(id, 0, 100).await.unwrap();
    let asked = events.iter().find_map(|event| match &event.kind {
        EventKind::ApprovalRequested { input: Some(input), .. } => Some((**input).clone()),
        _ => None,
    });
    assert_eq!(asked, Some(json!({"place": "Lyon"})));
    octo.decide(id, Decision { step: Some(1), approved: true, note: None }).await.unwrap();
    status_becomes(&*octo, id, TaskStatus::Completed).await;
    assert_eq!(model.calls(), 1);
}

#[tokio::test]
async fn a_task_is_cancelled_while_the_model_thinks() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("{\"pl").chunked(2).stalling_after(1));
    let octo = octo(&model, weather(0)).await;
    let two = vec![SubTask::new(1, "Forecast", "weather"), SubTask::new(2, "Again", "weather")];
    let (response, mut events) = octo.stream(planned(two).into()).await.unwrap();
    while let Some(event) = events.next().await {
        if matches!(event.unwrap().kind, EventKind::ModelDelta { .. }) {
            octo.cancel(response.task_id, "enough").await.unwrap();
        }
    }
    let result = octo.task(response.task_id).await.unwrap();
    assert_eq!((result.status, result.usage.model_calls), (TaskStatus::Cancelled, 1));
    assert_eq!(model.open_streams(), 0);
}
