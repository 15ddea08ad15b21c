//! The retriever: what documents, tables and the web say, found, cited and quoted.
//!
//! ```text
//! files ─ extract ─ chunk ─► Index ◄─ search ─ fuse ─ synthesis ─ citations
//!         lines     ~1000    documents (BM25)         sentences, word for word
//!                   chars    vectors (cosine)
//! ```
//!
//! Beyond what is indexed it answers out of tables by read-only SQL ([`DataFolders`]) and searches the web through a
//! provider ([`WebSearch`]), where the operator has opened them; what is not open is not announced.
//!
//! [`Ingestor`] keeps an [`Index`] in step with files and folders, [`Retriever`] answers out of it: as a library by
//! [`Retriever::search`], and as an [`Arm`](octollm_core::arm::Arm). No model is needed for any of it; where there is one, it
//! puts results in order and answers in its own words for those who ask for that. Which embedder makes the vectors is the
//! caller's choice, and changing it embeds everything again instead of mixing.

mod arm;
mod asked;
mod check;
mod chunk;
mod cite;
mod data;
mod extract;
mod fuse;
mod index;
mod ingest;
mod markdown;
mod read;
mod request;
mod search;
mod synthesis;
mod web;
mod words;

pub use arm::Retriever;
pub use data::{Data, DataFolders, DataLimits, TableInfo};
pub use index::Index;
pub use ingest::{IngestOptions, IngestReport, Ingestor, Skipped};
pub use request::{
    Author, Check, Citation, DEFAULT_COLLECTION, Method, SearchRequest, SearchResponse, SearchResult,
};
pub use web::WebSearch;
