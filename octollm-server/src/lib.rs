//! OctoLLM as a command line and an HTTP service: thin faces of `octollm-core`.

pub mod http;
pub mod settings;
