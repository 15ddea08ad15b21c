//! Payloads in places where they are data: text that would be a query, a script, a path out of its folder or a command
//! if somebody put it together with one.
//!
//! What is meant to be code is left alone: fenced blocks and code spans of a text, fields whose key names code, a request
//! whose format is `code`. A text that *explains* an injection so passes, and one that *is* one does not. That
//! distinction is also the limit of it: nothing here makes it safe to build a query out of a checked text. Parameters,
//! escaping and a sandbox do.
//!
//! Every text is looked at in the reflexes' canonical form and, where it has percent signs, entities or `\u` escapes, also
//! as it reads after decoding them, twice at most.

mod code;
mod decode;
mod rules;

use std::cmp::Reverse;
use std::ops::Range;

use octollm_core::Result;
use octollm_core::reflex::Canonical;

use self::decode::decoded;
use self::rules::{Match, Rules, View};
use super::fields;
use super::request::{Check, Format, GuardIssue, GuardRequest};
use super::review::{Hit, TEXT, locate};

/// The rules, compiled.
pub(super) struct Content {
    rules: Rules,
}

impl Content {
    /// Compiles the rules.
    pub(super) fn new() -> Result<Self> {
        Ok(Self { rules: Rules::new()? })
    }

    /// What is found in the text and in the fields.
    pub(super) fn issues(&self, request: &GuardRequest) -> Vec<GuardIssue> {
        let mut issues = Vec::new();
        if request.format == Format::Text {
            let code = code::ranges(&request.text);
            let found = self.matches(&request.text, View::Prose).into_iter();
            let found = found.filter(|found| !code.iter().any(|code| within(&found.range, code)));
            issues.extend(found.map(|found| issue(TEXT, &found)));
        }
        let is_data = |key: &str| !code::names_code(key);
        fields::for_each(&request.fields, is_data, |pointer, value| {
            let Some(text) = value.as_str() else { return };
            issues.extend(self.matches(text, View::Value).iter().map(|found| issue(&pointer, found)));
        });
        issues
    }

    /// What is found in one text; of places that overlap, the gravest.
    fn matches(&self, text: &str, view: View) -> Vec<Match> {
        let canonical = Canonical::new(text);
        let mut found = self.rules.find(canonical.text(), view);
        if let Some(decoded) = decoded(canonical.text()) {
            let more = self.rules.find(&decoded.text, View::Decoded).into_iter();
            found.extend(
                more.filter(|found| decoded.changed(&found.range))
                    .map(|found| Match { range: decoded.origin(&found.range), ..found }),
            );
        }
        for found in &mut found {
            found.range = canonical.origin(found.range.clone());
        }
        found.sort_by_key(|found| Reverse((found.rule.severity, found.range.len())));
        let mut kept: Vec<Match> = Vec::new();
        for one in found {
            let same = |other: &Match| other.rule.type_name == one.rule.type_name && overlap(other, &one);
            if !kept.iter().any(same) {
                kept.push(one);
            }
        }
        kept.sort_by_key(|found| found.range.start);
        kept
    }
}

fn issue(pointer: &str, found: &Match) -> GuardIssue {
    let hit = Hit {
        check: Check::Content,
        type_name: found.rule.type_name,
        severity: found.rule.severity,
        message: found.rule.explanation,
        confidence: found.rule.confidence,
    };
    hit.at(locate(pointer, found.range.start, found.range.end))
}

fn within(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn overlap(a: &Match, b: &Match) -> bool {
    a.range.start < b.range.end && b.range.start < a.range.end
}
