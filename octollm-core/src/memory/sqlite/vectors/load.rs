//! Reads a collection's vectors into memory: all of them at first, then what is newer than what is there.

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};

use super::write::KEPT_REMOVALS;
use super::{Collection, READING, Versioned};
use crate::error::{Error, ErrorKind, Result};
use crate::memory::VectorRecord;
use crate::memory::sqlite::error::storage;
use crate::memory::sqlite::{SqliteMemory, json};
use crate::memory::vectors::{check_vector, unknown_collection};

/// Rows after which others on this thread have their turn.
const ROWS_A_TURN: usize = 128;

/// Brings `vectors` to the collection's newest version.
pub(super) async fn catch_up(
    memory: &SqliteMemory,
    name: &str,
    collection: &Collection,
    vectors: &mut Versioned,
) -> Result<()> {
    let mut reader = memory.reader().await?;
    // One view of the database: the version belongs to the rows that are read after it.
    let mut reader = reader.begin().await.map_err(|error| storage(READING, &error))?;
    let newest = newest_version(&mut reader, name, collection.id).await?;
    if vectors.version < newest - KEPT_REMOVALS {
        *vectors = Versioned::new(collection.spec.dimensions);
    }
    // A failure half-way leaves the old version, so that the next search reads all of it again; that does no harm.
    if vectors.version > 0 {
        remove(&mut reader, collection.id, vectors).await?;
    }
    add(&mut reader, name, collection, vectors).await?;
    vectors.version = newest;
    Ok(())
}

async fn newest_version(connection: &mut SqliteConnection, name: &str, id: i64) -> Result<i64> {
    sqlx::query_scalar("SELECT version FROM vector_collections WHERE id = ? AND name = ?")
        .bind(id)
        .bind(name)
        .fetch_optional(connection)
        .await
        .map_err(|error| storage(READING, &error))?
        .ok_or_else(|| unknown_collection(name))
}

/// What was removed and added again since is read again by [`add`].
async fn remove(connection: &mut SqliteConnection, id: i64, vectors: &mut Versioned) -> Result<()> {
    let removed: Vec<String> =
        sqlx::query_scalar("SELECT name FROM vector_removals WHERE collection = ? AND version > ?")
            .bind(id)
            .bind(vectors.version)
            .fetch_all(connection)
            .await
            .map_err(|error| storage(READING, &error))?;
    removed.iter().for_each(|id| vectors.matrix.remove(id));
    Ok(())
}

async fn add(
    connection: &mut SqliteConnection,
    name: &str,
    collection: &Collection,
    vectors: &mut Versioned,
) -> Result<()> {
    let mut rows =
        sqlx::query("SELECT name, payload, vector FROM vectors WHERE collection = ? AND version > ?")
            .bind(collection.id)
            .bind(vectors.version)
            .fetch(connection);
    let mut read = 0;
    while let Some(row) = rows.try_next().await.map_err(|error| storage(READING, &error))? {
        let record = record(&row)?;
        check_vector(name, collection.spec.dimensions, &record.vector).map_err(damaged)?;
        vectors.matrix.upsert(record);
        read += 1;
        if read % ROWS_A_TURN == 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

fn record(row: &SqliteRow) -> Result<VectorRecord> {
    let failed = |error: sqlx::Error| storage(READING, &error);
    let bytes: &[u8] = row.try_get("vector").map_err(failed)?;
    let (values, _) = bytes.as_chunks::<4>();
    Ok(VectorRecord {
        id: row.try_get("name").map_err(failed)?,
        vector: values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        payload: json::object(row.try_get("payload").map_err(failed)?)?,
    })
}

fn damaged(cause: Error) -> Error {
    Error::new(ErrorKind::Storage, "a stored vector is damaged")
        .with_hint("drop the collection and embed its texts again")
        .with_source(cause)
}
