//! Tasks that begin while their acceptance is being written: what they may do, and what becomes of them.

use std::sync::{Mutex, OnceLock, Weak};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::peers::arm;
use super::*;
use crate::arm::{ArmCall, SideEffects};
use crate::memory::{Journal, SharedMemory};
use crate::task::SubTask;
use crate::testing::arms::ScriptedArm;
use crate::testing::faulty::FaultyJournal;
use crate::testing::orchestrator::planned;

/// An orchestrator whose journal takes its time.
struct World {
    octo: Arc<LocalOrchestrator>,
    slow: Arc<FaultyJournal>,
}

impl World {
    async fn new(arms: Vec<ScriptedArm>, mut memory: SharedMemory) -> Self {
        let slow = Arc::new(FaultyJournal::new(memory.journal.clone()));
        slow.delay(Duration::from_millis(100));
        memory.journal = slow.clone();
        let builder = arms.into_iter().fold(LocalOrchestrator::builder(), Builder::arm);
        Self { octo: builder.memory(memory).start().await.unwrap(), slow }
    }
}

/// An orchestrator that its own arms know.
type Known = Arc<OnceLock<Weak<LocalOrchestrator>>>;

/// An arm that does something with the orchestrator that it works for.
fn knowing<F>(
    id: &str,
    known: &Known,
    work: impl Fn(Arc<LocalOrchestrator>, ArmCall) -> F + Send + Sync + 'static,
) -> ScriptedArm
where
    F: Future<Output = crate::Result<Value>> + Send + 'static,
{
    let known = known.clone();
    arm(id, SideEffects::None, move |call| work(known.get().unwrap().upgrade().unwrap(), call))
}

/// An arm that notes whether the journal had the task when it was asked.
fn noting(
    id: &'static str,
    side_effects: SideEffects,
    journal: Arc<dyn Journal>,
    notes: Notes,
) -> ScriptedArm {
    arm(id, side_effects, move |call| {
        let (journal, notes) = (journal.clone(), notes.clone());
        async move {
            let durable = journal.record(call.task_id).await?.is_some();
            notes.lock().unwrap().push((id, durable));
            Ok(json!({}))
        }
    })
}

type Notes = Arc<Mutex<Vec<(&'static str, bool)>>>;

/// Steps that wait for nothing, one for each of these arms.
fn beside_one_another(arms: &[&str]) -> TaskRequest {
    planned((1..).zip(arms).map(|(step, arm)| SubTask::new(step, *arm, *arm).with_input(json!({}))).collect())
}

async fn noted(key: Option<&str>) -> Vec<(&'static str, bool)> {
    let (memory, notes) = (SharedMemory::in_process().await.unwrap(), Notes::default());
    let note = |id, side_effects| noting(id, side_effects, memory.journal.clone(), notes.clone());
    let arms = vec![
        note("reads", SideEffects::None),
        note("writes", SideEffects::Idempotent),
        note("sends", SideEffects::Unsafe),
    ];
    let world = World::new(arms, memory.clone()).await;
    for arm in ["reads", "writes", "sends"] {
        let request = beside_one_another(&[arm]);
        let key = key.map(|key| format!("{key} {arm}"));
        let submission = Submission { idempotency_key: key, ..Submission::from(request) };
        assert_eq!(world.octo.run(submission).await.unwrap().status, TaskStatus::Completed);
    }
    notes.lock().unwrap().clone()
}

#[tokio::test]
async fn only_what_changes_nothing_begins_before_the_task_is_durable() {
    assert_eq!(noted(None).await, [("reads", false), ("writes", true), ("sends", true)]);
}

#[tokio::test]
async fn a_task_whose_key_may_be_taken_begins_when_it_is_not() {
    assert_eq!(noted(Some("key")).await, [("reads", true), ("writes", true), ("sends", true)]);
}

/// Says that the call that it belongs to is gone.
struct OnDrop(mpsc::UnboundedSender<&'static str>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.send("dropped").ok();
    }
}

#[tokio::test]
async fn what_a_refused_task_has_begun_is_dropped() {
    let (asked, mut calls) = mpsc::unbounded_channel();
    let endless = arm("endless", SideEffects::None, move |_| {
        let asked = asked.clone();
        async move {
            asked.send("asked").unwrap();
            let _end = OnDrop(asked);
            std::future::pending().await
        }
    });
    let world = World::new(vec![endless], SharedMemory::in_process().await.unwrap()).await;
    world.slow.fail_next(1);
    let error = world.octo.submit(beside_one_another(&["endless"]).into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage, "whoever submits hears why");
    assert_eq!((calls.recv().await, calls.recv().await), (Some("asked"), Some("dropped")));
    while world.octo.health().await.unwrap().dependencies["active_tasks"] != 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(world.octo.list(TaskFilter::default()).await.unwrap().tasks.is_empty());
    assert_eq!(world.slow.appends(), 1, "nothing else of it is written");
}

/// An arm knows its task's id from the call, before the caller knows it from the answer.
#[tokio::test]
async fn an_arm_finds_its_own_task_and_begins_another_below_it() {
    let known = Known::default();
    let parent = knowing("parent", &known, |octo, call| async move {
        let own = octo.task(call.task_id).await?;
        let page = octo.journal(call.task_id, 0, 1).await?;
        let below = TaskRequest { parent_task_id: Some(call.task_id), ..beside_one_another(&["child"]) };
        let below = octo.run(below.into()).await?;
        Ok(json!({"own": own.task_id, "first": page[0].kind.name(), "below": below.status}))
    });
    let child = arm("child", SideEffects::None, |_| async { Ok(json!({})) });
    let world = World::new(vec![parent, child], SharedMemory::in_process().await.unwrap()).await;
    known.set(Arc::downgrade(&world.octo)).unwrap();
    let result = world.octo.run(beside_one_another(&["parent"]).into()).await.unwrap();
    let expected = json!({"own": result.task_id, "first": "task.accepted", "below": "completed"});
    assert_eq!(result.result.as_deref(), Some(&expected), "{:?}", result.error);
}

/// An arm may stop the task that it works for.
#[tokio::test]
async fn a_task_that_has_just_begun_can_be_cancelled() {
    let known = Known::default();
    let stops = knowing("stops", &known, |octo, call| async move {
        tokio::spawn(async move { octo.cancel(call.task_id, "it is pointless").await });
        std::future::pending().await
    });
    let world = World::new(vec![stops], SharedMemory::in_process().await.unwrap()).await;
    known.set(Arc::downgrade(&world.octo)).unwrap();
    let result = world.octo.run(beside_one_another(&["stops"]).into()).await.unwrap();
    assert_eq!(result.status, TaskStatus::Cancelled);
}

#[tokio::test]
async fn whoever_watches_hears_of_the_acceptance_first() {
    let tells = arm("tells", SideEffects::None, |call| async move {
        call.progress.report("half of it", Some(0.5));
        Ok(json!({}))
    });
    let world = World::new(vec![tells], SharedMemory::in_process().await.unwrap()).await;
    let (_, events) = world.octo.stream(beside_one_another(&["tells"]).into()).await.unwrap();
    let events: Vec<_> = events.map(|event| event.unwrap().kind.name()).collect().await;
    assert_eq!((events.first(), events.last()), (Some(&"task.accepted"), Some(&"task.completed")));
}
