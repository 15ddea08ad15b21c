//! Who comes next: an ordered set that can be left from anywhere in O(log n). Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// A place in the queue: nanoseconds since the queue's first arrival, less the head start; then the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    effective: i128,
    arrival: u64,
}

#[derive(Debug)]
pub(super) struct Queue<T> {
    waiting: BTreeMap<Ticket, T>,
    epoch: Option<Instant>,
    arrivals: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), epoch: None, arrivals: 0 }
    }
}

impl<T> Queue<T> {
    pub(super) fn join(&mut self, since: Instant, head_start: Duration, who: T) -> Ticket {
        let epoch = *self.epoch.get_or_insert(since);
        // One of the two is zero: `since` may lie before the epoch.
        let after = nanos(since.saturating_duration_since(epoch));
        let before = nanos(epoch.saturating_duration_since(since));
        self.arrivals += 1;
        let ticket = Ticket { effective: after - before - nanos(head_start), arrival: self.arrivals };
        self.waiting.insert(ticket, who);
        ticket
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.waiting.pop_first().map(|(_, who)| who)
    }

    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<T> {
        self.waiting.remove(&ticket)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

fn nanos(duration: Duration) -> i128 {
    // u64::MAX seconds in nanoseconds fit into i128 with room to spare.
    duration.as_nanos() as i128
}
