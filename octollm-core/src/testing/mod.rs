//! Contract suites: what every backend of a trait does, as code that runs over any of them.
//!
//! A suite takes a maker of fresh, empty backends and panics where one breaks the contract: it is called from tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod cache;
pub mod documents;
pub mod graph;
pub mod vectors;
