//! The arms that OctoLLM ships with. Each is a library of its own kind first and an [`Arm`](octollm_core::arm::Arm)
//! second; arms do not know each other.
//!
//! - The [`retriever`] reads local documents, finds what was asked and answers with sentences out of them and the lines
//!   where they stand, without a model and without a network.
//! - The [`coder`] writes, mends and examines code with a language model, and gives back to it what does not parse.
//! - The [`planner`] makes plans with the brain's own planner, for those who want to see a plan before it is run.
//! - The [`executor`] runs code and commands in a sandbox and sends HTTP requests, as a policy allows.
//! - The [`judge`] says whether an output is what it should be, and how anybody knows.
//! - The [`guardian`] looks for what must not go further: personal data, secrets, injections, payloads, and what a policy
//!   forbids or demands.
//!
//! What several of them need, and others may, stands beside them: [`syntax`] says whether code parses, [`pages`]
//! what one arm may ask of the web and another reads.
//!
//! ```
//! use std::sync::Arc;
//!
//! use octollm_arms::retriever::{DEFAULT_COLLECTION, Index, IngestOptions, Retriever, SearchRequest};
//! use octollm_core::arm::Progress;
//! use octollm_core::memory::SharedMemory;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let docs = folder.path().join("docs");
//! std::fs::create_dir(&docs)?;
//! std::fs::write(docs.join("lamp.md"), "# Lamp\n\nIt is *lit* at dusk. The lamp burns whale oil.\n")?;
//!
//! let memory = SharedMemory::in_process().await?;
//! let retriever = Retriever::new(Arc::new(Index::over(&memory)));
//! let (options, progress) = (IngestOptions::default(), Progress::default());
//! let report = retriever.ingestor().ingest(DEFAULT_COLLECTION, &[docs], &options, &progress).await?;
//! assert_eq!((report.added, report.chunks), (1, 1));
//!
//! let answer = retriever.search(&SearchRequest::new("What does the lamp burn?")).await?;
//! assert_eq!(answer.synthesis.as_deref(), Some("The lamp burns whale oil. [1]"));
//! assert!(answer.citations[0].locator.ends_with("docs/lamp.md:3"));
//! # Ok(())
//! # }
//! ```

pub mod coder;
pub mod executor;
mod expert;
pub mod guardian;
pub mod judge;
pub mod pages;
pub mod planner;
pub mod retriever;
mod sentences;
pub mod syntax;
mod trial;
