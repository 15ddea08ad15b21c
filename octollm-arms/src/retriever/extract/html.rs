//! What a reader sees of an HTML page, each line with its line in the file.
//!
//! A page that is turned into a tree and rendered again has lost where everything stood, and with it every citation.
//! So the text is taken from the tokens, which know their line. Headings, items, rows and listings are marked as in
//! Markdown, so that the page is cut and read like any other document.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};

use super::{Extracted, Kind};

/// Elements whose text nobody sees.
const UNSEEN: &[&str] =
    &["script", "style", "template", "svg", "noscript", "iframe", "object", "select", "head"];

/// Elements that stand apart from what is before and after them.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figure",
    "figcaption",
    "footer",
    "form",
    "header",
    "hr",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "section",
    "summary",
    "table",
    "ul",
];

/// The text of a page.
pub(in crate::retriever) fn extract(html: &str) -> Extracted {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let tokenizer = Tokenizer::new(Reader::default(), Default::default());
    // The reader never asks for a script to be run, so one call reads everything.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let mut page = tokenizer.sink.0.take();
    page.end_line();
    Extracted::of_lines(Kind::Html, page.lines)
}

#[derive(Default)]
struct Reader(RefCell<Page>);

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        let mut page = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => {
                let breaks = text.bytes().filter(|byte| *byte == b'\n').count() as u64;
                page.text(&text, u32::try_from(line.saturating_sub(breaks)).unwrap_or(u32::MAX));
            }
            Token::TagToken(tag) => {
                page.tag(&tag);
                if tag.kind == TagKind::StartTag {
                    return raw(&tag);
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// How the tokenizer goes on after elements that hold no markup.
fn raw(tag: &Tag) -> TokenSinkResult<()> {
    match &*tag.name {
        "script" => TokenSinkResult::RawData(RawKind::ScriptData),
        "style" | "iframe" => TokenSinkResult::RawData(RawKind::Rawtext),
        "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
        _ => TokenSinkResult::Continue,
    }
}

/// What has been read of the page so far.
#[derive(Default)]
struct Page {
    lines: Vec<(u32, String)>,
    line: String,
    number: u32,
    /// Unseen elements that are open.
    unseen: Vec<String>,
    /// In a listing, white space is kept.
    listing: bool,
    /// In a heading or a row, a line break is only white space.
    one_line: bool,
    /// The row that is open has head cells.
    head: bool,
    /// Characters that the line begins with once it has text.
    mark: String,
}

impl Page {
    fn text(&mut self, text: &str, first: u32) {
        if !self.unseen.is_empty() {
            return;
        }
        for (part, number) in text.split('\n').zip(first..) {
            if number > first {
                self.line_break();
            }
            self.words(part.trim_end_matches('\r'), number);
        }
    }

    fn words(&mut self, part: &str, number: u32) {
        if self.line.is_empty() {
            if part.trim().is_empty() {
                return;
            }
            self.number = number;
            self.line.push_str(&std::mem::take(&mut self.mark));
        }
        if self.listing {
            self.line.push_str(part);
            return;
        }
        for c in part.chars() {
            match c.is_whitespace() {
                true if self.line.ends_with(' ') => {}
                true => self.line.push(' '),
                false => self.line.push(c),
            }
        }
    }

    fn line_break(&mut self) {
        if !self.one_line {
            self.end_line();
        } else if !self.line.is_empty() && !self.line.ends_with(' ') {
            self.line.push(' ');
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.trim().is_empty() {
            self.lines.push((self.number, line.trim_end().to_owned()));
        }
    }

    /// Ends the paragraph: what follows stands apart.
    fn end_block(&mut self) {
        self.end_line();
        self.mark.clear();
        if let Some((number, _)) = self.lines.last().filter(|(_, last)| !last.is_empty()) {
            self.lines.push((*number, String::new()));
        }
    }

    fn tag(&mut self, tag: &Tag) {
        let name: &str = &tag.name;
        let opens = tag.kind == TagKind::StartTag;
        if UNSEEN.contains(&name) && !tag.self_closing {
            return self.hide(name, opens);
        }
        if name == "title" {
            return self.title(opens);
        }
        if !self.unseen.is_empty() {
            return;
        }
        match name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.heading(name, opens),
            "tr" => self.row(opens),
            "td" | "th" if opens => self.cell(name == "th"),
            "pre" => self.fence(opens),
            "br" => self.line_break(),
            "li" if opens => {
                self.end_line();
                "- ".clone_into(&mut self.mark);
            }
            "li" => self.end_line(),
            _ if BLOCKS.contains(&name) => self.end_block(),
            _ => {}
        }
    }

    fn hide(&mut self, name: &str, opens: bool) {
        if opens {
            self.unseen.push(name.to_owned());
        } else if let Some(at) = self.unseen.iter().rposition(|open| open == name) {
            self.unseen.truncate(at);
        }
    }
}

impl Page {
    /// The title is in the head, which is unseen, and yet it says what the page is about.
    fn title(&mut self, opens: bool) {
        self.unseen.retain(|open| open != "head");
        if self.unseen.is_empty() {
            self.heading("h1", opens);
        }
    }

    fn heading(&mut self, name: &str, opens: bool) {
        self.end_block();
        self.one_line = opens;
        if opens {
            let level = name.get(1..).and_then(|digit| digit.parse().ok()).unwrap_or(1);
            self.mark = format!("{} ", "#".repeat(level));
        }
    }

    fn row(&mut self, opens: bool) {
        if !opens && !self.line.is_empty() {
            self.line.truncate(self.line.trim_end().len());
            self.line.push_str(" |");
        }
        self.end_line();
        self.mark.clear();
        self.one_line = opens;
        if !opens && std::mem::take(&mut self.head) {
            self.lines.push((self.number, "|---|".to_owned()));
        }
    }

    fn cell(&mut self, head: bool) {
        self.head |= head;
        if self.line.is_empty() {
            "| ".clone_into(&mut self.mark);
        } else {
            self.line.truncate(self.line.trim_end().len());
            self.line.push_str(" | ");
        }
    }

    fn fence(&mut self, opens: bool) {
        if opens {
            self.end_block();
        } else {
            self.end_line();
        }
        self.listing = opens;
        self.lines.push((self.number.max(1), "```".to_owned()));
        if !opens {
            self.end_block();
        }
    }
}
