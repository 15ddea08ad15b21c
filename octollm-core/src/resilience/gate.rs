//! A gate with so many places, and a queue before it that knows who matters more and who has waited longer.
//!
//! Who comes first is settled when it joins the queue: its place in time is the moment it came minus the head start of
//! its priority (30 s per level, unless set otherwise). So a critical task passes everything of the last ninety
//! seconds, but nothing that has waited longer: nobody is starved, nothing is recomputed while waiting, and within a
//! level the order is that of arrival.
//!
//! A place that is given to a waiter travels inside the message to it. If the waiter is gone by then, the message is
//! dropped with the place inside, and the place goes to the next: no wake-up is lost, whenever a waiter is cancelled.

mod queue;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use self::queue::{Queue, Ticket};
use super::lock;
use crate::error::{Error, ErrorKind, Result};
use crate::task::Priority;

/// Waiting that one level of priority is worth, by default.
const LEVEL: Duration = Duration::from_secs(30);

/// A semaphore with a bounded queue ordered by priority and age. Clones share their places.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    max_waiting: usize,
    /// What one level of priority is worth.
    level: Duration,
    /// Never held while something is sent or dropped that could call back.
    state: Mutex<State>,
}

/// Between two calls, either every place is taken or nobody waits.
#[derive(Debug)]
struct State {
    limit: usize,
    in_use: usize,
    queue: Queue<oneshot::Sender<Permit>>,
    /// When a place last went to a waiter, while others still wait.
    last_turn: Option<Instant>,
    /// Time between two turns, smoothed; only the time to come back is reckoned from it.
    usual_turn: Duration,
}

impl Gate {
    /// A gate with `limit` places and room for `max_waiting` that wait. With a limit of 0 everybody waits until it is
    /// raised.
    pub fn new(limit: usize, max_waiting: usize) -> Self {
        Self::with_level(limit, max_waiting, LEVEL)
    }

    /// As [`new`](Self::new), with what one level of priority is worth: `Duration::ZERO` is first come, first served.
    pub fn with_level(limit: usize, max_waiting: usize, level: Duration) -> Self {
        let queue = Queue::default();
        let state = State { limit, in_use: 0, queue, last_turn: None, usual_turn: Duration::from_secs(1) };
        Self(Arc::new(Shared { max_waiting, level, state: Mutex::new(state) }))
    }

    /// Waits for a place. Dropping the future leaves the queue.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] at once when the queue is full, with an estimate of when to come back.
    pub async fn acquire(&self, priority: Priority) -> Result<Permit> {
        match self.try_acquire() {
            Some(permit) => Ok(permit),
            None => self.acquire_since(priority, Instant::now()).await,
        }
    }

    /// As [`acquire`](Self::acquire), for one that has waited since `since` already, perhaps elsewhere.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub async fn acquire_since(&self, priority: Priority, since: Instant) -> Result<Permit> {
        let mut waiting = {
            let mut state = lock(&self.0.state);
            if state.in_use < state.limit {
                state.in_use += 1;
                return Ok(Permit(Some(Arc::clone(&self.0))));
            }
            if state.queue.len() >= self.0.max_waiting {
                return Err(state.full());
            }
            let (sender, receiver) = oneshot::channel();
            let head_start = self.0.level.saturating_mul(priority as u32);
            Waiting { ticket: state.queue.join(since, head_start, sender), receiver, shared: &self.0 }
        };
        (&mut waiting.receiver).await.map_err(|_| Error::new(ErrorKind::Internal, "a gate lost a waiter"))
    }

    /// A place, if one is free now.
    pub fn try_acquire(&self) -> Option<Permit> {
        let mut state = lock(&self.0.state);
        if state.in_use >= state.limit {
            return None;
        }
        state.in_use += 1;
        Some(Permit(Some(Arc::clone(&self.0))))
    }

    /// Changes the number of places. Who is inside stays: with fewer places, the next ones wait until enough have left.
    pub fn resize(&self, limit: usize) {
        lock(&self.0.state).limit = limit;
        loop {
            // Bound on a line of its own, so that the lock is released before anything is sent.
            let Some(waiter) = lock(&self.0.state).next() else { return };
            // A waiter that is gone drops the permit, which gives the place back.
            drop(waiter.send(Permit(Some(Arc::clone(&self.0)))));
        }
    }

    /// Places that are taken.
    pub fn in_use(&self) -> usize {
        lock(&self.0.state).in_use
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        lock(&self.0.state).queue.len()
    }

    /// Places in all.
    pub fn limit(&self) -> usize {
        lock(&self.0.state).limit
    }
}

impl Shared {
    /// Gives one place back, and on to whoever is first and still there.
    fn give_back(self: &Arc<Self>) {
        loop {
            let first = {
                let mut state = lock(&self.state);
                state.in_use -= 1;
                state.next()
            };
            let Some(waiter) = first else { return };
            match waiter.send(Permit(Some(Arc::clone(self)))) {
                Ok(()) => return,
                Err(mut unclaimed) => unclaimed.0 = None,
            }
        }
    }
}

impl State {
    /// Takes a place for whoever is first, if there is a place and somebody waits.
    fn next(&mut self) -> Option<oneshot::Sender<Permit>> {
        if self.in_use >= self.limit {
            return None;
        }
        let first = self.queue.pop()?;
        self.in_use += 1;
        self.time_turn();
        Some(first)
    }

    /// The clock is read only while somebody waits.
    fn time_turn(&mut self) {
        let now = (self.queue.len() > 0).then(Instant::now);
        if let (Some(last), Some(now)) = (self.last_turn, now) {
            self.usual_turn = (self.usual_turn * 7 + now.saturating_duration_since(last)) / 8;
        }
        self.last_turn = now;
    }

    fn full(&self) -> Error {
        let waiting = u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
        let estimate = self.usual_turn.saturating_mul(waiting);
        Error::new(ErrorKind::Unavailable, "the queue is full")
            .with_context("waiting", self.queue.len().to_string())
            .with_retry_after(estimate.clamp(Duration::from_secs(1), Duration::from_secs(300)))
    }
}

/// A place. Dropping it gives it to the next.
#[derive(Debug)]
#[must_use = "a permit that is dropped is given back at once"]
pub struct Permit(
    /// `None` once the place is no longer this permit's to give back.
    Option<Arc<Shared>>,
);

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.give_back();
        }
    }
}

/// Somebody in the queue, who leaves it when dropped.
struct Waiting<'a> {
    ticket: Ticket,
    receiver: oneshot::Receiver<Permit>,
    shared: &'a Arc<Shared>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Where the ticket is gone, a place is on its way or here: it is given back when the receiver is dropped.
        let left = lock(&self.shared.state).queue.leave(self.ticket);
        drop(left);
    }
}
