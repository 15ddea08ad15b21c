//! Documents in Python.

use async_trait::async_trait;
use octollm_core::Result;
use octollm_core::memory::{Chunk, ChunkHit, Document, DocumentInfo, DocumentStore, KeywordQuery};
use serde::Deserialize;
use serde_json::json;

use super::Store;
use crate::arm::Registration;

pub(crate) struct PythonDocuments(Store);

/// A hit as the package sends it.
#[derive(Deserialize)]
struct Found {
    chunk: Chunk,
    score: f32,
}

impl PythonDocuments {
    pub(crate) fn new(part: Registration) -> Self {
        Self(Store::new("documents", part))
    }
}

/// The chunk with its document's labels, its own among them, and its source.
fn labelled(document: &Document, mut chunk: Chunk) -> Chunk {
    let mut labels = document.metadata.clone();
    labels.extend(std::mem::take(&mut chunk.metadata));
    labels.insert("source".into(), document.source.clone().into());
    Chunk { source: document.source.clone(), metadata: labels, ..chunk }
}

#[async_trait]
impl DocumentStore for PythonDocuments {
    async fn put(&self, collection: &str, document: Document, chunks: Vec<Chunk>) -> Result<()> {
        let chunks: Vec<_> = chunks.into_iter().map(|chunk| labelled(&document, chunk)).collect();
        let put = json!({"call": "put", "collection": collection, "document": document, "chunks": chunks});
        self.0.ask(put).await
    }

    async fn remove(&self, collection: &str, sources: &[String]) -> Result<Vec<String>> {
        self.0.ask(json!({"call": "remove", "collection": collection, "sources": sources})).await
    }

    async fn documents(&self, collection: &str) -> Result<Vec<DocumentInfo>> {
        self.0.ask(json!({"call": "documents", "collection": collection})).await
    }

    async fn search(&self, collection: &str, query: KeywordQuery) -> Result<Vec<ChunkHit>> {
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        let asked = json!({
            "call": "search", "collection": collection, "text": query.text, "limit": query.limit,
            "filter": query.filter,
        });
        let found: Vec<Found> = self.0.ask(asked).await?;
        let mut hits: Vec<_> =
            found.into_iter().map(|hit| ChunkHit { chunk: hit.chunk, score: hit.score }).collect();
        // Stable: what the store holds for equally good stays in its order.
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        hits.truncate(query.limit);
        Ok(hits)
    }

    async fn chunks(&self, collection: &str, ids: &[String]) -> Result<Vec<Chunk>> {
        self.0.ask(json!({"call": "chunks", "collection": collection, "ids": ids})).await
    }

    async fn scan(&self, collection: &str, after: Option<&str>, limit: usize) -> Result<Vec<Chunk>> {
        self.0.ask(json!({"call": "scan", "collection": collection, "after": after, "limit": limit})).await
    }

    async fn ping(&self) -> Result<()> {
        self.0.ping().await
    }
}
