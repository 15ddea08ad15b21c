//! Schema and syntax: whether an output has the form that it should have.

use octollm_core::schema::Validator;
use serde_json::Value;

use super::judgement::{Finding, issue};
use super::parts::CodePart;
use super::request::{JudgeRequest, ValidationType};
use super::response::{IssueSeverity, JudgeIssue, JudgeLocation};
use crate::syntax::{Checked, Language};

/// Holds the output against its schema.
pub(super) fn schema(request: &JudgeRequest) -> Finding {
    let Some(schema) = &request.expected_schema else {
        return Finding::unverified("no `expected_schema` was given");
    };
    let validator = match Validator::compile(schema) {
        Ok(validator) => validator,
        Err(detail) => return Finding::unverified(format!("`expected_schema` is no JSON Schema: {detail}")),
    };
    let read = match &request.output {
        Value::String(text) if !wants_text(schema) => match serde_json::from_str::<Value>(text) {
            Ok(value) => Some(value),
            Err(error) => {
                let place = JudgeLocation {
                    line: Some(error.line().max(1)),
                    column: Some(error.column().max(1)),
                    ..JudgeLocation::default()
                };
                let what = error.to_string();
                let what = what.split(" at line ").next().unwrap_or_default();
                let message = format!("the text is not the JSON that the schema describes: {what}");
                return Finding::decided(
                    vec![wrong(ValidationType::Schema, message, place)],
                    "the text is not JSON",
                );
            }
        },
        _ => None,
    };
    let faults = validator.faults(read.as_ref().unwrap_or(&request.output));
    let issues = faults.into_iter().map(|fault| {
        let place = JudgeLocation { pointer: fault.pointer, ..JudgeLocation::default() };
        wrong(ValidationType::Schema, fault.detail, place)
    });
    let issues: Vec<_> = issues.collect();
    let explanation = match (issues.len(), read.is_some()) {
        (0, false) => "the output satisfies the schema".to_owned(),
        (0, true) => "the text is JSON that satisfies the schema".to_owned(),
        (count, _) => format!("the schema is broken in {}", places(count)),
    };
    Finding::decided(issues, explanation)
}

/// Whether the schema describes a text. One that leaves the type open describes what a text means, if it says anything.
fn wants_text(schema: &Value) -> bool {
    match schema.get("type") {
        Some(Value::String(name)) => name == "string",
        Some(Value::Array(names)) => names.iter().any(|name| name == "string"),
        _ => {
            let of_texts = ["pattern", "minLength", "maxLength", "format"];
            of_texts.iter().any(|keyword| schema.get(keyword).is_some())
                || matches!(schema.get("const"), Some(Value::String(_)))
                || schema
                    .get("enum")
                    .and_then(Value::as_array)
                    .is_some_and(|all| all.iter().any(Value::is_string))
        }
    }
}

/// Reads the output's code by its grammar.
pub(super) fn syntax(request: &JudgeRequest, parts: &[CodePart<'_>]) -> Finding {
    if parts.is_empty() {
        let json = request.language().and_then(Language::named) == Some(Language::Json);
        return if json && !request.output.is_string() {
            Finding::decided(Vec::new(), "the output is a JSON value")
        } else {
            Finding::unverified("the output has no code in a named language (`context.language`)")
        };
    }
    let (mut issues, mut sound, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        match part.checked() {
            Checked::Sound => sound.push(name(part)),
            Checked::Unknown => unknown.push(name(part)),
            Checked::Broken(flaw) => {
                issues.push(wrong(
                    ValidationType::Syntax,
                    flaw.what,
                    part.place(flaw.line, Some(flaw.column)),
                ));
            }
        }
    }
    if issues.is_empty() && !unknown.is_empty() {
        return Finding::unverified(format!(
            "there is no grammar for {}, or it is too long",
            unknown.join(" and ")
        ));
    }
    let explanation = match issues.len() {
        0 if sound.len() == 1 => format!("{} parses", sound.concat()),
        0 => format!("{} parse", sound.join(" and ")),
        count => format!("the grammar is broken in {}", places(count)),
    };
    Finding::decided(issues, explanation)
}

/// `1 place`, `2 places`
pub(super) fn places(count: usize) -> String {
    format!("{count} place{}", if count == 1 { "" } else { "s" })
}

/// `/code (python)`
fn name(part: &CodePart<'_>) -> String {
    let pointer = if part.pointer.is_empty() { "the output" } else { part.pointer };
    match part.language {
        Some(language) => {
            format!("{pointer} ({})", Language::named(language).map_or(language, |known| known.as_str()))
        }
        None => format!("{pointer} (in no named language)"),
    }
}

fn wrong(validation_type: ValidationType, message: String, place: JudgeLocation) -> JudgeIssue {
    issue(IssueSeverity::Error, validation_type, message, Some(place))
}
