//! OctoLLM as a command line and an HTTP service: thin faces of `octollm-core`.

pub mod cli;
mod embedder;
mod executor;
pub mod http;
mod session;
pub mod settings;
mod store;

pub use session::{LocalOptions, Session};
