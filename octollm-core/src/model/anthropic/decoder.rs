//! Events to deltas.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::event::{Block, Event, Head, Piece, Usage};
use crate::error::Result;
use crate::model::wire::{Decoder, Progress, cut_off, malformed, said_in_stream, sort_error_object};
use crate::model::{Delta, FinishReason, Reason};
use crate::sse::Frame;

/// The state of one answer.
#[derive(Debug, Default)]
pub(super) struct MessageDecoder {
    /// The tool whose input is the answer.
    answer_tool: Option<String>,
    /// Blocks that are inputs of that tool.
    answers: BTreeSet<usize>,
    /// Blocks whose input came whole, before any piece of it.
    whole_inputs: BTreeSet<usize>,
    /// Thoughts that are still being thought, by block.
    thoughts: BTreeMap<usize, Thoughts>,
    stop_reason: Option<String>,
    usage: Option<Usage>,
}

/// A block of thoughts. The provider takes it back only as it gave it, and only with its signature.
#[derive(Debug, Default)]
struct Thoughts {
    words: String,
    signature: String,
}

impl Decoder for MessageDecoder {
    fn frame(&mut self, frame: &Frame, out: &mut VecDeque<Delta>) -> Result<Progress> {
        let event = match serde_json::from_str(&frame.data) {
            Ok(event) => event,
            // Not every event is JSON in every proxy; only those of a message must be.
            Err(_) if frame.event == "ping" => Event::Other,
            Err(error) => return Err(unreadable(frame, &error)),
        };
        match event {
            Event::MessageStart { message } => self.start(message, out),
            Event::ContentBlockStart { index, content_block } => self.begin(index, content_block, out),
            Event::ContentBlockDelta { index, delta } => self.go_on(index, delta, out),
            Event::ContentBlockStop { index } => self.stop(index, out),
            Event::MessageDelta { delta, usage } => {
                self.count(usage);
                self.stop_reason = delta.stop_reason.or(self.stop_reason.take());
            }
            Event::MessageStop => return Ok(Progress::Ended),
            Event::Error => {
                return Err(said_in_stream(&serde_json::from_str(&frame.data).unwrap_or_default()));
            }
            Event::Other => {}
        }
        Ok(if self.stop_reason.is_some() { Progress::Said } else { Progress::Going })
    }

    fn whole(&mut self, body: &[u8], out: &mut VecDeque<Delta>) -> Result<()> {
        let document: Value = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
        sort_error_object(&document)?;
        if document.get("content").is_none() {
            return Err(no_message());
        }
        let mut message: Head = serde_json::from_value(document).map_err(|error| malformed(&error))?;
        let content = std::mem::take(&mut message.content);
        self.stop_reason = message.stop_reason.take();
        self.start(message, out);
        for (index, block) in content.into_iter().enumerate() {
            self.begin(index, block, out);
            self.stop(index, out);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut VecDeque<Delta>) -> Result<()> {
        let Some(stop_reason) = self.stop_reason.take() else { return Err(cut_off()) };
        out.extend(self.usage.take().map(|usage| Delta::Usage(usage.tokens())));
        out.push_back(Delta::Finished(self.finish(stop_reason)));
        Ok(())
    }
}

impl MessageDecoder {
    pub(super) fn new(answer_tool: Option<String>) -> Self {
        Self { answer_tool, ..Self::default() }
    }

    fn start(&mut self, message: Head, out: &mut VecDeque<Delta>) {
        self.count(message.usage);
        if let Some(model) = message.model {
            out.push_back(Delta::Started { model, id: message.id });
        }
    }

    fn count(&mut self, usage: Option<Usage>) {
        if let Some(usage) = usage {
            self.usage.get_or_insert_default().merge(usage);
        }
    }

    fn begin(&mut self, index: usize, block: Block, out: &mut VecDeque<Delta>) {
        match block {
            Block::Text { text } => push(out, Delta::Text, text),
            Block::Thinking { thinking, signature } => {
                self.thoughts.insert(index, Thoughts { words: thinking.clone(), signature });
                push(out, Delta::Reasoning, thinking);
            }
            Block::RedactedThinking { data } => {
                out.push_back(Delta::Thoughts(json!({"type": "redacted_thinking", "data": data})));
            }
            Block::ToolUse { id, name, input } => {
                let whole = input.as_object().is_some_and(|input| !input.is_empty());
                let arguments = if whole { input.to_string() } else { String::new() };
                if whole {
                    self.whole_inputs.insert(index);
                }
                if self.answer_tool.as_deref() == Some(&name) {
                    self.answers.insert(index);
                    push(out, Delta::Text, arguments);
                } else {
                    out.push_back(Delta::ToolCall { index, id: Some(id), name: Some(name), arguments });
                }
            }
            Block::Other => {}
        }
    }

    fn go_on(&mut self, index: usize, piece: Piece, out: &mut VecDeque<Delta>) {
        match piece {
            Piece::TextDelta { text } => push(out, Delta::Text, text),
            Piece::ThinkingDelta { thinking } => {
                self.thoughts.entry(index).or_default().words.push_str(&thinking);
                push(out, Delta::Reasoning, thinking);
            }
            Piece::SignatureDelta { signature } => {
                self.thoughts.entry(index).or_default().signature.push_str(&signature);
            }
            Piece::InputJsonDelta { partial_json } if self.whole_inputs.contains(&index) => {
                drop(partial_json)
            }
            Piece::InputJsonDelta { partial_json } if self.answers.contains(&index) => {
                push(out, Delta::Text, partial_json);
            }
            Piece::InputJsonDelta { partial_json } => {
                if !partial_json.is_empty() {
                    out.push_back(Delta::ToolCall { index, id: None, name: None, arguments: partial_json });
                }
            }
            Piece::Other => {}
        }
    }

    /// A block is whole. Thoughts without a signature are of no use to their provider.
    fn stop(&mut self, index: usize, out: &mut VecDeque<Delta>) {
        let thoughts = self.thoughts.remove(&index).filter(|thoughts| !thoughts.signature.is_empty());
        if let Some(Thoughts { words, signature }) = thoughts {
            let block = json!({"type": "thinking", "thinking": words, "signature": signature});
            out.push_back(Delta::Thoughts(block));
        }
    }

    fn finish(&self, stop_reason: String) -> FinishReason {
        match stop_reason.as_str() {
            "end_turn" | "stop_sequence" => FinishReason::Stop,
            "tool_use" if !self.answers.is_empty() => FinishReason::Stop,
            "tool_use" => FinishReason::ToolCalls,
            "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
            "refusal" => FinishReason::ContentFilter,
            _ => FinishReason::Other(stop_reason),
        }
    }
}

fn push(out: &mut VecDeque<Delta>, delta: fn(String) -> Delta, text: String) {
    if !text.is_empty() {
        out.push_back(delta(text));
    }
}

fn unreadable(frame: &Frame, error: &serde_json::Error) -> crate::Error {
    if frame.event == "error" {
        return said_in_stream(&serde_json::from_str(&frame.data).unwrap_or_default());
    }
    malformed(error)
}

fn no_message() -> crate::Error {
    Reason::WrongEndpoint
        .error("something answers at this address, and it is not Anthropic's messages")
        .with_hint("check the provider's base URL: for this protocol it ends without /v1")
}
