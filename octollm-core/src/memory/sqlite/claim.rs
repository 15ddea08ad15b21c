//! Who works on which task.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::{Row, SqliteConnection};

use super::engine::Engine;
use super::error::storage;
use super::{SqliteMemory, blocking, rows};
use crate::error::{Error, ErrorKind, Result};
use crate::memory::journal::{Claimed, no_such_task, owned_elsewhere};
use crate::task::{TaskId, TaskStatus};

const CLAIMING: &str = "cannot take over tasks";

impl SqliteMemory {
    /// Takes over what nobody alive owns. An owner is looked at before the transaction and taken from only under the
    /// name it had then: of two engines that find it dead, the second finds the new owner's name and takes nothing.
    pub(super) async fn claim_all(&self) -> Result<Vec<Claimed>> {
        let engine = self.engine()?;
        let mut reader = self.reader().await?;
        let owners =
            foreign_owners(&mut reader, engine.id()).await.map_err(|error| storage(CLAIMING, &error))?;
        drop(reader);
        let dead = dead_among(engine.clone(), owners).await?;

        let mut writer = self.writer().await?;
        let mut transaction = writer.begin().await?;
        let mut claimed = BTreeMap::new();
        for owner in [None].into_iter().chain(dead.into_iter().map(Some)) {
            for task in take_from(&mut transaction, owner, engine.id()).await? {
                claimed.insert(task.task_id, task);
            }
        }
        transaction.commit().await.map_err(|error| storage(CLAIMING, &error))?;
        Ok(claimed.into_values().collect())
    }

    /// Takes over this task, whatever it waits for.
    pub(super) async fn claim_one(&self, task: TaskId) -> Result<()> {
        let engine = self.engine()?;
        let mut reader = self.reader().await?;
        let found = sqlx::query("SELECT owner, status FROM tasks WHERE task_id = ?")
            .bind(&task.as_bytes()[..])
            .fetch_optional(&mut *reader)
            .await
            .map_err(|error| storage(CLAIMING, &error))?;
        drop(reader);
        let row = found.ok_or_else(|| no_such_task(task))?;
        let (owner, status): (Option<Vec<u8>>, String) = (rows::column(&row, 0)?, rows::column(&row, 1)?);
        let ended = TaskStatus::from_name(&status).is_some_and(TaskStatus::is_terminal);
        if ended || owner.as_deref() == Some(&engine.id()[..]) {
            return Ok(());
        }
        if let Some(owner) = &owner
            && dead_among(engine.clone(), vec![owner.clone()]).await?.is_empty()
        {
            return Err(owned_elsewhere(task));
        }
        self.take_one(task, owner, engine.id()).await
    }

    async fn take_one(&self, task: TaskId, from: Option<Vec<u8>>, owner: &[u8; 16]) -> Result<()> {
        let mut writer = self.writer().await?;
        let taken = sqlx::query("UPDATE tasks SET owner = ? WHERE task_id = ? AND owner IS ?")
            .bind(&owner[..])
            .bind(&task.as_bytes()[..])
            .bind(from)
            .execute(writer.connection())
            .await
            .map_err(|error| storage(CLAIMING, &error))?;
        if taken.rows_affected() == 1 { Ok(()) } else { Err(owned_elsewhere(task)) }
    }
}

/// The other engines that unfinished tasks belong to.
async fn foreign_owners(connection: &mut SqliteConnection, own: &[u8; 16]) -> sqlx::Result<Vec<Vec<u8>>> {
    let sql = "SELECT DISTINCT owner FROM tasks \
               WHERE status IN ('accepted', 'planning', 'executing') AND owner <> ?";
    let rows = sqlx::query(sql).bind(&own[..]).fetch_all(connection).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// Those of these engines that are dead. Their locks are looked at away from the tasks.
async fn dead_among(engine: Arc<Engine>, owners: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
    blocking(move || {
        let mut dead = Vec::new();
        for owner in owners {
            if engine.is_dead(&owner).map_err(|error| cannot_tell(&error))? {
                dead.push(owner);
            }
        }
        Ok(dead)
    })
    .await
}

async fn take_from(
    connection: &mut SqliteConnection,
    from: Option<Vec<u8>>,
    owner: &[u8; 16],
) -> Result<Vec<Claimed>> {
    let sql = "UPDATE tasks SET owner = ? \
               WHERE status IN ('accepted', 'planning', 'executing') AND owner IS ? RETURNING task_id, priority";
    let found = sqlx::query(sql)
        .bind(&owner[..])
        .bind(from)
        .fetch_all(connection)
        .await
        .map_err(|error| storage(CLAIMING, &error))?;
    let claimed = |row| Ok(Claimed { task_id: rows::task_id(row, 0)?, priority: rows::priority(row, 1)? });
    found.iter().map(claimed).collect()
}

fn cannot_tell(error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, "cannot tell whether another engine is alive")
        .with_context("why", error.kind().to_string())
        .with_hint("give the user of this process access to the lock files beside the database")
}
