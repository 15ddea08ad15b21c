//! OctoLLM as a command line and an HTTP service: thin faces of `octollm-core`.

mod arms;
pub mod cli;
mod embedder;
mod executor;
pub mod http;
pub mod memory;
mod parts;
mod retriever;
mod session;
pub mod settings;
mod store;

pub use parts::OwnParts;
pub use session::{LocalOptions, Session};
