//! What is sent: a request in the words of messages.

use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::model::vendors::{Quirks, SchemaBy};
use crate::model::wire::{base64, decimal, tightened};
use crate::model::{
    Image, Message, ModelDescriptor, ModelRequest, OutputFormat, Part, Role, Tool, ToolChoice, ToolResult,
};

/// Tokens of an answer where nobody says: the protocol must be told.
const DEFAULT_MAX_TOKENS: u32 = 4096;

/// How the answer is held to a schema.
pub(super) enum Shape {
    /// Not at all.
    Free,
    /// By the protocol's own field, with a schema that fits it.
    Native(Value),
    /// By a tool of this name and schema that must be used.
    Tool(String, Value),
}

impl Shape {
    pub(super) fn of(request: &ModelRequest, quirks: &Quirks) -> Self {
        let OutputFormat::Schema { name, schema } = &request.output else { return Self::Free };
        if quirks.schema_by.unwrap_or_default() == SchemaBy::Native
            && let Some(schema) = tightened(schema)
        {
            return Self::Native(schema);
        }
        // A tool's input is an object, and with tools of its own the model could not use them any more.
        let is_object = schema.get("type").is_some_and(|kind| kind == "object");
        let can_force = quirks.forced_tools.unwrap_or(true) && request.tools.is_empty();
        if is_object && can_force { Self::Tool(name.clone(), (**schema).clone()) } else { Self::Free }
    }

    /// The tool whose input is the answer.
    pub(super) fn answer_tool(&self) -> Option<String> {
        match self {
            Self::Tool(name, _) => Some(name.clone()),
            Self::Free | Self::Native(_) => None,
        }
    }
}

/// The body of a request.
///
/// # Errors
/// `internal` if it cannot be written as JSON.
pub(super) fn of(
    request: &ModelRequest,
    model: &ModelDescriptor,
    quirks: &Quirks,
    shape: &Shape,
) -> Result<Vec<u8>> {
    let (system, said): (Vec<_>, Vec<_>) =
        request.messages.iter().partition(|message| message.role == Role::System);
    let mut body = Map::new();
    body.insert("model".into(), model.model.as_str().into());
    body.insert("max_tokens".into(), max_tokens(request, model, quirks).into());
    let system: Vec<Value> = system.into_iter().flat_map(blocks).collect();
    if !system.is_empty() {
        body.insert("system".into(), system.into());
    }
    body.insert("messages".into(), said.into_iter().filter_map(message).collect());
    body.insert("stream".into(), true.into());
    put_sampling(&mut body, request, quirks);
    put_tools(&mut body, request, quirks, shape);
    if let Shape::Native(schema) = shape {
        body.insert("output_config".into(), json!({"format": {"type": "json_schema", "schema": schema}}));
    }
    body.extend(quirks.with.clone());
    serde_json::to_vec(&body).map_err(|error| {
        Error::new(ErrorKind::Internal, "the request cannot be written as JSON").with_source(error)
    })
}

fn max_tokens(request: &ModelRequest, model: &ModelDescriptor, quirks: &Quirks) -> u32 {
    let most = model.max_output_tokens.unwrap_or(u32::MAX);
    let usual = quirks.default_max_tokens.unwrap_or(DEFAULT_MAX_TOKENS);
    request.max_output_tokens.unwrap_or(usual).min(most)
}

fn put_sampling(body: &mut Map<String, Value>, request: &ModelRequest, quirks: &Quirks) {
    if quirks.sampling.unwrap_or(true) {
        // Newer models refuse both at once; the range ends at 1.
        if let Some(temperature) = request.temperature {
            body.insert("temperature".into(), decimal(temperature.clamp(0.0, 1.0)));
        } else if let Some(top_p) = request.top_p {
            body.insert("top_p".into(), decimal(top_p));
        }
    }
    // Sequences of white space alone are refused.
    let stop: Vec<&String> = request.stop.iter().filter(|stop| !stop.trim().is_empty()).collect();
    if quirks.stop.unwrap_or(true) && !stop.is_empty() {
        body.insert("stop_sequences".into(), json!(stop));
    }
}

fn put_tools(body: &mut Map<String, Value>, request: &ModelRequest, quirks: &Quirks, shape: &Shape) {
    if let Shape::Tool(name, schema) = shape {
        let tool = json!({"name": name, "description": "Gives the answer.", "input_schema": schema});
        body.insert("tools".into(), json!([tool]));
        body.insert("tool_choice".into(), json!({"type": "tool", "name": name}));
        return;
    }
    if request.tools.is_empty() {
        return;
    }
    body.insert("tools".into(), request.tools.iter().map(tool).collect());
    let forced = quirks.forced_tools.unwrap_or(true);
    let choice = match &request.tool_choice {
        ToolChoice::None => json!({"type": "none"}),
        ToolChoice::Required if forced => json!({"type": "any"}),
        ToolChoice::Named(name) if forced => json!({"type": "tool", "name": name}),
        _ => json!({"type": "auto"}),
    };
    body.insert("tool_choice".into(), choice);
    body.extend(quirks.with_tools.clone());
}

fn tool(tool: &Tool) -> Value {
    json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters})
}

fn message(message: &Message) -> Option<Value> {
    let blocks = blocks(message);
    let role = if message.role == Role::Assistant { "assistant" } else { "user" };
    (!blocks.is_empty()).then(|| json!({"role": role, "content": blocks}))
}

/// The parts of a message; the last carries the marker of the prompt cache. Results of tools must come first.
fn blocks(message: &Message) -> Vec<Value> {
    let (results, others): (Vec<_>, Vec<_>) =
        message.parts.iter().partition(|part| matches!(part, Part::ToolResult(_)));
    let mut blocks: Vec<Value> = results.into_iter().chain(others).filter_map(block).collect();
    let may_mark =
        |block: &&mut Value| message.cache && block.get("cache_control").is_none() && !is_thought(block);
    if let Some(Value::Object(last)) = blocks.last_mut().filter(may_mark) {
        last.insert("cache_control".into(), json!({"type": "ephemeral"}));
    }
    blocks
}

/// Thoughts take no marker, and no change at all.
fn is_thought(block: &Value) -> bool {
    block.get("type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("thinking"))
}

/// An empty text is refused, and says nothing.
fn block(part: &Part) -> Option<Value> {
    match part {
        Part::Text(text) if text.trim().is_empty() => None,
        Part::Text(text) => Some(json!({"type": "text", "text": text})),
        Part::Image(image) => Some(json!({"type": "image", "source": source(image)})),
        Part::ToolCall(call) => {
            let input = if call.arguments.is_object() {
                call.arguments.clone()
            } else {
                json!({"text": call.arguments})
            };
            Some(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input}))
        }
        Part::Thoughts(thoughts) => is_thought(thoughts).then(|| thoughts.clone()),
        Part::ToolResult(ToolResult { call_id, content, is_error }) => Some(json!({
            "type": "tool_result", "tool_use_id": call_id, "content": content, "is_error": is_error,
        })),
    }
}

fn source(image: &Image) -> Value {
    match image {
        Image::Bytes { media_type, data } => {
            json!({"type": "base64", "media_type": media_type, "data": base64(data)})
        }
        Image::Url(url) => match url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
            Some((media_type, data)) => json!({"type": "base64", "media_type": media_type, "data": data}),
            None => json!({"type": "url", "url": url}),
        },
    }
}
