//! A policy held against a request.

use octollm_core::reflex::Canonical;
use regex::Regex;
use serde_json::{Map, Value};

use super::{Field, GuardPolicy, Rule, Wanted};
use crate::guardian::fields;
use crate::guardian::request::{Check, GuardIssue, GuardRequest};
use crate::guardian::review::{FIELDS, Hit, TEXT, locate, whole};

/// Places that one rule reports.
const MOST_PLACES: usize = 50;

/// A value that a rule looks at, and where it stands.
struct Seen<'a> {
    pointer: String,
    value: Looked<'a>,
}

enum Looked<'a> {
    Text(&'a str),
    Other(&'a Value),
}

impl GuardPolicy {
    /// What the request breaks.
    pub(in crate::guardian) fn issues(&self, request: &GuardRequest) -> Vec<GuardIssue> {
        let denied = self.deny.iter().flat_map(|rule| rule.denied(request));
        let required = self.require.iter().flat_map(|rule| rule.missing(request));
        denied.chain(required).collect()
    }

    /// Replaces what patterns and words deny by `<NAME>`, the rule's name.
    pub(in crate::guardian) fn replace_denied(&self, text: &mut String, fields: &mut Map<String, Value>) {
        for rule in self.deny.iter() {
            let name = format!("<{}>", rule.name.to_uppercase());
            let mut replace = |text: &mut String| replace(text, &rule.wanted.patterns, &name);
            if rule.field != Field::Text {
                let values = match &rule.field {
                    Field::At(path) => fields::at_mut(fields, path),
                    _ => fields.values_mut().collect(),
                };
                values.into_iter().for_each(|value| fields::for_each_text_mut(value, &mut replace));
            }
            if !matches!(rule.field, Field::At(_)) {
                replace(text);
            }
        }
    }
}

impl Rule {
    fn hit(&self) -> Hit<'_> {
        Hit {
            check: Check::Policy,
            type_name: &self.name,
            severity: self.severity,
            message: &self.reason,
            confidence: 1.0,
        }
    }

    /// Where something stands that must not.
    fn denied(&self, request: &GuardRequest) -> Vec<GuardIssue> {
        let mut issues = Vec::new();
        for seen in seen(request, &self.field) {
            match seen.value {
                Looked::Text(text) => {
                    let places = self.wanted.places(text);
                    issues.extend(
                        places
                            .into_iter()
                            .map(|(start, end)| self.hit().at(locate(&seen.pointer, start, end))),
                    );
                    if self.wanted.is_one_of(&Value::from(text)) || self.wanted.is_too_long(text) {
                        issues.push(self.hit().at(whole(&seen.pointer)));
                    }
                }
                Looked::Other(value) if self.wanted.is_one_of(value) => {
                    issues.push(self.hit().at(whole(&seen.pointer)));
                }
                Looked::Other(_) => {}
            }
            if issues.len() >= MOST_PLACES {
                break;
            }
        }
        issues
    }

    /// Where something does not stand that must.
    fn missing(&self, request: &GuardRequest) -> Vec<GuardIssue> {
        let seen = seen(request, &self.field);
        if seen.is_empty() {
            let pointer = match &self.field {
                Field::At(parts) => format!("{FIELDS}/{}", parts.join("/")),
                _ => TEXT.to_owned(),
            };
            return vec![self.hit().at(whole(&pointer))];
        }
        let broken = seen.into_iter().filter(|seen| match seen.value {
            Looked::Text(text) => !self.wanted.is_met_by(text),
            Looked::Other(value) if self.wanted.is_anything() => value.is_null(),
            Looked::Other(value) => !self.wanted.is_one_of(value),
        });
        broken.take(MOST_PLACES).map(|seen| self.hit().at(whole(&seen.pointer))).collect()
    }
}

impl Wanted {
    fn places(&self, text: &str) -> Vec<(usize, usize)> {
        let canonical = Canonical::new(text);
        let found =
            self.patterns.iter().flat_map(|pattern| pattern.find_iter(canonical.text()).take(MOST_PLACES));
        let found = found.filter(|found| !found.is_empty()).map(|found| canonical.origin(found.range()));
        found.map(|range| (range.start, range.end)).collect()
    }

    fn is_one_of(&self, value: &Value) -> bool {
        self.values.iter().any(|wanted| match (wanted.as_f64(), value.as_f64()) {
            // 1 and 1.0 are one number.
            (Some(wanted), Some(value)) => (wanted - value).abs() < f64::EPSILON,
            _ => wanted == value,
        })
    }

    fn is_too_long(&self, text: &str) -> bool {
        self.max_chars.is_some_and(|most| text.chars().count() > most)
    }

    /// Whether a demand is met: what it is not too long for, and one of what it asks for.
    fn is_met_by(&self, text: &str) -> bool {
        if self.is_too_long(text) {
            return false;
        }
        let asks = !self.patterns.is_empty() || !self.values.is_empty();
        if !asks {
            return self.max_chars.is_some() || !text.trim().is_empty();
        }
        let canonical = Canonical::new(text);
        self.patterns.iter().any(|pattern| pattern.is_match(canonical.text()))
            || self.is_one_of(&Value::from(text))
    }
}

/// The values that a rule looks at.
fn seen<'a>(request: &'a GuardRequest, field: &Field) -> Vec<Seen<'a>> {
    let looked = |(pointer, value): (String, &'a Value)| Seen {
        pointer,
        value: value.as_str().map_or(Looked::Other(value), Looked::Text),
    };
    let text = Seen { pointer: TEXT.to_owned(), value: Looked::Text(&request.text) };
    match field {
        Field::Text => vec![text],
        Field::Everywhere => {
            let mut seen = vec![text];
            fields::for_each(&request.fields, |_| true, |pointer, value| seen.push(looked((pointer, value))));
            seen
        }
        Field::At(path) => fields::at(&request.fields, path).into_iter().map(looked).collect(),
    }
}

fn replace(text: &mut String, patterns: &[Regex], name: &str) {
    for pattern in patterns {
        let canonical = Canonical::new(text);
        let found = pattern.find_iter(canonical.text()).filter(|found| !found.is_empty());
        let ranges: Vec<_> = found.map(|found| canonical.origin(found.range())).collect();
        let (mut replaced, mut done) = (String::with_capacity(text.len()), 0);
        for range in ranges {
            if range.start < done {
                continue;
            }
            replaced.push_str(text.get(done..range.start).unwrap_or_default());
            replaced.push_str(name);
            done = range.end;
        }
        if done > 0 {
            replaced.push_str(text.get(done..).unwrap_or_default());
            *text = replaced;
        }
    }
}
