//! Labelled rows.

use std::path::Path;

use octollm_core::{Error, ErrorKind, Fault, Result};
use serde::Deserialize;
use serde_json::Value;

/// A labelled text.
pub(super) struct Row {
    pub(super) id: Option<Value>,
    pub(super) text: String,
    pub(super) labels: Labels,
}

/// What is known about a text.
pub(super) enum Labels {
    /// Whether it is an injection.
    Injection(bool),
    /// The personal data in it, with offsets in bytes.
    Spans(Vec<Span>),
}

/// A labelled place.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) type_name: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Deserialize)]
struct RawRow {
    id: Option<Value>,
    text: String,
    label: Option<u8>,
    spans: Option<Vec<RawSpan>>,
}

#[derive(Deserialize)]
struct RawSpan {
    #[serde(rename = "type")]
    type_name: String,
    start: usize,
    end: usize,
}

/// The rows of a file of JSON lines.
pub(super) fn read(path: &Path) -> Result<Vec<Row>> {
    let content = std::fs::read_to_string(path).map_err(|error| {
        Error::new(ErrorKind::NotFound, "the file cannot be read")
            .with_context("path", path.display().to_string())
            .with_context("reason", error.kind().to_string())
    })?;
    let lines = content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| row(line).map_err(|detail| wrong(path, at + 1, detail))).collect()
}

fn row(line: &str) -> Result<Row, &'static str> {
    let raw: RawRow =
        serde_json::from_str(line).map_err(|_| "must be an object with `text` and `label` or `spans`")?;
    let labels = match (raw.label, raw.spans) {
        (Some(label), None) => Labels::Injection(label != 0),
        (None, Some(spans)) => Labels::Spans(in_bytes(&raw.text, spans)),
        _ => return Err("must have either `label` or `spans`"),
    };
    Ok(Row { id: raw.id, text: raw.text, labels })
}

/// Offsets count characters in the files, bytes in findings.
fn in_bytes(text: &str, spans: Vec<RawSpan>) -> Vec<Span> {
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let byte = |at: usize| starts.get(at).copied().unwrap_or(text.len());
    let span = |raw: RawSpan| Span { start: byte(raw.start), end: byte(raw.end), type_name: raw.type_name };
    spans.into_iter().map(span).collect()
}

fn wrong(path: &Path, line: usize, detail: &'static str) -> Error {
    Error::invalid("a row cannot be used", vec![Fault::new("", detail)])
        .with_context("path", path.display().to_string())
        .with_context("line", line.to_string())
}
