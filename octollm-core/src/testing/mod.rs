//! For tests, of this library and of those who build on it: arms that do what a test needs, and the contract suites
//! that every backend and every orchestrator must pass. Feature `testing`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

pub mod arms;
pub mod orchestrator;
