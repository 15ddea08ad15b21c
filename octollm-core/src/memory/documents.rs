//! Documents, cut into chunks that can be found by their words and cited by their lines.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Filter;
use crate::error::Result;

/// Documents in named collections, searched by their words (BM25).
#[async_trait]
pub trait DocumentStore: Send + Sync {
    /// Adds a document with its chunks, replacing the one with the same source: a reader sees all of the old one or all
    /// of the new one. Each chunk is labelled with the document's labels, its own (which win) and `source`; its `source`
    /// is the document's.
    ///
    /// # Errors
    /// `conflict` (temporary) if another writer replaced the document at the same time; `storage`.
    async fn put(&self, collection: &str, document: Document, chunks: Vec<Chunk>) -> Result<()>;

    /// Adds several documents, each of them as [`put`](Self::put) does: for a store to which many small ones at once are
    /// less work. A failure may leave some of them added.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    async fn put_all(&self, collection: &str, documents: Vec<(Document, Vec<Chunk>)>) -> Result<()> {
        for (document, chunks) in documents {
            self.put(collection, document, chunks).await?;
        }
        Ok(())
    }

    /// Removes documents by source; answers the ids of the chunks that are gone. Unknown sources are no error.
    ///
    /// # Errors
    /// `storage`.
    async fn remove(&self, collection: &str, sources: &[String]) -> Result<Vec<String>>;

    /// Every document of the collection, by source, without its text.
    ///
    /// # Errors
    /// `storage`.
    async fn documents(&self, collection: &str) -> Result<Vec<DocumentInfo>>;

    /// The chunks that match the words best, best first. No words, no chunks.
    ///
    /// # Errors
    /// `storage`.
    async fn search(&self, collection: &str, query: KeywordQuery) -> Result<Vec<ChunkHit>>;

    /// These chunks, in the order asked for; unknown ids are left out.
    ///
    /// # Errors
    /// `storage`.
    async fn chunks(&self, collection: &str, ids: &[String]) -> Result<Vec<Chunk>>;

    /// Every chunk of the collection with an id above `after`, by id, `limit` at most: for embedding all of them again.
    ///
    /// # Errors
    /// `storage`.
    async fn scan(&self, collection: &str, after: Option<&str>, limit: usize) -> Result<Vec<Chunk>>;

    /// How often what can be found here was changed, by whomever; `None` for a store that does not count. While it stays
    /// the same, the same search finds the same.
    ///
    /// # Errors
    /// `storage`.
    async fn version(&self) -> Result<Option<u64>> {
        Ok(None)
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// `storage`.
    async fn ping(&self) -> Result<()>;
}

/// A document, without its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Where it came from: a path or a URL; unique in its collection.
    pub source: String,
    /// SHA-256 of its content in hex; a document whose hash is the same need not be read again.
    pub content_hash: String,
    /// Labels; its chunks carry them too.
    pub metadata: Map<String, Value>,
}

/// A document in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DocumentInfo {
    /// The document.
    #[serde(flatten)]
    pub document: Document,
    /// How many chunks it has.
    pub chunks: usize,
}

/// A piece of a document, small enough to be found and cited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// Unique in its collection.
    pub id: String,
    /// The document's source.
    pub source: String,
    /// The text.
    pub content: String,
    /// First line in the source, from 1.
    pub start_line: u32,
    /// Last line in the source, at least `start_line`.
    pub end_line: u32,
    /// Labels; filters look here. `source` is always among them. A text `heading` is searched like the content.
    pub metadata: Map<String, Value>,
}

/// Words to search for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeywordQuery {
    /// Any text; its words are matched, its punctuation is not syntax.
    pub text: String,
    /// Chunks at most.
    pub limit: usize,
    /// Only chunks whose labels match.
    pub filter: Filter,
}

/// A chunk that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct ChunkHit {
    /// The chunk.
    pub chunk: Chunk,
    /// BM25, higher is better; comparable within one search only.
    pub score: f32,
}
