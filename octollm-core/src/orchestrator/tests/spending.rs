//! What is paid for is counted, whatever came of it.

use serde_json::json;

use super::*;
use crate::arm::{ArmCall, ArmDescriptor};
use crate::error::{Error, Result, Status};
use crate::model::{Message, ModelRequest, Models, Purpose, ScriptedModel, ScriptedReply};
use crate::task::{Budget, EventKind, SubTask};
use crate::testing::arms::ScriptedArm;
use crate::testing::orchestrator::planned;

/// Asks the model once, and fails for good.
fn wasteful(model: &ScriptedModel) -> ScriptedArm {
    arm(model, |_, asked| async move {
        asked.await?;
        Err(Error::new(ErrorKind::ArmFailed, "all for nothing").with_status(Status::Permanent))
    })
}

fn arm<F>(model: &ScriptedModel, work: impl Fn(ArmCall, Asked) -> F + Send + Sync + 'static) -> ScriptedArm
where
    F: Future<Output = Result<serde_json::Value>> + Send + 'static,
{
    let models = Models::layered(Arc::new(model.clone()));
    ScriptedArm::new(ArmDescriptor::new("asker", ["ask"]), move |call| {
        let (context, _) = call.model_context();
        let request = ModelRequest { context, ..ModelRequest::new(vec![Message::user("Well?")]) };
        let model = models.require(Purpose::General).unwrap();
        let asked: Asked = Box::pin(async move { model.complete(&request).await.map(|reply| reply.text) });
        work(call, asked)
    })
}

type Asked = std::pin::Pin<Box<dyn Future<Output = Result<String>> + Send>>;

fn ask() -> TaskRequest {
    planned(vec![SubTask::new(1, "ask", "asker").with_input(json!({}))])
}

#[tokio::test]
async fn an_arm_that_fails_has_still_used_what_it_used() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("words").using(40, 2));
    let octo = LocalOrchestrator::builder().arm(wasteful(&model)).start().await.unwrap();
    let result = octo.run(ask().into()).await.unwrap();
    assert_eq!((result.status, result.usage.tokens(), result.usage.model_calls), (TaskStatus::Failed, 42, 1));
}

#[tokio::test]
async fn failures_use_up_the_budget() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("words").using(400, 20));
    let flaky = arm(&model, |_, asked| async move {
        asked.await?;
        Err(Error::new(ErrorKind::Unavailable, "try again"))
    });
    let octo = LocalOrchestrator::builder().arm(flaky).start().await.unwrap();
    let budget = Some(Budget { max_tokens: Some(1_000), ..Budget::default() });
    let result = octo.run(TaskRequest { budget, ..ask() }.into()).await.unwrap();
    assert_eq!(result.error.unwrap().code, "budget_exceeded");
    assert!((1..=3).contains(&model.calls()), "asked {} times", model.calls());
}

#[tokio::test]
async fn an_arm_that_says_nothing_about_its_models_is_counted_all_the_same() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("words").using(40, 2));
    let silent = arm(&model, |_, asked| async move { Ok(json!({"said": asked.await?})) });
    let octo = LocalOrchestrator::builder().arm(silent).start().await.unwrap();
    let result = octo.run(ask().into()).await.unwrap();
    assert_eq!((result.status, result.usage.tokens()), (TaskStatus::Completed, 42));
}

#[tokio::test]
async fn a_call_that_is_broken_off_is_paid_for_as_far_as_it_went() {
    let model =
        ScriptedModel::matching(|_| ScriptedReply::text("words and words").chunked(5).stalling_after(2));
    let patient = arm(&model, |_, asked| async move { Ok(json!({"said": asked.await?})) });
    let octo = LocalOrchestrator::builder().arm(patient).start().await.unwrap();
    let (response, mut events) = octo.stream(ask().into()).await.unwrap();
    while let Some(event) = events.next().await {
        if matches!(event.unwrap().kind, EventKind::ModelDelta { .. }) {
            octo.cancel(response.task_id, "enough").await.unwrap();
        }
    }
    let result = octo.task(response.task_id).await.unwrap();
    assert_eq!((result.status, result.usage.model_calls), (TaskStatus::Cancelled, 1));
    assert!(result.usage.input_tokens > 0 && result.usage.output_tokens > 0, "{:?}", result.usage);
    assert_eq!(model.open_streams(), 0, "the connection is closed");
}

#[tokio::test]
async fn a_thought_that_is_broken_off_is_paid_for_too() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("I think").chunked(2).stalling_after(1));
    let models = Models::layered(Arc::new(model.clone()));
    let octo = with_arms(LocalOrchestrator::builder()).models(models).start().await.unwrap();
    let (response, mut events) = octo.stream("Please echo this back to me".into()).await.unwrap();
    while let Some(event) = events.next().await {
        if matches!(event.unwrap().kind, EventKind::ModelDelta { .. }) {
            octo.cancel(response.task_id, "enough").await.unwrap();
        }
    }
    let result = octo.task(response.task_id).await.unwrap();
    assert_eq!((result.status, result.usage.model_calls), (TaskStatus::Cancelled, 1));
    assert_eq!(model.open_streams(), 0);
}
