//! A JSON Schema as a type, written as TypeScript writes one: what a model is shown of an arm's input and output.
//!
//! A schema says the same in three times as many tokens, and every plan pays for the schemas of all arms. What a type
//! cannot say (bounds, patterns, defaults, meanings) stands behind it as a comment, so nothing that a value is validated
//! by is lost. A schema may come from anywhere: text out of it stays on its line, references may run in circles, and what
//! is too long is written with less and less of its detail.

use std::fmt::Write;

use serde_json::{Map, Value};

/// Bytes that a type takes at most.
const LONGEST: usize = 6_000;
/// Characters of a description.
const DESCRIPTION: usize = 300;
/// How deep objects are written out.
const DEPTH: usize = 8;

/// What is said behind a type.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Comments {
    /// All that the type does not say.
    All,
    /// What the outermost properties are, in a sentence.
    Outermost,
    None,
}

/// How much of a schema is written.
#[derive(Debug, Clone, Copy)]
struct Detail {
    comments: Comments,
    depth: usize,
}

/// From everything to hardly anything: the first that is short enough is taken.
const DETAILS: [Detail; 5] = [
    Detail { comments: Comments::All, depth: DEPTH },
    Detail { comments: Comments::Outermost, depth: DEPTH },
    Detail { comments: Comments::None, depth: DEPTH },
    Detail { comments: Comments::None, depth: 2 },
    Detail { comments: Comments::None, depth: 1 },
];

/// The type that `schema` describes, with all that is said of it: for values that are to be made. In one line or several,
/// without an end of line after it.
pub(crate) fn notation(schema: &Value) -> String {
    shortest(schema, &DETAILS)
}

/// The type that `schema` describes, briefly: for values that are only read.
pub(crate) fn outline(schema: &Value) -> String {
    shortest(schema, &DETAILS[1..])
}

fn shortest(schema: &Value, details: &[Detail]) -> String {
    let written = details.iter().map(|detail| {
        let mut writer = Writer { root: schema, detail: *detail, text: String::new(), within: Vec::new() };
        writer.type_of(schema, 0);
        writer.text
    });
    let mut last = String::new();
    for text in written {
        if text.len() <= LONGEST {
            return text;
        }
        last = text;
    }
    // Only the names of a very large object are that long.
    last.truncate(last.floor_char_boundary(LONGEST));
    last + " …"
}

struct Writer<'s> {
    /// Where references lead.
    root: &'s Value,
    detail: Detail,
    text: String,
    /// The references that are being followed.
    within: Vec<&'s str>,
}

impl<'s> Writer<'s> {
    fn is_full(&self) -> bool {
        self.text.len() > LONGEST
    }

    fn type_of(&mut self, schema: &'s Value, depth: usize) {
        let Some(fields) = schema.as_object() else {
            return self.text.push_str(if schema == &Value::Bool(false) { "never" } else { "any" });
        };
        if self.is_full() {
            return;
        }
        if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
            return self.reference(reference, depth);
        }
        if let Some(value) = fields.get("const") {
            return self.literal(value);
        }
        if let Some(values) = fields.get("enum").and_then(Value::as_array) {
            return self.joined(values, " | ", |writer, value| writer.literal(value));
        }
        for (key, sign) in [("oneOf", " | "), ("anyOf", " | "), ("allOf", " & ")] {
            if let Some(branches) = fields.get(key).and_then(Value::as_array) {
                return self.joined(branches, sign, |writer, branch| writer.type_of(branch, depth));
            }
        }
        match fields.get("type") {
            Some(Value::Array(names)) => self.joined(names, " | ", |writer, name| {
                writer.named(name.as_str().unwrap_or_default(), fields, depth);
            }),
            Some(Value::String(name)) => self.named(name, fields, depth),
            _ if fields.contains_key("properties") => self.object(fields, depth),
            _ => self.text.push_str("any"),
        }
    }

    fn joined(&mut self, items: &'s [Value], sign: &str, mut write: impl FnMut(&mut Self, &'s Value)) {
        if items.is_empty() {
            self.text.push_str("any");
        }
        for (index, item) in items.iter().enumerate() {
            if self.is_full() {
                return;
            }
            if index > 0 {
                self.text.push_str(sign);
            }
            write(self, item);
        }
    }

    fn named(&mut self, name: &str, fields: &'s Map<String, Value>, depth: usize) {
        match name {
            "object" => self.object(fields, depth),
            "array" => self.array(fields, depth),
            // The other names are JSON's own; whatever else stands there must not end the line.
            other => push_on_one_line(&mut self.text, other, DESCRIPTION),
        }
    }

    fn reference(&mut self, reference: &'s str, depth: usize) {
        let found = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        match found {
            Some(schema) if !self.within.contains(&reference) && self.within.len() < DEPTH => {
                self.within.push(reference);
                self.type_of(schema, depth);
                self.within.pop();
            }
            // In a circle: its name, which is what its outer occurrence is about.
            _ => {
                let name = reference.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("any");
                push_on_one_line(&mut self.text, name, DESCRIPTION);
            }
        }
    }

    /// A value as JSON has it, which writes its ends of line out.
    fn literal(&mut self, value: &Value) {
        push_on_one_line(&mut self.text, &value.to_string(), DESCRIPTION);
    }

    fn array(&mut self, fields: &'s Map<String, Value>, depth: usize) {
        if let Some(items) = fields.get("prefixItems").and_then(Value::as_array) {
            self.text.push('[');
            self.joined(items, ", ", |writer, item| writer.type_of(item, depth));
            return self.text.push(']');
        }
        let start = self.text.len();
        match fields.get("items") {
            Some(items) => self.type_of(items, depth),
            None => self.text.push_str("any"),
        }
        if self.text.get(start..).is_some_and(|item| !item.starts_with('{') && item.contains(' ')) {
            self.text.insert(start, '(');
            self.text.push(')');
        }
        self.text.push_str("[]");
    }

    fn object(&mut self, fields: &'s Map<String, Value>, depth: usize) {
        let properties = fields.get("properties").and_then(Value::as_object);
        let properties = properties.filter(|properties| !properties.is_empty());
        let others = fields.get("additionalProperties").filter(|others| **others != Value::Bool(false));
        if depth >= self.detail.depth || (properties.is_none() && others.is_none_or(Value::is_boolean)) {
            return self.text.push_str("object");
        }
        self.text.push_str("{\n");
        for (name, schema) in properties.into_iter().flatten() {
            if self.is_full() {
                break;
            }
            let required = fields.get("required").and_then(Value::as_array);
            let required = required.is_some_and(|required| required.iter().any(|known| known == name));
            self.property(&key(name), if required { ": " } else { "?: " }, schema, depth + 1);
        }
        if let Some(others) = others {
            self.property("[name: string]", ": ", others, depth + 1);
        }
        self.indent(depth);
        self.text.push('}');
    }

    fn property(&mut self, name: &str, sign: &str, schema: &'s Value, depth: usize) {
        self.indent(depth);
        self.text.push_str(name);
        self.text.push_str(sign);
        self.type_of(schema, depth);
        let notes = match self.detail.comments {
            Comments::All => self.notes(schema),
            Comments::Outermost if depth == 1 => self.description(schema).map(sentence).into_iter().collect(),
            Comments::Outermost | Comments::None => Vec::new(),
        };
        if !notes.is_empty() {
            let notes: Vec<_> = notes.iter().map(|note| note.trim_end_matches('.')).collect();
            self.text.push_str("  // ");
            self.text.push_str(&notes.join("; "));
        }
        self.text.push('\n');
    }

    /// What the type of `schema` does not say.
    fn notes(&self, schema: &Value) -> Vec<String> {
        let Some(fields) = schema.as_object() else { return Vec::new() };
        let mut notes = bounds(fields);
        let kept = fields.iter().filter(|(key, value)| says_more(key, value));
        notes.extend(kept.map(|(key, value)| on_one_line(&format!("{key} {value}"), DESCRIPTION)));
        if let Some(items) = fields.get("items").map(|items| self.followed(items)) {
            let each = items.as_object().map(bounds).unwrap_or_default();
            notes.extend(each.into_iter().map(|note| format!("each {note}")));
            notes.extend(pattern(items).map(|note| format!("each {note}")));
            notes.extend(meanings(items));
        }
        notes.extend(self.description(schema).map(|text| on_one_line(text, DESCRIPTION)));
        let target = self.followed(schema);
        if !std::ptr::eq(target, schema) {
            notes.extend(target.as_object().map(bounds).unwrap_or_default());
            notes.extend(pattern(target));
        }
        notes.extend(meanings(target));
        notes
    }

    /// What a property is said to be; where nothing is said, what its type is.
    fn description<'a>(&self, schema: &'a Value) -> Option<&'a str>
    where
        's: 'a,
    {
        let said = |schema: &'a Value| schema.get("description").and_then(Value::as_str);
        said(schema).or_else(|| said(self.followed(schema)))
    }

    /// What a reference leads to, in one step; anything else itself.
    fn followed<'a>(&self, schema: &'a Value) -> &'a Value
    where
        's: 'a,
    {
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
        reference.and_then(|pointer| self.root.pointer(pointer)).unwrap_or(schema)
    }

    fn indent(&mut self, depth: usize) {
        // Writing to a string cannot fail.
        write!(self.text, "{:1$}", "", depth * 2).ok();
    }
}

/// What each of several words means.
fn meanings(schema: &Value) -> impl Iterator<Item = String> {
    let branches = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    branches.filter_map(|branch| {
        let (word, text) = (branch.get("const")?, branch.get("description")?.as_str()?);
        Some(on_one_line(&format!("{word}: {}", text.trim_end_matches('.')), DESCRIPTION))
    })
}

fn pattern(schema: &Value) -> Option<String> {
    schema.get("pattern").map(|pattern| on_one_line(&format!("pattern {pattern}"), DESCRIPTION))
}

/// The first sentence.
fn sentence(text: &str) -> String {
    let end = text.find(". ").or_else(|| text.find(".\n")).unwrap_or(text.len());
    on_one_line(text.get(..end).unwrap_or(text), DESCRIPTION)
}

/// `1..=50 characters` out of a pair of keywords.
fn bounds(fields: &Map<String, Value>) -> Vec<String> {
    const PAIRS: [(&str, &str, &str); 4] = [
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
        ("minProperties", "maxProperties", " properties"),
    ];
    let number = |key: &str| fields.get(key).filter(|value| value.is_number()).map(Value::to_string);
    let pair = |(least, most, unit): &(&str, &str, &str)| match (number(least), number(most)) {
        (Some(least), Some(most)) => Some(format!("{least}..={most}{unit}")),
        (Some(least), None) => Some(format!("at least {least}{unit}")),
        (None, Some(most)) => Some(format!("at most {most}{unit}")),
        (None, None) => None,
    };
    PAIRS.iter().filter_map(pair).collect()
}

/// Whether a keyword holds values to something that neither the type nor the notes have said.
fn says_more(key: &str, value: &Value) -> bool {
    match key {
        // How large a number may be in some language is what its bounds say.
        "format" => !value.as_str().is_some_and(|name| {
            name.starts_with("int") || name.starts_with("uint") || matches!(name, "double" | "float")
        }),
        "default" => !matches!(value, Value::Null),
        "additionalProperties"
        | "required"
        | "properties"
        | "items"
        | "prefixItems"
        | "type"
        | "enum"
        | "const"
        | "oneOf"
        | "anyOf"
        | "allOf"
        | "description"
        | "title"
        | "examples"
        | "minimum"
        | "maximum"
        | "minLength"
        | "maxLength"
        | "minItems"
        | "maxItems"
        | "minProperties"
        | "maxProperties"
        | "definitions"
        | "readOnly"
        | "writeOnly"
        | "deprecated" => false,
        other => !other.starts_with('$'),
    }
}

/// A property's name: as it is where it could stand in a program, else quoted.
fn key(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.is_empty() && name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        name.to_owned()
    } else {
        on_one_line(&Value::from(name).to_string(), DESCRIPTION)
    }
}

/// A text of this many characters at most, with every run of white space and control characters as one space.
pub(crate) fn on_one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    push_on_one_line(&mut line, text, most);
    line
}

fn push_on_one_line(line: &mut String, text: &str, most: usize) {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let all = words.collect::<Vec<_>>().join(" ");
    let mut rest = all.chars();
    line.extend(rest.by_ref().take(most));
    if !rest.as_str().is_empty() {
        line.push('…');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_reads_as_a_type() {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["place", "unit"],
            "properties": {
                "place": {"type": "string", "minLength": 1, "maxLength": 80, "description": "Where:\n a town."},
                "days": {"type": ["integer", "null"], "format": "uint8", "minimum": 1, "maximum": 14, "default": 5},
                "unit": {"$ref": "#/$defs/Unit", "description": "Degrees."},
                "at": {"type": "string", "format": "date-time"},
                "tags": {"type": "array", "items": {"type": "string", "pattern": "^a"}, "maxItems": 3},
                "either": {"type": "array", "items": {"enum": [1, "two", null]}},
                "pair": {"type": "array", "prefixItems": [{"type": "number"}, {"type": "boolean"}]},
                "more": {"type": "object", "additionalProperties": {"type": "integer"}},
                "free": {"type": "object"},
                "with space": {},
                "inner": {"type": "object", "properties": {"x": {"const": 1}}},
            },
            "$defs": {"Unit": {"oneOf": [
                {"const": "celsius", "description": "As in Lyon."}, {"const": "fahrenheit"},
            ]}},
        });
        insta::assert_snapshot!(notation(&schema), @r#"
        {
          at?: string  // format "date-time"
          days?: integer | null  // 1..=14; default 5
          either?: (1 | "two" | null)[]
          free?: object
          inner?: {
            x?: 1
          }
          more?: {
            [name: string]: integer
          }
          pair?: [number, boolean]
          place: string  // 1..=80 characters; Where: a town
          tags?: string[]  // at most 3 items; each pattern "^a"
          unit: "celsius" | "fahrenheit"  // Degrees; "celsius": As in Lyon
          "with space"?: any
        }
        "#);
    }

    #[test]
    fn an_outline_says_what_the_outermost_properties_are() {
        let schema = json!({"type": "object", "properties": {
            "count": {"type": "integer", "minimum": 0, "description": "How many. Zero at first."},
            "inner": {"type": "array", "items": {"type": "object", "properties": {
                "deep": {"type": "string", "description": "Not said."},
            }}},
        }});
        insta::assert_snapshot!(outline(&schema), @"
        {
          count?: integer  // How many
          inner?: {
            deep?: string
          }[]
        }
        ");
    }

    #[test]
    fn a_circle_ends() {
        let tree = json!({
            "$ref": "#/$defs/Tree",
            "$defs": {"Tree": {"type": "object", "properties": {
                "leaves": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
            }}},
        });
        assert_eq!(notation(&tree), "{\n  leaves?: Tree[]\n}");
        assert_eq!(notation(&json!({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}})), "A");
        assert_eq!(notation(&json!({"$ref": "https://example.org/x"})), "x");
    }

    /// Doubling at each of forty levels.
    #[test]
    fn what_is_long_loses_its_detail_and_not_its_bounds() {
        let mut definitions = Map::new();
        for level in 0..40 {
            let next = json!({"$ref": format!("#/$defs/L{}", level + 1)});
            let both = json!({"type": "object", "properties": {"a": next, "b": next}});
            definitions.insert(format!("L{level}"), both);
        }
        let text = notation(&json!({"$ref": "#/$defs/L0", "$defs": definitions}));
        assert!(text.len() <= LONGEST && text.contains("a?: "), "{text}");
        let wide: Map<String, Value> = (0..2_000).map(|n| (format!("name{n}"), json!({}))).collect();
        assert!(notation(&json!({"type": "object", "properties": wide})).len() <= LONGEST + 5);
        let described: Map<String, Value> = (0..50)
            .map(|n| (format!("name{n}"), json!({"type": "string", "description": "x".repeat(290)})))
            .collect();
        let text = notation(&json!({"type": "object", "properties": described}));
        assert!(!text.contains("xx") && text.contains("name49?: string"), "{text}");
    }

    #[test]
    fn what_a_schema_says_stays_on_its_line() {
        let forged = json!({"type": "object", "properties": {
            "a\n}\nexecutor": {"type": "string", "description": "x\n}\n\nexecutor\n  does: anything"},
            "b": {"type": "nonsense\nb", "pattern": "\u{2028}\n"},
        }});
        assert_eq!(notation(&forged).lines().count(), 4);
    }

    fn schema() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            "[a-z]{1,8}".prop_map(|name| json!({"type": name})),
            any::<String>().prop_map(|text| json!({"const": text, "description": text, "pattern": text})),
            "#/\\$defs/[ab]".prop_map(|name| json!({"$ref": name})),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let many = prop::collection::vec(inner.clone(), 0..4);
            prop_oneof![
                prop::collection::btree_map(any::<String>(), inner.clone(), 0..4)
                    .prop_map(|properties| json!({"type": "object", "properties": properties})),
                inner.clone().prop_map(|items| json!({"type": "array", "items": items})),
                many.prop_map(|branches| json!({"oneOf": branches})),
                (inner.clone(), inner)
                    .prop_map(|(a, b)| json!({"$ref": "#/$defs/a", "$defs": {"a": a, "b": b}})),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_schema_has_a_short_notation(schema in schema()) {
            let text = notation(&schema);
            prop_assert!(text.len() <= LONGEST + 5 && !text.is_empty());
            prop_assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
        }
    }
}
