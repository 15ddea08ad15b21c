//! What belongs together in a document: the blocks that chunks are packed from.

use std::ops::Range;
use std::sync::Arc;

use super::TARGET;
use crate::retriever::extract::{Kind, Line};
use crate::retriever::markdown::{self, Fence};

/// How willingly a cut is made before a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// A new section begins here.
    Always,
    /// A new unit begins here, such as a function: cut once there is enough before it.
    Gladly,
    /// Cut only where the chunk would grow too long.
    IfNeeded,
}

/// Lines that belong together.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// Which lines.
    pub(super) range: Range<usize>,
    /// How willingly a cut is made before it.
    pub(super) cut: Cut,
    /// The headings above it.
    pub(super) heading: Option<Arc<str>>,
    /// Whether it is nothing but a heading.
    pub(super) is_heading: bool,
    /// Whether it is a fenced listing.
    pub(super) is_listing: bool,
}

impl Block {
    fn plain(range: Range<usize>, cut: Cut) -> Self {
        Self { range, cut, heading: None, is_heading: false, is_listing: false }
    }
}

/// The blocks of a document in order. Together they hold every line that is not blank, each once.
pub(super) fn blocks(kind: Kind, lines: &[Line<'_>]) -> Vec<Block> {
    match kind {
        Kind::Markdown | Kind::Html => markdown_blocks(lines),
        Kind::Code => runs(lines, |first| if begins_unit(first) { Cut::Gladly } else { Cut::IfNeeded }),
        Kind::Text | Kind::Pdf => runs(lines, |_| Cut::IfNeeded),
        Kind::Csv | Kind::Json => records(lines),
    }
}

/// One block per line.
fn records(lines: &[Line<'_>]) -> Vec<Block> {
    let filled = lines.iter().enumerate().filter(|(_, line)| !line.is_blank());
    filled.map(|(at, _)| Block::plain(at..at + 1, Cut::IfNeeded)).collect()
}

/// One block per run of lines that are not blank; `cut` looks at its first line.
fn runs(lines: &[Line<'_>], cut: impl Fn(&str) -> Cut) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if line.is_blank() {
            at += 1;
            continue;
        }
        let end = lines.iter().skip(at).position(Line::is_blank).map_or(lines.len(), |length| at + length);
        blocks.push(Block::plain(at..end, cut(line.text)));
        at = end;
    }
    blocks
}

/// Whether a line of code begins a unit: not indented, and not the end of one.
fn begins_unit(line: &str) -> bool {
    line.starts_with(|c: char| !c.is_whitespace() && !"})]".contains(c))
}

/// Walks through Markdown, keeping the headings above and the block that is open.
struct MarkdownWalk {
    blocks: Vec<Block>,
    headings: Vec<(usize, String)>,
    path: Option<Arc<str>>,
    open: Option<usize>,
}

fn markdown_blocks(lines: &[Line<'_>]) -> Vec<Block> {
    let mut walk = MarkdownWalk { blocks: Vec::new(), headings: Vec::new(), path: None, open: None };
    let mut at = front_matter(lines);
    walk.push(0..at);
    while let Some(line) = lines.get(at) {
        if let Some(fence) = Fence::opens(line.text) {
            walk.close(at);
            let length = lines.iter().skip(at + 1).position(|line| fence.closes(line.text));
            let end = length.map_or(lines.len(), |length| at + length + 2);
            walk.push(at..end);
            walk.mark_listing();
            at = end;
        } else if let Some((level, title, size)) = heading_at(lines, at) {
            walk.close(at);
            walk.enter(level, title, at..at + size);
            at += size;
        } else {
            walk.line(at, line.text);
            at += 1;
        }
    }
    walk.close(lines.len());
    walk.blocks
}

impl MarkdownWalk {
    fn push(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            let heading = self.path.clone();
            self.blocks.push(Block { heading, ..Block::plain(range, Cut::IfNeeded) });
        }
    }

    fn mark_listing(&mut self) {
        if let Some(block) = self.blocks.last_mut() {
            block.is_listing = true;
        }
    }

    fn close(&mut self, end: usize) {
        if let Some(start) = self.open.take() {
            self.push(start..end);
        }
    }

    fn line(&mut self, at: usize, text: &str) {
        if text.trim().is_empty() {
            self.close(at);
        } else if self.open.is_none() {
            self.open = Some(at);
        } else if markdown::is_item(text) {
            self.close(at);
            self.open = Some(at);
        }
    }

    fn enter(&mut self, level: usize, title: String, range: Range<usize>) {
        self.headings.retain(|(above, _)| *above < level);
        self.headings.push((level, title));
        let titles: Vec<&str> = self.headings.iter().map(|(_, title)| title.as_str()).collect();
        self.path = Some(titles.join(" > ").into());
        self.blocks.push(Block {
            heading: self.path.clone(),
            is_heading: true,
            ..Block::plain(range, Cut::Always)
        });
    }
}

/// Level, title and number of lines of the heading that begins at `at`.
fn heading_at(lines: &[Line<'_>], at: usize) -> Option<(usize, String, usize)> {
    let line = lines.get(at)?;
    if let Some((level, title)) = markdown::heading(line.text) {
        return Some((level, markdown::plain(title), 1));
    }
    let first = at.checked_sub(1).and_then(|before| lines.get(before)).is_none_or(Line::is_blank);
    let level = lines.get(at + 1).and_then(|below| markdown::underline(below.text))?;
    let title = first && !line.is_blank() && !markdown::is_item(line.text) && !line.text.starts_with('|');
    title.then(|| (level, markdown::plain(line.text.trim()), 2))
}

/// Lines of the block between two `---` at the very beginning; 0 if there is none.
fn front_matter(lines: &[Line<'_>]) -> usize {
    if lines.first().is_none_or(|line| line.text.trim_end() != "---") {
        return 0;
    }
    let few = lines.iter().take(TARGET / 10).skip(1);
    few.take_while(|line| !line.is_blank())
        .position(|line| line.text.trim_end() == "---")
        .map_or(0, |length| length + 2)
}
