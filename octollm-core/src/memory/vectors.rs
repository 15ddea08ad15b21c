//! Vectors: find what is near, by cosine similarity.
//!
//! The zero vector has no direction and is near nothing: a record with it is kept but never found, a query with it finds
//! nothing.

pub(crate) mod matrix;

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::OwnedRwLockReadGuard;

use self::matrix::Matrix;

use crate::error::{Error, ErrorKind, Result};

/// Vectors in named collections, searched by cosine similarity.
#[async_trait]
pub trait VectorStore: Send + Sync {
    /// Makes sure that the collection exists with this embedder and these dimensions.
    ///
    /// # Errors
    /// `conflict` if it exists with another: vectors of two embedders are never mixed. Drop it and embed again.
    /// `invalid_input` for dimensions outside 1..=16384.
    async fn ensure(&self, collection: &str, spec: &CollectionSpec) -> Result<()>;

    /// The collection's spec, if it exists.
    ///
    /// # Errors
    /// `storage`.
    async fn spec(&self, collection: &str) -> Result<Option<CollectionSpec>>;

    /// Adds records, replacing those with the same id; of several with one id the last counts. All are checked before
    /// the first is written. A store may write many records in several transactions.
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

    /// Those of `ids` that have no record, in the order asked for.
    ///
    /// # Errors
    /// `not_found` for an unknown collection.
    async fn missing(&self, collection: &str, ids: &[String]) -> Result<Vec<String>>;

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

    /// Whether the store answers.
    ///
    /// # Errors
    /// `storage`.
    async fn ping(&self) -> Result<()>;
}

/// A vector has at most this many values.
pub(crate) const MAX_DIMENSIONS: usize = 16_384;

/// Refuses a spec that no vector can meet.
pub(crate) fn check_spec(spec: &CollectionSpec) -> Result<()> {
    if (1..=MAX_DIMENSIONS).contains(&spec.dimensions) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, "vectors must have 1 to 16384 dimensions")
        .with_context("dimensions", spec.dimensions.to_string()))
}

/// Refuses a vector of the wrong length, or with a value that is not finite.
pub(crate) fn check_vector(collection: &str, dimensions: usize, vector: &[f32]) -> Result<()> {
    if vector.len() != dimensions {
        return Err(Error::new(ErrorKind::InvalidInput, "the vector has the wrong length")
            .with_context("collection", collection)
            .with_context("expected", dimensions.to_string())
            .with_context("got", vector.len().to_string())
            .with_hint("use the embedder that the collection was made with, or drop it and embed again"));
    }
    if !vector.iter().all(|value| value.is_finite()) {
        return Err(Error::new(ErrorKind::InvalidInput, "the vector has a value that is not finite")
            .with_context("collection", collection));
    }
    Ok(())
}

/// The collection exists with another embedder.
pub(crate) fn spec_conflict(collection: &str, found: &CollectionSpec, wanted: &CollectionSpec) -> Error {
    Error::new(ErrorKind::Conflict, "the collection holds vectors of another embedder")
        .with_context("collection", collection)
        .with_context("embedder", found.embedder.clone())
        .with_context("dimensions", found.dimensions.to_string())
        .with_context("wanted", wanted.embedder.clone())
        .with_hint("drop the collection and embed its texts again")
}

/// There is no such collection.
pub(crate) fn unknown_collection(collection: &str) -> Error {
    Error::new(ErrorKind::NotFound, "there is no such vector collection")
        .with_context("collection", collection)
        .with_hint("create it first with the embedder's id and dimensions")
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

/// Scans of more bytes than this leave the async thread: about 50 microseconds of work.
const INLINE_SCAN_BYTES: usize = 256 << 10;

/// Searches where it holds up nobody.
pub(crate) async fn search_matrix<T: Send + Sync + 'static>(
    matrix: OwnedRwLockReadGuard<T, Matrix>,
    query: VectorQuery,
) -> Result<Vec<VectorHit>> {
    if matrix.scanned_bytes() <= INLINE_SCAN_BYTES {
        return Ok(matrix.search(&query));
    }
    tokio::task::spawn_blocking(move || matrix.search(&query))
        .await
        .map_err(|cause| Error::new(ErrorKind::Internal, "the vector search broke off").with_source(cause))
}
