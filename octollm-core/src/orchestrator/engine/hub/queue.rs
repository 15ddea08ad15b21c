//! What one watcher has still to read.
//!
//! Kept events stand in their order; one more than there is room for closes the queue, because the journal has them all.
//! Live ones are in no journal, so they give way instead: words of one answer that wait next to each other become one, and
//! what there is no room for is lost. Words say where in their answer they stand, so a reader can see the gap.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::task::{Event, EventKind};

/// Kept events that a watcher may be behind.
const MOST_KEPT: usize = 256;
/// Live events that may wait.
const MOST_LIVE: usize = 32;
/// Bytes that words may grow to while they wait.
const MOST_TEXT: usize = 16 * 1024;

/// A queue for one watcher: where events go in, and where they come out.
pub(super) fn queue() -> (Feed, Tap) {
    let shared = Arc::new(Shared::default());
    (Feed(shared.clone()), Tap(shared))
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    news: Notify,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Item>,
    kept: usize,
    /// Nothing more will come.
    ended: bool,
    /// Nobody reads.
    gone: bool,
}

enum Item {
    Kept(Arc<Event>),
    Live(Box<Event>),
}

/// Where events go in. Dropping it ends the queue once it has been read.
pub(super) struct Feed(Arc<Shared>);

/// Where events come out.
pub(crate) struct Tap(Arc<Shared>);

impl Feed {
    /// Takes kept events; false if there is no room for all of them, or nobody reads.
    pub(super) fn keep(&self, events: &[Arc<Event>]) -> bool {
        let mut waiting = self.0.waiting();
        if waiting.gone || waiting.kept + events.len() > MOST_KEPT {
            return false;
        }
        waiting.kept += events.len();
        waiting.events.extend(events.iter().cloned().map(Item::Kept));
        drop(waiting);
        self.0.news.notify_one();
        true
    }

    /// Takes a live event, if there is room.
    pub(super) fn live(&self, event: &Event) {
        self.0.waiting().take_live(event);
        self.0.news.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.waiting().gone
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.waiting().ended = true;
        self.0.news.notify_one();
    }
}

impl Tap {
    /// The next event; `None` once the queue has ended. Nothing is lost if the future is dropped.
    pub(crate) async fn recv(&mut self) -> Option<Arc<Event>> {
        loop {
            match self.0.waiting().pop() {
                Popped::Event(event) => return Some(event),
                Popped::Ended => return None,
                Popped::Nothing => {}
            }
            self.0.news.notified().await;
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.gone = true;
        waiting.events.clear();
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Popped {
    Event(Arc<Event>),
    Nothing,
    Ended,
}

impl Waiting {
    fn pop(&mut self) -> Popped {
        match self.events.pop_front() {
            Some(Item::Kept(event)) => {
                self.kept -= 1;
                Popped::Event(event)
            }
            Some(Item::Live(event)) => Popped::Event(Arc::from(event)),
            None if self.ended => Popped::Ended,
            None => Popped::Nothing,
        }
    }

    fn take_live(&mut self, event: &Event) {
        // Words do not move past a kept event: what happened before it stays before it.
        for item in self.events.iter_mut().rev() {
            match item {
                Item::Kept(_) => break,
                Item::Live(earlier) if continues(earlier, event) => return append(earlier, event),
                Item::Live(_) => {}
            }
        }
        if !self.gone && self.events.len() - self.kept < MOST_LIVE {
            self.events.push_back(Item::Live(Box::new(event.clone())));
        }
    }
}

/// Whether the second has the words that follow those of the first, and there is room for them.
fn continues(earlier: &Event, later: &Event) -> bool {
    let EventKind::ModelDelta { step, call, offset, text } = &earlier.kind else { return false };
    let EventKind::ModelDelta { step: later_step, call: later_call, offset: later_offset, text: more } =
        &later.kind
    else {
        return false;
    };
    (step, call) == (later_step, later_call)
        && offset + text.len() as u64 == *later_offset
        && text.len() + more.len() <= MOST_TEXT
}

fn append(earlier: &mut Event, later: &Event) {
    if let (EventKind::ModelDelta { text, .. }, EventKind::ModelDelta { text: more, .. }) =
        (&mut earlier.kind, &later.kind)
    {
        text.push_str(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{TaskId, now};

    fn event(task: TaskId, seq: u64, kind: EventKind) -> Event {
        Event { task_id: task, seq, at: now(), kind }
    }

    fn words(task: TaskId, call: u32, offset: u64, text: &str) -> Event {
        event(task, 0, EventKind::ModelDelta { step: Some(1), call, offset, text: text.into() })
    }

    fn kept(task: TaskId, seq: u64) -> Arc<Event> {
        Arc::new(event(task, seq, EventKind::StepSkipped { step: 1, reason: "it is a test".into() }))
    }

    /// `2:0:text` for words, the number of a kept event.
    async fn read(tap: &mut Tap) -> Vec<String> {
        let mut read = Vec::new();
        while let Some(event) = tap.recv().await {
            read.push(match &event.kind {
                EventKind::ModelDelta { call, offset, text, .. } => format!("{call}:{offset}:{text}"),
                _ => event.seq.to_string(),
            });
        }
        read
    }

    #[tokio::test]
    async fn words_that_wait_become_one_between_two_kept_events() {
        let (task, (feed, mut tap)) = (TaskId::new(), queue());
        for (call, offset, text) in [(1, 0, "one "), (2, 0, "uno "), (1, 4, "two "), (2, 4, "due ")] {
            feed.live(&words(task, call, offset, text));
        }
        assert!(feed.keep(&[kept(task, 1)]));
        feed.live(&words(task, 1, 8, "three"));
        // Something of the second answer never came.
        feed.live(&words(task, 2, 99, "tre"));
        drop(feed);
        assert_eq!(read(&mut tap).await, ["1:0:one two ", "2:0:uno due ", "1", "1:8:three", "2:99:tre"]);
    }

    #[tokio::test]
    async fn who_does_not_read_costs_a_bounded_memory_and_loses_words_only() {
        let (task, (feed, mut tap)) = (TaskId::new(), queue());
        let piece = "x".repeat(1000);
        for index in 0..10_000 {
            feed.live(&words(task, 1, index * 1000, &piece));
        }
        assert!(feed.keep(&[kept(task, 1)]));
        drop(feed);
        let read = read(&mut tap).await;
        assert_eq!((read.len(), read.last().map(String::as_str)), (MOST_LIVE + 1, Some("1")));
        assert!(read.iter().map(String::len).sum::<usize>() <= MOST_LIVE * (MOST_TEXT + 20));
    }

    #[tokio::test]
    async fn who_is_too_slow_for_kept_events_is_sent_to_the_journal() {
        let (task, (feed, mut tap)) = (TaskId::new(), queue());
        assert!((1..=256).all(|seq| feed.keep(&[kept(task, seq)])));
        assert!(!feed.keep(&[kept(task, 257)]));
        drop(feed);
        assert_eq!(read(&mut tap).await.len(), 256);
        let (feed, tap) = queue();
        drop(tap);
        assert!(feed.is_closed() && !feed.keep(&[kept(task, 1)]));
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_woken() {
        let (task, (feed, mut tap)) = (TaskId::new(), queue());
        let reading = tokio::spawn(async move { read(&mut tap).await });
        tokio::task::yield_now().await;
        feed.live(&words(task, 1, 0, "words"));
        drop(feed);
        assert_eq!(reading.await.unwrap(), ["1:0:words"]);
    }
}
