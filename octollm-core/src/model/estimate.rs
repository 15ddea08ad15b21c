//! How many tokens a text may have, before or where nobody counted.
//!
//! Every model cuts text in its own way, and exact counting takes that model's own vocabulary. A byte-pair vocabulary
//! makes about one token of four bytes of English, of three of other European languages and of one Chinese character
//! (three bytes). Three bytes a token is thus rarely too few, which is the side to err on where money is set aside.

use serde_json::Value;

use super::{Delta, Image, Message, ModelRequest, OutputFormat, Part};
use crate::schema::json_len;

const BYTES_PER_TOKEN: usize = 3;

/// What marks a message's beginning, end and speaker.
const MESSAGE_OVERHEAD: u64 = 4;

/// What the largest picture costs that a provider does not scale down (Anthropic: 1568 x 1568 pixels, width times
/// height by 750, about 1,600 in practice).
const IMAGE_TOKENS: u64 = 1_600;

/// Tokens of this text, about; too many rather than too few.
pub fn text_tokens(text: &str) -> u64 {
    bytes_tokens(text.len())
}

/// Tokens that a model reads when it is asked this, about; too many rather than too few.
pub fn input_tokens(request: &ModelRequest) -> u64 {
    let messages: u64 = request.messages.iter().map(message_tokens).sum();
    let tools = request.tools.iter().map(|tool| {
        text_tokens(&tool.name)
            + text_tokens(&tool.description)
            + json_tokens(&tool.parameters)
            + MESSAGE_OVERHEAD
    });
    let format = match &request.output {
        OutputFormat::Schema { schema, .. } => json_tokens(schema),
        OutputFormat::Text | OutputFormat::Json => 0,
    };
    messages + tools.sum::<u64>() + format
}

/// Bytes that a piece of an answer says.
pub(super) fn delta_bytes(delta: &Delta) -> usize {
    match delta {
        Delta::Text(text) | Delta::Reasoning(text) => text.len(),
        Delta::ToolCall { name, arguments, .. } => name.as_ref().map_or(0, String::len) + arguments.len(),
        // The words of thoughts have been counted.
        Delta::Started { .. } | Delta::Thoughts(_) | Delta::Usage(_) | Delta::Finished(_) => 0,
    }
}

/// Tokens of so many bytes of UTF-8.
pub(super) fn bytes_tokens(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN) as u64
}

fn message_tokens(message: &Message) -> u64 {
    message.parts.iter().map(part_tokens).sum::<u64>() + MESSAGE_OVERHEAD
}

fn part_tokens(part: &Part) -> u64 {
    match part {
        Part::Text(text) => text_tokens(text),
        Part::Image(Image::Url(_) | Image::Bytes { .. }) => IMAGE_TOKENS,
        Part::ToolCall(call) => text_tokens(&call.name) + json_tokens(&call.arguments) + MESSAGE_OVERHEAD,
        Part::ToolResult(result) => text_tokens(&result.content) + MESSAGE_OVERHEAD,
        Part::Thoughts(block) => json_tokens(block),
    }
}

fn json_tokens(value: &Value) -> u64 {
    bytes_tokens(json_len(value, usize::MAX).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::model::Tool;

    #[test]
    fn everything_that_is_sent_counts() {
        let mut request = ModelRequest::new(vec![Message::user("a".repeat(300))]);
        assert_eq!(input_tokens(&request), 104);
        request.messages[0].parts.push(Part::Image(Image::Url("https://example.com/a.png".into())));
        assert_eq!(input_tokens(&request), 1_704);
        let parameters = json!({"type": "object"});
        request.tools.push(Tool { name: "search".into(), description: "finds".into(), parameters });
        let with_tools = input_tokens(&request);
        assert!(with_tools > 1_704);
        request.output =
            OutputFormat::Schema { name: "x".into(), schema: Arc::new(json!({"type": "object"})) };
        assert!(input_tokens(&request) > with_tools);
    }
}
