//! Whatever moment an ingest is interrupted at, the next one repairs what it left.
//!
//! The stores are the real ones behind a fuse that blows before the n-th write: what was written before it is on disk,
//! as it is when a process is killed there.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use octollm_arms::retriever::{DEFAULT_COLLECTION, Index, Method, Retriever, SearchRequest};
use octollm_core::arm::Progress;
use octollm_core::memory::{
    Chunk, ChunkHit, CollectionSpec, Document, DocumentInfo, DocumentStore, Embedder, HashedEmbedder,
    KeywordQuery, VectorHit, VectorQuery, VectorRecord, VectorStore,
};
use octollm_core::memory::{SqliteDocuments, SqliteMemory, SqliteVectors};
use octollm_core::{Error, ErrorKind, Result};

use crate::support::{Bench, CORPUS, ingest, retriever};

/// Allows a number of writes.
#[derive(Clone)]
struct Fuse(Arc<AtomicUsize>);

impl Fuse {
    fn write(&self) -> Result<()> {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map(|_| ()).map_err(|_| Error::new(ErrorKind::Storage, "the process died here"))
    }
}

struct FusedDocuments(SqliteDocuments, Fuse);

#[async_trait]
impl DocumentStore for FusedDocuments {
    async fn put(&self, collection: &str, document: Document, chunks: Vec<Chunk>) -> Result<()> {
        self.1.write()?;
        self.0.put(collection, document, chunks).await
    }

    async fn remove(&self, collection: &str, sources: &[String]) -> Result<Vec<String>> {
        self.1.write()?;
        self.0.remove(collection, sources).await
    }

    async fn documents(&self, collection: &str) -> Result<Vec<DocumentInfo>> {
        self.0.documents(collection).await
    }

    async fn search(&self, collection: &str, query: KeywordQuery) -> Result<Vec<ChunkHit>> {
        self.0.search(collection, query).await
    }

    async fn chunks(&self, collection: &str, ids: &[String]) -> Result<Vec<Chunk>> {
        self.0.chunks(collection, ids).await
    }

    async fn scan(&self, collection: &str, after: Option<&str>, limit: usize) -> Result<Vec<Chunk>> {
        self.0.scan(collection, after, limit).await
    }

    async fn ping(&self) -> Result<()> {
        self.0.ping().await
    }
}

struct FusedVectors(SqliteVectors, Fuse);

#[async_trait]
impl VectorStore for FusedVectors {
    async fn ensure(&self, collection: &str, spec: &CollectionSpec) -> Result<()> {
        self.1.write()?;
        self.0.ensure(collection, spec).await
    }

    async fn spec(&self, collection: &str) -> Result<Option<CollectionSpec>> {
        self.0.spec(collection).await
    }

    async fn upsert(&self, collection: &str, records: Vec<VectorRecord>) -> Result<()> {
        self.1.write()?;
        self.0.upsert(collection, records).await
    }

    async fn search(&self, collection: &str, query: VectorQuery) -> Result<Vec<VectorHit>> {
        self.0.search(collection, query).await
    }

    async fn missing(&self, collection: &str, ids: &[String]) -> Result<Vec<String>> {
        self.0.missing(collection, ids).await
    }

    async fn delete(&self, collection: &str, ids: &[String]) -> Result<()> {
        self.1.write()?;
        self.0.delete(collection, ids).await
    }

    async fn drop_collection(&self, collection: &str) -> Result<()> {
        self.1.write()?;
        self.0.drop_collection(collection).await
    }

    async fn count(&self, collection: &str) -> Result<usize> {
        self.0.count(collection).await
    }

    async fn ping(&self) -> Result<()> {
        self.0.ping().await
    }
}

/// Another embedder, as far as anybody can tell.
struct Other(HashedEmbedder);

#[async_trait]
impl Embedder for Other {
    fn id(&self) -> &str {
        "other/1"
    }

    fn dimensions(&self) -> usize {
        self.0.dimensions()
    }

    fn describe(&self) -> &str {
        self.0.describe()
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let mut vectors = self.0.embed(texts).await?;
        vectors.iter_mut().for_each(|vector| vector.reverse());
        Ok(vectors)
    }
}

fn fused(memory: &SqliteMemory, writes: usize, embedder: Arc<dyn Embedder>) -> Retriever {
    let fuse = Fuse(Arc::new(AtomicUsize::new(writes)));
    let documents = FusedDocuments(SqliteDocuments::new(memory.clone()), fuse.clone());
    let vectors = FusedVectors(SqliteVectors::new(memory.clone()), fuse);
    Retriever::new(Arc::new(Index::new(Arc::new(documents), Arc::new(vectors), embedder)))
}

/// Every chunk has its vector, every vector its chunk, and every file its document.
async fn assert_whole(memory: &SqliteMemory, embedder: Arc<dyn Embedder>, files: &[&str]) {
    let documents = SqliteDocuments::new(memory.clone());
    let vectors = SqliteVectors::new(memory.clone());
    let listed = documents.documents(DEFAULT_COLLECTION).await.unwrap();
    let names: Vec<&str> =
        listed.iter().map(|info| info.document.source.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, files);
    let chunks = documents.scan(DEFAULT_COLLECTION, None, 10_000).await.unwrap();
    let ids: Vec<String> = chunks.iter().map(|chunk| chunk.id.clone()).collect();
    assert_eq!(vectors.missing(DEFAULT_COLLECTION, &ids).await.unwrap(), Vec::<String>::new());
    assert_eq!(vectors.count(DEFAULT_COLLECTION).await.unwrap(), ids.len());
    let near = SearchRequest { method: Method::Vector, ..SearchRequest::new("walrus") };
    let found = retriever(memory, embedder).search(&near).await.unwrap();
    assert!(found.results[0].content.contains("walrus"), "{:?}", found.results[0].content);
}

fn three_files(bench: &Bench) -> [PathBuf; 1] {
    bench.write("a.md", "# One\n\nThe walrus.\n\n# Two\n\nThe carpenter.\n");
    bench.write("b.md", "Oysters walked along the sand.\n");
    bench.write("c.md", "Of shoes and ships and sealing wax.\n");
    [bench.files.path().to_owned()]
}

#[tokio::test]
async fn an_ingest_that_stops_at_any_write_is_repaired_by_the_next() {
    for writes in 0.. {
        let bench = Bench::new().await;
        let paths = three_files(&bench);
        let lexical = || Arc::new(HashedEmbedder);
        ingest(&bench.retriever, &paths).await.unwrap();
        bench.write("a.md", "# One\n\nA walrus, changed.\n");
        bench.write("d.md", "Cabbages and kings.\n");
        std::fs::remove_file(bench.files.path().join("c.md")).unwrap();
        let interrupted = ingest(&fused(&bench.memory, writes, lexical()), &paths).await;
        ingest(&bench.retriever, &paths).await.unwrap();
        assert_whole(&bench.memory, lexical(), &["a.md", "b.md", "d.md"]).await;
        if interrupted.is_ok() {
            assert!(writes > 6, "the fuse was never blown");
            return;
        }
    }
}

#[tokio::test]
async fn a_new_embedder_embeds_everything_again_and_can_be_interrupted() {
    for writes in 0.. {
        let bench = Bench::new().await;
        let paths = three_files(&bench);
        ingest(&bench.retriever, &paths).await.unwrap();
        let other = || Arc::new(Other(HashedEmbedder));
        let interrupted = ingest(&fused(&bench.memory, writes, other()), &paths).await;
        let after = retriever(&bench.memory, other());
        let report = ingest(&after, &paths).await.unwrap();
        assert_eq!((report.unchanged, report.added), (3, 0), "the files are not read into the index again");
        assert_whole(&bench.memory, other(), &["a.md", "b.md", "c.md"]).await;
        if interrupted.is_ok() {
            assert!(writes > 2, "the fuse was never blown");
            return;
        }
    }
}

#[tokio::test]
async fn vectors_of_another_embedder_are_never_searched() {
    let bench = Bench::filled().await;
    let other = retriever(&bench.memory, Arc::new(Other(HashedEmbedder)));
    let hybrid = other.search(&SearchRequest::new("diesel generator")).await.unwrap();
    assert_eq!(hybrid.method_used, Method::Keyword);
    assert!(!hybrid.results.is_empty());
    let vector = SearchRequest { method: Method::Vector, ..SearchRequest::new("diesel generator") };
    let error = other.search(&vector).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.hint().unwrap().contains("index"));

    let embedded = other.index().complete(DEFAULT_COLLECTION, &Progress::default()).await.unwrap();
    assert!(embedded > 0);
    assert_eq!(other.search(&vector).await.unwrap().method_used, Method::Vector);
    assert_eq!(other.index().complete(DEFAULT_COLLECTION, &Progress::default()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_dropped_ingest_goes_on_next_time() {
    let bench = Bench::new().await;
    for number in 0..60 {
        bench.write(&format!("{number:02}.md"), format!("Herring number {number}.\n"));
    }
    let paths = [bench.files.path().to_owned()];
    let dropped =
        tokio::time::timeout(std::time::Duration::from_millis(20), ingest(&bench.retriever, &paths)).await;
    let report = ingest(&bench.retriever, &paths).await.unwrap();
    assert_eq!(report.added + report.unchanged, 60);
    assert!(dropped.is_err() || report.unchanged == 60);
}

#[tokio::test]
async fn two_ingests_at_once_take_turns() {
    let bench = Bench::new().await;
    let paths = [PathBuf::from(CORPUS)];
    let (one, two) = tokio::join!(ingest(&bench.retriever, &paths), ingest(&bench.retriever, &paths));
    let added = [one.unwrap().added, two.unwrap().added];
    assert_eq!(added.iter().sum::<usize>(), 6);
}
