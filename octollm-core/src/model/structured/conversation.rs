//! How a model is told what shape its answer must have, and what was wrong with it.

use std::fmt::Write;

use super::Shape;
use crate::error::Fault;
use crate::model::{
    Features, Message, ModelReply, ModelRequest, OutputFormat, Part, Role, Tool, ToolCall, ToolChoice,
    ToolResult,
};
use crate::schema::notation;

/// Faults that are told at once; a longer list helps no model.
const TOLD: usize = 20;

/// How the shape is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The provider holds the answer to the schema.
    Schema,
    /// The model must call a tool that takes the value.
    Tool,
    /// The model is told, and the provider sees to it that the answer is some JSON.
    Json,
    /// The model is told.
    Words,
}

impl Mode {
    /// The strongest that a model with these features offers.
    pub(super) fn of(features: Features) -> Self {
        match features {
            Features { json_schema: true, .. } => Self::Schema,
            Features { tools: true, .. } => Self::Tool,
            Features { json_object: true, .. } => Self::Json,
            _ => Self::Words,
        }
    }
}

/// The request, and what was said about its answer.
pub(super) struct Conversation<'a> {
    request: ModelRequest,
    shape: &'a Shape,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(request: &ModelRequest, shape: &'a Shape, mode: Mode) -> Self {
        let mut request = request.clone();
        request.tools.clear();
        request.tool_choice = ToolChoice::Auto;
        request.output = match mode {
            Mode::Schema => {
                OutputFormat::Schema { name: shape.name().to_owned(), schema: shape.sent().clone() }
            }
            Mode::Tool | Mode::Words => OutputFormat::Text,
            Mode::Json => OutputFormat::Json,
        };
        match mode {
            Mode::Schema if shape.is_closed() => {}
            Mode::Tool => {
                request.tools.push(tool(shape));
                request.tool_choice = ToolChoice::Named(shape.name().to_owned());
            }
            // A provider takes an open schema as advice at best, so the model is told as well; briefly, for most show it
            // the schema all the same.
            Mode::Schema => {
                tell(&mut request, "be of this type, as TypeScript writes it", &notation(shape.sent()))
            }
            Mode::Json | Mode::Words => {
                tell(&mut request, "satisfy this JSON Schema", &shape.sent().to_string())
            }
        }
        Self { request, shape }
    }

    pub(super) fn request(&self) -> &ModelRequest {
        &self.request
    }

    /// Says what is wrong with this answer, and asks for another.
    pub(super) fn give_back(&mut self, reply: &ModelReply, faults: &[Fault]) {
        let called = reply.tool_calls.iter().find(|call| call.name == self.shape.name());
        let wrong = wrong(self.shape, faults);
        if let Some(call) = called {
            // A result is owed for each call that is repeated, so only this one is.
            let thoughts = reply.thoughts.iter().cloned().map(Part::Thoughts);
            let parts = thoughts.chain([Part::ToolCall(repeated(call))]).collect();
            self.request.messages.push(Message::new(Role::Assistant, parts));
            let result = ToolResult { call_id: call.id.clone(), content: wrong, is_error: true };
            self.request.messages.push(Message::tool_results([result]));
            return;
        }
        if !reply.text.trim().is_empty() {
            self.request.messages.push(Message::assistant(reply.text.clone()));
        }
        self.request.messages.push(Message::user(wrong));
    }
}

/// Providers take objects back only.
fn repeated(call: &ToolCall) -> ToolCall {
    let mut call = call.clone();
    if !call.arguments.is_object() {
        call.arguments = serde_json::json!({"unreadable": call.arguments});
    }
    call
}

fn tool(shape: &Shape) -> Tool {
    Tool {
        name: shape.name().to_owned(),
        description: "Gives the answer. Call it once, with the whole answer.".to_owned(),
        parameters: (**shape.sent()).clone(),
    }
}

/// Says what the answer must be, after the other system messages.
fn tell(request: &mut ModelRequest, rule: &str, what: &str) {
    let at = request.messages.iter().take_while(|message| message.role == Role::System).count();
    let text = format!(
        "Answer with one JSON document and nothing else: no words before or after it, no code fence. It must {rule}:\n\n{what}"
    );
    request.messages.insert(at, Message::system(text));
}

fn wrong(shape: &Shape, faults: &[Fault]) -> String {
    let mut text = String::from("That answer cannot be used. What is wrong with it, by JSON pointer:\n");
    for fault in faults.iter().take(TOLD) {
        let place = if fault.pointer.is_empty() { "the whole document" } else { &fault.pointer };
        // Writing to a string cannot fail.
        writeln!(text, "- {place}: {}", fault.detail).ok();
    }
    if faults.len() > TOLD {
        writeln!(text, "- and {} more", faults.len() - TOLD).ok();
    }
    write!(
        text,
        "\nAnswer again with the whole corrected JSON document and nothing else. It must satisfy this JSON Schema:\n\n{}",
        shape.sent()
    )
    .ok();
    text
}
