//! Arms that ask arms.

use serde_json::{Value, json};

use super::*;
use crate::arm::{ArmCall, ArmDescriptor, Peer, SideEffects};
use crate::task::SubTask;
use crate::testing::arms::ScriptedArm;
use crate::testing::orchestrator::planned;
use crate::{Error, ErrorKind, Status};

pub(super) fn arm<F>(
    id: &str,
    side_effects: SideEffects,
    work: impl Fn(ArmCall) -> F + Send + Sync + 'static,
) -> ScriptedArm
where
    F: Future<Output = crate::Result<Value>> + Send + 'static,
{
    let capability = format!("{id}_work");
    ScriptedArm::new(ArmDescriptor { side_effects, ..ArmDescriptor::new(id, [capability]) }, work)
}

/// Asks for `work` of another and answers what came of it.
fn asking(id: &str, whom: Peer) -> ScriptedArm {
    arm(id, SideEffects::Idempotent, move |call| {
        let whom = whom.clone();
        async move { call.ask(&whom, json!({"n": 2})).await.map(|reply| json!({"got": reply.output})) }
    })
}

fn doubling() -> ScriptedArm {
    arm("double", SideEffects::None, |call| async move {
        let n = call.input["n"].as_u64().unwrap_or_default();
        let usage = json!({"input_tokens": 7, "cost_usd": 0.5});
        Ok(json!({"n": 2 * n, "request": call.request_id.to_string(), "usage": usage}))
    })
}

async fn run(arms: Vec<ScriptedArm>, first: &str) -> crate::task::TaskResult {
    let builder = arms.into_iter().fold(LocalOrchestrator::builder(), crate::orchestrator::Builder::arm);
    let octo = builder.start().await.unwrap();
    octo.run(planned(vec![SubTask::new(1, "ask", first)]).into()).await.unwrap()
}

#[tokio::test]
async fn an_arm_asks_another_and_its_step_pays_for_it() {
    let result = run(vec![asking("first", Peer::capability("double_work")), doubling()], "first").await;
    assert_eq!(result.status, TaskStatus::Completed, "{result:?}");
    assert_eq!(result.result.as_ref().unwrap()["got"]["n"], 4);
    assert_eq!((result.usage.arm_calls, result.usage.input_tokens, result.usage.cost_usd), (2, 7, 0.5));
    let request = result.result.unwrap()["got"]["request"].as_str().unwrap().to_owned();
    assert_eq!(request, format!("{}-step-1-double-1", result.task_id));
    assert_eq!(result.steps.len(), 1, "the other arm's call is no step");
}

#[tokio::test]
async fn what_a_failed_step_spent_on_others_is_counted() {
    let first = arm("first", SideEffects::None, |call| async move {
        call.ask(&Peer::arm("double"), json!({"n": 1})).await?;
        Err(Error::new(ErrorKind::ArmFailed, "no").with_status(Status::Permanent))
    });
    let result = run(vec![first, doubling()], "first").await;
    assert_eq!(result.status, TaskStatus::Failed);
    assert_eq!((result.usage.arm_calls, result.usage.input_tokens), (2, 7));
}

#[tokio::test]
async fn no_arm_does_more_to_the_world_through_another_than_it_declared() {
    let unsafe_arm = arm("mail", SideEffects::Unsafe, |_| async { Ok(json!({"sent": true})) });
    let result = run(vec![asking("first", Peer::arm("mail")), unsafe_arm], "first").await;
    let error = result.error.unwrap();
    assert_eq!((error.code.as_str(), error.step), ("unauthorized", Some(1)), "{error:?}");
}

#[tokio::test]
async fn arms_that_ask_one_another_in_a_circle_fail_instead_of_waiting() {
    let arms = vec![asking("one", Peer::arm("two")), asking("two", Peer::arm("one"))];
    let error = run(arms, "one").await.error.unwrap();
    assert_eq!(error.code, "unavailable", "{error:?}");
    assert!(error.message.contains("on the way"), "{error:?}");
}

#[tokio::test]
async fn wrong_input_for_the_other_arm_names_the_arm_and_the_place() {
    let mut descriptor = ArmDescriptor::new("strict", ["strict_work"]);
    descriptor.input_schema = json!({"type": "object", "required": ["m"]});
    let strict = ScriptedArm::new(descriptor, |_| async { Ok(json!({})) });
    let error = run(vec![asking("first", Peer::arm("strict")), strict], "first").await.error.unwrap();
    assert_eq!(error.code, "invalid_input");
    assert!(error.message.contains("other arm"), "{error:?}");
}

#[tokio::test]
async fn alone_an_arm_finds_nobody() {
    let call = ArmCall::new(json!({}));
    assert!(!call.has(&Peer::arm("double")));
    assert_eq!(call.ask(&Peer::arm("double"), json!({})).await.unwrap_err().kind(), ErrorKind::Unavailable);
}
