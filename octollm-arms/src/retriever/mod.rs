//! The retriever: what local documents say, found, cited and quoted.
//!
//! ```text
//! files ─ extract ─ chunk ─► Index ◄─ search ─ fuse ─ synthesis ─ citations
//!         lines     ~1000    documents (BM25)         sentences, word for word
//!                   chars    vectors (cosine)
//! ```
//!
//! [`Ingestor`] keeps an [`Index`] in step with files and folders, [`Retriever`] answers out of it: as a library by
//! [`Retriever::search`], and as an [`Arm`](octollm_core::arm::Arm). No model is needed for any of it; which embedder
//! makes the vectors is the caller's choice, and changing it embeds everything again instead of mixing.

mod arm;
mod chunk;
mod cite;
mod extract;
mod fuse;
mod index;
mod ingest;
mod markdown;
mod request;
mod search;
mod synthesis;
mod words;

pub use arm::Retriever;
pub use index::Index;
pub use ingest::{IngestOptions, IngestReport, Ingestor, Skipped};
pub use request::{Citation, DEFAULT_COLLECTION, Method, SearchRequest, SearchResponse, SearchResult};
