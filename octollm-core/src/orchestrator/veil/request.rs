//! Every text of a request.

use std::sync::Arc;

use serde_json::Value;

use crate::task::TaskRequest;

/// Shows every text that is screened.
pub(super) fn each_text(request: &TaskRequest, mut show: impl FnMut(&str)) {
    show(&request.goal);
    request.constraints.iter().chain(&request.acceptance_criteria).for_each(|text| show(text));
    for (key, value) in &request.context {
        show(key);
        in_value(value, &mut show);
    }
    request.metadata.values().for_each(|text| show(text));
    for step in request.plan.iter().flat_map(|plan| &plan.subtasks) {
        show(&step.action);
        step.input.iter().for_each(|input| in_value(input, &mut show));
        step.acceptance_criteria.iter().for_each(|text| show(text));
    }
}

/// A request was read from JSON or made by a program: it is not nested deep enough to matter.
fn in_value(value: &Value, show: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => show(text),
        Value::Array(entries) => entries.iter().for_each(|entry| in_value(entry, show)),
        Value::Object(fields) => {
            for (key, entry) in fields {
                show(key);
                in_value(entry, show);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Replaces every text for which there is a replacement.
pub(super) fn replace_each_text(request: &mut TaskRequest, replace: impl Fn(&str) -> Option<String>) {
    let field = |text: &mut String| {
        if let Some(replaced) = replace(text) {
            *text = replaced;
        }
    };
    field(&mut request.goal);
    request.constraints.iter_mut().chain(&mut request.acceptance_criteria).for_each(field);
    request.context.values_mut().for_each(|value| replace_in(value, &replace));
    request.metadata.values_mut().for_each(field);
    let Some(plan) = &mut request.plan else { return };
    for step in &mut Arc::make_mut(plan).subtasks {
        field(&mut step.action);
        step.input.iter_mut().for_each(|input| replace_in(input, &replace));
        step.acceptance_criteria.iter_mut().for_each(field);
    }
}

fn replace_in(value: &mut Value, replace: &impl Fn(&str) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(replaced) = replace(text) {
                *text = replaced;
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(|entry| replace_in(entry, replace)),
        Value::Object(fields) => fields.values_mut().for_each(|entry| replace_in(entry, replace)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
