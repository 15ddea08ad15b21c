//! Vectors in Python. Specs, lengths and values are checked here, so that a store need not.

use std::collections::HashMap;

use async_trait::async_trait;
use octollm_core::memory::{CollectionSpec, VectorHit, VectorQuery, VectorRecord, VectorStore};
use octollm_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Store;
use crate::arm::Registration;

/// A vector has at most this many values, as in every store.
const MAX_DIMENSIONS: usize = 16_384;

pub(crate) struct PythonVectors(Store);

/// A hit as the package sends it.
#[derive(Deserialize)]
struct Found {
    id: String,
    score: f32,
    payload: Map<String, Value>,
}

impl PythonVectors {
    pub(crate) fn new(part: Registration) -> Self {
        Self(Store::new("vectors", part))
    }

    /// The collection's spec; `not_found` where there is no such collection.
    async fn known(&self, collection: &str) -> Result<CollectionSpec> {
        self.spec(collection).await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "there is no such vector collection")
                .with_context("collection", collection)
                .with_hint("create it first with the embedder's id and dimensions")
        })
    }
}

fn check(collection: &str, spec: &CollectionSpec, vector: &[f32]) -> Result<()> {
    if vector.len() == spec.dimensions && vector.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, "the vector has the wrong length, or a value that is not finite")
        .with_context("collection", collection)
        .with_context("expected", spec.dimensions.to_string())
        .with_context("got", vector.len().to_string()))
}

/// Of several records with one id the last one, in the place of the first.
fn last_of_each(records: Vec<VectorRecord>) -> Vec<VectorRecord> {
    let mut places = HashMap::new();
    let mut kept: Vec<VectorRecord> = Vec::with_capacity(records.len());
    for record in records {
        match places.get(&record.id).and_then(|&place: &usize| kept.get_mut(place)) {
            Some(before) => *before = record,
            None => {
                places.insert(record.id.clone(), kept.len());
                kept.push(record);
            }
        }
    }
    kept
}

#[async_trait]
impl VectorStore for PythonVectors {
    async fn ensure(&self, collection: &str, spec: &CollectionSpec) -> Result<()> {
        if !(1..=MAX_DIMENSIONS).contains(&spec.dimensions) {
            return Err(Error::new(ErrorKind::InvalidInput, "vectors must have 1 to 16384 dimensions")
                .with_context("dimensions", spec.dimensions.to_string()));
        }
        match self.spec(collection).await? {
            None => self.0.ask(json!({"call": "create", "collection": collection, "spec": spec})).await,
            Some(found) if found == *spec => Ok(()),
            Some(found) => {
                Err(Error::new(ErrorKind::Conflict, "the collection holds vectors of another embedder")
                    .with_context("collection", collection)
                    .with_context("embedder", found.embedder)
                    .with_context("dimensions", found.dimensions.to_string())
                    .with_hint("drop the collection and embed its texts again"))
            }
        }
    }

    async fn spec(&self, collection: &str) -> Result<Option<CollectionSpec>> {
        self.0.ask(json!({"call": "spec", "collection": collection})).await
    }

    async fn upsert(&self, collection: &str, records: Vec<VectorRecord>) -> Result<()> {
        let spec = self.known(collection).await?;
        records.iter().try_for_each(|record| check(collection, &spec, &record.vector))?;
        let records: Vec<_> = last_of_each(records)
            .into_iter()
            .map(|record| json!({"id": record.id, "vector": record.vector, "payload": record.payload}))
            .collect();
        self.0.ask(json!({"call": "upsert", "collection": collection, "records": records})).await
    }

    async fn search(&self, collection: &str, query: VectorQuery) -> Result<Vec<VectorHit>> {
        let spec = self.known(collection).await?;
        check(collection, &spec, &query.vector)?;
        // What has no direction is near nothing.
        if query.limit == 0 || query.vector.iter().all(|value| *value == 0.0) {
            return Ok(Vec::new());
        }
        let asked = json!({
            "call": "search", "collection": collection, "vector": query.vector, "limit": query.limit,
            "filter": query.filter, "min_score": query.min_score,
        });
        let found: Vec<Found> = self.0.ask(asked).await?;
        let mut hits: Vec<_> = found
            .into_iter()
            .filter(|hit| hit.score.is_finite() && query.min_score.is_none_or(|least| hit.score >= least))
            .map(|hit| VectorHit { id: hit.id, score: hit.score, payload: hit.payload })
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
        hits.truncate(query.limit);
        Ok(hits)
    }

    async fn missing(&self, collection: &str, ids: &[String]) -> Result<Vec<String>> {
        self.known(collection).await?;
        self.0.ask(json!({"call": "missing", "collection": collection, "ids": ids})).await
    }

    async fn delete(&self, collection: &str, ids: &[String]) -> Result<()> {
        self.known(collection).await?;
        self.0.ask(json!({"call": "delete", "collection": collection, "ids": ids})).await
    }

    async fn drop_collection(&self, collection: &str) -> Result<()> {
        self.0.ask(json!({"call": "drop", "collection": collection})).await
    }

    async fn count(&self, collection: &str) -> Result<usize> {
        match self.spec(collection).await? {
            Some(_) => self.0.ask(json!({"call": "count", "collection": collection})).await,
            None => Ok(0),
        }
    }

    async fn ping(&self) -> Result<()> {
        self.0.ping().await
    }
}
