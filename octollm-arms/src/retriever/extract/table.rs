//! Data as text: CSV records and JSON documents.

use std::path::Path;

use super::{Extracted, Kind};

/// Characters of one value that are kept; a longer one is a document of its own, not a field.
const LONGEST_VALUE: usize = 2_000;

/// The records of a table, one a line, `name: Ada; born: 1815`. The first record names the columns.
///
/// # Errors
/// Why it cannot be read as a table.
pub(super) fn csv(path: &Path, text: &str) -> Result<Extracted, String> {
    let tabs = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsv"));
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if tabs { b'\t' } else { delimiter(text) })
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| broken(&error))?.clone();
    let mut lines = vec![(1, names.iter().collect::<Vec<_>>().join("; "))];
    for record in reader.records() {
        let record = record.map_err(|error| broken(&error))?;
        let number = u32::try_from(line(text, &record)).unwrap_or(u32::MAX);
        lines.push((number, sentence(&names, &record)));
    }
    Ok(Extracted::of_lines(Kind::Csv, lines))
}

/// Why a file cannot be read as a table, with the line.
pub(in crate::retriever) fn broken(error: &csv::Error) -> String {
    let line = error.position().map_or(String::new(), |at| format!(" at line {}", at.line()));
    format!("cannot be read as a table{line}")
}

/// The line where a record of `text` begins. The reader's own position is before the empty lines that it passes over.
pub(in crate::retriever) fn line(text: &str, record: &csv::StringRecord) -> u64 {
    let Some(position) = record.position() else { return 1 };
    let at = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let after = text.as_bytes().get(at..).unwrap_or_default();
    let passed = after.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + passed.filter(|byte| **byte == b'\n').count() as u64
}

/// The separator that the first line uses most outside of quotes; a comma where none stands out.
pub(in crate::retriever) fn delimiter(text: &str) -> u8 {
    let head = text.lines().next().unwrap_or_default();
    let count = |mark: u8| {
        let unquoted = head.split('"').step_by(2);
        unquoted.flat_map(str::bytes).filter(|byte| *byte == mark).count()
    };
    [b';', b'\t', b'|']
        .into_iter()
        .filter(|mark| count(*mark) > count(b','))
        .max_by_key(|mark| count(*mark))
        .unwrap_or(b',')
}

fn sentence(names: &csv::StringRecord, record: &csv::StringRecord) -> String {
    let mut fields = Vec::new();
    for (at, value) in record.iter().enumerate().filter(|(_, value)| !value.is_empty()) {
        let value: String =
            value.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_VALUE).collect();
        match names.get(at).filter(|name| !name.is_empty()) {
            Some(name) => fields.push(format!("{name}: {value}")),
            None => fields.push(value),
        }
    }
    fields.join("; ")
}

/// JSON as it stands. A document on one single line is indented, so that it can be cut; all of it is then line 1.
pub(super) fn json(text: String) -> Extracted {
    let one_line = text.trim_end().lines().nth(1).is_none();
    let indented = one_line.then(|| serde_json::from_str::<serde_json::Value>(&text).ok()).flatten();
    match indented.and_then(|value| serde_json::to_string_pretty(&value).ok()) {
        Some(pretty) => Extracted::of_lines(Kind::Json, pretty.lines().map(|line| (1, line.to_owned()))),
        None => Extracted { kind: Kind::Json, text, numbers: None },
    }
}
