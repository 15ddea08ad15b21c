//! Vectors: find what is near, by cosine similarity.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Result;

/// Vectors in named collections, searched by cosine similarity.
#[async_trait]
pub trait VectorStore: Send + Sync {
    /// Makes sure that the collection exists with this embedder and these dimensions.
    ///
    /// # Errors
    /// `conflict` if it exists with another: vectors of two embedders are never mixed. Drop it and embed again.
    async fn ensure(&self, collection: &str, spec: &CollectionSpec) -> Result<()>;

    /// The collection's spec, if it exists.
    ///
    /// # Errors
    /// `storage`.
    async fn spec(&self, collection: &str) -> Result<Option<CollectionSpec>>;

    /// Adds records, replacing those with the same id.
    ///
    /// # Errors
    /// `not_found` for an unknown collection; `invalid_input` for a vector of the wrong length or with a value that is
    /// not finite.
    async fn upsert(&self, collection: &str, records: Vec<VectorRecord>) -> Result<()>;

    /// The nearest records, best first; ties by id.
    ///
    /// # Errors
    /// As [`upsert`](Self::upsert).
    async fn search(&self, collection: &str, query: VectorQuery) -> Result<Vec<VectorHit>>;

    /// Removes records by id; unknown ids are no error.
    ///
    /// # Errors
    /// `not_found` for an unknown collection.
    async fn delete(&self, collection: &str, ids: &[String]) -> Result<()>;

    /// Removes the collection and everything in it; an unknown one is no error.
    ///
    /// # Errors
    /// `storage`.
    async fn drop_collection(&self, collection: &str) -> Result<()>;

    /// Records in the collection; 0 for an unknown one.
    ///
    /// # Errors
    /// `storage`.
    async fn count(&self, collection: &str) -> Result<usize>;
}

/// What the vectors of a collection are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionSpec {
    /// The embedder's id, with its version.
    pub embedder: String,
    /// Length of every vector.
    pub dimensions: usize,
}

/// A vector with what it stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorRecord {
    /// Unique in its collection.
    pub id: String,
    /// The vector; need not be normalised.
    pub vector: Vec<f32>,
    /// What it stands for; filters look here.
    pub payload: Map<String, Value>,
}

/// What to search for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VectorQuery {
    /// The vector; need not be normalised.
    pub vector: Vec<f32>,
    /// Records at most.
    pub limit: usize,
    /// Only records whose payload matches.
    pub filter: Filter,
    /// Only records at least this similar, -1..=1.
    pub min_score: Option<f32>,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorHit {
    /// Its id.
    pub id: String,
    /// Cosine similarity, -1..=1.
    pub score: f32,
    /// What it stands for.
    pub payload: Map<String, Value>,
}

/// Conditions on a flat object of labels; all must hold. A value is matched exactly, an array matches any of its
/// entries, and a string that ends in `*` matches by prefix.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Filter(pub BTreeMap<String, Value>);

impl Filter {
    /// Whether all conditions hold.
    pub fn matches(&self, labels: &Map<String, Value>) -> bool {
        self.0.iter().all(|(key, wanted)| labels.get(key).is_some_and(|value| value_matches(wanted, value)))
    }

    /// Whether there is no condition.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn value_matches(wanted: &Value, value: &Value) -> bool {
    match wanted {
        Value::Array(any) => any.iter().any(|wanted| value_matches(wanted, value)),
        Value::String(text) => match (text.strip_suffix('*'), value) {
            (Some(prefix), Value::String(value)) => value.starts_with(prefix),
            _ => wanted == value,
        },
        _ => wanted == value,
    }
}
