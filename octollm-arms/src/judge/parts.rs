//! The code and the text in an output.

use serde_json::Value;

use super::request::JudgeRequest;
use super::response::JudgeLocation;
use crate::syntax::{self, Checked};

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
        let line = Some(line + self.lines_before);
        JudgeLocation { pointer: self.pointer.to_owned(), line, column }
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

/// A whole text as code in no named language.
pub(super) fn whole(text: &str) -> CodePart<'_> {
    match fenced(text) {
        Some((language, code)) => CodePart { pointer: "", language, code, lines_before: 1 },
        None => CodePart { pointer: "", language: None, code: text, lines_before: 0 },
    }
}
