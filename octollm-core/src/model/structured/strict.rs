//! A schema in the subset that OpenAI's strict mode takes.
//!
//! In strict mode a provider guarantees the shape, but takes only schemas in which every object names all its
//! properties, requires them all and allows no others, and which use few keywords
//! (platform.openai.com/docs/guides/structured-outputs, "Supported schemas"). What is optional becomes nullable. Rules
//! that cannot be stated are left out: the answer is validated against the whole schema afterwards. What cannot be closed
//! (an object of any properties, a value of any type, a tuple) has no strict form.

use serde_json::{Map, Value, json};

/// Keywords that say something which strict mode understands; all others are left out.
const KEPT: [&str; 12] = [
    "type",
    "description",
    "enum",
    "pattern",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
    "format",
];

/// Formats that strict mode understands.
const FORMATS: [&str; 9] =
    ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// The strict form of a schema, if it has one. Whatever satisfies the schema and has no properties beyond those it names
/// satisfies the strict form, with `null` where something optional is absent.
pub fn strict(schema: &Value) -> Option<Value> {
    let mut closed = close(schema)?;
    if closed.get("type") != Some(&json!("object")) {
        return None;
    }
    if let Some(Value::Object(definitions)) = schema.get("$defs") {
        closed.insert("$defs".into(), close_each(definitions)?.into());
    }
    Some(Value::Object(closed))
}

fn close(schema: &Value) -> Option<Map<String, Value>> {
    let schema = schema.as_object()?;
    if let Some(reference) = schema.get("$ref") {
        // Nothing may stand beside a reference.
        return Some(Map::from_iter([("$ref".to_owned(), reference.clone())]));
    }
    if let Some(branches) = schema.get("anyOf").or_else(|| schema.get("oneOf")) {
        let branches = branches.as_array()?.iter().map(|branch| close(branch).map(Value::Object));
        let mut closed = Map::from_iter([("anyOf".to_owned(), branches.collect::<Option<Value>>()?)]);
        closed.extend(schema.get("description").map(|text| ("description".to_owned(), text.clone())));
        return Some(closed);
    }
    if let Some(parts) = schema.get("allOf") {
        // One part is how some write a reference with a description beside it; more cannot be merged in general.
        return if let [part] = parts.as_array()?.as_slice() { close(part) } else { None };
    }
    let mut closed: Map<String, Value> = schema
        .iter()
        .filter(|(name, value)| is_kept(name, value))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    if let Some(constant) = schema.get("const") {
        closed.insert("enum".into(), json!([constant]));
    }
    close_typed(schema, &mut closed)?;
    Some(closed)
}

fn is_kept(name: &str, value: &Value) -> bool {
    let understood = || value.as_str().is_some_and(|format| FORMATS.contains(&format));
    KEPT.contains(&name) && (name != "format" || understood())
}

/// Closes what depends on the type, which must be stated.
fn close_typed(schema: &Map<String, Value>, closed: &mut Map<String, Value>) -> Option<()> {
    let types = schema.get("type");
    let is = |name: &str| {
        types == Some(&name.into())
            || types.and_then(Value::as_array).is_some_and(|types| types.contains(&name.into()))
    };
    if is("object") {
        close_object(schema, closed)?;
    }
    if is("array") {
        let items = schema.get("items").filter(|_| !schema.contains_key("prefixItems"))?;
        closed.insert("items".into(), close(items)?.into());
    }
    if types.is_none() {
        let types = types_of(closed.get("enum")?.as_array()?);
        closed.insert("type".into(), types);
    }
    Some(())
}

/// The types of these values: strict mode wants them stated.
fn types_of(values: &[Value]) -> Value {
    let mut types: Vec<_> = values
        .iter()
        .map(|value| match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        })
        .collect();
    types.sort_unstable();
    types.dedup();
    if let [one] = types.as_slice() { json!(one) } else { json!(types) }
}

fn close_object(schema: &Map<String, Value>, closed: &mut Map<String, Value>) -> Option<()> {
    let open = match schema.get("additionalProperties") {
        None | Some(Value::Bool(true)) => !schema.contains_key("properties"),
        Some(Value::Bool(false)) => false,
        Some(_) => true,
    };
    if open || schema.contains_key("patternProperties") {
        return None;
    }
    let nothing = Map::new();
    let properties = schema.get("properties").map_or(Some(&nothing), Value::as_object)?;
    let required = schema.get("required").and_then(Value::as_array);
    let mut closed_properties = close_each(properties)?;
    for (name, property) in &mut closed_properties {
        if !required.is_some_and(|required| required.iter().any(|required| required == name)) {
            make_nullable(property);
        }
    }
    closed.insert("required".into(), properties.keys().cloned().collect());
    closed.insert("properties".into(), closed_properties.into());
    closed.insert("additionalProperties".into(), false.into());
    Some(())
}

fn close_each(schemas: &Map<String, Value>) -> Option<Map<String, Value>> {
    schemas.iter().map(|(name, schema)| Some((name.clone(), close(schema)?.into()))).collect()
}

fn make_nullable(schema: &mut Value) {
    let nothing = json!({"type": "null"});
    let accepts_null = match (schema.get("type"), schema.get("anyOf")) {
        (Some(Value::Array(types)), _) => types.iter().any(|name| name == "null"),
        (Some(name), _) => name == "null",
        (None, Some(Value::Array(branches))) => branches.contains(&nothing),
        (None, _) => false,
    };
    if !accepts_null {
        *schema = json!({"anyOf": [schema.take(), nothing]});
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::schema::{Validator, schema_of};

    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Size {
        /// Little work.
        Small,
        /// Much work.
        Large,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Part {
        size: Size,
        #[schemars(length(max = 5))]
        name: String,
        parent: Option<Box<Part>>,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Whole {
        #[schemars(length(min = 1))]
        parts: Vec<Part>,
        #[serde(default)]
        notes: Vec<String>,
        share: Option<f64>,
    }

    #[test]
    fn a_rust_type_has_a_strict_form() {
        insta::assert_json_snapshot!(strict(&schema_of::<Whole>()).unwrap());
    }

    #[test]
    fn a_strict_form_is_its_own() {
        let once = strict(&schema_of::<Whole>()).unwrap();
        assert_eq!(strict(&once), Some(once.clone()));
        let of = |schema: Value| strict(&schema).is_some_and(|form| form == schema);
        assert!(
            !of(json!({"type": "object", "properties": {"a": {"type": "string"}}})),
            "what is not closed differs"
        );
    }

    #[test]
    fn what_fits_the_schema_fits_its_strict_form_with_nulls_for_what_is_absent() {
        let strict = Validator::compile(&strict(&schema_of::<Whole>()).unwrap()).unwrap();
        let part =
            json!({"size": "small", "name": "a", "parent": {"size": "large", "name": "b", "parent": null}});
        assert_eq!(strict.faults(&json!({"parts": [part], "notes": null, "share": 0.5})), []);
        assert!(
            !strict.accepts(&json!({"parts": [], "notes": [], "share": null})),
            "rules that can be stated stay"
        );
        assert!(!strict.accepts(&json!({"parts": [part], "notes": []})), "everything must be there");
        assert!(!strict.accepts(&json!({"parts": [part], "notes": [], "share": 1, "more": 1})));
    }

    #[test]
    fn what_cannot_be_closed_has_no_strict_form() {
        for open in [
            json!({"type": "object"}),
            json!({"type": "object", "properties": {"a": {}}}),
            json!({"type": "object", "properties": {"a": true}}),
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"type": "object", "properties": {"a": {"type": "array"}}}),
            json!({"type": "object", "properties": {"a": {"type": "array", "prefixItems": [{"type": "string"}]}}}),
            json!({"type": "object", "properties": {"a": {"allOf": [{"type": "object"}, {"type": "object"}]}}}),
            json!({"anyOf": [{"type": "object", "properties": {}}]}),
            json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "object"}}}),
        ] {
            assert_eq!(strict(&open), None, "{open}");
        }
    }
}
