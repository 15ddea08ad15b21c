//! Finds the JSON in what a model said.
//!
//! Models put JSON into code fences, say something before and something after. What stands around a document is passed
//! over. What is not a document is not made one: where something is clearly meant as JSON and breaks or ends half-way,
//! the search is over, for what could be found inside of it would be a part that was taken for the whole.

use serde_json::Value;

/// Every document in `text`, in order: the text itself if it is one, else the objects and lists that stand in it.
pub(super) fn candidates(text: &str) -> Vec<Value> {
    if let Ok(value) = serde_json::from_str(text) {
        return vec![value];
    }
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '[']) {
        rest = rest.get(at..).unwrap_or_default();
        let mut documents = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        rest = match documents.next() {
            Some(Ok(value)) => {
                let end = documents.byte_offset();
                found.push(value);
                rest.get(end..).unwrap_or_default()
            }
            Some(Err(error)) if error.is_eof() || is_meant_as_json(rest) => break,
            // A bracket in a sentence.
            Some(Err(_)) | None => rest.get(1..).unwrap_or_default(),
        };
    }
    found
}

/// Whether what begins with this bracket begins as JSON does.
fn is_meant_as_json(text: &str) -> bool {
    let next = text.get(1..).and_then(|inner| inner.trim_start().chars().next());
    if text.starts_with('{') { next == Some('"') } else { matches!(next, Some('{' | '[' | '"')) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stands_around_is_passed_over() {
        let value = json!({"a": [1, {"b": "}"}]});
        for text in [
            format!("{value}"),
            format!("  {value:#}\n"),
            format!("```json\n{value:#}\n```"),
            format!("Sure! Here it is:\n\n```\n{value}\n```\nAnything else?"),
            format!("I {{think}} that [this] {value} is {{it}}"),
        ] {
            assert_eq!(candidates(&text), std::slice::from_ref(&value), "{text}");
        }
        assert_eq!(candidates("as in [1], {\"a\": 2}"), [json!([1]), json!({"a": 2})]);
    }

    #[test]
    fn what_is_broken_is_not_mended() {
        for text in [
            "",
            "no JSON at all",
            r#"{"a": {"b": 1}, "c": [1, 2"#,
            r#"{"a": {"b": 1},}"#,
            r#"{"a": {"b": 1} "c": 2}"#,
            r#"[{"a": 1}, {"b": 2]"#,
            "```json\n{\"a\": {\"b\": 1}\n```",
        ] {
            assert_eq!(candidates(text), Vec::<Value>::new(), "{text}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn document() -> impl Strategy<Value = Value> {
        value().prop_filter("an object or a list", |value| value.is_object() || value.is_array())
    }

    proptest! {
        #[test]
        fn a_document_is_found_in_any_prose(value in document(), before in "[^{\\[]{0,40}", after in "[^{\\[]{0,40}", pretty: bool) {
            let document = if pretty { format!("{value:#}") } else { value.to_string() };
            prop_assert_eq!(candidates(&format!("{before} {document} {after}")), [value]);
        }

        /// Half an answer is no answer, wherever it was cut.
        #[test]
        fn a_cut_document_is_never_completed(value in document(), cut in 0.0..1.0f64, before in "[^{\\[]{0,20}") {
            let document = value.to_string();
            let end = (1..document.len()).filter(|end| document.is_char_boundary(*end));
            let ends: Vec<_> = end.collect();
            prop_assume!(!ends.is_empty());
            let end = ends[(cut * ends.len() as f64) as usize];
            prop_assert_eq!(candidates(&format!("{before}{}", &document[..end])), Vec::<Value>::new());
        }

        #[test]
        fn nothing_makes_it_panic(text in any::<String>()) {
            candidates(&text);
        }
    }
}
