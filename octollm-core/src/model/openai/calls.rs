//! Which tool call a piece belongs to.
//!
//! The protocol says it by `index`. Some servers leave it out, some say 0 for every call, some repeat id and name in
//! every piece. An id that is new begins a new call; a piece without id continues the call of its index, or the last.

use super::chunk::{CallPiece, FunctionPiece};
use crate::model::Delta;

/// The calls of one answer so far.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Call>);

#[derive(Debug)]
struct Call {
    index: Option<usize>,
    id: Option<String>,
    named: bool,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The piece as a delta, with id and name only where they are new.
    pub(super) fn take(&mut self, piece: CallPiece) -> Delta {
        let function = piece.function.unwrap_or_default();
        let id = piece.id.filter(|id| !id.is_empty());
        let (slot, begins) = self.slot(piece.index, id.as_deref(), function.name.is_some());
        let name = function.name.clone().filter(|name| !name.is_empty());
        let named = self.0.get_mut(slot).is_some_and(|call| std::mem::replace(&mut call.named, true));
        Delta::ToolCall {
            index: slot,
            id: id.filter(|_| begins),
            name: name.filter(|_| !named),
            arguments: arguments(function),
        }
    }

    /// Where the piece belongs, and whether its call begins with it.
    fn slot(&mut self, index: Option<usize>, id: Option<&str>, named: bool) -> (usize, bool) {
        let last = self.0.len().checked_sub(1);
        let found = match (id, index) {
            (Some(id), _) => self.0.iter().position(|call| call.id.as_deref() == Some(id)),
            (None, Some(index)) => self.0.iter().rposition(|call| call.index == Some(index)),
            (None, None) => last.filter(|_| !named),
        };
        if let Some(slot) = found {
            return (slot, false);
        }
        self.0.push(Call { index, id: id.map(str::to_owned), named: false });
        (self.0.len() - 1, true)
    }
}

fn arguments(function: FunctionPiece) -> String {
    match function.arguments {
        serde_json::Value::String(text) => text,
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Index, id, name and arguments of the deltas that these pieces become.
    fn taken(pieces: Value) -> Vec<(usize, Option<String>, Option<String>, String)> {
        let pieces: Vec<CallPiece> = serde_json::from_value(pieces).unwrap();
        let mut calls = Calls::default();
        let deltas = pieces.into_iter().map(|piece| match calls.take(piece) {
            Delta::ToolCall { index, id, name, arguments } => (index, id, name, arguments),
            other => panic!("{other:?}"),
        });
        deltas.collect()
    }

    fn call(
        index: usize,
        id: Option<&str>,
        name: Option<&str>,
        arguments: &str,
    ) -> (usize, Option<String>, Option<String>, String) {
        (index, id.map(Into::into), name.map(Into::into), arguments.into())
    }

    #[test]
    fn pieces_find_their_call_by_index() {
        let pieces = json!([
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}},
            {"index": 1, "id": "b", "function": {"name": "g", "arguments": ""}},
            {"index": 0, "function": {"arguments": "{}"}},
        ]);
        let expected =
            [call(0, Some("a"), Some("f"), ""), call(1, Some("b"), Some("g"), ""), call(0, None, None, "{}")];
        assert_eq!(taken(pieces), expected);
    }

    /// Gemini's compatible endpoint said 0 for every call, or nothing.
    #[test]
    fn a_new_id_is_a_new_call_whatever_its_index() {
        for index in [json!(0), json!(null)] {
            let pieces = json!([
                {"index": index, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}},
                {"index": index, "id": "b", "function": {"name": "f", "arguments": "{}"}},
            ]);
            let expected = [call(0, Some("a"), Some("f"), r#"{"x":1}"#), call(1, Some("b"), Some("f"), "{}")];
            assert_eq!(taken(pieces), expected);
        }
    }

    #[test]
    fn id_and_name_that_are_repeated_come_once() {
        let pieces = json!([
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}},
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "}"}},
        ]);
        assert_eq!(taken(pieces), [call(0, Some("a"), Some("f"), "{"), call(0, None, None, "}")]);
    }

    #[test]
    fn without_index_and_id_a_name_begins_a_call() {
        let pieces = json!([
            {"function": {"name": "f", "arguments": "{"}},
            {"function": {"arguments": "}"}},
            {"function": {"name": "g", "arguments": "{}"}},
        ]);
        let expected =
            [call(0, None, Some("f"), "{"), call(0, None, None, "}"), call(1, None, Some("g"), "{}")];
        assert_eq!(taken(pieces), expected);
    }
}
