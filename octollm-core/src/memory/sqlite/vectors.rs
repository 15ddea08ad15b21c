//! Vectors in SQLite, searched in memory.
//!
//! The file is the truth. A collection's vectors and payloads are read into a [`Matrix`] at its first search and kept in
//! step from then on: every write raises the collection's version, and a search first reads what is newer than what it
//! has. So it sees what was committed before it began, whichever process wrote it. Memory per vector of `d` values is
//! `5 * d` bytes and the payload; payloads are therefore labels, and texts stay in the document store.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use super::error::storage;
use super::{SqliteMemory, json};
use crate::error::Result;
use crate::memory::vectors::matrix::Matrix;
use crate::memory::vectors::{check_spec, check_vector, search_matrix, spec_conflict, unknown_collection};
use crate::memory::{CollectionSpec, VectorHit, VectorQuery, VectorRecord, VectorStore};

mod load;
mod write;

const READING: &str = "cannot read vectors";

/// Vectors in a SQLite file. Cheap to clone; clones share what is loaded.
#[derive(Clone)]
pub struct SqliteVectors {
    memory: SqliteMemory,
    loaded: Arc<Mutex<HashMap<String, Loaded>>>,
}

/// A collection in memory.
#[derive(Clone)]
struct Loaded {
    id: i64,
    vectors: Arc<RwLock<Versioned>>,
}

/// The vectors of one version of a collection.
struct Versioned {
    version: i64,
    matrix: Matrix,
}

/// A collection's row.
struct Collection {
    id: i64,
    spec: CollectionSpec,
    version: i64,
}

impl SqliteVectors {
    /// The vectors in this file; nothing is read before it is needed.
    pub fn new(memory: SqliteMemory) -> Self {
        Self { memory, loaded: Arc::default() }
    }

    async fn find(&self, name: &str) -> Result<Option<Collection>> {
        let mut reader = self.memory.reader().await?;
        let row =
            sqlx::query("SELECT id, embedder, dimensions, version FROM vector_collections WHERE name = ?")
                .bind(name)
                .fetch_optional(&mut *reader)
                .await
                .map_err(|error| storage(READING, &error))?;
        row.as_ref().map(collection).transpose()
    }

    async fn get(&self, name: &str) -> Result<Collection> {
        self.find(name).await?.ok_or_else(|| unknown_collection(name))
    }

    fn loaded<T>(&self, run: impl FnOnce(&mut HashMap<String, Loaded>) -> T) -> T {
        run(&mut self.loaded.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The collection's vectors, at this version or a later one.
    async fn matrix(&self, name: &str, collection: &Collection) -> Result<OwnedRwLockReadGuard<Versioned>> {
        let fresh = || Loaded {
            id: collection.id,
            vectors: Arc::new(RwLock::new(Versioned::new(collection.spec.dimensions))),
        };
        let vectors = self.loaded(|loaded| {
            let entry = loaded.entry(name.to_owned()).or_insert_with(fresh);
            if entry.id != collection.id {
                *entry = fresh();
            }
            entry.vectors.clone()
        });
        let current = vectors.clone().read_owned().await;
        if current.version >= collection.version {
            return Ok(current);
        }
        drop(current);
        let mut behind = vectors.write_owned().await;
        if behind.version < collection.version {
            load::catch_up(&self.memory, name, collection, &mut behind).await?;
        }
        Ok(OwnedRwLockWriteGuard::downgrade(behind))
    }
}

impl Versioned {
    fn new(dimensions: usize) -> Self {
        Self { version: 0, matrix: Matrix::new(dimensions) }
    }
}

#[async_trait]
impl VectorStore for SqliteVectors {
    async fn ensure(&self, collection: &str, spec: &CollectionSpec) -> Result<()> {
        check_spec(spec)?;
        if self.find(collection).await?.is_none() {
            write::create(&self.memory, collection, spec).await?;
        }
        let found = self.get(collection).await?.spec;
        if found == *spec { Ok(()) } else { Err(spec_conflict(collection, &found, spec)) }
    }

    async fn spec(&self, collection: &str) -> Result<Option<CollectionSpec>> {
        Ok(self.find(collection).await?.map(|collection| collection.spec))
    }

    async fn upsert(&self, collection: &str, records: Vec<VectorRecord>) -> Result<()> {
        let found = self.get(collection).await?;
        for record in &records {
            check_vector(collection, found.spec.dimensions, &record.vector)?;
        }
        Box::pin(write::upsert(&self.memory, collection, found.id, records)).await
    }

    async fn search(&self, collection: &str, query: VectorQuery) -> Result<Vec<VectorHit>> {
        let found = self.get(collection).await?;
        check_vector(collection, found.spec.dimensions, &query.vector)?;
        let vectors = Box::pin(self.matrix(collection, &found)).await?;
        search_matrix(OwnedRwLockReadGuard::map(vectors, |vectors: &Versioned| &vectors.matrix), query).await
    }

    async fn missing(&self, collection: &str, ids: &[String]) -> Result<Vec<String>> {
        let found = self.get(collection).await?;
        let mut reader = self.memory.reader().await?;
        sqlx::query_scalar(
            "SELECT asked.value FROM json_each(?) asked WHERE NOT EXISTS (
                 SELECT 1 FROM vectors v WHERE v.collection = ? AND v.name = asked.value
             ) ORDER BY asked.key",
        )
        .bind(json::text(ids)?)
        .bind(found.id)
        .fetch_all(&mut *reader)
        .await
        .map_err(|error| storage(READING, &error))
    }

    async fn delete(&self, collection: &str, ids: &[String]) -> Result<()> {
        let found = self.get(collection).await?;
        Box::pin(write::delete(&self.memory, collection, found.id, ids)).await
    }

    async fn drop_collection(&self, collection: &str) -> Result<()> {
        self.loaded(|loaded| loaded.remove(collection));
        Box::pin(write::drop_collection(&self.memory, collection)).await
    }

    async fn count(&self, collection: &str) -> Result<usize> {
        let mut reader = self.memory.reader().await?;
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM vectors WHERE collection = (SELECT id FROM vector_collections WHERE name = ?)",
        )
        .bind(collection)
        .fetch_one(&mut *reader)
        .await
        .map_err(|error| storage(READING, &error))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    async fn ping(&self) -> Result<()> {
        let mut reader = self.memory.reader().await?;
        let probe = sqlx::query("SELECT id FROM vector_collections LIMIT 1").fetch_optional(&mut *reader);
        probe.await.map(|_| ()).map_err(|error| storage(READING, &error))
    }
}

impl fmt::Debug for SqliteVectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteVectors").finish_non_exhaustive()
    }
}

fn collection(row: &SqliteRow) -> Result<Collection> {
    let get = |column| row.try_get::<i64, _>(column).map_err(|error| storage(READING, &error));
    let embedder = row.try_get("embedder").map_err(|error| storage(READING, &error))?;
    let dimensions = usize::try_from(get("dimensions")?).unwrap_or_default();
    let spec = CollectionSpec { embedder, dimensions };
    Ok(Collection { id: get("id")?, spec, version: get("version")? })
}

#[cfg(test)]
mod tests;
