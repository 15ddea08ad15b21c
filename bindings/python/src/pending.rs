//! Work under way: waited for by a thread, or by an event loop.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use octollm_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::bridge::{Bridge, Item, Queue, push};
use crate::errors::raise;
use crate::runtime::runtime;

/// How often a waiting thread looks whether a signal came: Ctrl-C.
const SIGNALS: Duration = Duration::from_millis(50);

/// What comes out: a text, mostly JSON; none for an end.
pub(crate) type Answer = Result<Option<String>>;

/// Work under way. Dropped or cancelled, it is given up.
#[pyclass(frozen, module = "octollm._native")]
pub(crate) struct Pending {
    slot: Arc<Slot>,
    work: AbortHandle,
}

/// Where the answer is put.
struct Slot {
    key: u64,
    state: Mutex<State>,
    came: Condvar,
}

enum State {
    Waiting,
    /// This loop is told when the answer is there.
    Told(Arc<Queue>),
    Answered(Answer),
    Taken,
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first answer counts.
    fn answer(&self, answer: Answer) {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Waiting => *state = State::Answered(answer),
            // A loop that is closed hears nothing any more.
            State::Told(queue) => drop(queue.push(Item::Answered(self.key, answer))),
            before => *state = before,
        }
        drop(state);
        self.came.notify_all();
    }
}

/// Answers for work that panicked or was given up.
struct Answering(Arc<Slot>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answer(Err(Error::new(ErrorKind::Cancelled, "the work was given up")));
    }
}

impl Pending {
    /// Begins `work`.
    pub(crate) fn start(work: impl Future<Output = Answer> + Send + 'static) -> PyResult<Self> {
        static KEYS: AtomicU64 = AtomicU64::new(1);
        let runtime = runtime().map_err(|error| raise(&error))?;
        let key = KEYS.fetch_add(1, Ordering::Relaxed);
        let slot = Arc::new(Slot { key, state: Mutex::new(State::Waiting), came: Condvar::new() });
        let answering = Answering(slot.clone());
        let work = runtime.spawn(async move { answering.0.answer(work.await) }).abort_handle();
        Ok(Self { slot, work })
    }

    /// Waits for `time` at most.
    fn wait_for(&self, time: Duration) -> Option<Answer> {
        let waits = |state: &mut State| matches!(state, State::Waiting);
        let (mut state, _) = self
            .slot
            .came
            .wait_timeout_while(self.slot.state(), time, waits)
            .unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Taken) {
            State::Answered(answer) => Some(answer),
            State::Taken => Some(Err(Error::new(ErrorKind::Conflict, "the answer was taken already"))),
            before => {
                *state = before;
                None
            }
        }
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
            if let Some(answer) = py.detach(|| self.wait_for(slice)) {
                return answer.map_err(|error| raise(&error));
            }
            py.check_signals().inspect_err(|_| self.cancel())?;
            if end.is_some_and(|end| Instant::now() >= end) {
                self.cancel();
                return Err(raise(&Error::new(ErrorKind::Timeout, "the answer did not come in time")));
            }
        }
    }

    /// Has the loop of `bridge` told under the key that this answers.
    fn attach(&self, bridge: &Bridge) -> PyResult<u64> {
        let key = self.slot.key;
        let mut state = self.slot.state();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Waiting => *state = State::Told(bridge.queue().clone()),
            State::Answered(answer) => push(bridge.queue(), Item::Answered(key, answer))?,
            before => *state = before,
        }
        Ok(key)
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
