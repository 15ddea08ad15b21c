//! A file of an earlier version goes on as it is.

use std::sync::Arc;

use serde_json::Value;

use super::super::SqliteMemory;
use super::{Backend, history};
use crate::memory::{Journal, TaskFilter};
use crate::task::{EventKind, SubTask, TaskId, TaskRequest, TaskState};
use crate::testing::journal::Script;

/// Makes the list of tasks what it was before it became a view: a table that has request, plan and result as well.
const BACK_TO_VERSION_4: &str = "
    CREATE TABLE old (
        task_id BLOB NOT NULL PRIMARY KEY, goal TEXT NOT NULL, request TEXT, status TEXT NOT NULL, plan TEXT, results TEXT,
        success INTEGER, error TEXT, duration_ms INTEGER, confidence REAL, cost_tokens INTEGER NOT NULL,
        cost_usd REAL NOT NULL, priority TEXT NOT NULL, parent_task_id BLOB, metadata TEXT NOT NULL, owner BLOB,
        lease_until INTEGER, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, completed_at INTEGER
    ) STRICT;
    INSERT INTO old SELECT * FROM task_history;
    DROP VIEW task_history;
    DROP TABLE tasks;
    ALTER TABLE old RENAME TO task_history;
    CREATE INDEX task_history_by_status ON task_history (status, task_id);
    CREATE INDEX task_history_by_parent ON task_history (parent_task_id, task_id) WHERE parent_task_id IS NOT NULL;
    CREATE INDEX task_history_by_end ON task_history (completed_at, task_id) WHERE completed_at IS NOT NULL;
    PRAGMA user_version = 4;";

/// A task that has ended, one that runs and one that was accepted.
async fn lives(memory: &SqliteMemory) -> [Script; 3] {
    let (mut ended, mut running, mut accepted) = (Script::new(), Script::new(), Script::new());
    ended.run(memory).await;
    running.start(memory).await;
    accepted.accept(memory, TaskRequest::new("Look \"é\" up, and\nwhat \\u0000 is")).await;
    [ended, running, accepted]
}

#[tokio::test]
async fn a_file_in_which_the_list_of_tasks_was_a_table() {
    let backend = Backend::new();
    let memory = backend.memory().await;
    let tasks = lives(&memory).await;
    let before = history(&memory).await;
    sqlx::raw_sql(BACK_TO_VERSION_4).execute(memory.writer().await.unwrap().connection()).await.unwrap();
    assert_eq!(history(&memory).await, before);
    memory.close().await.unwrap();

    let memory = backend.memory().await;
    assert_eq!(history(&memory).await, before);
    for task in &tasks {
        assert_eq!(memory.record(task.id()).await.unwrap(), Some(task.summary()));
        assert_eq!(memory.read(task.id(), 0, 10).await.unwrap(), task.events());
    }
    assert_eq!(memory.list(&TaskFilter::default()).await.unwrap().tasks.len(), 3);
    let claimed: Vec<TaskId> = memory.claim().await.unwrap().iter().map(|claimed| claimed.task_id).collect();
    assert_eq!(claimed, [tasks[1].id(), tasks[2].id()]);
    let [_, mut running, _] = tasks;
    let cancelled = EventKind::TaskCancelled { reason: "enough".into(), usage: Default::default() };
    memory.append(&running.append(vec![cancelled])).await.unwrap();
    assert_eq!(memory.record(running.id()).await.unwrap(), Some(running.summary()));
    memory.check_integrity().await.unwrap();
}

/// Whoever looks into the file with other tools finds what the task was asked for, how it was done, and what came of it.
#[tokio::test]
async fn the_list_of_tasks_shows_what_is_in_the_log() {
    let memory = SqliteMemory::in_memory().await.unwrap();
    let mut tasks = lives(&memory).await;
    let mut plan = (**TaskState::fold(tasks[1].events()).unwrap().plan().unwrap()).clone();
    plan.revision += 1;
    plan.subtasks.push(SubTask::new(2, "look again", "retriever"));
    let (reason, usage) = ("another plan".into(), Default::default());
    let revised = EventKind::PlanRevised { plan: Arc::new(plan.normalised()), reason, usage };
    memory.append(&tasks[1].append(vec![revised])).await.unwrap();
    for task in &tasks {
        let state = TaskState::fold(task.events()).unwrap();
        let sql = "SELECT request, plan, results FROM task_history WHERE task_id = ?";
        let found: (String, Option<String>, Option<String>) = sqlx::query_as(sql)
            .bind(&task.id().as_bytes()[..])
            .fetch_one(&mut *memory.reader().await.unwrap())
            .await
            .unwrap();
        let json = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        assert_eq!(json(found.0), serde_json::to_value(state.request()).unwrap());
        assert_eq!(found.1.map(json), state.plan().map(|plan| serde_json::to_value(plan).unwrap()));
        assert_eq!(found.2.map(json), state.output().map(|output| (**output).clone()));
    }
}
