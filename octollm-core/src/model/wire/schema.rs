//! A schema as Anthropic's native structured output takes it.
//!
//! It takes a part of JSON Schema: objects must be closed, and bounds on numbers, lengths and items are refused. The
//! answer is validated against the whole schema afterwards, so bounds may be left out here; a schema whose meaning
//! would change (an object with free keys, a reference to itself) is not made to fit.
//! (<https://platform.claude.com/docs/en/build-with-claude/structured-outputs>, November 2026.)

use serde_json::{Map, Value};

/// Bounds that are left to the validation.
const BOUNDS: [&str; 16] = [
    "$schema",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "default",
];

/// The schema without bounds and with closed objects; nothing if that would change what it means.
pub(in crate::model) fn tightened(schema: &Value) -> Option<Value> {
    let Value::Object(map) = schema else { return None };
    if refers_to_itself(schema) {
        return None;
    }
    tighten(map).map(Value::Object)
}

fn tighten(schema: &Map<String, Value>) -> Option<Map<String, Value>> {
    if schema.contains_key("patternProperties") || schema.contains_key("not") || schema.contains_key("if") {
        return None;
    }
    let mut tight = Map::new();
    for (key, value) in schema {
        if BOUNDS.contains(&key.as_str()) {
            continue;
        }
        tight.insert(key.clone(), tighten_keyword(key, value)?);
    }
    if schema.get("type").is_some_and(|kind| kind == "object") || schema.contains_key("properties") {
        close(&mut tight, schema)?;
    }
    Some(tight)
}

fn tighten_keyword(key: &str, value: &Value) -> Option<Value> {
    match (key, value) {
        ("properties" | "$defs" | "definitions", Value::Object(schemas)) => {
            let schemas = schemas.iter().map(|(name, schema)| Some((name.clone(), tighten_any(schema)?)));
            schemas.collect::<Option<Map<_, _>>>().map(Value::Object)
        }
        ("anyOf" | "oneOf" | "allOf", Value::Array(schemas)) => {
            schemas.iter().map(tighten_any).collect::<Option<Vec<_>>>().map(Value::Array)
        }
        ("items", schema) => tighten_any(schema),
        (_, other) => Some(other.clone()),
    }
}

/// `true`, "anything", cannot be said.
fn tighten_any(schema: &Value) -> Option<Value> {
    tighten(schema.as_object()?).map(Value::Object)
}

/// An object with keys of its own choice cannot be said.
fn close(tight: &mut Map<String, Value>, schema: &Map<String, Value>) -> Option<()> {
    let free = schema.get("additionalProperties").is_some_and(Value::is_object);
    if free || !schema.contains_key("properties") {
        return None;
    }
    tight.insert("additionalProperties".to_owned(), Value::Bool(false));
    Some(())
}

/// Whether a definition leads back to itself.
fn refers_to_itself(schema: &Value) -> bool {
    let definitions = schema.get("$defs").or_else(|| schema.get("definitions")).and_then(Value::as_object);
    let Some(definitions) = definitions else { return references(schema).contains(&"#") };
    definitions.keys().any(|name| {
        let mut seen: Vec<&str> = Vec::new();
        let mut next = vec![name.as_str()];
        while let Some(at) = next.pop() {
            let targets = definitions.get(at).map(references).unwrap_or_default();
            for target in targets.into_iter().filter_map(|to| to.rsplit('/').next()) {
                if target == name || target == "#" {
                    return true;
                }
                if !seen.contains(&target) {
                    seen.push(target);
                    next.push(target);
                }
            }
        }
        false
    })
}

fn references(schema: &Value) -> Vec<&str> {
    match schema {
        Value::Object(map) => {
            let own = map.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(map.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bounds_go_and_objects_are_closed() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "required": ["items"],
            "properties": {
                "items": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Item"}},
                "format": {"type": "string", "minLength": 3},
            },
            "$defs": {"Item": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 0}}}},
        });
        let expected = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["items"],
            "properties": {
                "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
                "format": {"type": "string"},
            },
            "$defs": {
                "Item": {"type": "object", "additionalProperties": false, "properties": {"n": {"type": "integer"}}},
            },
        });
        assert_eq!(tightened(&schema), Some(expected));
    }

    #[test]
    fn a_schema_whose_meaning_would_change_is_left_alone() {
        let free = json!({"type": "object", "additionalProperties": {"type": "integer"}, "properties": {}});
        let anything = json!({"type": "object", "properties": {"context": {"type": "object"}}});
        let recursive = json!({
            "$ref": "#/$defs/Tree",
            "$defs": {
                "Tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/Branch"}}},
                "Branch": {"anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}]},
            },
        });
        for schema in [free, anything, recursive, json!(true)] {
            assert_eq!(tightened(&schema), None, "{schema}");
        }
    }
}
