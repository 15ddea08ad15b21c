//! Whether code can be read as what it claims to be.
//!
//! A parser says in a millisecond what a compiler says in seconds and what a model that wrote the code cannot say at
//! all. It says no more than that: code that parses may still be wrong. The grammars are tree-sitter's, which recover
//! from an error and so name the first place that is wrong; JSON is read by `serde_json`, which is stricter than the
//! grammar (no comments, one document).
//!
//! Without the feature `syntax` only JSON is known. What is not known is never called sound.

#[cfg(feature = "syntax")]
mod grammar;
mod language;
#[cfg(test)]
mod tests;

pub use language::Language;

/// Code beyond this many bytes is not checked: 64 KiB, more than a model usually answers at once. Code that is made to be
/// slow to read takes two seconds and hundreds of megabytes at this size, and many times that at four times the size.
pub const MOST_BYTES: usize = 64 << 10;

/// What is known about a piece of code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It parses. Empty code does too, in languages in which it is a program.
    Sound,
    /// It does not.
    Broken(Flaw),
    /// Nobody can tell: the language is not known, or the code is too long to be read in time.
    Unknown,
}

/// The first place at which code cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong there, without the code's own words.
    pub what: String,
}

impl Flaw {
    /// The flaw with its line of `code`, as somebody who mends it wants to see it.
    pub fn quoted(&self, code: &str) -> String {
        let line = code.lines().nth(self.line.saturating_sub(1)).unwrap_or_default();
        let shown: String = line.chars().take(LINE_SHOWN).collect();
        format!("line {}, column {}: {}\n{shown}", self.line, self.column, self.what)
    }
}

/// Characters of a line that are quoted.
const LINE_SHOWN: usize = 200;

/// Checks code in a language that is named as people name it (`py`, `Python 3.12`, `ts`). Milliseconds of work for
/// usual code, a few seconds at most: to be called where it holds up nobody.
pub fn check(language: &str, code: &str) -> Checked {
    match Language::named(language) {
        Some(language) if code.len() <= MOST_BYTES => check_in(language, code),
        _ => Checked::Unknown,
    }
}

/// The tree of code that is to be looked at more closely; nothing for JSON, and where [`check`] knows nothing.
#[cfg(feature = "syntax")]
pub(crate) fn tree(language: Language, code: &str) -> Option<tree_sitter::Tree> {
    if code.len() > MOST_BYTES { None } else { grammar::tree(language, code) }
}

fn check_in(language: Language, code: &str) -> Checked {
    match language {
        Language::Json => json(code),
        #[cfg(feature = "syntax")]
        language => grammar::check(language, code),
        #[cfg(not(feature = "syntax"))]
        _ => Checked::Unknown,
    }
}

fn json(code: &str) -> Checked {
    match serde_json::from_str::<serde::de::IgnoredAny>(code) {
        Ok(_) => Checked::Sound,
        Err(error) => {
            let (line, what) = (error.line().max(1), error.to_string());
            let what = what.split(" at line ").next().unwrap_or_default().to_owned();
            Checked::Broken(Flaw { line, column: column(code, line, error.column().saturating_sub(1)), what })
        }
    }
}

/// The character, from 1, at this byte of this line.
fn column(code: &str, line: usize, byte: usize) -> usize {
    let line = code.split('\n').nth(line.saturating_sub(1)).unwrap_or_default();
    line.char_indices().take_while(|(at, _)| *at < byte).count() + 1
}
