//! OctoLLM: the nervous system of an LLM application, as a library.
//!
//! A task is accepted, planned as a DAG of steps, each step is done by an *arm*, and the results are integrated.
//! Everything that happens to a task is an event in its journal, and the task *is* the fold over that journal: so it
//! survives a crash, can be watched while it runs, and can be explained afterwards.

pub mod arm;
pub mod config;
mod error;
#[cfg(feature = "http")]
pub mod http_client;
pub mod memory;
pub mod model;
pub mod orchestrator;
#[cfg(feature = "reflex")]
pub mod reflex;
pub mod resilience;
pub mod schema;
#[cfg(feature = "http")]
mod sse;
pub mod task;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use error::{Error, ErrorKind, Fault, Result, Status};
pub use task::{ExecutionPlan, SubTask, TaskId, TaskRequest, TaskResult};
