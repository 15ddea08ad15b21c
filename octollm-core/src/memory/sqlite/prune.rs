//! Drops ended tasks.

use sqlx::{Row, SqliteConnection};

use super::SqliteMemory;
use super::error::storage;
use super::rows;
use crate::error::Result;
use crate::memory::journal::{PrunePolicy, Pruned};
use crate::task;

/// Tasks that are dropped in one transaction: a few milliseconds in which nothing else is written.
const TASKS: i64 = 64;

const PRUNING: &str = "cannot drop old tasks";

/// The tasks of one transaction; every statement of it names them anew, so that the row goes last.
const VICTIMS: &str = "(SELECT task_id FROM tasks \
     WHERE completed_at IS NOT NULL AND (completed_at, task_id) <= (?, ?) AND status IN ('completed', 'failed', 'cancelled') \
     ORDER BY completed_at, task_id LIMIT ?)";

/// The last task, in the order in which tasks ended, that is dropped.
type Cutoff = (i64, Vec<u8>);

impl SqliteMemory {
    /// Both rules drop the tasks that ended first, so together they drop up to the later of their two ends.
    pub(super) async fn prune_ended(&self, policy: &PrunePolicy) -> Result<Pruned> {
        let too_old = policy.older_than.map(|age| {
            let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
            // Every id is at most this one.
            (task::now().as_microsecond().saturating_sub(age), vec![0xff; 16])
        });
        let too_many = match policy.keep_newest {
            Some(keep) => {
                let mut reader = self.reader().await?;
                newest_beyond(&mut reader, keep).await.map_err(|error| storage(PRUNING, &error))?
            }
            None => None,
        };
        let mut pruned = Pruned::default();
        let Some(cutoff) = too_old.max(too_many) else { return Ok(pruned) };
        loop {
            let chunk = self.prune_chunk(&cutoff).await?;
            pruned.tasks += chunk.tasks;
            pruned.events += chunk.events;
            if chunk.tasks == 0 {
                return Ok(pruned);
            }
            // Whoever waits for the connection goes first.
            tokio::task::yield_now().await;
        }
    }

    async fn prune_chunk(&self, cutoff: &Cutoff) -> Result<Pruned> {
        let mut writer = self.writer().await?;
        let mut transaction = writer.begin().await?;
        let pruned = delete(&mut transaction, cutoff).await.map_err(|error| storage(PRUNING, &error))?;
        transaction.commit().await.map_err(|error| storage(PRUNING, &error))?;
        Ok(pruned)
    }
}

async fn newest_beyond(connection: &mut SqliteConnection, keep: u64) -> sqlx::Result<Option<Cutoff>> {
    let sql = "SELECT completed_at, task_id FROM tasks WHERE completed_at IS NOT NULL \
               ORDER BY completed_at DESC, task_id DESC LIMIT 1 OFFSET ?";
    let row = sqlx::query(sql).bind(rows::clamp(keep)).fetch_optional(connection).await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
}

async fn delete(connection: &mut SqliteConnection, cutoff: &Cutoff) -> sqlx::Result<Pruned> {
    let events = delete_from(connection, "action_log", cutoff).await?;
    delete_from(connection, "idempotency_keys", cutoff).await?;
    delete_from(connection, "vault_parts", cutoff).await?;
    let tasks = delete_from(connection, "tasks", cutoff).await?;
    Ok(Pruned { tasks, events })
}

async fn delete_from(
    connection: &mut SqliteConnection,
    table: &'static str,
    cutoff: &Cutoff,
) -> sqlx::Result<u64> {
    let sql = format!("DELETE FROM {table} WHERE task_id IN {VICTIMS}");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(cutoff.0).bind(&cutoff.1[..]).bind(TASKS);
    Ok(query.execute(connection).await?.rows_affected())
}
