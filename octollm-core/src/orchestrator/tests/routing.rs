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
async fn an_unknown_arm_is_refused_before_anything_is_stored() {
    let octo = LocalOrchestrator::builder().arm(arm("good", true)).start().await.unwrap();
    let request = planned(vec![SubTask::new(1, "add up", "late")]);
    let refused = octo.submit(request.into()).await.unwrap_err();
    assert_eq!(refused.faults()[0].pointer, "/plan/subtasks/0/required_arm");
    assert!(octo.list(TaskFilter::default()).await.unwrap().tasks.is_empty());
}

#[tokio::test]
async fn a_step_waits_for_an_arm_that_is_away() {
    let octo = with_arms(LocalOrchestrator::builder()).arm(arm("good", true)).start().await.unwrap();
    let registry = octo.registry().clone();
    let wait = SubTask::new(1, "sleep", "slow").with_input(json!({"ms": 100}));
    let id = octo
        .submit(planned(vec![wait, SubTask::new(2, "add up", "good").after([1])]).into())
        .await
        .unwrap()
        .task_id;
    registry.remove("good");
    let away = |event: &Arc<Event>| matches!(event.kind, EventKind::StepFailed { step: 2, arm_id: None, .. });
    while !octo.journal(id, 0, 100).await.unwrap().iter().any(away) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    registry.add(Arc::new(arm("good", true)), None).unwrap();
    let result = status_becomes(&*octo, id, TaskStatus::Completed).await;
    assert_eq!(result.steps[1].attempts, 1, "the arm was asked once");
}
