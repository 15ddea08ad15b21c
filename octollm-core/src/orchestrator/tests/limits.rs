//! Who runs, who waits, who is refused.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::*;
use crate::arm::ArmDescriptor;
use crate::task::{Approval, EventKind, Priority, SubTask, TaskRequest};
use crate::testing::arms::ScriptedArm;
use crate::testing::orchestrator::{echo, planned};

fn slow(ms: u64) -> TaskRequest {
    planned(vec![SubTask::new(1, "sleep", "slow").with_input(json!({"ms": ms}))])
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_with_a_time_to_come_back() {
    let config = EngineConfig { max_concurrent_tasks: 1, max_queued_tasks: 1, ..EngineConfig::default() };
    let octo = engine(config).await;
    let first = octo.submit(slow(60_000).into()).await.unwrap().task_id;
    let second = octo.submit(slow(10).into()).await.unwrap().task_id;
    let error = octo.submit(slow(10).into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.retry_after().is_some());
    assert_eq!(octo.list(TaskFilter::default()).await.unwrap().tasks.len(), 2, "nothing is stored");
    octo.cancel(first, "make room").await.unwrap();
    status_becomes(&*octo, second, TaskStatus::Completed).await;
    assert!(octo.submit(slow(10).into()).await.is_ok());
}

#[tokio::test]
async fn the_urgent_run_before_those_who_came_earlier() {
    let octo = engine(EngineConfig { max_concurrent_tasks: 1, ..EngineConfig::default() }).await;
    let first = octo.submit(slow(100).into()).await.unwrap().task_id;
    status_becomes(&*octo, first, TaskStatus::Executing).await;
    let mut ids = Vec::new();
    for priority in [Priority::Low, Priority::Medium, Priority::Critical] {
        let request = TaskRequest { priority, ..slow(20) };
        ids.push(octo.submit(request.into()).await.unwrap().task_id);
    }
    let mut ended = Vec::new();
    for id in &ids {
        ended.push((status_becomes(&*octo, *id, TaskStatus::Completed).await.completed_at, *id));
    }
    ended.sort_unstable();
    let order: Vec<_> = ended.into_iter().map(|(_, id)| id).collect();
    assert_eq!(order, [ids[2], ids[1], ids[0]]);
}

#[tokio::test]
async fn a_sub_task_may_do_what_its_parent_may_or_less() {
    let octo = engine(EngineConfig::default()).await;
    let restricted = |names: &[&str]| TaskRequest {
        required_capabilities: names.iter().map(|name| (*name).to_owned()).collect(),
        approval: Approval::Plan,
        ..slow(10)
    };
    let parent = octo.submit(restricted(&["sleeping", "echoing"]).into()).await.unwrap().task_id;
    let below = |names: &[&str]| TaskRequest { parent_task_id: Some(parent), ..restricted(names) };
    let heir = octo.submit(below(&[]).into()).await.unwrap().task_id;
    let accepted = octo.journal(heir, 0, 1).await.unwrap();
    let EventKind::TaskAccepted { request, .. } = &accepted[0].kind else { panic!("{accepted:?}") };
    assert_eq!(request.required_capabilities, ["sleeping", "echoing"]);
    assert!(octo.submit(below(&["echoing"]).into()).await.is_ok());
    let error = octo.submit(below(&["echoing", "mailing"]).into()).await.unwrap_err();
    assert_eq!(error.faults()[0].pointer, "/required_capabilities/1");
}

#[tokio::test]
async fn a_queued_task_can_be_cancelled() {
    let octo = engine(EngineConfig { max_concurrent_tasks: 1, ..EngineConfig::default() }).await;
    octo.submit(slow(60_000).into()).await.unwrap();
    let queued = octo.submit(slow(10).into()).await.unwrap().task_id;
    let result = octo.cancel(queued, "changed my mind").await.unwrap();
    assert_eq!((result.status, result.steps.len()), (TaskStatus::Cancelled, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_arm_gets_no_more_calls_than_it_takes() {
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let mut descriptor = ArmDescriptor::new("narrow", ["narrow"]);
    descriptor.max_concurrent = 2;
    let (here, seen) = (now.clone(), most.clone());
    let narrow = ScriptedArm::new(descriptor, move |_| {
        seen.fetch_max(here.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let here = here.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            here.fetch_sub(1, Ordering::SeqCst);
            Ok(json!({}))
        }
    });
    let octo = LocalOrchestrator::builder().arm(narrow).start().await.unwrap();
    let steps = (1..=8).map(|step| SubTask::new(step, "squeeze", "narrow")).collect();
    let result = octo.run(planned(steps).into()).await.unwrap();
    assert_eq!(result.status, TaskStatus::Completed, "{result:?}");
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_step_starts_the_moment_its_own_inputs_are_there() {
    let octo = engine(EngineConfig::default()).await;
    let steps = vec![
        SubTask::new(1, "sleep", "slow").with_input(json!({"ms": 400})),
        echo(2, json!({})),
        echo(3, json!({})).after([2]),
    ];
    let result = octo.run(planned(steps).into()).await.unwrap();
    assert!(
        result.steps[2].completed_at < result.steps[0].completed_at,
        "step 3 waited for step 1: {result:?}"
    );
}

#[tokio::test]
async fn a_deadline_ends_the_task_and_what_runs() {
    let octo =
        engine(EngineConfig { task_timeout: Duration::from_millis(200), ..EngineConfig::default() }).await;
    let result = octo.run(slow(60_000).into()).await.unwrap();
    let error = result.error.unwrap();
    assert_eq!((error.code.as_str(), error.step), ("timeout", Some(1)));
    for _ in 0..100 {
        let arms = octo.arms().await.unwrap();
        if arms.iter().all(|arm| arm.in_flight == 0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the arm still works for a task that has ended");
}
