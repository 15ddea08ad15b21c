//! The native half of the Python package `octollm`. It knows the orchestrator and nothing of Python's types: requests,
//! results and events cross the border as JSON, and what Python code should look like is decided in `python/octollm`.
//!
//! The border is crossed seldom, because each crossing costs: what an event loop has to hear is queued, and the loop is
//! woken once for all that has come (`bridge`). No thread of the runtime ever takes the interpreter's lock.

mod arm;
mod bridge;
mod errors;
mod events;
mod orchestrator;
mod parts;
mod pending;
mod program;
mod reflex;
mod reflex_chain;
mod returns;
mod runtime;
mod stores;
mod waited;
mod workers;

use pyo3::prelude::*;

/// The native module. The Python half counts on the interpreter's lock, and nobody has run it without: a free-threaded
/// build of Python, where this is built for one, is told to keep the lock.
#[pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use crate::arm::{Call, check_arm};
    #[pymodule_export]
    use crate::bridge::Bridge;
    #[pymodule_export]
    use crate::errors::NativeError;
    #[pymodule_export]
    use crate::events::Events;
    #[pymodule_export]
    use crate::orchestrator::Orchestrator;
    #[pymodule_export]
    use crate::pending::Pending;
    #[pymodule_export]
    use crate::program::main;
    #[pymodule_export]
    use crate::program::serve_arm;
    #[pymodule_export]
    use crate::reflex::{private, redact, scan};
    #[pymodule_export]
    use crate::reflex_chain::ReflexChain;
    #[cfg(feature = "testing")]
    #[pymodule_export]
    use crate::stores::suite::_store_suite;
    #[pymodule_export]
    use crate::workers::{close_workers, needs_worker, take_call};
}
