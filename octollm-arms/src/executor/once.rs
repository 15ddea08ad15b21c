//! The same request is never carried out twice.
//!
//! A request's id stands for one piece of work. Who comes second with the same id gets what came of the first, or waits for
//! it; with another request under the same id it is refused. This holds within one process, for the last ten thousand
//! ids: outcomes are held while they have room, and an id without its outcome is refused rather than run again. Across a
//! crash the engine's journal holds: a step of an `unsafe` arm that was in flight waits for a person.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use octollm_core::task::TaskError;
use octollm_core::{Error, ErrorKind, Result};
use tokio::sync::watch;

use super::request::ActionResponse;

/// Ids that are remembered.
const MOST_IDS: usize = 10_000;
/// Bytes of outcomes that are held.
const MOST_BYTES: usize = 32 << 20;

/// What came of an action.
pub(super) type Outcome = std::result::Result<Arc<ActionResponse>, TaskError>;

/// What was done under which id.
#[derive(Default)]
pub(super) struct Once {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    entries: HashMap<String, Entry>,
    /// Ids in the order in which they came.
    order: VecDeque<String>,
    bytes: usize,
}

struct Entry {
    /// Of the whole action.
    hash: String,
    state: State,
    bytes: usize,
}

enum State {
    /// The channel has its outcome when there is one; closed without one, the work was broken off.
    Known(watch::Receiver<Option<Outcome>>),
    /// It was done, and the outcome had to make room.
    Forgotten,
}

/// Who comes first, or second.
pub(super) enum Turn {
    First(Claim),
    /// Waits for what comes of the first.
    Second(watch::Receiver<Option<Outcome>>),
}

/// The right to do it. Dropped without an outcome, the work was broken off, and nobody does it again.
pub(super) struct Claim {
    once: Arc<Once>,
    id: String,
    sender: watch::Sender<Option<Outcome>>,
}

impl Once {
    /// Who comes with this id and this action.
    ///
    /// # Errors
    /// `conflict` if the id stands for another action, or for one whose outcome is no longer known.
    pub(super) fn turn(self: &Arc<Self>, id: &str, hash: &str) -> Result<Turn> {
        let mut held = self.held();
        if let Some(entry) = held.entries.get(id) {
            if entry.hash != hash {
                return Err(conflict("the request's id stands for another action"));
            }
            return match &entry.state {
                State::Known(receiver) => Ok(Turn::Second(receiver.clone())),
                State::Forgotten => {
                    Err(conflict("it was done before, and what came of it is no longer known"))
                }
            };
        }
        let (sender, receiver) = watch::channel(None);
        let entry = Entry { hash: hash.to_owned(), state: State::Known(receiver), bytes: 0 };
        held.entries.insert(id.to_owned(), entry);
        held.order.push_back(id.to_owned());
        if held.order.len() > MOST_IDS
            && let Some(oldest) = held.order.pop_front()
        {
            held.remove(&oldest);
        }
        Ok(Turn::First(Claim { once: self.clone(), id: id.to_owned(), sender }))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn remove(&mut self, id: &str) {
        if let Some(entry) = self.entries.remove(id) {
            self.bytes -= entry.bytes;
        }
    }

    /// Forgets the oldest outcomes until the rest has room.
    fn make_room(&mut self) {
        let mut ids = self.order.iter();
        while self.bytes > MOST_BYTES
            && let Some(id) = ids.next()
        {
            let Some(entry) = self.entries.get_mut(id).filter(|entry| entry.bytes > 0) else { continue };
            entry.state = State::Forgotten;
            self.bytes -= std::mem::take(&mut entry.bytes);
        }
    }
}

impl Claim {
    /// Says what came of it.
    pub(super) fn finish(self, outcome: Outcome) {
        let bytes = outcome.as_ref().map_or(1000, |response| response.weight());
        {
            let mut held = self.once.held();
            if let Some(entry) = held.entries.get_mut(&self.id) {
                entry.bytes = bytes;
                held.bytes += bytes;
            }
            held.make_room();
        }
        self.sender.send_replace(Some(outcome));
    }

    /// Says why nothing was done: the next one may try.
    pub(super) fn not_begun(self, why: TaskError) {
        {
            let mut held = self.once.held();
            held.remove(&self.id);
            held.order.retain(|id| *id != self.id);
        }
        self.sender.send_replace(Some(Err(why)));
    }
}

/// What came of the first.
pub(super) async fn outcome(mut receiver: watch::Receiver<Option<Outcome>>) -> Outcome {
    match receiver.wait_for(Option::is_some).await {
        Ok(outcome) => outcome.clone().unwrap_or_else(|| Err(broken_off())),
        Err(_) => Err(broken_off()),
    }
}

fn broken_off() -> TaskError {
    let hint = "look whether it did what it should; a new step does it again";
    let error = TaskError::new(
        ErrorKind::Conflict,
        "it was begun before and broken off: nobody knows how far it came",
    );
    TaskError { hint: Some(hint.to_owned()), ..error }
}

fn conflict(what: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, what).with_hint("a new piece of work has a new X-Request-ID")
}

impl ActionResponse {
    /// Bytes that it takes, about.
    fn weight(&self) -> usize {
        let texts = self.artifacts.iter().map(|artifact| 300 + artifact.text.as_ref().map_or(0, String::len));
        1000 + self.stdout.len() + self.stderr.len() + texts.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::request::Provenance;

    fn response(stdout: String) -> Arc<ActionResponse> {
        let provenance =
            Provenance { command_hash: String::new(), policy: String::new(), sandbox: String::new() };
        Arc::new(ActionResponse {
            success: true,
            exit_code: Some(0),
            stdout,
            stderr: String::new(),
            truncated: false,
            duration_ms: 1,
            artifacts: Vec::new(),
            artifacts_incomplete: false,
            provenance,
            error: None,
            http: None,
        })
    }

    fn first(once: &Arc<Once>, id: &str) -> Claim {
        match once.turn(id, "h").unwrap() {
            Turn::First(claim) => claim,
            Turn::Second(_) => panic!("somebody was here before"),
        }
    }

    async fn second(once: &Arc<Once>, id: &str) -> Outcome {
        match once.turn(id, "h").unwrap() {
            Turn::Second(receiver) => outcome(receiver).await,
            Turn::First(_) => panic!("it would be done twice"),
        }
    }

    #[tokio::test]
    async fn the_second_waits_for_what_comes_of_the_first() {
        let once = Arc::new(Once::default());
        let claim = first(&once, "r");
        let waiting = tokio::spawn({
            let once = once.clone();
            async move { second(&once, "r").await }
        });
        tokio::task::yield_now().await;
        claim.finish(Ok(response("once".into())));
        assert_eq!(waiting.await.unwrap().unwrap().stdout, "once");
        assert_eq!(second(&once, "r").await.unwrap().stdout, "once");
        assert_eq!(once.turn("r", "other").err().unwrap().kind(), ErrorKind::Conflict);
    }

    #[tokio::test]
    async fn what_was_broken_off_is_not_done_again_and_what_was_not_begun_is() {
        let once = Arc::new(Once::default());
        drop(first(&once, "cut"));
        assert_eq!(second(&once, "cut").await.unwrap_err().code, "conflict");
        first(&once, "refused").not_begun(TaskError::new(ErrorKind::NotConfigured, "no sandbox"));
        first(&once, "refused").finish(Ok(response(String::new())));
    }

    #[tokio::test]
    async fn memory_is_bounded_and_forgetting_does_not_mean_doing_it_again() {
        let once = Arc::new(Once::default());
        for number in 0..40 {
            first(&once, &number.to_string()).finish(Ok(response("x".repeat(1 << 20))));
        }
        assert!(once.held().bytes <= MOST_BYTES);
        assert_eq!(once.turn("0", "h").err().unwrap().kind(), ErrorKind::Conflict);
        assert_eq!(second(&once, "39").await.unwrap().stdout.len(), 1 << 20);
        for number in 40..MOST_IDS + 100 {
            first(&once, &number.to_string()).finish(Ok(response(String::new())));
        }
        let held = once.held();
        assert_eq!((held.entries.len(), held.order.len()), (MOST_IDS, MOST_IDS));
    }
}
