//! The code and the text in an output.

use serde_json::Value;

use super::request::JudgeRequest;
use super::response::JudgeLocation;
use crate::syntax::{self, Checked};

/// Bytes of a pointer before a key, and of a key, that stands in it as it is.
const LONGEST_WAY: usize = 1_000;
const LONGEST_KEY: usize = 100;

/// A piece of code in an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CodePart<'a> {
    /// JSON pointer to the text that holds it.
    pub(super) pointer: &'static str,
    /// The language by the name that somebody gave it.
    pub(super) language: Option<&'a str>,
    pub(super) code: &'a str,
    /// Lines of the text that stand before it: the opening of a fence.
    lines_before: usize,
}

impl CodePart<'_> {
    /// A place in it, by its own line.
    pub(super) fn place(&self, line: usize, column: Option<usize>) -> JudgeLocation {
        let line = Some(self.line(line));
        JudgeLocation { pointer: self.pointer.to_owned(), line, column }
    }

    /// The line of the whole text that is this line of the code.
    pub(super) fn line(&self, line: usize) -> usize {
        line + self.lines_before
    }

    /// Whether it parses. Milliseconds of work, seconds at most.
    pub(super) fn checked(&self) -> Checked {
        self.language.map_or(Checked::Unknown, |language| syntax::check(language, self.code))
    }
}

/// The code of an output: see [`JudgeRequest::output`].
pub(super) fn code_parts(request: &JudgeRequest) -> Vec<CodePart<'_>> {
    let language = request.language();
    if let Value::String(text) = &request.output {
        if let Some((named, code)) = fenced(text) {
            return vec![CodePart { pointer: "", language: language.or(named), code, lines_before: 1 }];
        }
        let whole = CodePart { pointer: "", language, code: text, lines_before: 0 };
        return if language.is_some() { vec![whole] } else { Vec::new() };
    }
    let part = |pointer: &'static str| {
        let text = request.output.pointer(pointer)?.as_str().filter(|text| !text.trim().is_empty())?;
        Some(match fenced(text) {
            Some((named, code)) => CodePart { pointer, language: language.or(named), code, lines_before: 1 },
            None => CodePart { pointer, language, code: text, lines_before: 0 },
        })
    };
    ["/code", "/tests"].into_iter().filter_map(part).collect()
}

/// The language and the code of a text that is one fenced block.
fn fenced(text: &str) -> Option<(Option<&str>, &str)> {
    let (info, rest) = text.trim().strip_prefix("```")?.split_once('\n')?;
    let code = rest.strip_suffix("```")?;
    let language = info.split_whitespace().next();
    (!code.contains("\n```")).then_some((language, code))
}

/// The text of an output, where it is plain which one is meant: the output itself, or the only text of an object.
pub(super) fn text(output: &Value) -> Option<&str> {
    match output {
        Value::String(text) => Some(text),
        Value::Object(fields) => {
            let mut texts = fields.values().filter_map(Value::as_str);
            texts.next().filter(|_| texts.next().is_none())
        }
        _ => None,
    }
}

/// Every text of an output.
pub(super) fn texts(output: &Value) -> Vec<&str> {
    let (mut texts, mut open) = (Vec::new(), vec![output]);
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => texts.push(text.as_str()),
            Value::Array(items) => open.extend(items.iter().rev()),
            Value::Object(fields) => open.extend(fields.values().rev()),
            _ => {}
        }
    }
    texts
}

/// A value of an output that has no others in it.
pub(super) struct Leaf<'a> {
    /// Its JSON pointer, with `*` for a key that is too long to be told.
    pub(super) pointer: &'a str,
    /// The nearest key that it stands under; empty where there is none.
    pub(super) name: &'a str,
    pub(super) value: &'a Value,
}

/// Part of a pointer.
#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// Calls `each` for every value that has no others in it, in order. There may be as many of them as bytes, so none has a pointer
/// of its own before somebody wants to keep it.
pub(super) fn for_each_leaf(output: &Value, mut each: impl FnMut(&Leaf<'_>)) {
    let mut pointer = String::new();
    // With how much of the pointer leads to what they are in, and the key above them.
    let mut open = vec![(0, None, "", output)];
    while let Some((above, step, name, value)) = open.pop() {
        pointer.truncate(above);
        let name = match step {
            Some(Step::Key(key)) => {
                pointer.push('/');
                let is_told = pointer.len() <= LONGEST_WAY && key.len() <= LONGEST_KEY;
                pointer.push_str(&if is_told { escaped(key) } else { "*".to_owned() });
                key
            }
            Some(Step::Index(index)) => {
                pointer.push_str(&format!("/{index}"));
                name
            }
            None => name,
        };
        let here = pointer.len();
        match value {
            Value::Array(items) => {
                let items = items.iter().enumerate().rev();
                open.extend(items.map(|(index, item)| (here, Some(Step::Index(index)), name, item)));
            }
            Value::Object(fields) => {
                let fields = fields.iter().rev();
                open.extend(fields.map(|(key, field)| (here, Some(Step::Key(key.as_str())), name, field)));
            }
            value => each(&Leaf { pointer: &pointer, name, value }),
        }
    }
}

/// A key as it stands in a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Runs of lines that belong together, each with the byte at which it begins. An item of a list begins one; fenced blocks are
/// left out.
pub(super) fn paragraphs(text: &str) -> Vec<(usize, &str)> {
    let (mut found, mut open, mut at, mut fenced) = (Vec::new(), None::<usize>, 0, false);
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start();
        let fence = bare.starts_with("```");
        let begins = fence || bare.is_empty() || bare.starts_with(['-', '*', '#', '|', '>']);
        if begins && let Some(start) = open.take() {
            found.push((start, &text[start..at]));
        }
        fenced ^= fence;
        if open.is_none() && !bare.is_empty() && !fence && !fenced {
            open = Some(at);
        }
        at += line.len();
    }
    found.extend(open.map(|start| (start, &text[start..])));
    found
}

/// Says the places of bytes of one text, which are asked for in order: each goes on from the one before, so that many places
/// in a long text cost no more than one at its end.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pointer: &'a str,
    /// What is still ahead, and where it begins.
    ahead: &'a str,
    byte: usize,
    line: usize,
    column: usize,
}

impl<'a> Places<'a> {
    /// Those of the text at this pointer.
    pub(super) const fn of(pointer: &'a str, text: &'a str) -> Self {
        Self { pointer, ahead: text, byte: 0, line: 1, column: 1 }
    }

    /// The place of this byte; that of the last one for a byte before it.
    pub(super) fn at(&mut self, byte: usize) -> JudgeLocation {
        if let Some((passed, ahead)) = self.ahead.split_at_checked(byte.saturating_sub(self.byte)) {
            for c in passed.chars() {
                (self.line, self.column) =
                    if c == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
            }
            self.byte += passed.len();
            self.ahead = ahead;
        }
        JudgeLocation { pointer: self.pointer.to_owned(), line: Some(self.line), column: Some(self.column) }
    }
}

/// A whole text as code in no named language.
pub(super) fn whole(text: &str) -> CodePart<'_> {
    match fenced(text) {
        Some((language, code)) => CodePart { pointer: "", language, code, lines_before: 1 },
        None => CodePart { pointer: "", language: None, code: text, lines_before: 0 },
    }
}
