//! How vectors are written: in transactions of bounded size, each of which raises the collection's version.

use sqlx::SqliteConnection;

use crate::error::Result;
use crate::memory::sqlite::error::storage;
use crate::memory::sqlite::{SqliteMemory, json};
use crate::memory::vectors::unknown_collection;
use crate::memory::{CollectionSpec, VectorRecord};

const WRITING: &str = "cannot write vectors";

/// Versions for which removals are kept. Whoever is further behind reads the collection anew.
pub(super) const KEPT_REMOVALS: i64 = 1_000;

/// What one transaction writes at most: a few milliseconds of work.
const BATCH_VALUES: usize = 64 << 10;
const BATCH_IDS: usize = 256;

pub(super) async fn create(memory: &SqliteMemory, name: &str, spec: &CollectionSpec) -> Result<()> {
    let mut writer = memory.writer().await?;
    let mut transaction = writer.begin().await?;
    sqlx::query(
        "INSERT INTO vector_collections (name, embedder, dimensions, version) VALUES (?, ?, ?, 0)
         ON CONFLICT DO NOTHING",
    )
    .bind(name)
    .bind(&spec.embedder)
    .bind(i64::try_from(spec.dimensions).unwrap_or(i64::MAX))
    .execute(&mut *transaction)
    .await
    .map_err(|error| storage(WRITING, &error))?;
    transaction.commit().await.map_err(|error| storage(WRITING, &error))
}

pub(super) async fn upsert(
    memory: &SqliteMemory,
    name: &str,
    collection: i64,
    records: Vec<VectorRecord>,
) -> Result<()> {
    let dimensions = records.first().map_or(1, |record| record.vector.len().max(1));
    let batch = (BATCH_VALUES / dimensions).clamp(1, BATCH_IDS);
    for records in records.chunks(batch) {
        let mut writer = memory.writer().await?;
        let mut transaction = writer.begin().await?;
        let version = raise_version(&mut transaction, name, collection).await?;
        for record in records {
            upsert_one(&mut transaction, collection, version, record).await?;
        }
        transaction.commit().await.map_err(|error| storage(WRITING, &error))?;
    }
    Ok(())
}

async fn upsert_one(
    connection: &mut SqliteConnection,
    collection: i64,
    version: i64,
    record: &VectorRecord,
) -> Result<()> {
    let vector: Vec<u8> = record.vector.iter().flat_map(|value| value.to_le_bytes()).collect();
    sqlx::query(
        "INSERT INTO vectors (collection, name, version, payload, vector) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (collection, name) DO UPDATE
         SET version = excluded.version, payload = excluded.payload, vector = excluded.vector",
    )
    .bind(collection)
    .bind(&record.id)
    .bind(version)
    .bind(json::text(&record.payload)?)
    .bind(vector)
    .execute(connection)
    .await
    .map_err(|error| storage(WRITING, &error))?;
    Ok(())
}

pub(super) async fn delete(memory: &SqliteMemory, name: &str, collection: i64, ids: &[String]) -> Result<()> {
    for ids in ids.chunks(BATCH_IDS) {
        let ids = json::text(ids)?;
        let mut writer = memory.writer().await?;
        let mut transaction = writer.begin().await?;
        let version = raise_version(&mut transaction, name, collection).await?;
        for statement in [
            "INSERT INTO vector_removals (collection, version, name)
             SELECT ?1, ?2, name FROM vectors
             WHERE collection = ?1 AND name IN (SELECT value FROM json_each(?3))",
            "DELETE FROM vectors WHERE collection = ?1 AND ?2 AND name IN (SELECT value FROM json_each(?3))",
        ] {
            sqlx::query(statement)
                .bind(collection)
                .bind(version)
                .bind(&ids)
                .execute(&mut *transaction)
                .await
                .map_err(|error| storage(WRITING, &error))?;
        }
        forget_removals(&mut transaction, collection, version - KEPT_REMOVALS).await?;
        transaction.commit().await.map_err(|error| storage(WRITING, &error))?;
    }
    Ok(())
}

/// Takes the name away at once and the vectors bit by bit, also those that an interrupted call left.
pub(super) async fn drop_collection(memory: &SqliteMemory, name: &str) -> Result<()> {
    execute_alone(memory, "UPDATE vector_collections SET name = NULL WHERE name = ?", name).await?;
    let sweep = "DELETE FROM vectors WHERE id IN (
                     SELECT v.id FROM vector_collections c JOIN vectors v ON v.collection = c.id
                     WHERE c.name IS NULL LIMIT ?)";
    while execute_alone(memory, sweep, BATCH_IDS as i64).await? > 0 {}
    let removals = "DELETE FROM vector_removals
                    WHERE collection IN (SELECT id FROM vector_collections WHERE name IS ?)";
    execute_alone(memory, removals, None::<String>).await?;
    execute_alone(memory, "DELETE FROM vector_collections WHERE name IS ?", None::<String>).await?;
    Ok(())
}

/// One statement in a transaction of its own; answers how many rows it changed.
async fn execute_alone<'q, T>(memory: &SqliteMemory, statement: &'static str, value: T) -> Result<u64>
where
    T: sqlx::Encode<'q, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + Send + 'q,
{
    let mut writer = memory.writer().await?;
    let mut transaction = writer.begin().await?;
    let done = sqlx::query(statement)
        .bind(value)
        .execute(&mut *transaction)
        .await
        .map_err(|error| storage(WRITING, &error))?;
    transaction.commit().await.map_err(|error| storage(WRITING, &error))?;
    Ok(done.rows_affected())
}

async fn raise_version(connection: &mut SqliteConnection, name: &str, collection: i64) -> Result<i64> {
    sqlx::query_scalar(
        "UPDATE vector_collections SET version = version + 1 WHERE id = ? AND name = ? RETURNING version",
    )
    .bind(collection)
    .bind(name)
    .fetch_optional(connection)
    .await
    .map_err(|error| storage(WRITING, &error))?
    .ok_or_else(|| unknown_collection(name))
}

async fn forget_removals(connection: &mut SqliteConnection, collection: i64, up_to: i64) -> Result<()> {
    sqlx::query("DELETE FROM vector_removals WHERE collection = ? AND version <= ?")
        .bind(collection)
        .bind(up_to)
        .execute(connection)
        .await
        .map_err(|error| storage(WRITING, &error))?;
    Ok(())
}
