//! For tests, of this library and of those who build on it: arms that do what a test needs, servers that misbehave,
//! and the contract suites that every backend and every orchestrator must pass. Feature `testing`.
//!
//! A suite takes something fresh and empty and panics where it breaks the contract: it is called from tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

pub mod arms;
pub mod cache;
pub mod documents;
#[cfg(feature = "http")]
pub mod fault_server;
pub mod faulty;
pub mod graph;
pub mod journal;
pub mod orchestrator;
pub mod texts;
pub mod vectors;
