//! How an event loop hears of things: they are queued, and the loop is woken once for all that is there.
//!
//! Waking a loop costs tens of microseconds; under load many things share one waking.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyList;

/// One event loop's queue.
#[pyclass(frozen, module = "octollm._native")]
pub(crate) struct Bridge {
    /// `loop.call_soon_threadsafe`.
    wake: Py<PyAny>,
    /// What the loop calls when woken: takes everything that is queued.
    drain: Mutex<Option<Py<PyAny>>>,
    queue: Mutex<Vec<Py<PyAny>>>,
}

#[pymethods]
impl Bridge {
    #[new]
    fn new(wake: Py<PyAny>) -> Self {
        Self { wake, drain: Mutex::new(None), queue: Mutex::new(Vec::new()) }
    }

    /// Says what the loop calls when it is woken.
    fn on_wake(&self, drain: Py<PyAny>) {
        *self.drain.lock().unwrap_or_else(PoisonError::into_inner) = Some(drain);
    }

    /// Everything that is queued, in order.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let queued = std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner));
        PyList::new(py, queued)
    }
}

impl Bridge {
    /// Queues `item`, and wakes the loop if nothing was queued yet. False if the loop is closed.
    pub(crate) fn push(&self, py: Python<'_>, item: Py<PyAny>) -> bool {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push(item);
        if queue.len() > 1 {
            return true;
        }
        drop(queue);
        let drain =
            self.drain.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|f| f.clone_ref(py));
        let woken = drain.is_some_and(|drain| self.wake.call1(py, (drain,)).is_ok());
        if !woken {
            self.queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        woken
    }
}
