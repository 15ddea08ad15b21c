//! What an output states, sentence by sentence.

use serde_json::Value;

use crate::judge::parts::{self, CodePart, Places};
use crate::judge::response::JudgeLocation;
use crate::sentences::sentence_ranges;

/// Statements of one output that are looked at.
pub(super) const MOST_STATEMENTS: usize = 60;
/// Words of a value that is no sentence of its own: what it is the value of has to be said with it.
const FEW_WORDS: usize = 4;

/// Something that an output states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// As it stands there; a short value with its name before it.
    pub(super) text: String,
    pub(super) place: JudgeLocation,
}

/// The statements of an output, code left out.
pub(super) fn statements(output: &Value, code: &[CodePart<'_>]) -> Vec<Statement> {
    let (mut found, mut open) = (Vec::new(), vec![(String::new(), String::new(), output)]);
    while let Some((pointer, name, value)) = open.pop() {
        if code.iter().any(|part| part.pointer == pointer) {
            continue;
        }
        match value {
            Value::String(text) => found.extend(of_text(&pointer, &name, text)),
            Value::Array(items) => {
                let items = items.iter().enumerate().rev();
                open.extend(items.map(|(at, item)| (format!("{pointer}/{at}"), name.clone(), item)));
            }
            Value::Object(fields) => open.extend(
                fields
                    .iter()
                    .rev()
                    .map(|(key, field)| (format!("{pointer}/{}", parts::escaped(key)), key.clone(), field)),
            ),
            Value::Number(_) | Value::Bool(_) if !name.is_empty() => {
                let place = JudgeLocation { pointer, ..JudgeLocation::default() };
                found.push(Statement { text: format!("{name}: {value}"), place });
            }
            Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }
    found
}

fn of_text(pointer: &str, name: &str, text: &str) -> Vec<Statement> {
    let (mut found, mut places) = (Vec::new(), Places::of(pointer, text));
    for (start, paragraph) in parts::paragraphs(text) {
        for range in sentence_ranges(paragraph) {
            let place = places.at(start + range.start);
            let said = paragraph[range].split_whitespace().collect::<Vec<_>>().join(" ");
            let said = said.trim_start_matches(['-', '*', '#', '>', ' ']).to_owned();
            if !said.contains(char::is_alphanumeric) {
                continue;
            }
            let bare = !name.is_empty() && said.split(' ').count() < FEW_WORDS;
            let text = if bare { format!("{name}: {said}") } else { said };
            found.push(Statement { text, place });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(output: &Value) -> Vec<(String, String, Option<usize>)> {
        let statements = statements(output, &[]);
        statements.into_iter().map(|one| (one.text, one.place.pointer, one.place.line)).collect()
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
}
