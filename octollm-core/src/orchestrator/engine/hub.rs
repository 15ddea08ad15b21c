//! Hands events to those who watch, and never waits for them.
//!
//! A watcher that is too slow loses its queue, not the events: they are in the journal, and
//! [`follow`](super::follow) reads on from there. What is live only merges while it waits, or is lost. So no queue here is unbounded, and no task is held up by who looks.

mod queue;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

pub(crate) use queue::Tap;
use queue::{Feed, queue};

use crate::task::{Event, TaskId, TaskResult};

/// All watchers.
#[derive(Default)]
pub(crate) struct Hub {
    topics: Mutex<HashMap<TaskId, Vec<Feed>>>,
    /// Who waits for nothing but the end.
    ends: Mutex<HashMap<TaskId, Vec<oneshot::Sender<TaskResult>>>>,
    /// Topics there are: spares the lock while nobody watches anything.
    watched: AtomicUsize,
}

impl Hub {
    /// The task's events from now on. The queue ends after the event that ends the task, or when it is full.
    pub(crate) fn watch(&self, task: TaskId) -> Tap {
        let (feed, tap) = queue();
        let mut topics = self.topics();
        topics.entry(task).or_default().push(feed);
        self.watched.store(topics.len(), Ordering::Release);
        tap
    }

    /// The task's result, once it has ended in this process.
    pub(crate) fn watch_end(&self, task: TaskId) -> oneshot::Receiver<TaskResult> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.ends).entry(task).or_default().push(sender);
        receiver
    }

    /// Tells those who wait for the end.
    pub(crate) fn publish_end(&self, task: TaskId, result: impl Fn() -> TaskResult) {
        let waiting = lock(&self.ends).remove(&task);
        for sender in waiting.into_iter().flatten() {
            sender.send(result()).ok();
        }
    }

    /// Forgets that somebody waited for the end, and no longer does.
    pub(crate) fn forget_end(&self, task: TaskId) {
        let mut ends = lock(&self.ends);
        let Some(waiting) = ends.get_mut(&task) else { return };
        waiting.retain(|sender| !sender.is_closed());
        if waiting.is_empty() {
            ends.remove(&task);
        }
    }

    /// Forgets the task's watchers that are gone: a task that has ended will publish nothing that would.
    pub(crate) fn forget_gone(&self, task: TaskId) {
        let mut topics = self.topics();
        let Some(watchers) = topics.get_mut(&task) else { return };
        watchers.retain(|watcher| !watcher.is_closed());
        if watchers.is_empty() {
            topics.remove(&task);
            self.watched.store(topics.len(), Ordering::Release);
        }
    }

    /// Hands durable events to the task's watchers.
    pub(crate) fn publish(&self, task: TaskId, events: &[Arc<Event>]) {
        if self.watched.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut topics = self.topics();
        let Some(watchers) = topics.get_mut(&task) else { return };
        watchers.retain(|watcher| watcher.keep(events));
        if watchers.is_empty() || events.iter().any(|event| event.kind.is_terminal()) {
            topics.remove(&task);
            self.watched.store(topics.len(), Ordering::Release);
        }
    }

    /// Hands a live-only event to the task's watchers; one that is behind gets it merged with others, or misses it.
    pub(crate) fn publish_live(&self, event: &Event) {
        if self.watched.load(Ordering::Acquire) == 0 {
            return;
        }
        let topics = self.topics();
        let Some(watchers) = topics.get(&event.task_id) else { return };
        for watcher in watchers {
            watcher.live(event);
        }
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<TaskId, Vec<Feed>>> {
        lock(&self.topics)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
