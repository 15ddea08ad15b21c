//! Structured output: a JSON Schema or a Rust type in, a validated value out.
//!
//! A provider that holds answers to a schema is asked to; else the model must call a tool that takes the value; else it
//! is told the schema in words. No way is trusted: what comes is parsed and validated here. Text around the JSON is
//! passed over, but half an answer is never completed by guessing. A value with faults goes back once with the faults
//! listed; if the second is no better, that is an error with the faults, and with the raw text for those who need to
//! see it ([`raw_answer`]).
//!
//! ```
//! # use octollm_core::model::{Message, ModelRequest, ScriptedModel, ScriptedReply, structured::{Shape, typed}};
//! # use serde::Deserialize;
//! # use schemars::JsonSchema;
//! #[derive(Deserialize, JsonSchema)]
//! struct Height {
//!     metres: u32,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> octollm_core::Result<()> {
//! # let model = ScriptedModel::in_order([ScriptedReply::text(r#"{"metres": 3640}"#)]);
//! let shape = Shape::of::<Height>("height")?;
//! let request = ModelRequest::new(vec![Message::user("How high is La Paz?")]);
//! let answer = typed::<Height>(&model, &request, &shape).await?;
//! assert_eq!(answer.value.metres, 3640);
//! # Ok(())
//! # }
//! ```

mod conversation;
mod extract;
mod failure;
mod shape;
mod strict;
#[cfg(test)]
mod tests;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use failure::{RawAnswer, raw_answer};
pub use shape::Shape;
pub use strict::strict;

use self::conversation::{Conversation, Mode};
use super::{FinishReason, LanguageModel, ModelReply, ModelRequest};
use crate::error::{Fault, Result};
use crate::schema;
use crate::task::Usage;

/// A value that satisfies its shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Structured<T> {
    /// The value.
    pub value: T,
    /// The exact model, as the provider names it.
    pub model: String,
    /// What all calls used together.
    pub usage: Usage,
    /// Whether a first answer had faults.
    pub repaired: bool,
}

/// Asks for a value of this shape. The request's own output format and tools are not used.
///
/// # Errors
/// Those of the model; `invalid_input` with the context `reason: structured_output` and all faults if the answer has the
/// wrong shape even after one repair; `too_large` if it was cut at its limit of tokens; `refused_by_reflex` if the
/// provider withheld it. The last three carry a [`RawAnswer`].
pub async fn structured(
    model: &dyn LanguageModel,
    request: &ModelRequest,
    shape: &Shape,
) -> Result<Structured<Value>> {
    let mut conversation = Conversation::new(request, shape, Mode::of(model.descriptor().features));
    let first = model.complete(conversation.request()).await?;
    let faults = match read(&first, shape)? {
        Ok(value) => return Ok(finished(value, first, None)),
        Err(faults) => faults,
    };
    tracing::debug!(model = %first.model, shape = shape.name(), faults = faults.len(), "an answer has faults and goes back");
    conversation.give_back(&first, &faults);
    let second = model.complete(conversation.request()).await?;
    match read(&second, shape)? {
        Ok(value) => Ok(finished(value, second, Some(first.usage))),
        Err(faults) => Err(failure::misshapen(&second, shape.name(), faults)),
    }
}

/// As [`structured`], as a Rust type: the one that `shape` was made of.
///
/// # Errors
/// Those of [`structured`].
pub async fn typed<T: DeserializeOwned>(
    model: &dyn LanguageModel,
    request: &ModelRequest,
    shape: &Shape,
) -> Result<Structured<T>> {
    let Structured { value, model, usage, repaired } = structured(model, request, shape).await?;
    Ok(Structured { value: schema::from_value(value, "the model's answer")?, model, usage, repaired })
}

/// The value that an answer holds, or its faults.
fn read(reply: &ModelReply, shape: &Shape) -> Result<Result<Value, Vec<Fault>>> {
    match reply.finish {
        FinishReason::Length => return Err(failure::cut(reply, shape.name())),
        FinishReason::ContentFilter => return Err(failure::withheld(reply, shape.name())),
        FinishReason::Stop | FinishReason::ToolCalls | FinishReason::Other(_) => {}
    }
    let called = reply.tool_calls.iter().find(|call| call.name == shape.name());
    let mut candidates = match called.map(|call| &call.arguments) {
        // Arguments that are no JSON are kept as text.
        Some(Value::String(text)) => extract::candidates(text),
        Some(arguments) => vec![arguments.clone()],
        None => extract::candidates(&reply.text),
    };
    let mut best: Option<Vec<Fault>> = None;
    candidates.reverse();
    for candidate in candidates {
        match shape.accept(candidate) {
            Ok(value) => return Ok(Ok(value)),
            Err(faults) if best.as_ref().is_none_or(|best| faults.len() < best.len()) => best = Some(faults),
            Err(_) => {}
        }
    }
    Ok(Err(best.unwrap_or_else(|| vec![Fault::new("", "is not a complete JSON document")])))
}

fn finished(value: Value, reply: ModelReply, before: Option<Usage>) -> Structured<Value> {
    let (repaired, mut usage) = (before.is_some(), before.unwrap_or_default());
    usage.add(&reply.usage);
    Structured { value, model: reply.model, usage, repaired }
}
