//! Takes passages apart into what can be quoted: sentences, list items, table rows, lines of data or code.
//!
//! A sentence is a range of bytes of its passage, so that the quote is exactly what stands there; what is *said* of it is
//! the same words without the marks of Markdown or of a comment.

use std::ops::Range;

use super::Passage;
use crate::retriever::extract::Kind;
use crate::retriever::markdown::{self, Fence};
use crate::sentences::sentence_ranges;

/// What a sentence is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Running text, a list item or a comment.
    Prose,
    /// A row of a table.
    Row,
    /// A record or a line of data.
    Data,
    /// A line of code.
    Code,
}

/// Something that can be quoted.
#[derive(Debug, Clone)]
pub(super) struct Sentence {
    /// Which passage, by its place in the list.
    pub(super) passage: usize,
    /// Which paragraph of the passage; neighbours in one paragraph belong together.
    pub(super) paragraph: usize,
    /// Bytes of the passage's content.
    pub(super) range: Range<usize>,
    /// What it is taken from.
    pub(super) shape: Shape,
    /// The words as they are read.
    pub(super) said: String,
    /// Column names of its table, for a row.
    pub(super) columns: Vec<String>,
}

/// Everything in the passage that can be quoted, in order.
pub(super) fn sentences(number: usize, passage: &Passage<'_>) -> Vec<Sentence> {
    let mut reader = Reader {
        number,
        passage,
        found: Vec::new(),
        open: None,
        paragraphs: 0,
        columns: Vec::new(),
        fence: passage.in_listing.then(|| Fence::opens("```")).flatten(),
    };
    let mut at = 0;
    let lines: Vec<&str> = passage.content.split('\n').collect();
    for (index, line) in lines.iter().enumerate() {
        let below = lines.get(index + 1).copied().unwrap_or_default();
        reader.line(at..at + line.len(), line, below);
        at += line.len() + 1;
    }
    reader.close();
    reader.found
}

struct Reader<'a> {
    number: usize,
    passage: &'a Passage<'a>,
    found: Vec<Sentence>,
    open: Option<Range<usize>>,
    paragraphs: usize,
    columns: Vec<String>,
    fence: Option<Fence>,
}

impl Reader<'_> {
    fn line(&mut self, range: Range<usize>, line: &str, below: &str) {
        match self.passage.kind {
            Kind::Markdown | Kind::Html => self.markdown(range, line, below),
            Kind::Code => self.code(range, line),
            Kind::Csv | Kind::Json => self.single(range, line, Shape::Data),
            Kind::Text | Kind::Pdf => self.prose(range, line),
        }
    }

    fn markdown(&mut self, range: Range<usize>, line: &str, below: &str) {
        if self.in_fence(line) {
            return self.close();
        }
        if !markdown::is_row(line) {
            self.columns.clear();
        }
        let underlined =
            markdown::underline(below).is_some() && self.open.is_none() && !markdown::is_item(line);
        let no_text = underlined || markdown::is_separator(line);
        if no_text || markdown::heading(line).is_some() || markdown::underline(line).is_some() {
            self.close();
        } else if markdown::is_row(line) {
            self.close();
            self.row(range, line, below);
        } else {
            if let Some(mark) = markdown::item_marker(line) {
                self.close();
                self.open = Some(range.start + mark..range.end);
            }
            self.prose(range, line);
        }
    }

    fn prose(&mut self, range: Range<usize>, line: &str) {
        if line.trim().is_empty() {
            return self.close();
        }
        match &mut self.open {
            Some(open) => open.end = range.end,
            None => self.open = Some(range),
        }
    }

    fn code(&mut self, range: Range<usize>, line: &str) {
        let Some(text) = comment(line) else {
            self.fence = None;
            return self.single(range, line, Shape::Code);
        };
        // Comments that document an item are Markdown in most languages.
        if self.in_fence(text) || markdown::heading(text.trim_start()).is_some() || text.trim().is_empty() {
            return self.close();
        }
        let mark = markdown::item_marker(text);
        if mark.is_some() {
            self.close();
        }
        match &mut self.open {
            Some(open) => open.end = range.end,
            None => {
                let said = text.get(mark.unwrap_or_default()..).unwrap_or_default().trim_start();
                let before = line.find(said).unwrap_or_default();
                self.open = Some(range.start + before..range.end);
            }
        }
    }

    /// Whether this line is a part of a fenced listing, its fences included.
    fn in_fence(&mut self, line: &str) -> bool {
        match &self.fence {
            Some(fence) => {
                if fence.closes(line) {
                    self.fence = None;
                }
                true
            }
            None => {
                self.fence = Fence::opens(line);
                self.fence.is_some()
            }
        }
    }

    fn single(&mut self, range: Range<usize>, line: &str, shape: Shape) {
        self.close();
        let text = line.trim();
        if text.chars().filter(|c| c.is_alphanumeric()).count() < 3 {
            return;
        }
        let start = range.start + line.len() - line.trim_start().len();
        let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.push(start..start + text.len(), shape, said, Vec::new());
    }

    fn row(&mut self, range: Range<usize>, line: &str, below: &str) {
        let cells: Vec<String> = markdown::cells(line).into_iter().map(markdown::plain).collect();
        if markdown::is_separator(below) {
            self.columns = cells;
            return;
        }
        let start = range.start + line.len() - line.trim_start().len();
        let columns = self.columns.clone();
        self.push(start..start + line.trim().len(), Shape::Row, cells.join("; "), columns);
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let text = self.passage.content.get(open.clone()).unwrap_or_default();
        let code = self.passage.kind == Kind::Code;
        for range in sentence_ranges(text) {
            let raw = text.get(range.clone()).unwrap_or_default();
            let lines = raw.lines().map(|line| if code { comment(line).unwrap_or(line) } else { line });
            let lines: Vec<&str> =
                lines.map(|line| line.trim().trim_start_matches("> ").trim_end_matches("*/")).collect();
            let said = markdown::plain(&lines.join(" "));
            self.push(open.start + range.start..open.start + range.end, Shape::Prose, said, Vec::new());
        }
        self.paragraphs += 1;
    }

    fn push(&mut self, range: Range<usize>, shape: Shape, said: String, columns: Vec<String>) {
        let said = said.trim_end_matches([';', ',']).to_owned();
        if said.is_empty() {
            return;
        }
        let (passage, paragraph) = (self.number, self.paragraphs);
        self.found.push(Sentence { passage, paragraph, range, shape, said, columns });
        if shape != Shape::Prose {
            self.paragraphs += 1;
        }
    }
}

/// The text of a line that is nothing but a comment.
fn comment(line: &str) -> Option<&str> {
    const MARKS: &[&str] =
        &["///", "//!", "//", "/**", "/*", "*/", "* ", "##", "#!", "# ", "-- ", ";; ", "\"\"\""];
    let text = line.trim();
    if text == "#" || text == "*" {
        return Some("");
    }
    let inner = MARKS.iter().find_map(|mark| text.strip_prefix(mark))?;
    Some(inner.trim_end_matches("*/").trim_end_matches("\"\"\""))
}
