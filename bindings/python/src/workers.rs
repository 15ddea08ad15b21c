//! Where synchronous arms run: on threads that they may block.
//!
//! The threads are Python's own, because those may be left inside an arm when the interpreter ends, which threads with
//! Rust below the arm may not. There is always one that waits while others work, and it alone is woken for new work: a
//! thread that comes back from a short call takes the next one without giving the interpreter's lock away, so a burst of
//! short calls is served by one thread, and a long call holds nobody up.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use octollm_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;

use crate::arm::{Call, Job};

/// Threads at most. Calls beyond wait for their turn.
const MOST: usize = 512;
/// How long a thread that is not needed stays.
const IDLE: Duration = Duration::from_secs(20);

struct State {
    jobs: VecDeque<Arc<Job>>,
    threads: usize,
    /// Threads that wait, or have been woken and have not looked yet.
    idle: usize,
    /// One has been woken and has not looked yet.
    woken: bool,
    closed: bool,
}

static STATE: Mutex<State> =
    Mutex::new(State { jobs: VecDeque::new(), threads: 0, idle: 0, woken: false, closed: false });
static CAME: Condvar = Condvar::new();

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Queues a call for the next free thread.
pub(crate) fn push(job: Arc<Job>) -> Result<()> {
    let mut state = state();
    if state.closed {
        return Err(Error::new(ErrorKind::Unavailable, "the interpreter ends"));
    }
    state.jobs.push_back(job);
    let wakes = state.wakes();
    drop(state);
    wake(wakes);
    Ok(())
}

/// Wakes a thread, without the lock that it wants next.
fn wake(wakes: bool) {
    if wakes {
        CAME.notify_one();
    }
}

/// Whether calls wait for a thread.
pub(crate) fn call_waits() -> bool {
    !state().jobs.is_empty()
}

/// Whether the caller shall start a thread: there is none that waits. It counts from now on.
#[pyfunction]
pub(crate) fn needs_worker() -> bool {
    state().asks_for_thread()
}

impl State {
    /// Whether a thread is to be woken, and none has been yet.
    fn wakes(&mut self) -> bool {
        let wakes = self.idle > 0 && !self.woken && !self.jobs.is_empty();
        self.woken |= wakes;
        wakes
    }

    fn asks_for_thread(&mut self) -> bool {
        let needed = self.idle == 0 && self.threads < MOST && !self.closed;
        self.threads += usize::from(needed);
        self.idle += usize::from(needed);
        needed
    }
}

/// The next call and its arm, and whether to start another thread; for a thread that was asked for, `fresh` the first time.
/// None: the thread shall end.
#[pyfunction]
pub(crate) fn take_call(py: Python<'_>, mut fresh: bool) -> Option<(usize, Call, bool)> {
    loop {
        let mut found = state();
        if fresh {
            (found.idle, fresh) = (found.idle - 1, false);
        }
        if let Some(job) = found.jobs.pop_front() {
            let (wakes, needed) = (found.wakes(), found.asks_for_thread());
            drop(found);
            wake(wakes);
            return Some((job.arm, Call::new(job), needed));
        }
        if found.closed {
            found.threads -= 1;
            CAME.notify_all();
            return None;
        }
        found.idle += 1;
        drop(found);
        let idle_too_long = py.detach(rest);
        let mut state = state();
        state.idle -= 1;
        // The last one that waits stays.
        if idle_too_long && state.idle > 0 && state.jobs.is_empty() {
            state.threads -= 1;
            return None;
        }
    }
}

/// Waits until there may be something to do; true if nothing came for long.
fn rest() -> bool {
    // Woken for calls that another thread has taken meanwhile, it need not ask for the interpreter's lock.
    let idles = |state: &mut State| {
        state.woken &= !state.jobs.is_empty();
        !state.woken && !state.closed
    };
    let (mut state, timeout) =
        CAME.wait_timeout_while(state(), IDLE, idles).unwrap_or_else(PoisonError::into_inner);
    state.woken = false;
    timeout.timed_out()
}

/// Ends the threads that wait. Those that are inside an arm are left there.
#[pyfunction]
pub(crate) fn close_workers(py: Python<'_>) {
    py.detach(|| {
        let mut closing = state();
        closing.closed = true;
        closing.jobs.clear();
        CAME.notify_all();
        // They come back through the interpreter's lock, which must still be there then.
        let time = Duration::from_secs(1);
        let _ = CAME.wait_timeout_while(closing, time, |state| state.idle > 0);
    });
}
