//! The journal's face: what [`Journal`] asks for, each done in the file that is about it.

use std::sync::Arc;

use async_trait::async_trait;

use super::error::storage;
use super::rows::{self, Rows};
use super::{SqliteMemory, blocking, size};
use crate::error::Result;
use crate::memory::journal::{
    Append, Claimed, Journal, PrunePolicy, Pruned, TaskFilter, TaskPage, VaultPart,
};
use crate::task::{Event, TaskId, TaskSummary};

/// Bytes of JSON from which on events are read on a thread of their own, for the same reason as in [`size`].
const LARGE: usize = 256 * 1024;

const READING: &str = "cannot read the journal";

#[async_trait]
impl Journal for SqliteMemory {
    async fn append(&self, append: &Append) -> Result<()> {
        let owner = *self.engine()?.id();
        let rows = if size::is_large(append) {
            let append = append.clone();
            blocking(move || Rows::of(&append, &owner)).await?
        } else {
            Rows::of(append, &owner)?
        };
        self.shared.queue.submit(rows).await
    }

    async fn read(&self, task: TaskId, after: u64, limit: usize) -> Result<Vec<Arc<Event>>> {
        let mut reader = self.reader().await?;
        let sql = "SELECT seq, at, action_details FROM action_log WHERE task_id = ? AND seq > ? ORDER BY seq LIMIT ?";
        let found = sqlx::query(sql)
            .bind(&task.as_bytes()[..])
            .bind(rows::clamp(after))
            .bind(rows::clamp(limit as u64))
            .fetch_all(&mut *reader)
            .await
            .map_err(|error| storage(READING, &error))?;
        drop(reader);
        let large = rows::details_len(&found) >= LARGE;
        let decode = move || found.iter().map(|row| rows::event(task, row)).collect();
        if large { blocking(decode).await } else { decode() }
    }

    async fn vault(&self, task: TaskId) -> Result<Vec<VaultPart>> {
        let mut reader = self.reader().await?;
        let found = sqlx::query("SELECT number, sealed FROM vault_parts WHERE task_id = ? ORDER BY number")
            .bind(&task.as_bytes()[..])
            .fetch_all(&mut *reader)
            .await
            .map_err(|error| storage(READING, &error))?;
        found.iter().map(rows::vault_part).collect()
    }

    async fn record(&self, task: TaskId) -> Result<Option<TaskSummary>> {
        self.find(task).await
    }

    async fn list(&self, filter: &TaskFilter) -> Result<TaskPage> {
        self.list_tasks(filter).await
    }

    async fn task_for_key(&self, key: [u8; 32]) -> Result<Option<TaskId>> {
        let mut reader = self.reader().await?;
        let found = sqlx::query("SELECT task_id FROM idempotency_keys WHERE key = ?")
            .bind(&key[..])
            .fetch_optional(&mut *reader)
            .await
            .map_err(|error| storage(READING, &error))?;
        found.map(|row| rows::task_id(&row, 0)).transpose()
    }

    async fn claim(&self) -> Result<Vec<Claimed>> {
        self.claim_all().await
    }

    async fn claim_task(&self, task: TaskId) -> Result<()> {
        self.claim_one(task).await
    }

    async fn rebuild(&self) -> Result<u64> {
        self.rebuild_history().await
    }

    async fn prune(&self, policy: &PrunePolicy) -> Result<Pruned> {
        self.prune_ended(policy).await
    }

    async fn ping(&self) -> Result<()> {
        self.check_alive().await
    }
}
