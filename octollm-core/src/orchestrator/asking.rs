//! How the brain asks a model: from a prompt and its values to a request, and what a model is told about arms and data.

mod arms;

use serde_json::{Map, Value};

use super::Thought;
use crate::error::{Error, ErrorKind, Result};
use crate::model::prompts::{Prompt, Values};
use crate::model::{ModelRequest, Purpose};
use crate::task::{Grant, TaskRequest};

pub(super) use arms::{arms, capabilities};

/// Characters of a value that a model is shown; of a longer one it is told how long it is.
const SHOWN: usize = 120;
/// Entries of an object or a list that a model is shown the shape of.
const MOST_ENTRIES: usize = 40;
/// How deep a shape is shown.
const DEPTH: usize = 5;

/// The request that this prompt begins, within what the thought may spend.
pub(super) fn request(
    prompt: &Prompt,
    values: &Values,
    purpose: Purpose,
    thought: &Thought,
) -> Result<ModelRequest> {
    let mut request = ModelRequest::new(prompt.render(values)?);
    request.purpose = purpose;
    // The same goal should lead to the same plan.
    request.temperature = Some(0.0);
    request.context = thought.call.clone();
    Ok(request)
}

/// Whether the rules may stand in after this failure: not where the task has no money or no time for either.
pub(super) fn rules_may_stand_in(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::BudgetExceeded | ErrorKind::Cancelled)
}

/// Names, types and short values: what a model must know of data that it need not read.
pub(super) fn shape(value: &Value) -> Value {
    shape_to(value, DEPTH)
}

fn shape_to(value: &Value, depth: usize) -> Value {
    match value {
        Value::String(text) if text.chars().nth(SHOWN).is_some() => {
            format!("<text of {} characters>", text.chars().count()).into()
        }
        Value::Array(items) if depth == 0 => format!("<list of {}>", items.len()).into(),
        Value::Object(fields) if depth == 0 => format!("<object of {}>", fields.len()).into(),
        Value::Array(items) => {
            let mut shown: Vec<_> =
                items.iter().take(MOST_ENTRIES).map(|item| shape_to(item, depth - 1)).collect();
            if items.len() > MOST_ENTRIES {
                shown.push(format!("<{} more>", items.len() - MOST_ENTRIES).into());
            }
            Value::Array(shown)
        }
        Value::Object(fields) => {
            let shown = fields.iter().take(MOST_ENTRIES);
            let mut shown: Map<_, _> =
                shown.map(|(name, value)| (name.clone(), shape_to(value, depth - 1))).collect();
            if fields.len() > MOST_ENTRIES {
                shown.insert("…".into(), format!("<{} more>", fields.len() - MOST_ENTRIES).into());
            }
            Value::Object(shown)
        }
        other => other.clone(),
    }
}

/// The shape of the task's context.
pub(super) fn context(request: &TaskRequest) -> Value {
    shape(&Value::Object(request.context.clone()))
}

/// What may be spent, in words.
pub(super) fn budget(left: Grant) -> String {
    let tokens = left.tokens.map(|tokens| format!("{tokens} tokens"));
    let cost = left.cost_usd.map(|cost| format!("{cost:.4} US dollars"));
    match (tokens, cost) {
        (None, None) => "no ceiling".into(),
        (Some(one), None) | (None, Some(one)) => format!("at most {one}"),
        (Some(tokens), Some(cost)) => format!("at most {tokens} and {cost}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_values_are_told_by_their_size() {
        let long = "x".repeat(500);
        let shown = shape(&json!({"short": "Paris", "long": long, "many": vec![0; 100], "n": 5}));
        assert_eq!((&shown["short"], &shown["n"]), (&json!("Paris"), &json!(5)));
        assert_eq!(shown["long"], "<text of 500 characters>");
        assert_eq!(shown["many"].as_array().unwrap().len(), MOST_ENTRIES + 1);
    }

    #[test]
    fn nothing_is_shown_without_end() {
        let deep = (0..200).fold(json!("bottom"), |inner, _| json!({"in": [inner]}));
        assert!(shape(&deep).to_string().len() < 200);
    }
}
