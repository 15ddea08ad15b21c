//! The retriever over real files and a real SQLite database.

#![allow(clippy::unwrap_used, clippy::panic)]

mod arm;
mod bad_input;
mod ingest;
mod repair;
mod search;
mod support;
