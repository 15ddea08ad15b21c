//! What an output states, sentence by sentence.

use serde_json::Value;

use crate::judge::parts::{self, CodePart, Leaf, Places};
use crate::judge::response::JudgeLocation;
use crate::sentences::sentence_ranges;

/// Statements of one output that are looked at.
pub(super) const MOST_STATEMENTS: usize = 60;
/// Bytes of a statement that is looked at; nobody can say in one word whether a page is supported.
const LONGEST: usize = 2_000;
/// Bytes of a name that is told with its value.
const LONGEST_NAME: usize = 100;
/// Words of a value that is no sentence of its own: what it is the value of has to be said with it.
const FEW_WORDS: usize = 4;

/// Something that an output states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// As it stands there; a short value with its name before it.
    pub(super) text: String,
    pub(super) place: JudgeLocation,
}

/// What an output states.
#[derive(Debug, Default)]
pub(super) struct Statements {
    /// The first of them, [`MOST_STATEMENTS`] at most.
    pub(super) first: Vec<Statement>,
    /// How many there are beyond these, or too long.
    pub(super) beyond: usize,
}

/// The statements of an output, code left out.
pub(super) fn statements(output: &Value, code: &[CodePart<'_>]) -> Statements {
    let mut found = Statements::default();
    parts::for_each_leaf(output, |leaf| {
        if code.iter().any(|part| part.pointer == leaf.pointer) {
            return;
        }
        match leaf.value {
            Value::String(text) => found.take_text(leaf, text),
            Value::Number(_) | Value::Bool(_) if is_telling(leaf.name) => {
                let place = || JudgeLocation { pointer: leaf.pointer.to_owned(), ..JudgeLocation::default() };
                found.take(place, || format!("{}: {}", leaf.name, leaf.value));
            }
            _ => {}
        }
    });
    found
}

impl Statements {
    fn take(&mut self, place: impl FnOnce() -> JudgeLocation, text: impl FnOnce() -> String) {
        let text = if self.first.len() < MOST_STATEMENTS { text() } else { String::new() };
        if (1..=LONGEST).contains(&text.len()) {
            self.first.push(Statement { text, place: place() });
        } else {
            self.beyond += 1;
        }
    }

    fn take_text(&mut self, leaf: &Leaf<'_>, text: &str) {
        let mut places = Places::of(leaf.pointer, text);
        for (start, paragraph) in parts::paragraphs(text) {
            for range in sentence_ranges(paragraph) {
                let begin = start + range.start;
                let said = paragraph[range].trim_start_matches(['-', '*', '#', '>', ' ']);
                if said.contains(char::is_alphanumeric) {
                    self.take(|| places.at(begin), || spoken(leaf.name, said));
                }
            }
        }
    }
}

fn is_telling(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
}

/// A sentence on one line; with the name of what it is said of, where it is no sentence of its own.
fn spoken(name: &str, said: &str) -> String {
    let words: Vec<&str> = said.split_whitespace().collect();
    let said = words.join(" ");
    if is_telling(name) && words.len() < FEW_WORDS { format!("{name}: {said}") } else { said }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(output: &Value) -> Vec<(String, String, Option<usize>)> {
        let statements = statements(output, &[]);
        statements.first.into_iter().map(|one| (one.text, one.place.pointer, one.place.line)).collect()
    }

    #[test]
    fn a_text_is_taken_apart_into_sentences_with_their_places() {
        let text = "The lamp is lit. It burns\noil.\n\n- One item\n- Another one. And more.\n\n```\ncode. Here\n```\n";
        let expected = [
            ("The lamp is lit.", 1),
            ("It burns oil.", 1),
            ("One item", 4),
            ("Another one.", 5),
            ("And more.", 5),
        ];
        let expected: Vec<_> =
            expected.iter().map(|(text, line)| ((*text).to_owned(), String::new(), Some(*line))).collect();
        assert_eq!(said(&json!(text)), expected);
    }

    #[test]
    fn a_short_value_is_told_with_its_name() {
        let output = json!({"tower": {"name": "Eiffel Tower", "height": 330}, "a/b": ["It stands in the city."], "n": null});
        let found = said(&output);
        let texts: Vec<_> =
            found.iter().map(|(text, pointer, _)| (text.as_str(), pointer.as_str())).collect();
        assert_eq!(
            texts,
            [
                ("It stands in the city.", "/a~1b/0"),
                ("height: 330", "/tower/height"),
                ("name: Eiffel Tower", "/tower/name"),
            ]
        );
    }

    #[test]
    fn what_is_too_much_is_counted_and_not_kept() {
        let text = format!("{}{}. End.", "One more. ".repeat(MOST_STATEMENTS - 1), "Word ".repeat(500));
        let statements = statements(&json!({"k".repeat(1_000): text, "z": [1, 2]}), &[]);
        let last = statements.first.last().map(|one| (one.text.as_str(), one.place.pointer.as_str()));
        assert_eq!((last, statements.beyond), (Some(("End.", "/*")), 3));
    }
}
