//! What every backend must do, as tests that run over any of them.
//!
//! A suite panics where the contract is broken, naming what was expected; it is meant to be called from a test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a suite fails by panicking, as a test does"
)]

pub mod cache;
pub mod documents;
pub mod graph;
pub mod journal;
pub mod vectors;
