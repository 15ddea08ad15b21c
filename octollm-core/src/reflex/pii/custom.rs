//! Patterns that a configuration adds.
//!
//! Their cost is bounded from all sides: how many there are, how large each compiles, and how much text one search sees. The last
//! matters because finding all matches of one pattern may take quadratic time in the text that is searched, even in an engine
//! without backtracking; so a long text is searched in windows. What a pattern says of the place where it stands (`^`, `$`, `\b`)
//! holds for the whole text: a window bounds where a match may lie, not what is around it.

use std::ops::Range;

use regex_automata::meta::{BuildError, Config, Regex};
use regex_automata::{Input, Match};
use regex_syntax::Error as SyntaxError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Fault;
use crate::reflex::allow::AllowList;
use crate::reflex::{Canonical, Finding, FindingKind, Severity};

/// Patterns of one detector.
const MAX_PATTERNS: usize = 64;
/// Names that stand for all types of a kind.
const KINDS: [&str; 2] = [FindingKind::Pii.name(), FindingKind::Secret.name()];
/// Characters of one pattern.
const MAX_PATTERN: usize = 1000;
/// Bytes that one pattern may compile to.
const MAX_COMPILED: usize = 1 << 20;
/// Bytes that one search sees.
const WINDOW: usize = 4096;
/// Bytes that two windows share: matches of up to this length are found whole. A longer one may be cut at the end of a window,
/// or missed.
const OVERLAP: usize = 512;

/// A pattern of your own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomPattern {
    /// The findings' type: lower case letters, digits and `_`.
    pub name: String,
    /// A regular expression in the syntax of the `regex` crate (no look-around, no back-references); 1000 characters at most.
    /// A match of up to 512 bytes is found whole; a longer one may be cut or missed.
    pub pattern: String,
    /// How sure a match is, 0 to 1.
    #[serde(default = "sure")]
    pub confidence: f32,
    /// How much harm a match does.
    #[serde(default = "high")]
    pub severity: Severity,
}

fn sure() -> f32 {
    0.9
}

fn high() -> Severity {
    Severity::High
}

#[derive(Debug, Default)]
pub(super) struct CustomPatterns(Vec<(CustomPattern, Regex)>);

impl CustomPatterns {
    /// Compiles patterns; what cannot be used is added to `faults`.
    pub(super) fn compile(patterns: &[CustomPattern], faults: &mut Vec<Fault>) -> Self {
        if patterns.len() > MAX_PATTERNS {
            faults.push(Fault::new("/custom", format!("must be {MAX_PATTERNS} patterns at most")));
            return Self::default();
        }
        let mut compiled = Vec::with_capacity(patterns.len());
        for (at, pattern) in patterns.iter().enumerate() {
            match compile(pattern) {
                Ok(regex) => compiled.push((pattern.clone(), regex)),
                Err((field, detail)) => faults.push(Fault::new(format!("/custom/{at}/{field}"), detail)),
            }
        }
        Self(compiled)
    }

    /// Looks for the patterns in a reading of the text that has its length.
    pub(super) fn scan(
        &self,
        text: &Canonical<'_>,
        read: &str,
        allow: &AllowList,
        least: f32,
        findings: &mut Vec<Finding>,
    ) {
        for (pattern, regex) in self.0.iter().filter(|(pattern, _)| pattern.confidence >= least) {
            each_match(regex, read, |found| {
                let value = text.text().get(found.range()).unwrap_or_default();
                if !value.is_empty() && !allow.allows(value) {
                    findings.push(finding(pattern, text.origin(found.range())));
                }
            });
        }
    }
}

/// All matches in a text, one behind the other.
fn each_match(regex: &Regex, text: &str, mut take: impl FnMut(Match)) {
    let mut start = 0;
    loop {
        let end = floor(text, start + WINDOW);
        let shared = if end < text.len() { floor(text, end - OVERLAP) } else { end };
        let mut next = shared;
        for found in regex.find_iter(Input::new(text).range(start..end)) {
            // It may go on behind the window: the next one sees it whole.
            if found.end() == end && end < text.len() && found.start() >= shared {
                next = found.start();
                break;
            }
            next = next.max(found.end());
            take(found);
        }
        if end == text.len() {
            return;
        }
        start = next;
    }
}

fn finding(pattern: &CustomPattern, origin: Range<usize>) -> Finding {
    Finding {
        kind: FindingKind::Pii,
        type_name: pattern.name.clone().into(),
        start: origin.start,
        end: origin.end,
        confidence: pattern.confidence,
        severity: pattern.severity,
        explanation: "a pattern of the configuration".into(),
    }
}

fn compile(pattern: &CustomPattern) -> Result<Regex, (&'static str, String)> {
    let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if pattern.name.is_empty() || pattern.name.len() > 64 || !pattern.name.chars().all(named) {
        return Err(("name", "must be 1 to 64 lower case letters, digits and _".to_owned()));
    }
    if KINDS.contains(&pattern.name.as_str()) {
        return Err(("name", "is the name of a kind; choose another".to_owned()));
    }
    if pattern.pattern.is_empty() {
        return Err(("pattern", "must not be empty".to_owned()));
    }
    if !(0.0..=1.0).contains(&pattern.confidence) {
        return Err(("confidence", "must be from 0 to 1".to_owned()));
    }
    if pattern.pattern.chars().count() > MAX_PATTERN {
        return Err(("pattern", format!("must be {MAX_PATTERN} characters at most")));
    }
    let limits = Config::new().nfa_size_limit(Some(MAX_COMPILED)).hybrid_cache_capacity(MAX_COMPILED);
    Regex::builder().configure(limits).build(&pattern.pattern).map_err(|error| ("pattern", describe(&error)))
}

fn describe(error: &BuildError) -> String {
    match error.syntax_error() {
        // Their own texts repeat the pattern.
        Some(SyntaxError::Parse(error)) => at(error.span().start.column, error.kind()),
        Some(SyntaxError::Translate(error)) => at(error.span().start.column, error.kind()),
        Some(_) => "is no regular expression".to_owned(),
        None if error.size_limit().is_some() => format!("compiles to more than {MAX_COMPILED} bytes"),
        None => "is no regular expression".to_owned(),
    }
}

fn at(column: usize, what: impl std::fmt::Display) -> String {
    format!("{what} (character {column})")
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
