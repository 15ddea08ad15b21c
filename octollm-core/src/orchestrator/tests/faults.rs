//! A journal that fails for a while.

use serde_json::json;

use super::*;
use crate::memory::SharedMemory;
use crate::testing::faulty::FaultyJournal;
use crate::testing::orchestrator::{echo, planned};

async fn over_a_faulty_journal() -> (Arc<LocalOrchestrator>, Arc<FaultyJournal>) {
    over_faulty(SharedMemory::in_process().await.unwrap()).await
}

async fn over_faulty(mut memory: SharedMemory) -> (Arc<LocalOrchestrator>, Arc<FaultyJournal>) {
    let journal = Arc::new(FaultyJournal::new(memory.journal.clone()));
    memory.journal = journal.clone();
    (with_arms(LocalOrchestrator::builder()).memory(memory).start().await.unwrap(), journal)
}

#[tokio::test]
async fn what_cannot_be_written_is_not_accepted() {
    let (octo, journal) = over_a_faulty_journal().await;
    journal.fail_next(1);
    let error = octo.submit(planned(vec![echo(1, json!({}))]).into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(octo.list(TaskFilter::default()).await.unwrap().tasks.is_empty());
}

#[tokio::test]
async fn a_task_waits_for_its_journal_and_goes_on() {
    let (octo, journal) = over_a_faulty_journal().await;
    let id = octo
        .submit(planned(vec![echo(1, json!({})), echo(2, json!({})).after([1])]).into())
        .await
        .unwrap()
        .task_id;
    journal.fail_next(2);
    let result = status_becomes(&*octo, id, TaskStatus::Completed).await;
    assert!(result.steps.iter().all(|step| step.attempts == 1), "no step is done again for it: {result:?}");
}

#[tokio::test]
async fn an_append_whose_answer_was_lost_is_not_taken_for_somebody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let options = crate::memory::SqliteOptions::new(folder.path().join("octollm.db"));
    let sqlite = crate::memory::SqliteMemory::open(options).await.unwrap();
    for memory in [SharedMemory::in_process().await.unwrap(), SharedMemory::sqlite(sqlite)] {
        let (octo, journal) = over_faulty(memory).await;
        let slow = crate::task::SubTask::new(1, "sleep", "slow").with_input(json!({"ms": 100}));
        let request = planned(vec![slow, echo(2, json!({"text": "é", "number": 0.1})).after([1])]);
        let id = octo.submit(request.into()).await.unwrap().task_id;
        status_becomes(&*octo, id, TaskStatus::Executing).await;
        journal.lose_the_next_answer();
        let result = status_becomes(&*octo, id, TaskStatus::Completed).await;
        assert!(
            result.steps.iter().all(|step| step.attempts == 1),
            "no step is done again for it: {result:?}"
        );
    }
}

#[tokio::test]
async fn a_task_that_somebody_else_writes_to_is_left_to_them() {
    let (octo, journal) = over_a_faulty_journal().await;
    let slow = crate::task::SubTask::new(1, "sleep", "slow").with_input(json!({"ms": 200}));
    let id = octo.submit(planned(vec![slow]).into()).await.unwrap().task_id;
    status_becomes(&*octo, id, TaskStatus::Executing).await;
    journal.fence_next();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(
        octo.task(id).await.unwrap().status,
        TaskStatus::Executing,
        "a fenced engine writes nothing more"
    );
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_no_task_without_a_driver() {
    let (octo, journal) = over_a_faulty_journal().await;
    journal.delay(Duration::from_millis(100));
    let near = octo.clone();
    let submitting = tokio::spawn(async move { near.submit(planned(vec![echo(1, json!({}))]).into()).await });
    tokio::time::sleep(Duration::from_millis(30)).await;
    submitting.abort();
    assert!(submitting.await.unwrap_err().is_cancelled());
    tokio::time::sleep(Duration::from_millis(150)).await;
    let id = octo.list(TaskFilter::default()).await.unwrap().tasks[0].task_id;
    status_becomes(&*octo, id, TaskStatus::Completed).await;
}
