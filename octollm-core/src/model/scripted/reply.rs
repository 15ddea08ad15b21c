//! One scripted answer: what is said, in which pieces, and what goes wrong.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::model::{Delta, FinishReason, TokenUsage};

/// What a scripted model does when it is asked once.
#[derive(Debug, Default)]
pub struct ScriptedReply {
    refusal: Option<Error>,
    delay: Duration,
    pause: Duration,
    said: Vec<Said>,
    chunk: Option<usize>,
    usage: Option<TokenUsage>,
    finish: Option<FinishReason>,
    /// After how many pieces it breaks, and how.
    breaks: Option<(usize, Break)>,
}

#[derive(Debug)]
enum Said {
    Reasoning(String),
    Text(String),
    ToolCall { name: String, arguments: String },
}

#[derive(Debug)]
enum Break {
    Fail(Error),
    Stall,
    /// The stream just ends: what no sound model does.
    End,
}

/// One thing that a stream does.
#[derive(Debug)]
pub(super) enum Step {
    Say(Delta),
    Wait(Duration),
    Stall,
    Fail(Error),
}

impl ScriptedReply {
    /// Says this.
    pub fn text(text: impl Into<String>) -> Self {
        Self::default().and(Said::Text(text.into()))
    }

    /// Says this as JSON.
    pub fn json(value: &Value) -> Self {
        Self::text(value.to_string())
    }

    /// Asks for a tool with these arguments.
    pub fn tool_call(name: impl Into<String>, arguments: &Value) -> Self {
        Self::default().and_tool_call(name, arguments.to_string())
    }

    /// Refuses at once: nothing is streamed.
    pub fn refuse(error: Error) -> Self {
        Self { refusal: Some(error), ..Self::default() }
    }

    /// Thinks aloud first.
    #[must_use]
    pub fn thinking(mut self, text: impl Into<String>) -> Self {
        self.said.insert(0, Said::Reasoning(text.into()));
        self
    }

    /// Also asks for a tool; the arguments are sent as they are, valid JSON or not.
    #[must_use]
    pub fn and_tool_call(self, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        self.and(Said::ToolCall { name: name.into(), arguments: arguments.into() })
    }

    fn and(mut self, said: Said) -> Self {
        self.said.push(said);
        self
    }

    /// Streams in pieces of this many characters, 1 at least; in one piece by default.
    #[must_use]
    pub fn chunked(mut self, characters: usize) -> Self {
        self.chunk = Some(characters.max(1));
        self
    }

    /// Waits this long before it begins to answer.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Waits this long before each piece.
    #[must_use]
    pub fn pausing(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Reports these tokens; none by default, as some providers do.
    #[must_use]
    pub fn using(mut self, input_tokens: u64, output_tokens: u64) -> Self {
        self.usage = Some(TokenUsage { input_tokens, output_tokens, ..TokenUsage::default() });
        self
    }

    /// Ends for this reason; by default `Stop`, or `ToolCalls` where it asks for a tool.
    #[must_use]
    pub fn finishing(mut self, reason: FinishReason) -> Self {
        self.finish = Some(reason);
        self
    }

    /// Fails after this many pieces.
    #[must_use]
    pub fn failing_after(mut self, pieces: usize, error: Error) -> Self {
        self.breaks = Some((pieces, Break::Fail(error)));
        self
    }

    /// Says nothing more after this many pieces, and does not end.
    #[must_use]
    pub fn stalling_after(mut self, pieces: usize) -> Self {
        self.breaks = Some((pieces, Break::Stall));
        self
    }

    /// Ends after this many pieces without saying that it ended, as a careless model would.
    #[must_use]
    pub fn cut_off_after(mut self, pieces: usize) -> Self {
        self.breaks = Some((pieces, Break::End));
        self
    }

    /// Begins to answer.
    pub(super) async fn begin(self, model: &str) -> Result<VecDeque<Step>> {
        tokio::time::sleep(self.delay).await;
        match self.refusal {
            Some(error) => Err(error),
            None => Ok(self.steps(model)),
        }
    }

    fn steps(self, model: &str) -> VecDeque<Step> {
        let called = self.said.iter().any(|said| matches!(said, Said::ToolCall { .. }));
        let usual = if called { FinishReason::ToolCalls } else { FinishReason::Stop };
        let size = self.chunk.unwrap_or(usize::MAX);
        let pieces = self.said.into_iter().enumerate().flat_map(|(index, said)| said.pieces(index, size));
        let (length, broken) = match self.breaks {
            Some((length, broken)) => (length, Some(broken)),
            None => (usize::MAX, None),
        };
        let mut steps = VecDeque::from([Step::Say(Delta::Started { model: model.to_owned(), id: None })]);
        for piece in pieces.take(length) {
            if !self.pause.is_zero() {
                steps.push_back(Step::Wait(self.pause));
            }
            steps.push_back(Step::Say(piece));
        }
        match broken {
            Some(Break::Fail(error)) => steps.push_back(Step::Fail(error)),
            Some(Break::Stall) => steps.push_back(Step::Stall),
            Some(Break::End) => {}
            None => {
                steps.extend(self.usage.map(|usage| Step::Say(Delta::Usage(usage))));
                steps.push_back(Step::Say(Delta::Finished(self.finish.unwrap_or(usual))));
            }
        }
        steps
    }
}

impl Said {
    fn pieces(self, index: usize, size: usize) -> Vec<Delta> {
        match self {
            Self::Reasoning(text) => chunks(&text, size).map(Delta::Reasoning).collect(),
            Self::Text(text) => chunks(&text, size).map(Delta::Text).collect(),
            Self::ToolCall { name, arguments } => {
                let id = Some(format!("call-{index}"));
                let head = Delta::ToolCall { index, id, name: Some(name), arguments: String::new() };
                let piece = |arguments| Delta::ToolCall { index, id: None, name: None, arguments };
                std::iter::once(head).chain(chunks(&arguments, size).map(piece)).collect()
            }
        }
    }
}

/// Pieces of `size` characters.
fn chunks(text: &str, size: usize) -> impl Iterator<Item = String> {
    let mut characters = text.chars();
    std::iter::from_fn(move || {
        let piece: String = characters.by_ref().take(size).collect();
        (!piece.is_empty()).then_some(piece)
    })
}
