//! The threads that callbacks run on, which they may block.
//!
//! The thread that came back last gets the next call. Its stack and its share of the allocator's caches are warm, and the
//! others, which a burst of calls needed, end after a while. tokio's own pool wakes the thread that has waited longest:
//! under a steady trickle of calls all threads of the largest burst stay, and each of them grows its caches.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use octollm_core::{Error, ErrorKind, Result};
use tokio::sync::oneshot;

/// Threads at most. Calls beyond wait for their turn.
const MOST: usize = 512;
/// How long a thread that is not needed stays.
const IDLE: Duration = Duration::from_secs(10);

type Work = Box<dyn FnOnce() + Send>;

struct Pool {
    /// Threads that wait for work, the one that came back last at the end.
    idle: Vec<(ThreadId, Sender<Work>)>,
    threads: usize,
    /// No longer than what all arms take at once, plus an event for each watcher.
    queued: VecDeque<Work>,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { idle: Vec::new(), threads: 0, queued: VecDeque::new() });

thread_local! {
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
}

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the caller runs within a callback on one of these threads.
pub(crate) fn is_worker() -> bool {
    IS_WORKER.get()
}

/// Runs `work` on a thread that it may block.
///
/// # Errors
/// `unavailable` if the system gives no thread.
pub(crate) fn run(work: impl FnOnce() + Send + 'static) -> Result<()> {
    let mut pool = pool();
    let mut work: Work = Box::new(work);
    while let Some((_, thread)) = pool.idle.pop() {
        match thread.send(work) {
            Ok(()) => return Ok(()),
            Err(back) => work = back.0,
        }
    }
    if pool.threads < MOST {
        match thread::Builder::new().name("octollm-callback".into()).spawn(serve) {
            Ok(_) => pool.threads += 1,
            Err(error) if pool.threads == 0 => {
                return Err(Error::new(ErrorKind::Unavailable, "no thread can be started").with_source(error));
            }
            // Those that there are come back.
            Err(_) => {}
        }
    }
    pool.queued.push_back(work);
    Ok(())
}

/// What `work` comes to on such a thread.
///
/// # Errors
/// As [`run`]; `internal` if it panicked.
pub(crate) async fn call<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (answer, answered) = oneshot::channel();
    run(move || drop(answer.send(work())))?;
    answered.await.map_err(|_| Error::new(ErrorKind::Internal, "a callback broke off"))
}

fn serve() {
    IS_WORKER.set(true);
    let (sender, receiver) = channel();
    while let Some(work) = next(&sender, &receiver) {
        // Its own business went wrong; the thread is as good as before.
        let _ = catch_unwind(AssertUnwindSafe(work));
    }
}

/// What to do next; none if nothing came for long, and the thread is counted no more.
fn next(sender: &Sender<Work>, receiver: &Receiver<Work>) -> Option<Work> {
    let own = thread::current().id();
    {
        let mut pool = pool();
        if let Some(work) = pool.queued.pop_front() {
            return Some(work);
        }
        pool.idle.push((own, sender.clone()));
    }
    if let Ok(work) = receiver.recv_timeout(IDLE) {
        return Some(work);
    }
    let mut pool = pool();
    match pool.idle.iter().position(|(thread, _)| *thread == own) {
        Some(place) => {
            pool.idle.remove(place);
            pool.threads -= 1;
            None
        }
        // It was chosen at the last moment.
        None => receiver.try_recv().ok(),
    }
}
