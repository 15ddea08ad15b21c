//! Shared memory: what tasks did, what documents say, what is known, what was answered before.
//!
//! Each kind of memory is one small trait with several backends; `SharedMemory` holds one of each. The contract
//! suites in `testing` say what a backend must do, and every backend passes them.

mod cache;
mod documents;
mod embedder;
mod graph;
pub mod inprocess;
mod journal;
mod shared;
#[cfg(feature = "sqlite")]
mod sqlite;
mod vectors;
mod words;

pub use cache::{Cache, CacheKey, Compute};
pub use documents::{Chunk, ChunkHit, Document, DocumentInfo, DocumentStore, KeywordQuery};
#[cfg(feature = "candle")]
pub use embedder::CandleEmbedder;
pub use embedder::{Embedder, HashedEmbedder};
pub use graph::{Entity, KnowledgeGraph, NewEntity, NewRelationship, Path, Relationship};
pub use inprocess::{InProcessCache, InProcessGraph, InProcessVectors, MemoryJournal};
pub use journal::{
    Append, ArmStats, Claimed, Journal, PrunePolicy, Pruned, StatsStore, TaskFilter, TaskPage, TaskRecord,
    VaultPart,
};
pub use shared::{MemoryHealth, SharedMemory};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteDocuments, SqliteGraph, SqliteMemory, SqliteOptions, SqliteVectors, Synchronous};
pub use vectors::{CollectionSpec, Filter, VectorHit, VectorQuery, VectorRecord, VectorStore};
pub(crate) use words::for_each_word;
