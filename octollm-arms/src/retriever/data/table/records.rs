//! The records of a file, one after the other, each with the number that becomes its `rowid`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Stop;
use super::cell::Cell;
use crate::retriever::data::guard::Guard;
use crate::retriever::extract;

/// Records between two looks at the clock.
pub(super) const OFTEN: u32 = 512;

/// How the records stand in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Fields between these marks; the first record names the columns, and a record's number is the line where it begins.
    Separated(u8),
    /// An object a line; a record's number is its line.
    JsonLines,
    /// One array of objects, or one object; a record's number counts from 1.
    Json,
    /// Columns, as Parquet keeps them; its rows were made lines of JSON. A record's number counts from 1.
    Columnar,
}

impl Form {
    /// Whether a file of this name holds columns.
    pub(super) fn is_columnar(path: &Path) -> bool {
        path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
    }

    /// By the file's name, and for JSON by how its text begins.
    pub(super) fn of(path: &Path, text: &str) -> Result<Self, String> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "tsv" | "tab" => Ok(Self::Separated(b'\t')),
            "csv" => Ok(Self::Separated(extract::delimiter(text))),
            "jsonl" | "ndjson" => Ok(Self::JsonLines),
            "json" => Ok(Self::Json),
            "parquet" => Ok(Self::Columnar),
            _ => Err("is no CSV, TSV, JSON, JSON Lines or Parquet file by its name".to_owned()),
        }
    }

    /// The names of the columns as the file has them; of JSON, none are known before its records.
    pub(super) fn header(self, text: &str) -> Result<Vec<String>, String> {
        let Self::Separated(mark) = self else { return Ok(Vec::new()) };
        let mut reader = reader(text, mark);
        let header = reader.headers().map_err(|error| extract::broken_table(&error))?;
        Ok(header.iter().map(str::to_owned).collect())
    }
}

/// The columns that are known so far.
pub(super) struct Header {
    names: Vec<String>,
    /// Those that objects brought.
    known: HashSet<String>,
}

impl Header {
    pub(super) fn new(names: Vec<String>) -> Self {
        Self { names, known: HashSet::new() }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }

    /// Adds the columns that this record has and none before; false where that makes more than `most`.
    pub(super) fn widen(&mut self, record: &Record<'_>, most: usize) -> bool {
        match record {
            Record::Fields(fields) if fields.len() > most => return false,
            Record::Fields(fields) => {
                self.names.resize(self.names.len().max(fields.len()), String::new());
            }
            Record::Object(object) if object.len() > most => return false,
            Record::Object(object) => {
                for name in object.keys() {
                    if !self.known.contains(name) {
                        self.known.insert(name.clone());
                        self.names.push(name.clone());
                    }
                }
            }
        }
        self.names.len() <= most
    }
}

/// A record.
pub(super) enum Record<'a> {
    Fields(&'a csv::StringRecord),
    Object(&'a Map<String, Value>),
}

impl Record<'_> {
    /// Whether it has another number of fields than the header.
    pub(super) fn is_ragged(&self, named: usize) -> bool {
        matches!(self, Self::Fields(fields) if fields.len() != named)
    }

    /// The value in this column.
    pub(super) fn cell<'a>(&'a self, at: usize, columns: &[String]) -> Cell<'a> {
        let found = match self {
            Self::Fields(fields) => fields.get(at).map(Cell::read),
            Self::Object(object) => columns.get(at).and_then(|name| object.get(name)).map(Cell::of_json),
        };
        found.unwrap_or(Cell::Null)
    }
}

/// What is done with each record.
type Each<'a> = dyn FnMut(u32, &Record<'_>) -> Result<(), Stop> + 'a;

/// Goes through the records.
///
/// # Errors
/// Why the file is no table, by line; what `each` says; that time is over.
pub(super) fn each(text: &str, form: Form, guard: &Guard, each: &mut Each<'_>) -> Result<(), Stop> {
    let mut seen = 0_u32;
    let mut watched = |number: u32, record: &Record<'_>| {
        seen = seen.wrapping_add(1);
        if seen.is_multiple_of(OFTEN) && guard.is_over() {
            return Err(Stop::Over);
        }
        each(number, record)
    };
    match form {
        Form::Separated(mark) => separated(text, mark, &mut watched),
        Form::JsonLines | Form::Columnar => json_lines(text, &mut watched),
        Form::Json => json(text, &mut watched),
    }
}

fn reader(text: &str, mark: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().delimiter(mark).flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes())
}

fn separated(text: &str, mark: u8, each: &mut Each<'_>) -> Result<(), Stop> {
    let mut reader = reader(text, mark);
    let broken = |error: csv::Error| Stop::Unfit(extract::broken_table(&error));
    reader.headers().map_err(broken)?;
    let (mut record, mut last) = (csv::StringRecord::new(), 0);
    // An odd number of quotes means that one is open at the end, or that one is a mark of inches.
    let odd = text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1;
    let mut swallowed = None;
    while reader.read_record(&mut record).map_err(broken)? {
        // A lone carriage return ends a record and no line, so that several may begin at one.
        let line = extract::line_of_record(text, &record).max(last + 1);
        last = line;
        swallowed = (odd && record.iter().any(|field| field.contains('\n'))).then_some(line);
        each(u32::try_from(line).unwrap_or(u32::MAX), &Record::Fields(&record))?;
    }
    match swallowed {
        Some(line) => {
            Err(Stop::Unfit(format!("has a quote that is not closed, in the record at line {line}")))
        }
        None => Ok(()),
    }
}

fn json_lines(text: &str, each: &mut Each<'_>) -> Result<(), Stop> {
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        let object: Map<String, Value> = serde_json::from_str(line)
            .map_err(|_| Stop::Unfit(format!("has something else than a JSON object at line {number}")))?;
        each(number, &Record::Object(&object))?;
    }
    Ok(())
}

/// The objects of an array are looked at while they are read, so that only one of them is in memory.
fn json(text: &str, each: &mut Each<'_>) -> Result<(), Stop> {
    if text.trim_start().starts_with('{') {
        let object = serde_json::from_str(text).map_err(|error| no_array(&error))?;
        return each(1, &Record::Object(&object));
    }
    let mut stop = None;
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Objects { each, stop: &mut stop }.deserialize(&mut reader).and_then(|()| reader.end());
    match (stop, read) {
        (Some(stop), _) => Err(stop),
        (None, Err(error)) => Err(no_array(&error)),
        (None, Ok(())) => Ok(()),
    }
}

fn no_array(error: &serde_json::Error) -> Stop {
    Stop::Unfit(format!("is no JSON array of objects, at line {}", error.line()))
}

struct Objects<'a, 'b> {
    each: &'a mut Each<'b>,
    stop: &'a mut Option<Stop>,
}

impl<'de> DeserializeSeed<'de> for Objects<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Objects<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(object) = array.next_element::<Map<String, Value>>()? {
            number += 1;
            if let Err(stop) = (self.each)(number, &Record::Object(&object)) {
                *self.stop = Some(stop);
                return Err(A::Error::custom(Cow::Borrowed("stopped")));
            }
        }
        Ok(())
    }
}
