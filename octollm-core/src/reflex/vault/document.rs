//! Every text of a JSON document, keys included. It keeps its own stack, so that a document may be nested as deep as it likes.

use std::collections::HashSet;

use serde_json::{Map, Value};

/// Shows every text.
pub(super) fn each_text(document: &Value, mut show: impl FnMut(&str)) {
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => show(text),
            Value::Array(entries) => open.extend(entries),
            Value::Object(fields) => {
                for (key, entry) in fields {
                    show(key);
                    open.push(entry);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Replaces every text for which there is a replacement. A key that would meet another one stays as it is.
pub(super) fn replace_each_text(document: &mut Value, mut replace: impl FnMut(&str) -> Option<String>) {
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => {
                if let Some(replaced) = replace(text) {
                    *text = replaced;
                }
            }
            Value::Array(entries) => open.extend(entries),
            Value::Object(fields) => {
                let names: Vec<_> = fields.keys().map(|key| replace(key)).collect();
                if names.iter().any(Option::is_some) {
                    rename(fields, names);
                }
                open.extend(fields.values_mut());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn rename(fields: &mut Map<String, Value>, names: Vec<Option<String>>) {
    let old = std::mem::take(fields);
    let kept: HashSet<String> = old.keys().cloned().collect();
    for ((key, entry), name) in old.into_iter().zip(names) {
        let free = |name: &String| !fields.contains_key(name) && !kept.contains(name);
        let key = name.filter(free).unwrap_or(key);
        fields.insert(key, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_texts_and_none_is_lost() {
        let mut document = json!({"a": [{"b": "c"}, 1, null], "A": "a", "x": {"a": true}});
        let upper = |text: &str| (text != text.to_uppercase()).then(|| text.to_uppercase());
        replace_each_text(&mut document, upper);
        assert_eq!(document, json!({"a": [{"B": "C"}, 1, null], "A": "A", "X": {"A": true}}));
        let mut seen = Vec::new();
        each_text(&document, |text| seen.push(text.to_owned()));
        seen.sort();
        assert_eq!(seen, ["A", "A", "A", "B", "C", "X", "a"]);
    }

    #[test]
    fn a_document_may_be_nested_as_deep_as_it_likes() {
        let mut document = json!("deep");
        for _ in 0..200_000 {
            document = Value::Array(vec![document]);
        }
        let mut count = 0;
        each_text(&document, |_| count += 1);
        replace_each_text(&mut document, |_| Some("changed".into()));
        // The standard way to drop it would need as much stack as it is deep.
        while let Value::Array(mut entries) = document {
            document = entries.pop().unwrap();
        }
        assert_eq!((count, document), (1, json!("changed")));
    }
}
