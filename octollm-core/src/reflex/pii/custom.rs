//! Patterns that a configuration adds.
//!
//! Their cost is bounded from all sides: how many there are, how large each compiles, and how much text one search sees. The last
//! matters because finding all matches of one pattern may take quadratic time in the text that is searched, even in an engine
//! without backtracking; so a long text is searched in windows.

use std::ops::Range;

use regex::{Regex, RegexBuilder};
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
/// Bytes that two windows share: longer matches may be cut.
const OVERLAP: usize = 512;

/// A pattern of your own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomPattern {
    /// The findings' type: lower case letters, digits and `_`.
    pub name: String,
    /// A regular expression in the syntax of the `regex` crate (no look-around, no back-references); 1000 characters at most.
    /// A match is 512 bytes long at most.
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

    pub(super) fn scan(
        &self,
        text: &Canonical<'_>,
        allow: &AllowList,
        least: f32,
        findings: &mut Vec<Finding>,
    ) {
        for (pattern, regex) in self.0.iter().filter(|(pattern, _)| pattern.confidence >= least) {
            for window in windows(text.text()) {
                let Some(part) = text.text().get(window.clone()) else { continue };
                let found =
                    regex.find_iter(part).filter(|found| !found.is_empty() && !allow.allows(found.as_str()));
                findings.extend(found.map(|found| {
                    let range = window.start + found.start()..window.start + found.end();
                    finding(pattern, text.origin(range))
                }));
            }
        }
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
    RegexBuilder::new(&pattern.pattern)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(MAX_COMPILED)
        .build()
        .map_err(|error| ("pattern", describe(&error)))
}

fn describe(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => format!("compiles to more than {MAX_COMPILED} bytes"),
        // The text of a syntax error repeats the pattern; its last line says what is wrong.
        error => error.to_string().lines().last().unwrap_or("is no regular expression").to_owned(),
    }
}

/// Overlapping windows of a text, cut at characters.
fn windows(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = Some(0);
    std::iter::from_fn(move || {
        let from = start?;
        let to = floor(text, from + WINDOW);
        start = (to < text.len()).then(|| floor(text, to - OVERLAP));
        Some(from..to)
    })
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
