//! Whether a schema is one that OpenAI's strict mode takes.
//!
//! Strict mode guarantees the answer's shape, but only for schemas in which every object lists all its properties as
//! required and allows no others; for any other schema the request is refused. So strictness is asked for where it is
//! possible, and elsewhere the schema goes out as advice.

use serde_json::Value;

/// Whether every object of the schema is closed and requires all that it has.
pub(in crate::model) fn is_strict(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => closed(map) && map.values().all(is_strict),
        Value::Array(items) => items.iter().all(is_strict),
        _ => true,
    }
}

fn closed(map: &serde_json::Map<String, Value>) -> bool {
    if map.contains_key("patternProperties") {
        return false;
    }
    let is_object = map.get("type").is_some_and(|kind| kind == "object");
    let properties = map.get("properties").and_then(Value::as_object);
    let Some(properties) = properties else { return !is_object };
    let required = map.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let all = properties.keys().all(|name| required.iter().any(|entry| entry == name));
    all && map.get("additionalProperties") == Some(&Value::Bool(false))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_closed_schema_is_strict_and_an_open_one_is_not() {
        let closed = json!({
            "type": "object", "additionalProperties": false, "required": ["a"],
            "properties": {"a": {"type": "array", "items": {"type": ["string", "null"]}}},
        });
        assert!(is_strict(&closed));
        let mut optional = closed.clone();
        optional["required"] = json!([]);
        let mut open = closed.clone();
        open["properties"]["a"] = json!({"type": "object"});
        for schema in [optional, open, json!({"type": "object", "properties": {}})] {
            assert!(!is_strict(&schema), "{schema}");
        }
    }
}
