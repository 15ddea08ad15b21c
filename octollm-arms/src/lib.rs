//! The arms that OctoLLM ships with.

pub mod retriever;
