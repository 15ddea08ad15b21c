//! The index: documents and their vectors, kept in step.
//!
//! The two live in two stores without a common transaction, so a crash can fall between any two writes. Three rules
//! make every such moment repairable:
//!
//! 1. **A chunk's id is a function of its source, its document's content hash and its place.** The ids of a document
//!    that is replaced are known without asking, and a vector can never stand for words that have changed.
//! 2. **Vectors go before their chunks and come after them.** So there may be chunks without vectors, but no vectors
//!    without chunks, and comparing two counts tells whether anything is missing.
//! 3. **What is missing is embedded by [`Index::complete`]**, which every ingest ends with. A new embedder is the same
//!    case: its collection begins empty and everything is missing. Interrupted, it goes on where it was.

use std::sync::Arc;

use octollm_core::arm::Progress;
use octollm_core::memory::{
    Chunk, Document, DocumentInfo, DocumentStore, Embedder, SharedMemory, VectorRecord, VectorStore,
};
use octollm_core::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::chunk::FORMAT;

/// Chunks that are read, embedded and written at once.
pub(super) const BATCH: usize = 128;

/// A document that is new, or has changed.
pub(super) struct New {
    /// What is there of it.
    pub(super) old: Option<DocumentInfo>,
    pub(super) document: Document,
    pub(super) chunks: Vec<Chunk>,
}

/// Documents with their vectors, over any stores and any embedder.
pub struct Index {
    pub(super) documents: Arc<dyn DocumentStore>,
    pub(super) vectors: Arc<dyn VectorStore>,
    pub(super) embedder: Arc<dyn Embedder>,
    /// One place: two ingests at once could leave vectors without chunks.
    writer: Semaphore,
}

impl Index {
    /// An index over these. The stores may already hold documents, also of another embedder.
    pub fn new(
        documents: Arc<dyn DocumentStore>,
        vectors: Arc<dyn VectorStore>,
        embedder: Arc<dyn Embedder>,
    ) -> Self {
        Self { documents, vectors, embedder, writer: Semaphore::new(1) }
    }

    /// An index in shared memory: its documents, its vectors, its embedder.
    pub fn over(memory: &SharedMemory) -> Self {
        Self::new(memory.documents.clone(), memory.vectors.clone(), memory.embedder.clone())
    }

    /// Brings a collection's vectors in step with its chunks: embeds what has no vector, and everything if the vectors
    /// are another embedder's. Answers how many chunks were embedded; safe to drop and to call again.
    ///
    /// # Errors
    /// `storage`, or what the embedder says.
    pub async fn complete(&self, collection: &str, progress: &Progress) -> Result<usize> {
        let _writer = self.lock().await?;
        self.prepare(collection).await?;
        self.fill(collection, progress).await
    }

    /// Waits for its turn to write.
    pub(super) async fn lock(&self) -> Result<SemaphorePermit<'_>> {
        let closed = |_| Error::new(ErrorKind::Internal, "the index was closed");
        self.writer.acquire().await.map_err(closed)
    }

    /// Makes sure that the vector collection is this embedder's, empty if it was another's.
    pub(super) async fn prepare(&self, collection: &str) -> Result<()> {
        let spec = self.embedder.spec();
        match self.vectors.ensure(collection, &spec).await {
            Err(error) if error.kind() == ErrorKind::Conflict => {
                tracing::info!(
                    collection,
                    embedder = spec.embedder,
                    "the embedder changed: embedding everything again"
                );
                self.vectors.drop_collection(collection).await?;
                self.vectors.ensure(collection, &spec).await
            }
            ensured => ensured,
        }
    }

    /// Whether vectors of this embedder can be searched.
    pub(super) async fn has_vectors(&self, collection: &str) -> Result<bool> {
        Ok(self.vectors.spec(collection).await?.is_some_and(|spec| spec == self.embedder.spec()))
    }

    /// Adds documents, each in the place of what was there of it. Where this breaks off, some are added.
    pub(super) async fn replace(&self, collection: &str, news: Vec<New>) -> Result<()> {
        let gone: Vec<String> = news.iter().filter_map(|new| new.old.as_ref()).flat_map(ids_of).collect();
        if !gone.is_empty() {
            self.vectors.delete(collection, &gone).await?;
        }
        let documents: Vec<_> = news.into_iter().map(|new| (new.document, new.chunks)).collect();
        let chunks: Vec<Chunk> = documents.iter().flat_map(|(_, chunks)| chunks).cloned().collect();
        let mut batches = chunks.chunks(BATCH);
        // One core can write while another one embeds. Vectors are written when their chunks are there.
        let first = self.vectors_of(batches.next().unwrap_or_default());
        let (written, first) =
            futures_util::future::join(self.documents.put_all(collection, documents), first).await;
        written?;
        self.vectors.upsert(collection, first?).await?;
        for batch in batches {
            self.vectors.upsert(collection, self.vectors_of(batch).await?).await?;
        }
        Ok(())
    }

    /// Removes documents with their vectors.
    pub(super) async fn remove(&self, collection: &str, old: &[DocumentInfo]) -> Result<()> {
        for batch in old.chunks(BATCH) {
            let ids: Vec<String> = batch.iter().flat_map(ids_of).collect();
            self.vectors.delete(collection, &ids).await?;
            let sources: Vec<String> = batch.iter().map(|info| info.document.source.clone()).collect();
            self.documents.remove(collection, &sources).await?;
        }
        Ok(())
    }

    /// Embeds what has no vector. The collection must be prepared.
    pub(super) async fn fill(&self, collection: &str, progress: &Progress) -> Result<usize> {
        let total = self.documents.documents(collection).await?.iter().map(|info| info.chunks).sum::<usize>();
        let stored = self.vectors.count(collection).await?;
        if stored == total {
            return Ok(0);
        }
        let embedded = self.embed_missing(collection, total, progress).await?;
        if self.vectors.count(collection).await? <= total {
            return Ok(embedded);
        }
        // Only two processes that wrote at once can leave vectors that nothing belongs to.
        tracing::warn!(collection, "vectors without chunks: embedding everything again");
        self.vectors.drop_collection(collection).await?;
        self.prepare(collection).await?;
        self.embed_missing(collection, total, progress).await
    }

    async fn embed_missing(&self, collection: &str, total: usize, progress: &Progress) -> Result<usize> {
        let (mut looked_at, mut embedded) = (0, 0);
        let mut after: Option<String> = None;
        loop {
            let chunks = self.documents.scan(collection, after.as_deref(), BATCH).await?;
            let Some(last) = chunks.last() else { return Ok(embedded) };
            after = Some(last.id.clone());
            looked_at += chunks.len();
            let ids: Vec<String> = chunks.iter().map(|chunk| chunk.id.clone()).collect();
            let missing = self.vectors.missing(collection, &ids).await?;
            let chunks: Vec<Chunk> = chunks.into_iter().filter(|chunk| missing.contains(&chunk.id)).collect();
            self.vectors.upsert(collection, self.vectors_of(&chunks).await?).await?;
            embedded += chunks.len();
            progress.report("embedding", Some(looked_at as f32 / total.max(looked_at) as f32));
        }
    }

    async fn vectors_of(&self, chunks: &[Chunk]) -> Result<Vec<VectorRecord>> {
        if chunks.is_empty() {
            return Ok(Vec::new());
        }
        let texts: Vec<String> = chunks.iter().map(text_to_embed).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = self.embedder.embed(&texts).await?;
        if vectors.len() != chunks.len() {
            return Err(Error::new(
                ErrorKind::Internal,
                "the embedder answered with another number of vectors",
            ));
        }
        let record = |(chunk, vector): (&Chunk, Vec<f32>)| VectorRecord {
            id: chunk.id.clone(),
            vector,
            payload: chunk.metadata.clone(),
        };
        Ok(chunks.iter().zip(vectors).map(record).collect())
    }
}

/// What a chunk's vector stands for: its words under its headings.
fn text_to_embed(chunk: &Chunk) -> String {
    match chunk.metadata.get("heading").and_then(|heading| heading.as_str()) {
        Some(heading) => format!("{heading}\n{}", chunk.content),
        None => chunk.content.clone(),
    }
}

/// The id of a document's chunk: sorts by document, then by place.
pub(super) fn chunk_id(source: &str, content_hash: &str, ordinal: usize) -> String {
    format!("{}-{ordinal:06}", document_key(source, content_hash))
}

fn ids_of(info: &DocumentInfo) -> Vec<String> {
    let key = document_key(&info.document.source, &info.document.content_hash);
    (0..info.chunks).map(|ordinal| format!("{key}-{ordinal:06}")).collect()
}

fn document_key(source: &str, content_hash: &str) -> String {
    let digest = Sha256::new()
        .chain_update(FORMAT.to_le_bytes())
        .chain_update(source.len().to_le_bytes())
        .chain_update(source)
        .chain_update(content_hash)
        .finalize();
    hex(&digest).chars().take(24).collect()
}

/// Bytes in lowercase hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
