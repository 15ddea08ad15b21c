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

/// Elements around what a page is about.
const AROUND: &[&str] = &["nav", "footer", "aside", "dialog", "menu", "button"];

/// Roles of such elements.
const ROLES_AROUND: &[&str] =
    &["navigation", "banner", "contentinfo", "complementary", "search", "dialog", "menu"];

/// Elements that have no end.
const VOID: &[&str] =
    &["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];

/// Elements whose end is often left out, so that nothing is known of where they end.
const OPEN_ENDED: &[&str] =
    &["html", "body", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option"];

/// Characters from which on what a page says is its content is taken for it.
const LEAST_MAIN: usize = 200;

/// The text of a page.
pub(in crate::retriever) fn extract(html: &str) -> Extracted {
    let page = read(html, false);
    Extracted::of_lines(Kind::Html, page.lines.into_iter().map(|line| (line.number, line.text)))
}

/// What a page is about: its title, and what it says its content is (`main`, or `article` where that is most of it),
/// without menus and footers; all of the rest where it does not say so.
pub(super) fn extract_readable(html: &str) -> Extracted {
    let page = read(html, true);
    let chars = |place| {
        let lines = page.lines.iter().filter(|line| line.place >= place);
        lines.map(|line| line.text.chars().count()).sum::<usize>()
    };
    let (all, article, main) = (chars(Place::Anywhere), chars(Place::Article), chars(Place::Main));
    let kept = match (main >= LEAST_MAIN, article >= LEAST_MAIN && 2 * article >= all) {
        (true, _) => Place::Main,
        (false, true) => Place::Article,
        (false, false) => Place::Anywhere,
    };
    let lines = page.lines.into_iter().filter(|line| line.place >= kept || line.is_title);
    Extracted::of_lines(Kind::Html, lines.map(|line| (line.number, line.text)))
}

fn read(html: &str, readable: bool) -> Page {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let page = Page { readable, ..Page::default() };
    let tokenizer = Tokenizer::new(Reader(RefCell::new(page)), Default::default());
    // The reader never asks for a script to be run, so one call reads everything.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let mut page = tokenizer.sink.0.take();
    page.end_line();
    page
}

/// Where a line stands, from the edge to the middle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    #[default]
    Anywhere,
    Article,
    Main,
}

/// A line of the page.
struct Line {
    number: u32,
    text: String,
    place: Place,
    /// It is the page's title.
    is_title: bool,
}

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
    lines: Vec<Line>,
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
    /// What is around the content is left out.
    readable: bool,
    /// How many of these are open.
    articles: usize,
    mains: usize,
    /// The title is being read.
    title: bool,
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
            self.push(self.number, line.trim_end());
        }
    }

    fn push(&mut self, number: u32, text: &str) {
        let place = match (self.mains > 0, self.articles > 0) {
            (true, _) => Place::Main,
            (false, true) => Place::Article,
            (false, false) => Place::Anywhere,
        };
        self.lines.push(Line { number, text: text.to_owned(), place, is_title: self.title });
    }

    /// Ends the paragraph: what follows stands apart.
    fn end_block(&mut self) {
        self.end_line();
        self.mark.clear();
        if let Some(number) = self.lines.last().filter(|last| !last.text.is_empty()).map(|last| last.number) {
            self.push(number, "");
        }
    }

    fn tag(&mut self, tag: &Tag) {
        let name: &str = &tag.name;
        let opens = tag.kind == TagKind::StartTag;
        if self.hides(tag, name, opens) {
            return self.hide(name, opens);
        }
        if name == "title" {
            return self.title(opens);
        }
        if !self.unseen.is_empty() {
            return;
        }
        self.enter(name, opens);
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

    /// Whether this tag begins or ends something that is left out.
    fn hides(&mut self, tag: &Tag, name: &str, opens: bool) -> bool {
        // A paragraph ends where something begins or ends that no paragraph can hold.
        if self.unseen.last().is_some_and(|open| open == "p")
            && (name != "p" || opens)
            && BLOCKS.contains(&name)
        {
            self.unseen.pop();
        }
        if !opens {
            return self.unseen.iter().any(|open| open == name);
        }
        if VOID.contains(&name) || tag.self_closing {
            return false;
        }
        // Within something unseen, its like are counted, so that it is known which end is its own.
        UNSEEN.contains(&name)
            || self.unseen.iter().any(|open| open == name)
            || (!OPEN_ENDED.contains(&name) && (is_hidden(tag) || (self.readable && is_around(tag, name))))
    }

    /// Notes where the content begins and ends.
    fn enter(&mut self, name: &str, opens: bool) {
        if !matches!(name, "main" | "article") {
            return;
        }
        self.end_block();
        let open = if name == "main" { &mut self.mains } else { &mut self.articles };
        *open = if opens { *open + 1 } else { open.saturating_sub(1) };
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
            self.title |= opens;
            self.heading("h1", opens);
            self.title &= opens;
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
            self.push(self.number, "|---|");
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
        self.push(self.number.max(1), "```");
        if !opens {
            self.end_block();
        }
    }
}

/// Whether nobody sees it, by its own attributes.
fn is_hidden(tag: &Tag) -> bool {
    tag.attrs.iter().any(|attribute| match &*attribute.name.local {
        "hidden" => true,
        "aria-hidden" => &*attribute.value == "true",
        "style" => {
            let style: String = attribute.value.chars().filter(|c| !c.is_whitespace()).collect();
            let style = style.to_ascii_lowercase();
            ["display:none", "visibility:hidden", "font-size:0", "opacity:0;"]
                .iter()
                .any(|way| style.contains(way))
        }
        _ => false,
    })
}

/// Whether it stands around what the page is about.
fn is_around(tag: &Tag, name: &str) -> bool {
    let role = tag.attrs.iter().find(|attribute| &*attribute.name.local == "role");
    AROUND.contains(&name) || role.is_some_and(|role| ROLES_AROUND.contains(&&*role.value))
}
