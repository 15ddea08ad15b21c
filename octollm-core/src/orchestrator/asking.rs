//! How the brain asks a model: from a prompt and its values to a request, and what a model is told about arms and data.

use serde_json::{Map, Value, json};

use super::Thought;
use crate::arm::ArmInfo;
use crate::error::{Error, ErrorKind, Result};
use crate::model::prompts::{Prompt, Values};
use crate::model::{ModelRequest, Purpose};
use crate::task::{Grant, TaskRequest};

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

/// The arms, as a planner sees them. One that only plans is no part of a plan.
pub(super) fn arms(arms: &[ArmInfo]) -> Value {
    arms.iter().filter(|arm| arm.descriptor.capabilities != ["planning"]).map(arm).collect()
}

fn arm(arm: &ArmInfo) -> Value {
    let who = &arm.descriptor;
    let mut told = json!({
        "arm_id": who.arm_id,
        "does": who.description.as_deref().unwrap_or(&who.name),
        "capabilities": who.capabilities,
        "cost_tier": who.cost_tier,
        "side_effects": who.side_effects,
        "health": arm.health,
        "calls": arm.stats.total,
        "succeeded": arm.stats.success,
        "usual_ms": if arm.stats.total > 0 { arm.stats.avg_duration_ms } else { who.average_latency_ms as f64 },
    });
    for (name, schema) in [("input_schema", &who.input_schema), ("output_schema", &who.output_schema)] {
        if !schema.is_null() {
            told[name] = schema.clone();
        }
    }
    told
}

/// The capabilities that there are, each with what the arms that have it do.
pub(super) fn capabilities(arms: &[ArmInfo]) -> Value {
    let mut all: Map<String, Value> = Map::new();
    for arm in arms.iter().map(|arm| &arm.descriptor) {
        for capability in &arm.capabilities {
            let does = arm.description.as_deref().unwrap_or(&arm.name);
            let entry = all.entry(capability.clone()).or_insert_with(|| json!([]));
            if let Value::Array(does_it) = entry {
                does_it.push(does.into());
            }
        }
    }
    Value::Object(all)
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
    use super::*;
    use crate::arm::ArmDescriptor;

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

    #[test]
    fn a_capability_tells_what_each_of_its_arms_does() {
        let arm = |id: &str, does: &str| {
            let mut arm = ArmDescriptor::new(id, ["search"]);
            arm.description = Some(does.into());
            ArmInfo::from(arm)
        };
        let told = capabilities(&[arm("a", "finds files"), arm("b", "finds pages")]);
        assert_eq!(told, json!({"search": ["finds files", "finds pages"]}));
    }
}
