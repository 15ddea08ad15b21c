//! One handle on all of a program's memory.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};

use super::{Cache, DocumentStore, Embedder, Journal, KnowledgeGraph, StatsStore, VectorStore};
use crate::error::{Error, ErrorKind, Result};

/// A store that has not answered within this time does not answer.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// One of each kind of memory. Cheap to clone; clones share the stores. A field may be replaced, so that one kind lives
/// elsewhere than the others.
#[derive(Clone)]
pub struct SharedMemory {
    /// What tasks did.
    pub journal: Arc<dyn Journal>,
    /// What arms have done so far.
    pub stats: Arc<dyn StatsStore>,
    /// What was answered before.
    pub cache: Arc<dyn Cache>,
    /// What is near what.
    pub vectors: Arc<dyn VectorStore>,
    /// What documents say.
    pub documents: Arc<dyn DocumentStore>,
    /// What is known.
    pub graph: Arc<dyn KnowledgeGraph>,
    /// What gives texts their vectors.
    pub embedder: Arc<dyn Embedder>,
    /// The file of the key that seals tasks' vaults; where there is none, the key ends with the process.
    pub vault_key: Option<PathBuf>,
    /// Where the stores live, for a person: `in-process`, `sqlite`.
    pub backend: &'static str,
}

/// Whether one store answers.
#[derive(Debug)]
pub struct MemoryHealth {
    /// The store: `journal`, `cache`, `vectors`, `documents`, `graph`.
    pub name: &'static str,
    /// What is wrong, if something is.
    pub outcome: Result<()>,
}

#[cfg(feature = "sqlite")]
mod embedded {
    use super::*;
    use crate::memory::{HashedEmbedder, SqliteDocuments, SqliteGraph, SqliteMemory, SqliteVectors};
    use crate::memory::{InProcessCache, InProcessGraph, InProcessVectors, MemoryJournal};

    impl SharedMemory {
        /// Memory that ends with the process and leaves nothing on disk. Documents are kept in a SQLite database in
        /// memory, because its full-text index is the best that is there.
        ///
        /// # Errors
        /// `storage` if there is no memory for the database.
        pub async fn in_process() -> Result<Self> {
            let journal = Arc::new(MemoryJournal::new());
            Ok(Self {
                journal: journal.clone(),
                stats: journal,
                cache: Arc::new(InProcessCache::default()),
                vectors: Arc::new(InProcessVectors::new()),
                documents: Arc::new(SqliteDocuments::new(SqliteMemory::in_memory().await?)),
                graph: Arc::new(InProcessGraph::new()),
                embedder: Arc::new(HashedEmbedder),
                vault_key: None,
                backend: "in-process",
            })
        }

        /// Memory in one SQLite file; only the cache is in the process. The key of the vaults is the file `vault.key` beside it.
        pub fn sqlite(memory: SqliteMemory) -> Self {
            let vault_key = memory.path().map(|path| path.with_file_name("vault.key"));
            Self {
                journal: Arc::new(memory.clone()),
                stats: Arc::new(memory.clone()),
                cache: Arc::new(InProcessCache::default()),
                vectors: Arc::new(SqliteVectors::new(memory.clone())),
                documents: Arc::new(SqliteDocuments::new(memory.clone())),
                graph: Arc::new(SqliteGraph::new(memory)),
                embedder: Arc::new(HashedEmbedder),
                vault_key,
                backend: "sqlite",
            }
        }
    }
}

impl SharedMemory {
    /// Asks every store, all at the same time; answers within seconds whatever they do.
    pub async fn health(&self) -> Vec<MemoryHealth> {
        let pings: [(&'static str, BoxFuture<'_, Result<()>>); 5] = [
            ("journal", self.journal.ping()),
            ("cache", self.cache.ping()),
            ("vectors", self.vectors.ping()),
            ("documents", self.documents.ping()),
            ("graph", self.graph.ping()),
        ];
        join_all(pings.map(|(name, ping)| async move {
            let outcome = tokio::time::timeout(PING_TIMEOUT, ping).await;
            MemoryHealth { name, outcome: outcome.unwrap_or_else(|_| Err(silent(name))) }
        }))
        .await
    }
}

fn silent(name: &'static str) -> Error {
    Error::new(ErrorKind::Timeout, "the store did not answer in time").with_context("store", name)
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMemory")
            .field("backend", &self.backend)
            .field("embedder", &self.embedder.id())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::memory::{SqliteMemory, SqliteOptions};

    async fn names_of_the_healthy(memory: &SharedMemory) -> Vec<&'static str> {
        let health = memory.health().await;
        health.into_iter().filter(|store| store.outcome.is_ok()).map(|store| store.name).collect()
    }

    #[tokio::test]
    async fn every_store_answers_by_its_name() {
        let memory = SharedMemory::in_process().await.unwrap();
        let all = ["journal", "cache", "vectors", "documents", "graph"];
        assert_eq!(names_of_the_healthy(&memory).await, all);
        assert_eq!(
            format!("{memory:?}"),
            r#"SharedMemory { backend: "in-process", embedder: "octollm-hashed-trigrams-512-v1", .. }"#
        );
    }

    #[tokio::test]
    async fn a_closed_database_is_reported_and_the_rest_goes_on() {
        let directory = tempfile::TempDir::new().unwrap();
        let options = SqliteOptions::new(directory.path().join("octollm.db"));
        let sqlite = SqliteMemory::open(options).await.unwrap();
        let memory = SharedMemory::sqlite(sqlite.clone());
        assert_eq!(names_of_the_healthy(&memory).await.len(), 5);
        sqlite.close().await.unwrap();
        assert_eq!(names_of_the_healthy(&memory).await, ["cache"]);
    }
}
