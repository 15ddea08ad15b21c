//! Recreates the list of tasks from the log.
//!
//! A few tasks at a time, each few in one transaction: memory stays bounded, other writers get their turn, and where it
//! is cut off it has done no harm and can be started again. A task's events are read and its row written inside the same
//! transaction, so no append comes between.

use sqlx::{Row, SqliteConnection};

use super::SqliteMemory;
use super::error::storage;
use super::rows::{self, RecordRow};
use super::statements;
use crate::error::Result;
use crate::memory::journal::TaskRecord;
use crate::task::{TaskId, TaskState};

/// Tasks of one transaction.
const TASKS: i64 = 64;

const REBUILDING: &str = "cannot rebuild the list of tasks";

impl SqliteMemory {
    pub(super) async fn rebuild_history(&self) -> Result<u64> {
        let mut rebuilt = 0;
        let mut after = Vec::new();
        loop {
            let mut writer = self.writer().await?;
            let mut transaction = writer.begin().await?;
            let tasks = tasks_after(&mut transaction, &after).await?;
            for task in &tasks {
                rebuild_task(&mut transaction, *task).await?;
            }
            drop_rows_between(&mut transaction, &after, &tasks).await?;
            transaction.commit().await.map_err(|error| storage(REBUILDING, &error))?;
            let Some(last) = tasks.last() else { return Ok(rebuilt) };
            after = last.as_bytes().to_vec();
            rebuilt += tasks.len() as u64;
        }
    }
}

async fn tasks_after(connection: &mut SqliteConnection, after: &[u8]) -> Result<Vec<TaskId>> {
    let sql = "SELECT DISTINCT task_id FROM action_log WHERE task_id > ? ORDER BY task_id LIMIT ?";
    let query = sqlx::query(sql).bind(after).bind(TASKS);
    let found = query.fetch_all(connection).await.map_err(|error| storage(REBUILDING, &error))?;
    found.iter().map(|row| rows::task_id(row, 0)).collect()
}

async fn rebuild_task(connection: &mut SqliteConnection, task: TaskId) -> Result<()> {
    let sql = "SELECT seq, at, action_details FROM action_log WHERE task_id = ? ORDER BY seq";
    let query = sqlx::query(sql).bind(&task.as_bytes()[..]);
    let found = query.fetch_all(&mut *connection).await.map_err(|error| storage(REBUILDING, &error))?;
    let events = found.iter().map(|row| rows::event(task, row)).collect::<Result<Vec<_>>>()?;
    let state = TaskState::fold(events).map_err(|error| error.with_context("task", task.to_string()))?;
    let owner = owner_of(connection, task).await.map_err(|error| storage(REBUILDING, &error))?;
    let row = RecordRow::of(&TaskRecord::of(&state), owner)?;
    statements::insert_record(connection, &row).await.map_err(|error| storage(REBUILDING, &error))
}

/// Who works on the task is not in the log; it stays as it is.
async fn owner_of(connection: &mut SqliteConnection, task: TaskId) -> sqlx::Result<Option<[u8; 16]>> {
    let query = sqlx::query("SELECT owner FROM tasks WHERE task_id = ?").bind(&task.as_bytes()[..]);
    let Some(row) = query.fetch_optional(connection).await? else { return Ok(None) };
    let owner: Option<Vec<u8>> = row.try_get(0)?;
    Ok(owner.and_then(|owner| owner.try_into().ok()))
}

/// Removes the rows of tasks that the log does not know, from after `after` up to the last of `tasks`, or to the end
/// where there are none.
async fn drop_rows_between(connection: &mut SqliteConnection, after: &[u8], tasks: &[TaskId]) -> Result<()> {
    let last = tasks.last().map(|last| last.as_bytes().to_vec());
    let sql = "DELETE FROM tasks WHERE task_id > ?1 AND (?2 IS NULL OR task_id <= ?2) \
               AND NOT EXISTS (SELECT 1 FROM action_log WHERE action_log.task_id = tasks.task_id)";
    let query = sqlx::query(sql).bind(after).bind(last);
    query.execute(connection).await.map(drop).map_err(|error| storage(REBUILDING, &error))
}
