//! Vectors in this process: one [`Matrix`] a collection.
//!
//! The locks are tokio's, because a search may hold one for milliseconds, on a blocking thread, while a writer waits
//! without holding up an async thread.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::RwLock;

use crate::error::Result;
use crate::memory::vectors::matrix::Matrix;
use crate::memory::vectors::{check_spec, check_vector, search_matrix, spec_conflict, unknown_collection};
use crate::memory::{CollectionSpec, VectorHit, VectorQuery, VectorRecord, VectorStore};

/// Vector collections in this process. Cheap to clone; clones share the collections.
#[derive(Clone, Default)]
pub struct InProcessVectors {
    collections: Arc<Mutex<HashMap<String, Collection>>>,
}

#[derive(Clone)]
struct Collection {
    spec: CollectionSpec,
    matrix: Arc<RwLock<Matrix>>,
}

impl InProcessVectors {
    /// A store without collections.
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, run: impl FnOnce(&mut HashMap<String, Collection>) -> T) -> T {
        run(&mut self.collections.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn find(&self, name: &str) -> Option<Collection> {
        self.with(|collections| collections.get(name).cloned())
    }

    fn get(&self, name: &str) -> Result<Collection> {
        self.find(name).ok_or_else(|| unknown_collection(name))
    }
}

#[async_trait]
impl VectorStore for InProcessVectors {
    async fn ensure(&self, collection: &str, spec: &CollectionSpec) -> Result<()> {
        check_spec(spec)?;
        let found = self.with(|collections| {
            let fresh = || Collection {
                spec: spec.clone(),
                matrix: Arc::new(RwLock::new(Matrix::new(spec.dimensions))),
            };
            collections.entry(collection.to_owned()).or_insert_with(fresh).spec.clone()
        });
        if found == *spec { Ok(()) } else { Err(spec_conflict(collection, &found, spec)) }
    }

    async fn spec(&self, collection: &str) -> Result<Option<CollectionSpec>> {
        Ok(self.find(collection).map(|collection| collection.spec))
    }

    async fn upsert(&self, collection: &str, records: Vec<VectorRecord>) -> Result<()> {
        let Collection { spec, matrix } = self.get(collection)?;
        for record in &records {
            check_vector(collection, spec.dimensions, &record.vector)?;
        }
        let mut matrix = matrix.write().await;
        records.into_iter().for_each(|record| matrix.upsert(record));
        Ok(())
    }

    async fn search(&self, collection: &str, query: VectorQuery) -> Result<Vec<VectorHit>> {
        let Collection { spec, matrix } = self.get(collection)?;
        check_vector(collection, spec.dimensions, &query.vector)?;
        search_matrix(matrix.read_owned().await, query).await
    }

    async fn missing(&self, collection: &str, ids: &[String]) -> Result<Vec<String>> {
        let matrix = self.get(collection)?.matrix;
        let matrix = matrix.read().await;
        Ok(ids.iter().filter(|id| !matrix.contains(id)).cloned().collect())
    }

    async fn delete(&self, collection: &str, ids: &[String]) -> Result<()> {
        let matrix = self.get(collection)?.matrix;
        let mut matrix = matrix.write().await;
        ids.iter().for_each(|id| matrix.remove(id));
        Ok(())
    }

    async fn drop_collection(&self, collection: &str) -> Result<()> {
        self.with(|collections| collections.remove(collection));
        Ok(())
    }

    async fn count(&self, collection: &str) -> Result<usize> {
        match self.find(collection) {
            Some(collection) => Ok(collection.matrix.read().await.len()),
            None => Ok(0),
        }
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }
}

impl fmt::Debug for InProcessVectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcessVectors").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::vectors::vectors_suite;

    #[tokio::test]
    async fn behaves_as_a_vector_store() {
        vectors_suite(|| async { InProcessVectors::new() }).await;
    }
}
