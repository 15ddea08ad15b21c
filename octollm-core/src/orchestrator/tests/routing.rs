//! Which arm gets a step, and what happens when it fails.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::*;
use crate::arm::{ArmDescriptor, BreakerState, HealthStatus};
use crate::task::{EventKind, SubTask, Then};
use crate::testing::arms::ScriptedArm;
use crate::testing::orchestrator::planned;
use crate::{Error, Status};

fn arm(id: &str, works: bool) -> ScriptedArm {
    ScriptedArm::new(ArmDescriptor::new(id, ["sum"]), move |_| async move {
        if works {
            Ok(json!({"sum": 3}))
        } else {
            Err(Error::new(ErrorKind::ArmFailed, "no").with_status(Status::Permanent))
        }
    })
}

fn sum() -> SubTask {
    let mut subtask = SubTask::new(1, "add up", "bad");
    subtask.required_capabilities = vec!["sum".into()];
    subtask
}

#[tokio::test]
async fn the_next_best_arm_takes_over_and_the_journal_says_why() {
    let octo =
        LocalOrchestrator::builder().arm(arm("bad", false)).arm(arm("good", true)).start().await.unwrap();
    let result = octo.run(planned(vec![sum()]).into()).await.unwrap();
    assert_eq!(result.status, TaskStatus::Completed, "{result:?}");
    assert_eq!((result.steps[0].arm_id.as_deref(), result.steps[0].attempts), (Some("good"), 2));
    let events = octo.journal(result.task_id, 0, 100).await.unwrap();
    let first = events.iter().find_map(|event| match &event.kind {
        EventKind::StepStarted { routing, .. } => routing.clone(),
        _ => None,
    });
    let ids: Vec<_> = first.unwrap().candidates.iter().map(|score| score.arm_id.to_string()).collect();
    assert_eq!(ids, ["bad", "good"], "the arm that the plan names comes first, all candidates are told");
    let rerouted =
        |event: &Arc<Event>| matches!(event.kind, EventKind::StepFailed { then: Then::Reroute, .. });
    assert!(events.iter().any(rerouted));
}

#[tokio::test]
async fn without_capabilities_only_the_named_arm_will_do() {
    let octo =
        LocalOrchestrator::builder().arm(arm("bad", false)).arm(arm("good", true)).start().await.unwrap();
    let subtask = SubTask { required_capabilities: Vec::new(), ..sum() };
    let result = octo.run(planned(vec![subtask]).into()).await.unwrap();
    assert_eq!(result.status, TaskStatus::Failed);
}

#[tokio::test]
async fn an_ill_arm_is_passed_over_while_another_can_do_it() {
    let octo =
        LocalOrchestrator::builder().arm(arm("bad", true)).arm(arm("good", true)).start().await.unwrap();
    octo.registry().set_health("bad", HealthStatus::Unhealthy);
    let result = octo.run(planned(vec![sum()]).into()).await.unwrap();
    assert_eq!(result.steps[0].arm_id.as_deref(), Some("good"));
}

#[tokio::test]
async fn an_arm_that_keeps_failing_is_left_alone() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let failing = ScriptedArm::new(ArmDescriptor::new("bad", ["sum"]), move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Err(Error::new(ErrorKind::Unavailable, "not at home")) }
    });
    let octo = LocalOrchestrator::builder().arm(failing).start().await.unwrap();
    let subtask = SubTask { max_retries: Some(0), ..sum() };
    for _ in 0..20 {
        octo.run(planned(vec![subtask.clone()]).into()).await.unwrap();
    }
    assert_eq!(calls.load(Ordering::SeqCst), 5, "five failures in a row open the breaker");
    let arms = octo.arms().await.unwrap();
    assert_eq!((arms[0].breaker, arms[0].stats.total), (BreakerState::Open, 5));
}

#[tokio::test]
async fn an_arm_that_comes_late_gets_its_step() {
    let octo = LocalOrchestrator::builder().arm(arm("good", true)).start().await.unwrap();
    let registry = octo.registry().clone();
    let request = planned(vec![SubTask::new(1, "add up", "good")]);
    registry.remove("good");
    let refused = octo.submit(request.clone().into()).await.unwrap_err();
    assert_eq!(
        refused.kind(),
        ErrorKind::InvalidInput,
        "an unknown arm is refused before anything is stored"
    );
    registry.add(Arc::new(arm("good", true)), None).unwrap();
    let slow = SubTask::new(1, "wait", "good");
    let id = octo.submit(planned(vec![slow]).into()).await.unwrap().task_id;
    status_becomes(&*octo, id, TaskStatus::Completed).await;
}
