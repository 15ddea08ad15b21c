//! What can be decided about a criterion without asking anybody.

use octollm_core::schema::Validator;
use serde_json::Value;

use super::counts;
use super::wording::{QUOTED, Wording};
use crate::judge::judgement::Ruling;
use crate::judge::parts::{self, CodePart};
use crate::judge::request::JudgeRequest;
use crate::syntax::{self, Checked, Language};

/// What criteria are held against.
pub(in crate::judge) struct Ground<'a> {
    pub(in crate::judge) request: &'a JudgeRequest,
    pub(in crate::judge) parts: &'a [CodePart<'a>],
}

/// What a criterion says, as far as rules understand it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::judge) enum Plain {
    /// A rule has decided.
    Decided(Ruling),
    /// The output's own tests have to be run.
    Tests,
    /// No rule understands it.
    Open,
}

/// Reads a criterion.
pub(in crate::judge) fn plain(criterion: &str, ground: &Ground<'_>) -> Plain {
    let wording = Wording::of(criterion);
    let words = wording.core();
    if asks_for_tests_to_pass(&words) {
        return Plain::Tests;
    }
    let output = &ground.request.output;
    let ruling = syntax_ruling(&words, ground)
        .or_else(|| schema_ruling(&words, ground.request))
        .or_else(|| counts::ruling(&words, output))
        .or_else(|| literal_ruling(&words, &wording.quoted, output))
        .or_else(|| member_ruling(&words, &wording.quoted, output));
    ruling.map_or(Plain::Open, Plain::Decided)
}

fn asks_for_tests_to_pass(words: &[&str]) -> bool {
    let words: Vec<&str> =
        words.iter().copied().filter(|word| !["all", "the", "its", "unit", "of"].contains(word)).collect();
    matches!(
        words.as_slice(),
        ["tests" | "test", "pass" | "passes" | "succeed"] | ["passes" | "pass", "tests"]
    )
}

/// "Valid Python", "no syntax errors".
fn syntax_ruling(words: &[&str], ground: &Ground<'_>) -> Option<Ruling> {
    let named: &[&str] = match words {
        ["valid" | "well-formed" | "parseable", rest @ ..]
        | ["syntactically", "valid" | "correct", rest @ ..]
        | ["parses", "as", rest @ ..] => rest,
        ["parses"]
        | ["no", "syntax", "errors" | "error"]
        | ["has" | "have" | "contains", "no", "syntax", "errors"]
        | ["free", "of", "syntax", "errors"] => &[],
        _ => return None,
    };
    let named = match named {
        [rest @ .., "code" | "syntax" | "source" | "document"] => rest,
        rest => rest,
    };
    let language = named.join(" ");
    let language = if language.is_empty() { None } else { Some(Language::named(&language)?) };
    // "Valid" alone says nothing.
    if language.is_none() && words.len() == 1 && words != ["parses"] {
        return None;
    }
    checked(language, ground)
}

fn checked(language: Option<Language>, ground: &Ground<'_>) -> Option<Ruling> {
    let mut sound = 0;
    for part in code_of(language, ground) {
        let name = language.map(Language::as_str).or(part.language)?;
        match syntax::check(name, part.code) {
            Checked::Sound => sound += 1,
            Checked::Unknown => return None,
            Checked::Broken(flaw) => {
                let place = part.place(flaw.line, Some(flaw.column));
                let (line, column) = (place.line.unwrap_or(flaw.line), flaw.column);
                return Some(Ruling::by_rule(false, format!("line {line}, column {column}: {}", flaw.what)));
            }
        }
    }
    if sound > 0 {
        return Some(Ruling::by_rule(true, "it parses"));
    }
    let is_json = language == Some(Language::Json) && !ground.request.output.is_string();
    is_json.then(|| Ruling::by_rule(true, "it is a JSON value"))
}

/// The code that a named language is meant of: the parts, or the whole text.
fn code_of<'a>(language: Option<Language>, ground: &Ground<'a>) -> Vec<CodePart<'a>> {
    if !ground.parts.is_empty() || language.is_none() {
        return ground.parts.to_vec();
    }
    ground.request.output.as_str().map(parts::whole).into_iter().collect()
}

/// "Matches the schema".
fn schema_ruling(words: &[&str], request: &JudgeRequest) -> Option<Ruling> {
    let rest = match words {
        ["matches" | "match" | "satisfies" | "satisfy" | "follows" | "follow", rest @ ..]
        | ["conforms" | "conform" | "adheres" | "adhere", "to", rest @ ..]
        | ["valid", "against" | "under", rest @ ..]
        | ["validates", "against", rest @ ..] => rest,
        _ => return None,
    };
    let known = ["the", "json", "expected", "given", "provided", "schema"];
    if rest.last() != Some(&"schema") || !rest.iter().all(|word| known.contains(word)) {
        return None;
    }
    Validator::compile(request.expected_schema.as_ref()?).ok()?;
    let finding = super::super::shape::schema(request);
    let wrong = finding.issues.first().map(|issue| {
        let place =
            issue.location.as_ref().map(|place| place.pointer.as_str()).filter(|place| !place.is_empty());
        place.map_or_else(|| issue.message.clone(), |place| format!("{place}: {}", issue.message))
    });
    Some(match wrong {
        None => Ruling::by_rule(true, finding.explanation),
        Some(wrong) => Ruling::by_rule(false, wrong),
    })
}

/// "Contains `x`", "does not mention 'y'", "starts with z".
fn literal_ruling(words: &[&str], quoted: &[String], output: &Value) -> Option<Ruling> {
    let [wanted] = quoted else { return None };
    let described: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| !["the", "word", "words", "phrase", "string", "text"].contains(word))
        .collect();
    let texts = parts::texts(output);
    let exact = texts.iter().any(|text| text.contains(wanted.as_str()));
    let lower = wanted.to_lowercase();
    let folded = || exact || texts.iter().any(|text| text.to_lowercase().contains(&lower));
    match described.as_slice() {
        ["contains" | "contain" | "includes" | "include" | "mentions" | "mention", QUOTED] => {
            match (exact, folded()) {
                (true, _) => Some(Ruling::by_rule(true, "it is there, word for word")),
                (false, false) => Some(Ruling::by_rule(false, "it is nowhere in the output")),
                // In another case: whether that counts is not for a rule to say.
                (false, true) => None,
            }
        }
        ["not", "contain" | "include" | "mention" | "use", QUOTED]
        | ["does" | "do", "not", "contain" | "include" | "mention" | "use", QUOTED]
        | ["never", "mentions" | "contains", QUOTED]
        | ["no", "mention", "of", QUOTED]
        | ["avoids" | "avoid", QUOTED] => match (exact, folded()) {
            (true, _) => Some(Ruling::by_rule(false, "it is there, word for word")),
            (false, false) => Some(Ruling::by_rule(true, "it is nowhere in the output")),
            (false, true) => None,
        },
        ["starts" | "begins" | "start" | "begin", "with", QUOTED] => {
            let text = parts::text(output)?.trim_start();
            Some(Ruling::by_rule(text.starts_with(wanted.as_str()), "how it begins was compared"))
        }
        ["ends" | "end", "with", QUOTED] => {
            let text = parts::text(output)?.trim_end();
            Some(Ruling::by_rule(text.ends_with(wanted.as_str()), "how it ends was compared"))
        }
        _ => None,
    }
}

/// "Has a field `x`", "includes tests", "is not empty".
fn member_ruling(words: &[&str], quoted: &[String], output: &Value) -> Option<Ruling> {
    let words = match words {
        ["has" | "have" | "contains" | "contain" | "includes" | "include" | "with", rest @ ..] => rest,
        ["not", "empty"] | ["non-empty"] => {
            let empty = match output {
                Value::String(text) => text.trim().is_empty(),
                Value::Array(items) => items.is_empty(),
                Value::Object(fields) => fields.is_empty(),
                other => other.is_null(),
            };
            return Some(Ruling::by_rule(!empty, if empty { "it is empty" } else { "it is not empty" }));
        }
        _ => return None,
    };
    let words = match words {
        ["a" | "the" | "an", rest @ ..] => rest,
        rest => rest,
    };
    match words {
        ["field" | "key" | "property", QUOTED] => {
            let there = output.as_object()?.contains_key(quoted.first()?);
            Some(Ruling::by_rule(there, if there { "the field is there" } else { "there is no such field" }))
        }
        ["tests" | "test"] | ["unit", "tests" | "test"] => {
            let tests = output.get("tests")?.as_str()?;
            // Where there are none of their own they may stand within the code.
            (!tests.trim().is_empty()).then(|| Ruling::by_rule(true, "there are tests in `tests`"))
        }
        _ => None,
    }
}
