//! The list of tasks.

use sqlx::{QueryBuilder, Sqlite};

use super::SqliteMemory;
use super::error::storage;
use super::rows::{self, RecordRow};
use crate::error::Result;
use crate::memory::journal::{TaskFilter, TaskPage};
use crate::task::{TaskId, TaskSummary};

const READING: &str = "cannot read the list of tasks";

impl SqliteMemory {
    /// The task's row.
    pub(super) async fn find(&self, task: TaskId) -> Result<Option<TaskSummary>> {
        let mut query = select();
        query.push(" WHERE task_id = ").push_bind(task.as_bytes().to_vec());
        let mut reader = self.reader().await?;
        let row =
            query.build().fetch_optional(&mut *reader).await.map_err(|error| storage(READING, &error))?;
        row.as_ref().map(rows::summary).transpose()
    }

    /// A page of tasks, newest first: ids are UUIDv7, so their order is that of time.
    pub(super) async fn list_tasks(&self, filter: &TaskFilter) -> Result<TaskPage> {
        let size = filter.page_size()?;
        let mut query = select();
        push_conditions(&mut query, filter, filter.before()?);
        query.push(" ORDER BY task_id DESC LIMIT ").push_bind(rows::clamp(size as u64 + 1));
        let mut reader = self.reader().await?;
        let found = query.build().fetch_all(&mut *reader).await.map_err(|error| storage(READING, &error))?;
        let tasks = found.iter().map(rows::summary).collect::<Result<_>>()?;
        Ok(TaskPage::cut(tasks, size))
    }
}

fn select() -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(RecordRow::SUMMARY).push(" FROM tasks");
    query
}

fn push_conditions(query: &mut QueryBuilder<Sqlite>, filter: &TaskFilter, before: Option<TaskId>) {
    query.push(" WHERE TRUE");
    if let Some(status) = filter.status {
        query.push(" AND status = ").push_bind(status.as_str());
    }
    if let Some(priority) = filter.priority {
        query.push(" AND priority = ").push_bind(priority.as_str());
    }
    if let Some(parent) = filter.parent_task_id {
        query.push(" AND parent_task_id = ").push_bind(parent.as_bytes().to_vec());
    }
    if let Some(before) = before {
        query.push(" AND task_id < ").push_bind(before.as_bytes().to_vec());
    }
    // A JSON path cannot name every key that JSON can; comparing the keys themselves can.
    for (key, value) in &filter.metadata {
        query.push(" AND EXISTS (SELECT 1 FROM json_each(metadata) AS label WHERE label.key = ");
        query.push_bind(key.clone()).push(" AND label.value = ").push_bind(value.clone()).push(")");
    }
}
