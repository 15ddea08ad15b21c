//! Work under way: waited for by a thread, or by an event loop.

use std::future::Future;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use octollm_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::bridge::Bridge;
use crate::errors::{document, raise};
use crate::runtime::runtime;

/// How often a waiting thread looks whether a signal came: Ctrl-C.
const SIGNALS: Duration = Duration::from_millis(50);

/// What comes out: a text, mostly JSON; none for an end.
type Answer = Result<Option<String>>;

/// Work under way. Dropped or cancelled, it is given up.
#[pyclass(frozen, module = "octollm._native")]
pub(crate) struct Pending {
    answer: Mutex<Receiver<Answer>>,
    waker: Arc<Mutex<Option<Waker>>>,
    work: AbortHandle,
}

/// Who is told that the answer is there.
struct Waker {
    bridge: Py<Bridge>,
    future: Py<PyAny>,
}

impl Pending {
    /// Begins `work`.
    pub(crate) fn start(work: impl Future<Output = Answer> + Send + 'static) -> PyResult<Self> {
        let runtime = runtime().map_err(|error| raise(&error))?;
        let (sender, answer) = sync_channel(1);
        let waker = Arc::new(Mutex::new(None));
        let told = waker.clone();
        let work = runtime.spawn(async move { tell(&sender, &told, work.await) }).abort_handle();
        Ok(Self { answer: Mutex::new(answer), waker, work })
    }
}

fn tell(sender: &SyncSender<Answer>, waker: &Mutex<Option<Waker>>, answer: Answer) {
    let mut waker = waker.lock().unwrap_or_else(PoisonError::into_inner);
    match waker.take() {
        // The loop gets (future, error, text). A finalising interpreter hears nothing any more.
        Some(Waker { bridge, future }) => {
            drop(waker);
            Python::try_attach(|py| {
                let (error, text) = split(answer);
                if let Ok(item) = (future, error, text).into_pyobject(py) {
                    bridge.get().push(py, item.into_any().unbind());
                }
            });
        }
        // Nobody receives what was given up.
        None => drop(sender.try_send(answer)),
    }
}

fn split(answer: Answer) -> (Option<String>, Option<String>) {
    match answer {
        Ok(text) => (None, text),
        Err(error) => (Some(document(&error)), None),
    }
}

#[pymethods]
impl Pending {
    /// Waits for the answer, `seconds` at most; as long as it takes for none.
    #[pyo3(signature = (seconds=None))]
    fn wait(&self, py: Python<'_>, seconds: Option<f64>) -> PyResult<Option<String>> {
        let end = seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map(|time| Instant::now() + time);
        loop {
            let slice = end.map_or(SIGNALS, |end| end.saturating_duration_since(Instant::now()).min(SIGNALS));
            let received =
                py.detach(|| self.answer.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(slice));
            match received {
                Ok(answer) => return answer.map_err(|error| raise(&error)),
                Err(RecvTimeoutError::Disconnected) => return Err(raise(&given_up())),
                Err(RecvTimeoutError::Timeout) => py.check_signals().inspect_err(|_| self.cancel())?,
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                self.cancel();
                return Err(raise(&Error::new(ErrorKind::Timeout, "the answer did not come in time")));
            }
        }
    }

    /// Has the loop of `bridge` told: `(future, error, text)` is queued once the answer is there.
    fn attach(&self, py: Python<'_>, bridge: Py<Bridge>, future: Py<PyAny>) -> PyResult<()> {
        let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = match self.answer.lock().unwrap_or_else(PoisonError::into_inner).try_recv() {
            Ok(answer) => answer,
            Err(TryRecvError::Empty) => {
                *waker = Some(Waker { bridge, future });
                return Ok(());
            }
            Err(TryRecvError::Disconnected) => Err(given_up()),
        };
        drop(waker);
        let (error, text) = split(ready);
        bridge.get().push(py, (future, error, text).into_pyobject(py)?.into_any().unbind());
        Ok(())
    }

    /// Gives the work up.
    fn cancel(&self) {
        self.work.abort();
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.work.abort();
    }
}

fn given_up() -> Error {
    Error::new(ErrorKind::Cancelled, "the work was given up")
}
