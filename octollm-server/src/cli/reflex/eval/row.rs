//! Labelled rows.
//!
//! A row says where it goes wrong and never what it holds: people measure on texts that they may not show.

use std::path::Path;

use octollm_core::reflex::Origin;
use octollm_core::{Error, ErrorKind, Fault, Result};
use serde_json::{Map, Value};

use crate::cli::reflex::input;

/// A labelled text.
#[derive(Debug)]
pub(super) struct Row {
    /// The line that it stands on, from 1.
    pub(super) line: usize,
    pub(super) id: Option<Value>,
    pub(super) text: String,
    /// Who it comes from, if the row says so.
    pub(super) origin: Option<Origin>,
    pub(super) labels: Labels,
}

/// What is known about a text.
#[derive(Debug)]
pub(super) enum Labels {
    /// Whether it is an injection.
    Injection(bool),
    /// The personal data in it, with offsets in bytes.
    Spans(Vec<Span>),
}

/// A labelled place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Span {
    pub(super) type_name: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The rows of a file, and what is odd about them.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    pub(super) odd: Odd,
}

/// What can be used, and is perhaps not what was meant.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Odd {
    /// Spans that do not lie within their text.
    pub(super) misplaced: usize,
    /// Rows with an `origin` of another meaning.
    pub(super) origins: usize,
}

/// Labels of texts that are injections, and of texts that are not; in lower case.
const ATTACKS: &[&str] =
    &["1", "true", "yes", "injection", "prompt injection", "jailbreak", "attack", "malicious", "unsafe"];
const HARMLESS: &[&str] = &["0", "false", "no", "benign", "safe", "harmless", "legitimate", "normal"];

/// The names that a span's type has in the files of others.
const TYPE_NAMES: &[&str] = &["type", "entity_type", "label", "entity", "entity_group"];

/// The rows of a file of JSON lines; `-` is what is piped in.
pub(super) fn read(path: &Path) -> Result<Rows> {
    let content = input::read(path)?;
    let content = content.strip_prefix('\u{feff}').unwrap_or(&content);
    let mut read = Rows::default();
    for (line, content) in (1..).zip(content.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let row = row(line, content, &mut read.odd).map_err(|fault| wrong(path, line, fault))?;
        read.rows.push(row);
    }
    if read.rows.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "the file holds no rows")
            .with_context("path", path.display().to_string())
            .with_hint("write one JSON object a line: {\"text\": \"...\", \"label\": 1}"));
    }
    Ok(read)
}

fn row(line: usize, content: &str, odd: &mut Odd) -> Result<Row, Fault> {
    let mut fields = match serde_json::from_str(content) {
        Ok(Value::Object(fields)) => fields,
        Ok(Value::Array(_)) => {
            return Err(Fault::new("", "is a list; write one object a line: jq -c '.[]' FILE"));
        }
        Ok(_) => return Err(Fault::new("", "must be an object with `text` and `label` or `spans`")),
        Err(error) => return Err(Fault::new("", format!("is no JSON (column {})", error.column()))),
    };
    let Some(Value::String(text)) = fields.remove("text") else {
        return Err(Fault::new("/text", "must be there, and a text"));
    };
    let mut given = |name: &str| fields.remove(name).filter(|value| !value.is_null());
    let labels = match (given("label"), given("spans")) {
        (Some(value), None) => Labels::Injection(label(&value)?),
        (None, Some(Value::Array(spans))) => Labels::Spans(in_bytes(&text, &spans, &mut odd.misplaced)?),
        (None, Some(_)) => return Err(Fault::new("/spans", "must be a list")),
        (Some(_), Some(_)) => return Err(Fault::new("", "must have `label` or `spans`, not both")),
        (None, None) => {
            return Err(Fault::new("", "must have `label` (an injection or not) or `spans` (personal data)"));
        }
    };
    let given_origin = given("origin");
    let origin = given_origin.as_ref().and_then(Value::as_str).and_then(origin);
    odd.origins += usize::from(given_origin.is_some() && origin.is_none());
    Ok(Row { line, id: given("id"), text, origin, labels })
}

/// Who a text comes from. Files of others call other things by that word (a collection, a website): those say nothing about it.
fn origin(name: &str) -> Option<Origin> {
    let name = name.to_lowercase();
    Origin::ALL
        .into_iter()
        .find(|origin| origin.name() == name)
        .or((name == "external").then_some(Origin::Document))
}

/// Whether a label says that a text is an injection.
fn label(value: &Value) -> Result<bool, Fault> {
    let name = match value {
        Value::Bool(label) => return Ok(*label),
        Value::Number(number) if number.as_f64() == Some(0.0) => return Ok(false),
        Value::Number(number) if number.as_f64() == Some(1.0) => return Ok(true),
        Value::String(name) => name.trim().to_lowercase().replace(['_', '-'], " "),
        _ => String::new(),
    };
    if ATTACKS.contains(&name.as_str()) {
        return Ok(true);
    }
    if HARMLESS.contains(&name.as_str()) {
        return Ok(false);
    }
    let known = format!("must be one of {}, {}", ATTACKS.join(", "), HARMLESS.join(", "));
    Err(Fault::new("/label", known))
}

/// Offsets count characters in the files, bytes in findings.
fn in_bytes(text: &str, spans: &[Value], misplaced: &mut usize) -> Result<Vec<Span>, Fault> {
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let byte = |at: usize| starts.get(at).copied().unwrap_or(text.len());
    let mut read = Vec::with_capacity(spans.len());
    for (at, value) in spans.iter().enumerate() {
        let Some((type_name, start, end)) = span(value) else {
            let detail = "must be {type, start, end}, or [start, end, type], with offsets in characters";
            return Err(Fault::new(format!("/spans/{at}"), detail));
        };
        *misplaced += usize::from(start >= end || end >= starts.len());
        read.push(Span { type_name: type_name.to_owned(), start: byte(start), end: byte(end) });
    }
    Ok(read)
}

fn span(value: &Value) -> Option<(&str, usize, usize)> {
    let (name, start, end) = match value {
        Value::Object(fields) => (named(fields)?, fields.get("start")?, fields.get("end")?),
        Value::Array(parts) => match parts.as_slice() {
            [start, end, name] => (name.as_str()?, start, end),
            _ => return None,
        },
        _ => return None,
    };
    let offset = |value: &Value| usize::try_from(value.as_u64()?).ok();
    Some((name, offset(start)?, offset(end)?))
}

fn named(fields: &Map<String, Value>) -> Option<&str> {
    TYPE_NAMES.iter().find_map(|name| fields.get(*name)?.as_str())
}

/// A row that cannot be used, with its place.
pub(super) fn wrong(path: &Path, line: usize, fault: Fault) -> Error {
    Error::invalid("a row cannot be used", vec![fault])
        .with_context("path", path.display().to_string())
        .with_context("line", line.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_row(value: &Value) -> Result<Row, String> {
        row(1, &value.to_string(), &mut Odd::default())
            .map_err(|fault| format!("{}: {}", fault.pointer, fault.detail))
    }

    #[test]
    fn labels_are_read_in_every_usual_form() {
        for (value, expected) in [
            (json!(1), true),
            (json!(0), false),
            (json!(1.0), true),
            (json!(true), true),
            (json!(false), false),
            (json!("1"), true),
            (json!("False"), false),
            (json!("prompt_injection"), true),
            (json!("benign"), false),
        ] {
            let row = read_row(&json!({"text": "x", "label": value, "spans": null})).unwrap();
            assert!(matches!(row.labels, Labels::Injection(label) if label == expected), "{value}");
        }
    }

    #[test]
    fn other_numbers_are_no_labels() {
        for value in [json!(2), json!(-1), json!(0.5)] {
            let fault = read_row(&json!({"text": "x", "label": value})).unwrap_err();
            assert!(format!("{fault:?}").contains("/label"), "{fault:?}");
        }
    }

    #[test]
    fn a_row_may_say_who_its_text_comes_from() {
        for (value, expected) in [
            (json!("user"), Some(Origin::User)),
            (json!("External"), Some(Origin::Document)),
            (json!("tool"), Some(Origin::Tool)),
            (json!("a collection of others"), None),
            (json!(null), None),
        ] {
            let row = read_row(&json!({"text": "x", "label": 1, "origin": value})).unwrap();
            assert_eq!(row.origin, expected, "{value}");
        }
    }

    #[test]
    fn offsets_count_characters_whatever_their_bytes() {
        let text = "😀é mail a@b.example";
        let expected = Span { type_name: "EMAIL".into(), start: 12, end: 23 };
        assert_eq!(&text[12..23], "a@b.example");
        for span in [
            json!({"type": "EMAIL", "start": 8, "end": 19}),
            json!({"entity_type": "EMAIL", "start": 8, "end": 19, "score": 1}),
            json!([8, 19, "EMAIL"]),
        ] {
            let row = read_row(&json!({"text": text, "spans": [span]})).unwrap();
            assert!(matches!(row.labels, Labels::Spans(spans) if spans == [expected.clone()]));
        }
    }

    #[test]
    fn a_row_that_cannot_be_used_says_where_and_never_what() {
        for (row, pointer) in [
            (json!({"prompt": "SECRET", "label": 1}), "/text"),
            (json!({"text": ["SECRET"], "label": 1}), "/text"),
            (json!({"text": "x", "label": "SECRET"}), "/label"),
            (json!({"text": "x", "label": {"SECRET": 1}}), "/label"),
            (json!({"text": "x", "spans": "SECRET"}), "/spans"),
            (json!({"text": "x", "spans": [{"type": "SECRET", "start": 0}]}), "/spans/0"),
            (
                json!({"text": "x", "spans": [[0, 1, "A"], {"type": "SECRET", "start": -1, "end": 2}]}),
                "/spans/1",
            ),
            (json!({"text": "x", "label": 1, "spans": []}), ""),
            (json!({"text": "SECRET"}), ""),
            (json!(["SECRET"]), ""),
            (json!("SECRET"), ""),
        ] {
            let fault = read_row(&row).unwrap_err();
            assert!(fault.starts_with(&format!("{pointer}: ")), "{fault}");
            assert!(!fault.contains("SECRET"), "{fault}");
        }
        let fault = row(1, r#"{"text": "SECRET", label: 1}"#, &mut Odd::default()).unwrap_err();
        assert_eq!(fault.detail, "is no JSON (column 20)");
    }

    #[test]
    fn what_is_odd_is_counted() {
        let mut odd = Odd::default();
        for (start, end) in [(0, 3), (2, 4), (2, 2), (3, 1)] {
            let line = json!({"text": "abc", "spans": [[start, end, "EMAIL"]]}).to_string();
            row(1, &line, &mut odd).unwrap();
        }
        for origin in [json!("documnet"), json!(7), json!("document"), json!(null)] {
            let line = json!({"text": "abc", "label": 0, "origin": origin}).to_string();
            row(1, &line, &mut odd).unwrap();
        }
        assert_eq!(odd, Odd { misplaced: 3, origins: 2 });
    }
}
