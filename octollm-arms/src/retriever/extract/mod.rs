//! Reads files of many kinds as numbered lines of text.
//!
//! Whatever a file is, what comes out is text whose every line knows its place in the file, because a citation must be
//! something that a person can open. What the place is depends on the kind:
//!
//! | kind | text | a line's number is |
//! |---|---|---|
//! | text, Markdown, code | as it stands | its line in the file |
//! | JSON, JSON Lines | as it stands; a document on one single line is indented first | its line in the file |
//! | CSV, TSV | a record a line, each value after its column's name | the line where the record begins |
//! | HTML | what a reader sees, with headings, items and tables marked as in Markdown | its line in the file |
//! | PDF | what a reader sees | its page |

mod html;
mod page;
mod pdf;
mod plain;
mod read;
mod table;
#[cfg(test)]
mod tests;

use std::path::Path;

pub(super) use html::extract as html;
pub(super) use page::page;
pub(super) use plain::decode;
pub(super) use read::{io_reason, read_at_most, read_open};
pub(super) use table::{broken as broken_table, delimiter, line as line_of_record};

/// Lines that a file may have. What has more is data, not something to be read.
const MOST_LINES: usize = 1_000_000;

/// What kind of document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Markdown,
    Code,
    Html,
    Pdf,
    Json,
    Csv,
}

impl Kind {
    /// By the name of the file; anything unknown is text, if it turns out to be text.
    pub(super) fn of(path: &Path) -> Self {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "md" | "markdown" | "mdx" | "mkd" | "qmd" | "rmd" => Self::Markdown,
            "html" | "htm" | "xhtml" => Self::Html,
            "pdf" => Self::Pdf,
            "json" | "jsonl" | "ndjson" | "geojson" => Self::Json,
            "csv" | "tsv" => Self::Csv,
            code if CODE.contains(&code) => Self::Code,
            _ => Self::Text,
        }
    }

    /// As it stands in a chunk's labels.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Code => "code",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }

    /// The kind with this name; text for any other.
    pub(super) fn named(name: &str) -> Self {
        [Self::Markdown, Self::Code, Self::Html, Self::Pdf, Self::Json, Self::Csv]
            .into_iter()
            .find(|kind| kind.name() == name)
            .unwrap_or(Self::Text)
    }
}

const CODE: &[&str] = &[
    "bash", "bat", "c", "cc", "clj", "cpp", "cs", "css", "cxx", "dart", "erl", "ex", "exs", "fish", "go",
    "gradle", "h", "hh", "hpp", "hs", "ini", "java", "jl", "js", "jsx", "kt", "kts", "less", "lua", "m",
    "mjs", "ml", "nim", "php", "pl", "proto", "ps1", "py", "pyi", "r", "rb", "rs", "scala", "scss", "sh",
    "sql", "svelte", "swift", "tcl", "tf", "toml", "ts", "tsx", "vue", "xml", "yaml", "yml", "zig", "zsh",
];

/// A document as text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Extracted {
    /// What it is.
    pub(super) kind: Kind,
    /// Its text.
    pub(super) text: String,
    /// The number of each line of `text`; absent where they are simply 1, 2, 3.
    pub(super) numbers: Option<Vec<u32>>,
}

/// A line of text with its place in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// See the module's table.
    pub(super) number: u32,
    /// Without its line break.
    pub(super) text: &'a str,
}

impl Line<'_> {
    /// Whether there is nothing but white space in it.
    pub(super) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

impl Extracted {
    /// The lines in order.
    pub(super) fn lines(&self) -> Vec<Line<'_>> {
        match &self.numbers {
            None => self.text.lines().zip(1..).map(|(text, number)| Line { number, text }).collect(),
            Some(numbers) => {
                self.text.lines().zip(numbers).map(|(text, number)| Line { number: *number, text }).collect()
            }
        }
    }

    /// A document made line by line.
    fn of_lines(kind: Kind, lines: impl IntoIterator<Item = (u32, String)>) -> Self {
        let mut text = String::new();
        let mut numbers = Vec::new();
        for (number, line) in lines {
            text.push_str(&line);
            text.push('\n');
            numbers.push(number);
        }
        Self { kind, text, numbers: Some(numbers) }
    }
}

/// Reads `bytes` as the kind of document that the file's name says. Takes as long as it takes: not for an async task.
///
/// # Errors
/// Why the file is left out, in words for a person, without anything of its content.
pub(super) fn extract(path: &Path, bytes: Vec<u8>) -> Result<Extracted, String> {
    let kind = Kind::of(path);
    if kind == Kind::Pdf {
        return pdf::extract(bytes);
    }
    with_kind(kind, path, plain::decode(bytes)?)
}

fn with_kind(kind: Kind, path: &Path, text: String) -> Result<Extracted, String> {
    fits(&text)?;
    match kind {
        Kind::Html => Ok(html::extract(&text)),
        Kind::Csv => table::csv(path, &text),
        Kind::Json => Ok(table::json(text)),
        _ => Ok(Extracted { kind, text, numbers: None }),
    }
}

fn fits(text: &str) -> Result<(), String> {
    match text.bytes().filter(|byte| *byte == b'\n').count() {
        0..MOST_LINES => Ok(()),
        _ => Err(format!("has more than {MOST_LINES} lines")),
    }
}
