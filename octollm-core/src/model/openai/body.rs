//! What is sent: a request in the words of chat completions.

use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::model::vendors::Quirks;
use crate::model::wire::{data_url, decimal, is_strict};
use crate::model::{
    Image, Message, ModelDescriptor, ModelRequest, OutputFormat, Part, Role, Tool, ToolCall, ToolChoice,
};

/// The body of a request.
///
/// # Errors
/// `internal` if it cannot be written as JSON.
pub(super) fn of(request: &ModelRequest, model: &ModelDescriptor, quirks: &Quirks) -> Result<Vec<u8>> {
    let mut body = Map::new();
    if quirks.with_model.unwrap_or(true) {
        body.insert("model".into(), model.model.as_str().into());
    }
    body.insert("messages".into(), request.messages.iter().flat_map(messages).collect());
    body.insert("stream".into(), true.into());
    if quirks.usage_option.unwrap_or(true) {
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    put_limits(&mut body, request, quirks);
    put_tools(&mut body, request, quirks);
    if let Some(format) = response_format(&request.output, model) {
        body.insert("response_format".into(), format);
    }
    body.extend(quirks.with.clone());
    serde_json::to_vec(&body).map_err(|error| {
        Error::new(ErrorKind::Internal, "the request cannot be written as JSON").with_source(error)
    })
}

fn put_limits(body: &mut Map<String, Value>, request: &ModelRequest, quirks: &Quirks) {
    if let Some(most) = request.max_output_tokens.or(quirks.default_max_tokens) {
        body.insert(quirks.max_tokens_field.clone().unwrap_or_else(|| "max_tokens".into()), most.into());
    }
    if quirks.sampling.unwrap_or(true) {
        put(body, "temperature", request.temperature.map(decimal));
        put(body, "top_p", request.top_p.map(decimal));
    }
    if quirks.stop.unwrap_or(true) && !request.stop.is_empty() {
        body.insert("stop".into(), json!(request.stop));
    }
    let field = quirks.seed_field.as_deref().unwrap_or("seed");
    if !field.is_empty() {
        put(body, field, request.seed.map(Value::from));
    }
}

fn put(body: &mut Map<String, Value>, field: &str, value: Option<Value>) {
    if let Some(value) = value {
        body.insert(field.to_owned(), value);
    }
}

fn put_tools(body: &mut Map<String, Value>, request: &ModelRequest, quirks: &Quirks) {
    if request.tools.is_empty() {
        return;
    }
    body.insert("tools".into(), request.tools.iter().map(tool).collect());
    let choice = match &request.tool_choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some("none".into()),
        ToolChoice::Required => Some(quirks.required_tool.as_deref().unwrap_or("required").into()),
        ToolChoice::Named(name) => Some(json!({"type": "function", "function": {"name": name}})),
    };
    put(body, "tool_choice", choice);
    body.extend(quirks.with_tools.clone());
}

fn tool(tool: &Tool) -> Value {
    json!({"type": "function", "function": {
        "name": tool.name, "description": tool.description, "parameters": tool.parameters,
    }})
}

/// A shape that the model cannot be held to is left to the prompt and to the validation.
fn response_format(output: &OutputFormat, model: &ModelDescriptor) -> Option<Value> {
    let features = model.features;
    match output {
        OutputFormat::Schema { name, schema } if features.json_schema => Some(json!({
            "type": "json_schema",
            "json_schema": {"name": name, "schema": schema, "strict": is_strict(schema)},
        })),
        OutputFormat::Schema { .. } | OutputFormat::Json if features.json_object => {
            Some(json!({"type": "json_object"}))
        }
        _ => None,
    }
}

/// One message of ours may be several of theirs: each result of a tool is a message of its own, and they must come
/// before what the user says then.
fn messages(message: &Message) -> Vec<Value> {
    let results = message.parts.iter().filter_map(|part| match part {
        Part::ToolResult(result) => {
            Some(json!({"role": "tool", "tool_call_id": result.call_id, "content": result.content}))
        }
        _ => None,
    });
    let mut messages: Vec<Value> = results.collect();
    messages.extend(said(message));
    messages
}

fn said(message: &Message) -> Option<Value> {
    let calls: Vec<Value> = message.parts.iter().filter_map(call).collect();
    let content = content(message);
    if content.is_null() && calls.is_empty() {
        return None;
    }
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let mut said = Map::from_iter([("role".to_owned(), role.into()), ("content".to_owned(), content)]);
    if !calls.is_empty() {
        said.insert("tool_calls".into(), calls.into());
    }
    Some(said.into())
}

/// Plain text where that is all: some servers take nothing else.
fn content(message: &Message) -> Value {
    let has_image = message.parts.iter().any(|part| matches!(part, Part::Image(_)));
    if !has_image {
        let text = message.text();
        let has_text = message.parts.iter().any(|part| matches!(part, Part::Text(_)));
        return if has_text { text.into() } else { Value::Null };
    }
    message.parts.iter().filter_map(content_part).collect()
}

fn content_part(part: &Part) -> Option<Value> {
    match part {
        Part::Text(text) => Some(json!({"type": "text", "text": text})),
        Part::Image(image) => {
            let url = match image {
                Image::Url(url) => url.clone(),
                Image::Bytes { media_type, data } => data_url(media_type, data),
            };
            Some(json!({"type": "image_url", "image_url": {"url": url}}))
        }
        Part::ToolCall(_) | Part::ToolResult(_) | Part::Thoughts(_) => None,
    }
}

fn call(part: &Part) -> Option<Value> {
    let Part::ToolCall(ToolCall { id, name, arguments }) = part else { return None };
    let arguments = arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned);
    Some(json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}))
}
