//! The server and its remote face over real HTTP, and the program as a person runs it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod answers;
mod arm;
mod behaviour;
mod checking;
mod cli;
mod disk;
mod events;
mod http;
mod problems;
mod rate_limit;
mod reflex;
mod reflex_http;
mod remote;
mod replanning;
mod settings;
mod socket;
mod support;
mod tasks;
