//! A request with placeholders.

use serde_json::Value;

use super::Redactor;
use crate::model::{ModelRequest, Part};

/// The same request, showing placeholders only. What the program itself wrote (tools' names, descriptions and schemas,
/// the schema of the answer) stays: it is the same for everybody.
pub(super) fn redacted(request: &ModelRequest, redactor: &dyn Redactor) -> ModelRequest {
    let mut request = request.clone();
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        match part {
            Part::Text(text) => *text = redactor.redact(text),
            Part::ToolCall(call) => each_text(&mut call.arguments, &mut |text| redactor.redact(text)),
            Part::ToolResult(result) => result.content = redactor.redact(&result.content),
            // Thoughts came from behind this layer, so they have placeholders.
            Part::Image(_) | Part::Thoughts(_) => {}
        }
    }
    request
}

/// Replaces every string of `value`, the names of properties included.
pub(super) fn each_text(value: &mut Value, replace: &mut dyn FnMut(&str) -> String) {
    match value {
        Value::String(text) => *text = replace(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, replace)),
        Value::Object(fields) => {
            let replaced = std::mem::take(fields).into_iter().map(|(name, mut field)| {
                each_text(&mut field, replace);
                (replace(&name), field)
            });
            *fields = replaced.collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
