//! Chunks to deltas.

use std::collections::VecDeque;

use super::calls::Calls;
use super::chunk::{Choice, Chunk, Content, ContentPart, Said};
use crate::error::Result;
use crate::model::wire::{Decoder, Progress, cut_off, malformed, said_in_stream, sort_error_object};
use crate::model::{Delta, FinishReason, Reason, TokenUsage};
use crate::sse::Frame;

/// What DeepSeek says where it had no place to finish an answer.
const OUT_OF_RESOURCES: &str = "insufficient_system_resource";
/// The protocol's end.
const DONE: &str = "[DONE]";

/// The state of one answer.
#[derive(Debug, Default)]
pub(super) struct ChatDecoder {
    started: bool,
    said_something: bool,
    done: bool,
    calls: Calls,
    finish: Option<String>,
    usage: Option<TokenUsage>,
}

impl Decoder for ChatDecoder {
    fn frame(&mut self, frame: &Frame, out: &mut VecDeque<Delta>) -> Result<Progress> {
        if frame.data.trim() == DONE {
            self.done = true;
            return Ok(Progress::Ended);
        }
        let chunk: Chunk = serde_json::from_str(&frame.data).map_err(|error| unreadable(frame, &error))?;
        if !chunk.error.is_null() || frame.event == "error" {
            return Err(said_in_stream(&serde_json::from_str(&frame.data).unwrap_or_default()));
        }
        self.take(chunk, out);
        Ok(if self.finish.is_some() { Progress::Said } else { Progress::Going })
    }

    fn whole(&mut self, body: &[u8], out: &mut VecDeque<Delta>) -> Result<()> {
        let document = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
        sort_error_object(&document)?;
        let chunk: Chunk = serde_json::from_value(document).map_err(|error| malformed(&error))?;
        if chunk.choices.is_none() {
            return Err(no_choices());
        }
        self.done = true;
        self.take(chunk, out);
        Ok(())
    }

    fn end(&mut self, out: &mut VecDeque<Delta>) -> Result<()> {
        let finish = match self.finish.take() {
            Some(finish) if finish == OUT_OF_RESOURCES => {
                return Err(Reason::Overloaded.error("the model's provider broke the answer off"));
            }
            Some(finish) => self.reason(finish),
            // Said to be over, without a reason: good enough if anything was said.
            None if self.done && self.said_something => self.reason("stop".to_owned()),
            None => return Err(cut_off()),
        };
        out.extend(self.usage.take().map(Delta::Usage));
        out.push_back(Delta::Finished(finish));
        Ok(())
    }
}

impl ChatDecoder {
    fn take(&mut self, chunk: Chunk, out: &mut VecDeque<Delta>) {
        if let Some(model) = chunk.model.filter(|model| !self.started && !model.is_empty()) {
            self.started = true;
            out.push_back(Delta::Started { model, id: chunk.id.filter(|id| !id.is_empty()) });
        }
        if let Some(usage) = chunk.usage {
            self.usage = Some(usage.into());
        }
        // One answer was asked for; a second would be mixed into it.
        let choices = chunk.choices.unwrap_or_default().into_iter();
        for choice in choices.filter(|choice| choice.index == 0) {
            self.take_choice(choice, out);
        }
    }

    fn take_choice(&mut self, choice: Choice, out: &mut VecDeque<Delta>) {
        if let Some(said) = choice.delta.or(choice.message) {
            self.take_said(said, out);
        }
        if let Some(finish) = choice.finish_reason.filter(|finish| !finish.is_empty()) {
            self.finish = Some(finish);
        }
    }

    fn take_said(&mut self, said: Said, out: &mut VecDeque<Delta>) {
        // Some servers send thoughts under both names.
        let thought = said.reasoning_content.filter(|text| !text.is_empty()).or(said.reasoning);
        push(out, Delta::Reasoning, thought.unwrap_or_default());
        match said.content {
            Some(Content::Text(text)) => self.say(text, out),
            Some(Content::Parts(parts)) => parts.into_iter().for_each(|part| self.take_part(part, out)),
            None => {}
        }
        self.say(said.refusal.unwrap_or_default(), out);
        for piece in said.tool_calls.unwrap_or_default() {
            self.said_something = true;
            out.push_back(self.calls.take(piece));
        }
    }

    fn take_part(&mut self, part: ContentPart, out: &mut VecDeque<Delta>) {
        let thoughts = part.thinking.unwrap_or_default().into_iter().filter_map(|part| part.text);
        push(out, Delta::Reasoning, thoughts.collect());
        self.say(part.text.unwrap_or_default(), out);
    }

    fn say(&mut self, text: String, out: &mut VecDeque<Delta>) {
        self.said_something |= !text.is_empty();
        push(out, Delta::Text, text);
    }

    fn reason(&self, finish: String) -> FinishReason {
        match finish.as_str() {
            // Some servers say that they stopped where they wait for tools.
            "stop" | "eos" if !self.calls.is_empty() => FinishReason::ToolCalls,
            "stop" | "eos" => FinishReason::Stop,
            "length" | "max_tokens" | "model_length" => FinishReason::Length,
            "tool_calls" | "function_call" => FinishReason::ToolCalls,
            "content_filter" => FinishReason::ContentFilter,
            _ => FinishReason::Other(finish),
        }
    }
}

fn push(out: &mut VecDeque<Delta>, delta: fn(String) -> Delta, text: String) {
    if !text.is_empty() {
        out.push_back(delta(text));
    }
}

/// A frame of another kind is an error if it says so, and unreadable otherwise.
fn unreadable(frame: &Frame, error: &serde_json::Error) -> crate::Error {
    let document = serde_json::from_str::<serde_json::Value>(&frame.data).ok();
    match document.filter(|document| document.get("error").is_some() || frame.event == "error") {
        Some(document) => said_in_stream(&document),
        None if frame.event == "error" => said_in_stream(&serde_json::Value::Null),
        None => malformed(error),
    }
}

fn no_choices() -> crate::Error {
    Reason::WrongEndpoint
        .error("something answers at this address, and it is not chat completions")
        .with_hint("check the provider's base URL: it usually ends in /v1")
}
