//! How an event loop hears of things: they are queued, and the loop is woken once for all that is there.
//!
//! Nothing here needs the interpreter's lock. Threads of the runtime put things into the queue and write one byte to a
//! socket that the loop watches like any other; so no arm that holds the lock can keep other tasks from going on, and no
//! thread of ours can be caught inside the interpreter when it ends.

use std::io::{ErrorKind as IoErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use octollm_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::arm::{Call, Job};
use crate::errors::{document, raise};
use crate::pending::Answer;

/// What a loop is told.
pub(crate) enum Item {
    /// The answer to the wait with this key.
    Answered(u64, Answer),
    /// An arm is called.
    Called(Arc<Job>),
    /// Nobody waits for the call with this key any more.
    Over(u64),
}

/// A loop's queue; `None` once nobody listens any more.
pub(crate) struct Queue {
    items: Mutex<Option<Vec<Item>>>,
    reader: UnixStream,
    writer: UnixStream,
}

impl Queue {
    /// Queues `item`, and wakes the loop if nothing was queued yet.
    ///
    /// # Errors
    /// `unavailable` if nobody listens any more.
    pub(crate) fn push(&self, item: Item) -> Result<()> {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = items.as_mut().ok_or_else(closed)?;
        queue.push(item);
        if queue.len() == 1 {
            // A full socket holds bytes enough to wake the loop.
            match (&self.writer).write(&[1]) {
                Err(error) if error.kind() != IoErrorKind::WouldBlock => return Err(closed()),
                _ => {}
            }
        }
        Ok(())
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Unavailable, "the arm's event loop is closed")
        .with_hint("keep the event loop running for as long as the orchestrator is open")
}

/// One event loop's queue, as the loop sees it.
#[pyclass(frozen, module = "octollm._native")]
pub(crate) struct Bridge {
    queue: Arc<Queue>,
}

impl Bridge {
    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }
}

#[pymethods]
impl Bridge {
    #[new]
    fn new() -> PyResult<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        Ok(Self { queue: Arc::new(Queue { items: Mutex::new(Some(Vec::new())), reader, writer }) })
    }

    /// What the loop has to watch: readable when something is queued.
    fn fileno(&self) -> i32 {
        self.queue.reader.as_raw_fd()
    }

    /// Nobody listens any more: what is queued is dropped, which tells those who wait, and what comes later is refused.
    fn close(&self) {
        let items = self.queue.items.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(items);
    }

    /// Everything that is queued, in order: `(kind, key, first, second)`, which is `(0, key, error, text)` for an answer,
    /// `(1, key, arm, call)` for a call and `(2, key, None, None)` for a call that is over.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        // The byte first: whoever queues something afterwards sends another.
        let mut bytes = [0; 64];
        while matches!((&self.queue.reader).read(&mut bytes), Ok(64)) {}
        let mut items = self.queue.items.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = items.as_mut().map(std::mem::take).unwrap_or_default();
        drop(items);
        let list = PyList::empty(py);
        for item in taken {
            match item {
                Item::Answered(key, Ok(text)) => list.append((0, key, py.None(), text))?,
                Item::Answered(key, Err(error)) => list.append((0, key, document(&error), py.None()))?,
                Item::Called(job) => list.append((1, job.key, job.arm, Call::new(job)))?,
                Item::Over(key) => list.append((2, key, py.None(), py.None()))?,
            }
        }
        Ok(list)
    }
}

/// Gone with its loop.
impl Drop for Bridge {
    fn drop(&mut self) {
        self.close();
    }
}

/// For calls from Python.
pub(crate) fn push(queue: &Queue, item: Item) -> PyResult<()> {
    queue.push(item).map_err(|error| raise(&error))
}
