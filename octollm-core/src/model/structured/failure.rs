//! What is said when a model gave no usable answer.

use std::error::Error as StdError;
use std::fmt;

use crate::error::{Error, ErrorKind, Fault};
use crate::model::{ModelReply, Reason};

/// What a model said that could not be used, as the source of the error. It may hold anything that a person wrote, so it
/// is in no message: whoever logs it redacts it first.
pub struct RawAnswer(String);

impl RawAnswer {
    fn of(reply: &ModelReply) -> Self {
        let arguments = reply.tool_calls.iter().map(|call| call.arguments.to_string());
        let parts: Vec<_> =
            Some(reply.text.clone()).into_iter().chain(arguments).filter(|part| !part.is_empty()).collect();
        Self(parts.join("\n"))
    }

    /// The text, as it was said.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RawAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an answer of {} bytes", self.0.len())
    }
}

impl fmt::Display for RawAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl StdError for RawAnswer {}

/// What the model said, if this error is about an answer that could not be used.
pub fn raw_answer(error: &Error) -> Option<&RawAnswer> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(raw) = cause.downcast_ref() {
            return Some(raw);
        }
        source = cause.source();
    }
    None
}

/// The answer has another shape, even after one repair.
pub(super) fn misshapen(reply: &ModelReply, shape: &str, faults: Vec<Fault>) -> Error {
    let error = Error::invalid("the model's answer has the wrong shape, even after one repair", faults);
    about(error, reply, shape)
        .with_hint("try a model that holds its answers to a schema, or a simpler schema")
}

/// The answer reached its limit of tokens.
pub(super) fn cut(reply: &ModelReply, shape: &str) -> Error {
    let error = Error::new(ErrorKind::TooLarge, "the model's answer was cut at its limit of tokens");
    about(error, reply, shape)
        .with_hint("raise the limit of output tokens or the task's `budget`, or ask for less")
}

/// The provider kept the rest of the answer back.
pub(super) fn withheld(reply: &ModelReply, shape: &str) -> Error {
    about(Reason::ContentRefused.error("the provider withheld the model's answer"), reply, shape)
}

fn about(error: Error, reply: &ModelReply, shape: &str) -> Error {
    error
        .with_context("reason", "structured_output")
        .with_context("shape", shape)
        .with_context("model", reply.model.as_str())
        .with_source(RawAnswer::of(reply))
}
