//! One process stops, the next goes on: two engines, one after the other, over one SQLite file.

use std::path::Path;
use std::sync::Mutex;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::arm::ArmDescriptor;
use crate::memory::{SharedMemory, SqliteMemory, SqliteOptions};
use crate::task::{Approval, ApprovalReason, EventKind, SubTask, TaskRequest};
use crate::testing::arms::ScriptedArm;
use crate::testing::orchestrator::{echo, planned};

struct Process {
    octo: Arc<LocalOrchestrator>,
    memory: SqliteMemory,
}

impl Process {
    async fn start(folder: &Path, arms: Vec<ScriptedArm>) -> Self {
        let memory = SqliteMemory::open(SqliteOptions::new(folder.join("octollm.db"))).await.unwrap();
        let builder = with_arms(LocalOrchestrator::builder()).memory(SharedMemory::sqlite(memory.clone()));
        let octo = arms.into_iter().fold(builder, Builder::arm).start().await.unwrap();
        Self { octo, memory }
    }

    /// Stops at once: what runs is left where it is.
    async fn stop(self) {
        self.octo.shutdown(Duration::ZERO).await;
        self.memory.close().await.unwrap();
    }
}

fn slow(ms: u64) -> SubTask {
    SubTask::new(1, "sleep", "slow").with_input(json!({"ms": ms}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sqlite_engine_passes_the_suite() {
    let folder = TempDir::new().unwrap();
    let process = Process::start(folder.path(), Vec::new()).await;
    orchestrator_suite(process.octo.clone()).await;
    process.stop().await;
}

#[tokio::test]
async fn an_unfinished_task_goes_on_where_it_was() {
    let folder = TempDir::new().unwrap();
    let first = Process::start(folder.path(), Vec::new()).await;
    let steps = vec![
        echo(1, json!({"n": 1})),
        SubTask::new(2, "sleep", "slow").with_input(json!({"ms": 300})).after([1]),
    ];
    let id = first.octo.submit(planned(steps).into()).await.unwrap().task_id;
    while first.octo.task(id).await.unwrap().steps.get(1).is_none_or(|step| step.attempts == 0) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.stop().await;
    let second = Process::start(folder.path(), Vec::new()).await;
    let result = status_becomes(&*second.octo, id, TaskStatus::Completed).await;
    assert_eq!((result.steps[0].attempts, result.steps[1].attempts), (1, 2));
    second.stop().await;
}

/// What was spent before the crash is not there to be spent again.
#[tokio::test]
async fn a_budget_survives_the_process() {
    let folder = TempDir::new().unwrap();
    let spender = || {
        let spends = |_| async { Ok(json!({"usage": {"input_tokens": 90, "model_calls": 1}})) };
        ScriptedArm::new(ArmDescriptor::new("spender", ["spend"]), spends)
    };
    let first = Process::start(folder.path(), vec![spender()]).await;
    let spend = |step| SubTask::new(step, "spend", "spender").with_input(json!({}));
    let steps = vec![
        spend(1),
        SubTask::new(2, "sleep", "slow").with_input(json!({"ms": 300})).after([1]),
        spend(3).after([2]),
        spend(4).after([3]),
    ];
    let budget = Some(crate::task::Budget { max_tokens: Some(150), ..Default::default() });
    let request = TaskRequest { budget, ..planned(steps) };
    let id = first.octo.submit(request.into()).await.unwrap().task_id;
    while first.octo.task(id).await.unwrap().steps.get(1).is_none_or(|step| step.attempts == 0) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.stop().await;
    let second = Process::start(folder.path(), vec![spender()]).await;
    let result = status_becomes(&*second.octo, id, TaskStatus::Failed).await;
    assert_eq!(result.error.unwrap().code, "budget_exceeded");
    assert_eq!((result.usage.input_tokens, result.steps[3].attempts), (180, 0));
    second.stop().await;
}

#[tokio::test]
async fn a_queued_task_is_not_forgotten() {
    let folder = TempDir::new().unwrap();
    let first = Process::start(folder.path(), Vec::new()).await;
    let mut ids = Vec::new();
    for _ in 0..150 {
        ids.push(first.octo.submit(planned(vec![slow(50)]).into()).await.unwrap().task_id);
    }
    first.stop().await;
    let second = Process::start(folder.path(), Vec::new()).await;
    for id in ids {
        status_becomes(&*second.octo, id, TaskStatus::Completed).await;
    }
    second.stop().await;
}

#[tokio::test]
async fn an_unsafe_step_in_flight_waits_for_a_decision() {
    let folder = TempDir::new().unwrap();
    let world = Arc::<Mutex<Vec<Value>>>::default();
    let transfer = |world: Arc<Mutex<Vec<Value>>>, ms| {
        let mut descriptor = ArmDescriptor::new("transfer", ["transfer"]);
        descriptor.side_effects = crate::arm::SideEffects::Unsafe;
        ScriptedArm::new(descriptor, move |call| {
            world.lock().unwrap().push((*call.input).clone());
            async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok(json!({"done": true}))
            }
        })
    };
    let first = Process::start(folder.path(), vec![transfer(world.clone(), 60_000)]).await;
    let step = SubTask::new(1, "pay", "transfer").with_input(json!({"euros": 10}));
    let id = first.octo.submit(planned(vec![step]).into()).await.unwrap().task_id;
    while world.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.stop().await;

    let second = Process::start(folder.path(), vec![transfer(world.clone(), 0)]).await;
    status_becomes(&*second.octo, id, TaskStatus::AwaitingApproval).await;
    assert_eq!(world.lock().unwrap().len(), 1, "it is not done again on its own account");
    let events = second.octo.journal(id, 0, 100).await.unwrap();
    let in_doubt = |event: &Arc<Event>| {
        matches!(
            event.kind,
            EventKind::ApprovalRequested { reason: ApprovalReason::InDoubt, step: Some(1), .. }
        )
    };
    assert!(events.iter().any(in_doubt));
    second.octo.decide(id, Decision { approved: true, ..Decision::default() }).await.unwrap();
    status_becomes(&*second.octo, id, TaskStatus::Completed).await;
    assert_eq!(world.lock().unwrap().len(), 2);
    second.stop().await;
}

#[tokio::test]
async fn an_approval_can_come_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let first = Process::start(folder.path(), Vec::new()).await;
    let request = TaskRequest { approval: Approval::Plan, ..planned(vec![echo(1, json!({}))]) };
    let id = first.octo.submit(request.into()).await.unwrap().task_id;
    status_becomes(&*first.octo, id, TaskStatus::AwaitingApproval).await;
    first.stop().await;
    let second = Process::start(folder.path(), Vec::new()).await;
    assert_eq!(second.octo.task(id).await.unwrap().status, TaskStatus::AwaitingApproval);
    second.octo.decide(id, Decision { approved: true, ..Decision::default() }).await.unwrap();
    status_becomes(&*second.octo, id, TaskStatus::Completed).await;
    second.stop().await;
}

#[tokio::test]
async fn a_living_process_keeps_its_tasks() {
    let folder = TempDir::new().unwrap();
    let first = Process::start(folder.path(), Vec::new()).await;
    let id = first.octo.submit(planned(vec![slow(60_000)]).into()).await.unwrap().task_id;
    status_becomes(&*first.octo, id, TaskStatus::Executing).await;
    let second = Process::start(folder.path(), Vec::new()).await;
    let error = second.octo.cancel(id, "not mine").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(first.octo.task(id).await.unwrap().status, TaskStatus::Executing);
    second.stop().await;
    first.octo.cancel(id, "mine").await.unwrap();
    first.stop().await;
}

#[tokio::test]
async fn statistics_outlive_the_process() {
    let folder = TempDir::new().unwrap();
    let first = Process::start(folder.path(), Vec::new()).await;
    first.octo.run(planned(vec![echo(1, json!({}))]).into()).await.unwrap();
    first.stop().await;
    let second = Process::start(folder.path(), Vec::new()).await;
    let arms = second.octo.arms().await.unwrap();
    let echo = arms.iter().find(|arm| arm.descriptor.arm_id == "echo").unwrap();
    assert_eq!((echo.stats.total, echo.stats.success), (1, 1));
    second.stop().await;
}

#[tokio::test]
async fn whoever_waits_for_a_task_is_told_that_the_engine_stopped() {
    let folder = TempDir::new().unwrap();
    let process = Process::start(folder.path(), Vec::new()).await;
    let octo = process.octo.clone();
    let waiting = tokio::spawn(async move { octo.run(planned(vec![slow(60_000)]).into()).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    process.stop().await;
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
}
