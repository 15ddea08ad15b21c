//! The retriever over real files, a real SQLite database and real HTTP.

#![allow(clippy::unwrap_used, clippy::panic)]

mod arm;
mod asked;
mod bad_input;
#[cfg(feature = "parquet")]
mod columnar;
mod ingest;
mod pages;
mod repair;
mod search;
mod statements;
mod support;
mod tables;
mod web;
