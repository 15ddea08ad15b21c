//! Cuts a document into chunks: small enough to be found for one reason, large enough to be understood alone.
//!
//! Two steps. The first reads the document's structure into *blocks* (a paragraph, a list item, a fenced listing, a
//! function) and says how willingly a cut is made before each. The second packs blocks into chunks of about
//! [`TARGET`] characters. Only a block longer than [`MOST`] is cut inside, between lines where it has several,
//! otherwise after a sentence or a word; only then do neighbours overlap, by a sentence or a line of prose.
//!
//! What a chunk says is exactly what stands in its lines: a citation can be checked by opening the file. A chunk that
//! is a part of one very long line is a part of that line and of nothing else.

mod blocks;
mod split;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use super::extract::{Extracted, Kind, Line};
use blocks::{Block, Cut};

/// Changes when the same document would be cut differently, so that an index made by an older version is made anew.
pub(super) const FORMAT: u32 = 2;

/// Characters that a chunk has when there is a good place to end it.
const TARGET: usize = 1_000;
/// Characters that a chunk has at most.
const MOST: usize = 1_500;
/// What is shorter than this is not worth a chunk of its own, unless its section says so.
const FEW: usize = 200;

/// A chunk before it has a name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    /// The text of the lines, joined by `\n`.
    pub(super) content: String,
    /// Number of the first line.
    pub(super) start_line: u32,
    /// Number of the last line.
    pub(super) end_line: u32,
    /// Whether it begins inside a fenced listing, which nothing in its own lines says.
    pub(super) in_listing: bool,
    /// The number of each line, where they do not follow each other.
    pub(super) numbers: Option<Vec<u32>>,
    /// The headings above it, outermost first, joined by ` > `.
    pub(super) heading: Option<Arc<str>>,
}

impl Piece {
    /// The piece that these lines make; none for white space.
    fn of(lines: &[Line<'_>], heading: Option<Arc<str>>) -> Option<Self> {
        let (first, last) = (lines.first()?, lines.last()?);
        let texts: Vec<&str> = lines.iter().map(|line| line.text).collect();
        let content = texts.join("\n");
        let follow = lines.iter().zip(first.number..).all(|(line, number)| line.number == number);
        let numbers = (!follow).then(|| lines.iter().map(|line| line.number).collect());
        let blank = content.trim().is_empty();
        (!blank).then_some(Self {
            content,
            start_line: first.number,
            end_line: last.number,
            in_listing: false,
            numbers,
            heading,
        })
    }
}

/// The chunks of a document, in its order. A document of nothing but white space has none.
pub(super) fn chunk(document: &Extracted) -> Vec<Piece> {
    let lines = document.lines();
    let overlap = matches!(document.kind, Kind::Markdown | Kind::Html | Kind::Text | Kind::Pdf);
    let mut packer = Packer { lines: &lines, overlap, open: None, pieces: Vec::new() };
    for block in blocks::blocks(document.kind, &lines) {
        packer.add(block);
    }
    packer.close();
    packer.pieces
}

/// The chunk that is being filled.
struct Open {
    range: Range<usize>,
    heading: Option<Arc<str>>,
    only_headings: bool,
}

struct Packer<'a> {
    lines: &'a [Line<'a>],
    overlap: bool,
    open: Option<Open>,
    pieces: Vec<Piece>,
}

impl Packer<'_> {
    fn add(&mut self, block: Block) {
        let Some(open) = self.open.take() else { return self.begin(block) };
        let joined = open.range.start..block.range.end;
        if open.only_headings {
            // A heading belongs to what follows it, however long that is.
            self.begin(Block { range: joined, ..block });
        } else if self.fits(&open, &block) {
            self.open = Some(Open { range: joined, ..open });
        } else {
            self.open = Some(open);
            self.close();
            self.begin(block);
        }
    }

    fn fits(&self, open: &Open, block: &Block) -> bool {
        let joined = self.length(&(open.range.start..block.range.end));
        let before = self.length(&open.range);
        match block.cut {
            Cut::Always => false,
            Cut::Gladly => joined <= TARGET && before < TARGET / 2,
            Cut::IfNeeded if before < FEW || self.length(&block.range) < FEW => joined <= MOST,
            Cut::IfNeeded => joined <= TARGET,
        }
    }

    fn begin(&mut self, block: Block) {
        let Block { range, heading, is_heading, is_listing, .. } = block;
        if self.length(&range) <= MOST {
            self.open = Some(Open { range, heading, only_headings: is_heading });
            return;
        }
        let lines = self.lines.get(range).unwrap_or_default();
        let parts = split::split(lines, self.overlap && !is_listing);
        for (number, part) in parts.into_iter().enumerate() {
            let in_listing = is_listing && number > 0;
            self.pieces.push(Piece { heading: heading.clone(), in_listing, ..part });
        }
    }

    fn close(&mut self) {
        let Some(Open { range, heading, .. }) = self.open.take() else { return };
        self.pieces.extend(Piece::of(self.lines.get(range).unwrap_or_default(), heading));
    }

    fn length(&self, range: &Range<usize>) -> usize {
        length(self.lines.get(range.clone()).unwrap_or_default())
    }
}

/// Characters of these lines when joined.
fn length(lines: &[Line<'_>]) -> usize {
    lines.iter().map(|line| line.text.chars().count() + 1).sum::<usize>().saturating_sub(1)
}
