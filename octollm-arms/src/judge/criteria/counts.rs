//! Criteria that count: words, characters, lines, entries.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::judge::judgement::Ruling;
use crate::judge::parts;

/// Numbers that people write out.
const NUMBERS: [(&str, usize); 13] = [
    ("zero", 0),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("twelve", 12),
    ("twenty", 20),
];

/// Decides about "at most 50 words" and its kin.
pub(super) fn ruling(words: &[&str], output: &Value) -> Option<Ruling> {
    let words = match words {
        ["has" | "have" | "contains" | "uses" | "includes", rest @ ..] => rest,
        rest => rest,
    };
    let words = match words {
        [rest @ .., "long"] | [rest @ .., "in", "length" | "total"] => rest,
        rest => rest,
    };
    let (range, unit) = asked(words)?;
    let (count, what) = counted(unit, output)?;
    Some(Ruling::by_rule(range.contains(&count), format!("it has {count} {what}")))
}

/// The range of counts that is asked for, and what is counted.
fn asked<'a>(words: &[&'a str]) -> Option<(RangeInclusive<usize>, &'a str)> {
    let most = |count: usize| 0..=count;
    let least = |count: usize| count..=usize::MAX;
    Some(match *words {
        ["at", "most", n, unit]
        | ["no" | "not", "more", "than", n, unit]
        | ["maximum" | "max", n, unit]
        | ["maximum", "of", n, unit]
        | ["up", "to", n, unit]
        | [n, unit, "or", "fewer" | "less"]
        | [n, unit, "at", "most"] => (most(number(n)?), unit),
        ["fewer" | "less", "than", n, unit] | ["under" | "below", n, unit] => {
            (most(number(n)?.checked_sub(1)?), unit)
        }
        ["at", "least", n, unit]
        | ["no" | "not", "fewer" | "less", "than", n, unit]
        | ["minimum" | "min", n, unit]
        | ["minimum", "of", n, unit]
        | [n, unit, "or", "more"]
        | [n, unit, "at", "least"] => (least(number(n)?), unit),
        ["more", "than", n, unit] | ["over", n, unit] => (least(number(n)?.checked_add(1)?), unit),
        ["exactly" | "precisely", n, unit] => (number(n)?..=number(n)?, unit),
        ["between", n, "and", m, unit] => (number(n)?..=number(m)?, unit),
        _ => return None,
    })
}

fn number(word: &str) -> Option<usize> {
    let written = NUMBERS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
    written.or_else(|| word.replace([',', '_'], "").parse().ok())
}

/// How many of these the output has, where it is plain which text or list is meant.
fn counted(unit: &str, output: &Value) -> Option<(usize, &'static str)> {
    let entries = ["item", "items", "entry", "entries", "element", "elements"];
    if entries.contains(&unit) {
        return Some((output.as_array()?.len(), "entries"));
    }
    let text = parts::text(output)?;
    Some(match unit {
        // A dash between spaces is no word.
        "word" | "words" => {
            (text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count(), "words")
        }
        "character" | "characters" | "chars" => (text.chars().count(), "characters"),
        "line" | "lines" => (text.trim_end_matches('\n').lines().count(), "lines"),
        _ => return None,
    })
}
