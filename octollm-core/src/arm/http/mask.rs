//! Keeps an arm's own words about a failure, without what it was sent.
//!
//! An arm's message may repeat its input (`no such place: ...`), and errors travel to logs and journals. So every word
//! of the message that also stands in a value of the input is blanked out. That hides now and then a harmless word too;
//! what remains says well enough what went wrong.

use std::collections::HashSet;

use serde_json::Value;

/// Shorter words give nobody away, and blanking them would make every message unreadable.
const SHORTEST: usize = 3;

/// The words of an input's values, in lower case.
pub(super) struct Mask(HashSet<String>);

impl Mask {
    pub(super) fn of(input: &Value) -> Self {
        let mut words = HashSet::new();
        collect(input, &mut words);
        Self(words)
    }

    pub(super) fn hide(&self, text: &str) -> String {
        let mut hidden = String::with_capacity(text.len());
        for piece in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
            let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
            if self.0.contains(&word.to_lowercase()) {
                hidden.push('…');
            } else {
                hidden.push_str(word);
            }
            hidden.push_str(piece.get(word.len()..).unwrap_or_default());
        }
        hidden
    }
}

fn collect(value: &Value, words: &mut HashSet<String>) {
    match value {
        Value::String(text) => add(text, words),
        Value::Number(number) => add(&number.to_string(), words),
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, words)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn add(text: &str, words: &mut HashSet<String>) {
    let split = text.split(|c: char| !c.is_alphanumeric());
    words.extend(split.filter(|word| word.chars().nth(SHORTEST - 1).is_some()).map(str::to_lowercase));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_of_the_input_are_blanked_and_others_stay() {
        let mask = Mask::of(&json!({"to": ["jane.doe@example.org"], "days": 99173, "ok": true}));
        assert_eq!(
            mask.hide("no mailbox Jane.Doe@example.org (days: 99173, true)"),
            "no mailbox ….…@….… (days: …, true)"
        );
        assert_eq!(Mask::of(&json!({"place": "Łódź"})).hide("unknown: ŁÓDŹ!"), "unknown: …!");
    }
}
