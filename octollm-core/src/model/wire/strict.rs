//! Whether a schema is one that OpenAI's strict mode takes.
//!
//! Strict mode guarantees the answer's shape, but it takes a part of JSON Schema only, and refuses the whole request for
//! anything else. So strictness is asked for where every keyword of the schema is among those that the documentation names
//! as supported, used as it says, and within its limits; elsewhere the schema goes out as advice. What is not named there
//! counts as not taken: an answer that is advised is validated too, a request that is refused is lost.
//! (platform.openai.com/docs/guides/structured-outputs, "Supported schemas", 2026. That nothing may stand beside `$ref`
//! and that every schema must state its type is what the service answers, not what the page says.)

use serde_json::{Map, Value};

/// Say nothing about the value, and may stand anywhere but beside a reference.
const REMARKS: [&str; 2] = ["title", "description"];

/// Formats of a string that are taken.
const FORMATS: [&str; 9] =
    ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// Objects within each other, the outermost one included.
const MOST_LEVELS: usize = 10;
/// Properties of all objects together.
const MOST_PROPERTIES: usize = 5_000;
/// Values of all enumerations together.
const MOST_VALUES: usize = 1_000;
/// Values of one enumeration from which the length of their texts is limited, too.
const MANY_VALUES: usize = 250;
/// Characters of the texts of so large an enumeration.
const MOST_OF_MANY: usize = 15_000;
/// Characters of all names of properties and definitions, and of all values.
const MOST_CHARACTERS: usize = 120_000;

/// Whether strict mode takes this schema.
pub(in crate::model) fn is_strict(schema: &Value) -> bool {
    let Some(root) = schema.as_object() else { return false };
    let mut size = Size::default();
    let definitions = root.get("$defs").map(|definitions| each(definitions, 0, &mut size, true));
    root.get("type").is_some_and(|kind| kind == "object")
        && !root.contains_key("anyOf")
        && definitions.unwrap_or(true)
        && takes(root, 0, &mut size, true)
        && size.is_taken()
}

/// What a schema comes to.
#[derive(Debug, Default)]
struct Size {
    properties: usize,
    values: usize,
    characters: usize,
    too_many: bool,
}

impl Size {
    fn is_taken(&self) -> bool {
        !self.too_many
            && self.properties <= MOST_PROPERTIES
            && self.values <= MOST_VALUES
            && self.characters <= MOST_CHARACTERS
    }

    fn count_values(&mut self, values: &[Value]) {
        let characters: usize = values.iter().map(characters).sum();
        self.values += values.len();
        self.characters += characters;
        self.too_many |= values.len() > MANY_VALUES && characters > MOST_OF_MANY;
    }
}

fn characters(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.chars().count())
}

/// `level`: objects around this schema.
fn takes(schema: &Map<String, Value>, level: usize, size: &mut Size, is_root: bool) -> bool {
    if let Some(reference) = schema.get("$ref") {
        let inward = reference.as_str().is_some_and(|to| to == "#" || to.starts_with("#/$defs/"));
        return inward && schema.len() == 1 && !is_root;
    }
    let known = |name: &str| REMARKS.contains(&name) || (is_root && matches!(name, "$defs" | "$schema"));
    if let Some(branches) = schema.get("anyOf") {
        let alone = schema.keys().all(|name| name == "anyOf" || known(name));
        let Some(branches) = branches.as_array().filter(|branches| alone && !branches.is_empty()) else {
            return false;
        };
        return branches.iter().all(|branch| takes_value(branch, level, size));
    }
    let Some(types) = types(schema) else { return false };
    let fits = schema
        .iter()
        .filter(|(name, _)| !known(name))
        .all(|(name, value)| keyword(name, value, &types, size));
    fits && (!types.contains(&"object") || object(schema, level + 1, size))
        && (!types.contains(&"array")
            || schema.get("items").is_some_and(|items| takes_value(items, level, size)))
}

fn takes_value(schema: &Value, level: usize, size: &mut Size) -> bool {
    schema.as_object().is_some_and(|schema| takes(schema, level, size, false))
}

/// The types that a schema states; none if it states none, or one that there is not.
fn types(schema: &Map<String, Value>) -> Option<Vec<&str>> {
    let all = ["string", "number", "boolean", "integer", "object", "array", "null"];
    let types: Option<Vec<_>> = match schema.get("type")? {
        Value::String(one) => Some(vec![one.as_str()]),
        Value::Array(several) => several.iter().map(Value::as_str).collect(),
        _ => None,
    };
    types.filter(|types| !types.is_empty() && types.iter().all(|name| all.contains(name)))
}

/// Whether a keyword is one that is taken beside these types.
fn keyword(name: &str, value: &Value, types: &[&str], size: &mut Size) -> bool {
    let numeric = types.contains(&"number") || types.contains(&"integer");
    match name {
        "type" => true,
        "enum" => value.as_array().filter(|values| !values.is_empty()).is_some_and(|values| {
            size.count_values(values);
            true
        }),
        "const" => {
            size.characters += characters(value);
            true
        }
        "pattern" => types.contains(&"string") && value.is_string(),
        "format" => {
            types.contains(&"string") && value.as_str().is_some_and(|format| FORMATS.contains(&format))
        }
        "multipleOf" | "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
            numeric && value.is_number()
        }
        "items" => types.contains(&"array"),
        "minItems" | "maxItems" => types.contains(&"array") && value.is_u64(),
        "properties" | "required" | "additionalProperties" => types.contains(&"object"),
        _ => false,
    }
}

/// Whether an object is closed, requires all that it has, and is not too deep.
fn object(schema: &Map<String, Value>, level: usize, size: &mut Size) -> bool {
    let nothing = Map::new();
    let properties = match schema.get("properties") {
        None => &nothing,
        Some(Value::Object(properties)) => properties,
        Some(_) => return false,
    };
    let required: Vec<_> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let same =
        required.len() == properties.len() && required.iter().all(|name| properties.contains_key(*name));
    size.properties += properties.len();
    level <= MOST_LEVELS
        && same
        && schema.get("additionalProperties") == Some(&Value::Bool(false))
        && schema.get("properties").is_none_or(|properties| each(properties, level, size, false))
}

/// Whether every schema of a map of schemas is taken. Definitions may be at the root only, and are counted from there.
fn each(schemas: &Value, level: usize, size: &mut Size, definitions: bool) -> bool {
    let Some(schemas) = schemas.as_object() else { return false };
    size.characters += schemas.keys().map(|name| name.chars().count()).sum::<usize>();
    let level = if definitions { 0 } else { level };
    schemas.values().all(|schema| takes_value(schema, level, size))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::structured::strict;
    use crate::schema::schema_of;

    /// An object with this property alone.
    fn with(property: Value) -> Value {
        json!({"type": "object", "additionalProperties": false, "required": ["a"], "properties": {"a": property}})
    }

    #[test]
    fn what_the_documentation_names_is_strict() {
        for property in [
            json!({"type": "string", "pattern": "^a", "format": "date-time", "description": "A word"}),
            json!({"type": ["number", "null"], "minimum": 0, "exclusiveMaximum": 9.5, "multipleOf": 0.5}),
            json!({"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 9}),
            json!({"type": "string", "enum": ["x", "y"]}),
            json!({"type": "integer", "const": 1}),
            json!({"anyOf": [{"type": "null"}, with(json!({"type": "integer"}))], "description": "Either"}),
            json!({"$ref": "#"}),
        ] {
            assert!(is_strict(&with(property.clone())), "{property}");
        }
        let mut recursive = with(json!({"$ref": "#/$defs/Node"}));
        recursive["$defs"] =
            json!({"Node": with(json!({"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}))});
        recursive["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        assert!(is_strict(&recursive));
        assert!(is_strict(
            &json!({"type": "object", "additionalProperties": false, "required": [], "properties": {}})
        ));
    }

    #[test]
    fn everything_else_is_not() {
        for property in [
            json!(true),
            json!({}),
            json!({"description": "anything"}),
            json!({"enum": ["x"]}),
            json!({"enum": [], "type": "string"}),
            json!({"type": "text"}),
            json!({"type": "string", "minLength": 1}),
            json!({"type": "string", "maxLength": 9}),
            json!({"type": "string", "format": "uri"}),
            json!({"type": "string", "default": "x"}),
            json!({"type": "string", "examples": ["x"]}),
            json!({"type": "string", "minimum": 1}),
            json!({"type": "array"}),
            json!({"type": "array", "items": true}),
            json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true}),
            json!({"type": "array", "items": {"type": "string"}, "prefixItems": [{"type": "string"}]}),
            json!({"type": "object"}),
            json!({"type": "object", "properties": {}, "required": []}),
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"type": ["object", "null"], "properties": {"b": {"type": "string"}}}),
            json!({"oneOf": [{"type": "string"}]}),
            json!({"allOf": [{"type": "string"}]}),
            json!({"not": {"type": "string"}, "type": "integer"}),
            json!({"if": {"type": "string"}, "type": "integer"}),
            json!({"anyOf": [{"type": "string"}], "type": "string"}),
            json!({"anyOf": []}),
            json!({"$ref": "#/$defs/A", "description": "beside a reference"}),
            json!({"$ref": "https://example.org/schema"}),
        ] {
            assert!(!is_strict(&with(property.clone())), "{property}");
        }
    }

    #[test]
    fn the_root_is_a_closed_object() {
        let closed = with(json!({"type": "string"}));
        for (field, value) in [
            ("required", json!([])),
            ("required", json!(["a", "b"])),
            ("additionalProperties", json!(true)),
            ("type", json!(["object", "null"])),
            ("anyOf", json!([{"type": "object"}])),
            ("patternProperties", json!({})),
            ("$defs", json!({"Open": {"type": "object"}})),
        ] {
            let mut schema = closed.clone();
            schema[field] = value;
            assert!(!is_strict(&schema), "{schema}");
        }
        for schema in [json!({"anyOf": [closed.clone()]}), json!({"type": "string"}), json!(true)] {
            assert!(!is_strict(&schema), "{schema}");
        }
    }

    #[test]
    fn what_is_too_large_is_advice() {
        let nested = |levels| (1..levels).fold(with(json!({"type": "string"})), |inner, _| with(inner));
        assert!(is_strict(&nested(MOST_LEVELS)) && !is_strict(&nested(MOST_LEVELS + 1)));
        let values = |count: usize, length: usize| {
            let values: Vec<_> = (0..count).map(|n| format!("{n:0length$}")).collect();
            with(json!({"type": "string", "enum": values}))
        };
        assert!(is_strict(&values(1_000, 5)) && !is_strict(&values(1_001, 5)));
        assert!(is_strict(&values(250, 100)) && !is_strict(&values(251, 100)));
        let wide = |count: usize| {
            let properties: Map<_, _> =
                (0..count).map(|n| (format!("p{n}"), json!({"type": "null"}))).collect();
            let required: Vec<_> = properties.keys().cloned().collect();
            json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
        };
        assert!(is_strict(&wide(MOST_PROPERTIES)) && !is_strict(&wide(MOST_PROPERTIES + 1)));
        let mut named = wide(1);
        named["$defs"] = json!({"x".repeat(MOST_CHARACTERS): {"type": "null"}});
        assert!(!is_strict(&named));
    }

    /// The two descriptions of strict mode in this library agree.
    #[test]
    fn a_strict_form_is_strict() {
        for schema in [
            schema_of::<crate::ExecutionPlan>(),
            schema_of::<crate::task::ParsedIntent>(),
            json!({"type": "object", "properties": {
                "size": {"enum": ["small", "large", null]},
                "kind": {"const": "circle", "title": "Kind", "default": "circle"},
                "tags": {"type": "array", "uniqueItems": true, "items": {"type": "string", "minLength": 1}},
            }}),
        ] {
            if let Some(form) = strict(&schema) {
                assert!(is_strict(&form), "{form}");
            }
        }
        let small = json!({"type": "object", "properties": {"size": {"enum": ["small", 1, null]}}});
        assert!(strict(&small).is_some_and(|form| is_strict(&form)));
    }
}
