//! The words of an answer, shown while they come.
//!
//! Whoever calls a model may put a [`Live`] into the call's [`CallContext`](super::CallContext). The layer
//! [`Broadcast`](super::layers::Broadcast) then hands on the words of every answer as they come, a few times a second.
//! What is shown is a preview and never the answer itself: a call that breaks off and is made again is shown twice, under
//! two numbers, and the words are those that the provider sends, with placeholders where people had names.
//!
//! Nothing is shown before a [`Screen`] has let it pass. It sees the words in order and without gaps, says how many of
//! them may be shown now and as what, and may withhold the rest of an answer. What it wants to see more of first comes back
//! to it, with what has come in the meantime: so nothing that it looks for is cut in two by chance.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::layers::Shape;
use super::{Delta, ModelRequest, ToolChoice};
use crate::task::TaskId;

/// Time between two pieces of one answer.
const PACE: Duration = Duration::from_millis(50);
/// Bytes that are shown without waiting for that time to pass.
const ENOUGH: usize = 2 * 1024;
/// Bytes that a screen may hold back; what it has not let pass then is not shown.
const MOST_HELD: usize = 32 * 1024;

/// Receives what is shown. Must be cheap and must not block: the model's answer waits for it.
pub trait LiveSink: Send + Sync {
    /// Words of an answer.
    fn say(&self, words: Words);
}

/// The next words of one answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Words {
    /// For which task the model was asked.
    pub task_id: Option<TaskId>,
    /// For which step of its plan.
    pub step: Option<u32>,
    /// Which call of a model it is: counts from 1 for each [`Live`]. An answer that is asked for again is another call.
    pub call: u32,
    /// Bytes of this answer before these words. Where it is more than came so far, something was left out.
    pub offset: u64,
    /// The words; never empty.
    pub text: String,
}

/// Looks at words before they are shown. Must be cheap and must not block.
pub trait Screen: Send + Sync {
    /// What may be shown of `said`: the words of one answer that have come, but not been shown. `ended` says that none
    /// will follow.
    fn screen(&self, task: Option<TaskId>, said: &str, ended: bool) -> Shown;
}

/// What may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// The first `bytes` of what was said, as they are.
    AsSaid {
        /// Ends between two characters; else a little less is shown.
        bytes: usize,
    },
    /// Something else in place of the first `bytes`.
    Instead {
        /// What is shown.
        text: String,
        /// What it stands for.
        bytes: usize,
    },
    /// Nothing more of this answer.
    Withheld,
}

/// Shows everything, but never half a placeholder: an end that could be the beginning of one waits for the rest,
/// [`Shape::longest`] bytes at most.
#[derive(Debug, Clone, Copy)]
pub struct WholePlaceholders(pub Shape);

impl Default for WholePlaceholders {
    /// `<EMAIL_1>`, as reflexes write them.
    fn default() -> Self {
        Self(Shape { open: "<", close: ">", longest: 64 })
    }
}

impl Screen for WholePlaceholders {
    fn screen(&self, _: Option<TaskId>, said: &str, ended: bool) -> Shown {
        Shown::AsSaid { bytes: if ended { said.len() } else { whole(said, self.0) } }
    }
}

/// Bytes at the beginning of `said` that end outside of any placeholder.
fn whole(said: &str, shape: Shape) -> usize {
    // The last one that was opened decides: a placeholder has no other `open` within.
    let tail = said.floor_char_boundary(said.len().saturating_sub(shape.longest.saturating_sub(1)));
    let opened = said.get(tail..).and_then(|tail| tail.rfind(shape.open)).map(|at| tail + at);
    let closed = |at: usize| said.get(at + shape.open.len()..).is_some_and(|rest| rest.contains(shape.close));
    let ready = match opened {
        Some(at) if !closed(at) => at,
        _ => said.len(),
    };
    let text = said.as_bytes().get(..ready).unwrap_or_default();
    let open = shape.open.as_bytes();
    let begun = (1..open.len()).rev().find(|length| text.ends_with(open.get(..*length).unwrap_or_default()));
    ready - begun.unwrap_or(0)
}

/// Where the words of a task's answers are shown. Clones count their calls together.
#[derive(Clone)]
pub struct Live {
    sink: Arc<dyn LiveSink>,
    screen: Arc<dyn Screen>,
    calls: Arc<AtomicU32>,
}

impl Live {
    /// Shows words to `sink`, once `screen` has let them pass.
    pub fn new(sink: Arc<dyn LiveSink>, screen: Arc<dyn Screen>) -> Self {
        Self { sink, screen, calls: Arc::default() }
    }

    /// A call of a model that is about to answer.
    pub(super) fn call(&self, request: &ModelRequest) -> Speech {
        Speech {
            live: self.clone(),
            task_id: request.context.task_id,
            step: request.context.step,
            call: self.calls.fetch_add(1, Ordering::Relaxed).wrapping_add(1),
            // A tool that must be called takes the answer.
            arguments: matches!(request.tool_choice, ToolChoice::Named(_)),
            offset: 0,
            held: String::new(),
            due: None,
            withheld: false,
        }
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("calls", &self.calls).finish_non_exhaustive()
    }
}

/// One answer, as far as it has been shown.
pub(super) struct Speech {
    live: Live,
    task_id: Option<TaskId>,
    step: Option<u32>,
    call: u32,
    arguments: bool,
    offset: u64,
    /// Came, and was not shown yet.
    held: String,
    /// Not before this moment; at once where nothing was shown yet.
    due: Option<Instant>,
    withheld: bool,
}

impl Speech {
    /// Takes the next piece of the answer in, and shows what is due.
    pub(super) fn hear(&mut self, delta: &Delta) {
        let words = match delta {
            Delta::Text(text) => text,
            Delta::ToolCall { arguments, .. } if self.arguments => arguments,
            _ => return,
        };
        if self.withheld || words.is_empty() {
            return;
        }
        self.held.push_str(words);
        if self.held.len() >= ENOUGH || self.due.is_none_or(|due| due <= Instant::now()) {
            self.show(false);
        }
    }

    /// When what has come is to be shown though nothing more comes; never where there is nothing.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.filter(|_| !self.held.is_empty())
    }

    /// Shows what may be shown.
    pub(super) fn show(&mut self, ended: bool) {
        self.due = Some(Instant::now() + PACE);
        if self.held.is_empty() {
            return;
        }
        match self.live.screen.screen(self.task_id, &self.held, ended) {
            Shown::AsSaid { bytes } => {
                let bytes = self.held.floor_char_boundary(bytes);
                let rest = self.held.split_off(bytes);
                let text = std::mem::replace(&mut self.held, rest);
                self.say(text);
            }
            Shown::Instead { text, bytes } => {
                self.held.drain(..self.held.floor_char_boundary(bytes));
                self.say(text);
            }
            Shown::Withheld => {
                self.withheld = true;
                self.held = String::new();
            }
        }
        if self.held.len() > MOST_HELD {
            self.offset += self.held.len() as u64;
            self.held = String::new();
        }
    }

    fn say(&mut self, text: String) {
        if text.is_empty() {
            return;
        }
        let length = text.len() as u64;
        let Self { task_id, step, call, offset, .. } = *self;
        self.live.sink.say(Words { task_id, step, call, offset, text });
        self.offset += length;
    }
}

/// Words may hold what a user wrote: `Debug` tells sizes.
impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words")
            .field("step", &self.step)
            .field("call", &self.call)
            .field("offset", &self.offset)
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}
