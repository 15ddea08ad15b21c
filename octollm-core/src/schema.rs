//! JSON Schema in one place: schemas out of Rust types, and validation that names every fault but repeats no value.

mod notation;

use std::io::{self, Write};
use std::sync::OnceLock;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Fault, Result};

pub(crate) use notation::{notation, on_one_line, outline};

/// Faults that one document reports at most; a document with more is broken in a way that a longer list does not help.
const MAX_FAULTS: usize = 50;

/// The JSON Schema (draft 2020-12) of a Rust type.
pub fn schema_of<T: JsonSchema>() -> Value {
    let schema: Schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    schema.to_value()
}

/// A compiled JSON Schema.
#[derive(Debug, Clone)]
pub struct Validator(Option<std::sync::Arc<jsonschema::Validator>>);

impl Validator {
    /// Compiles a schema. References outside the schema itself are not followed.
    ///
    /// # Errors
    /// What is wrong with the schema, in words.
    pub fn compile(schema: &Value) -> std::result::Result<Self, String> {
        if accepts_everything(schema) {
            return Ok(Self(None));
        }
        jsonschema::options()
            .build(schema)
            .map(|validator| Self(Some(std::sync::Arc::new(validator))))
            .map_err(|error| error.masked().to_string())
    }

    /// The validator of a Rust type.
    pub fn of<T: JsonSchema>() -> Self {
        // A schema that schemars wrote compiles; if it ever did not, serde would still refuse what does not fit.
        Self::compile(&schema_of::<T>()).unwrap_or(Self(None))
    }

    /// Whether `document` satisfies the schema.
    pub fn accepts(&self, document: &Value) -> bool {
        self.0.as_ref().is_none_or(|validator| validator.is_valid(document))
    }

    /// Every fault of `document`, 50 at most, in the order of the document.
    pub fn faults(&self, document: &Value) -> Vec<Fault> {
        let Some(validator) = &self.0 else { return Vec::new() };
        if validator.is_valid(document) {
            return Vec::new();
        }
        let mut faults = Vec::new();
        for error in validator.iter_errors(document) {
            collect(&error, &mut faults);
        }
        faults.truncate(MAX_FAULTS);
        faults
    }
}

/// A validator that is compiled when it is first asked for: compiled, a schema takes many times its memory, and most arms of
/// a process that has just started are not asked for long.
#[derive(Debug, Default)]
pub(crate) struct LateValidator(OnceLock<Validator>);

impl LateValidator {
    /// The validator of `schema`, which was found to compile and is the same each time. Should it not compile, it accepts
    /// nothing.
    pub(crate) fn of(&self, schema: &Value) -> &Validator {
        let nothing = || Validator::compile(&Value::Bool(false)).unwrap_or(Validator(None));
        self.0.get_or_init(|| Validator::compile(schema).unwrap_or_else(|_| nothing()))
    }
}

/// The faults behind an error. Of an optional value (`anyOf` with `null`) they are those of the value that it would be:
/// that none of two schemas fits helps nobody.
fn collect(error: &ValidationError<'_>, faults: &mut Vec<Fault>) {
    if faults.len() >= MAX_FAULTS {
        return;
    }
    if let ValidationErrorKind::AnyOf { context } = error.kind() {
        let here = error.instance_path();
        let wrong_type = |fault: &ValidationError<'_>| {
            matches!(fault.kind(), ValidationErrorKind::Type { .. }) && fault.instance_path() == here
        };
        let mut meant = context.iter().filter(|branch| !branch.is_empty() && !branch.iter().any(wrong_type));
        if let (Some(branch), None) = (meant.next(), meant.next()) {
            branch.iter().for_each(|error| collect(error, faults));
            return;
        }
    }
    if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
        let at = |name: &String| error.instance_path().join(name.as_str()).to_string();
        faults.extend(
            unexpected.iter().take(MAX_FAULTS).map(|name| Fault::new(at(name), "is not a known field")),
        );
        return;
    }
    faults.push(Fault::new(error.instance_path().to_string(), describe(error)));
}

/// What is wrong or what is allowed, without the offending value.
fn describe(error: &ValidationError<'_>) -> String {
    let allowed = match error.kind() {
        ValidationErrorKind::OneOfNotValid { context } => names(context),
        _ => None,
    };
    allowed.map_or_else(|| error.masked().to_string(), |names| format!("must be one of {names}"))
}

/// The names of an enum, which Rust's schemas write as one constant a branch.
fn names(branches: &[Vec<ValidationError<'_>>]) -> Option<String> {
    let constant = |error: &ValidationError<'_>| match error.kind() {
        ValidationErrorKind::Constant { expected_value } => Some(expected_value.to_string()),
        _ => None,
    };
    let names: Option<Vec<String>> = branches.iter().map(|branch| branch.iter().find_map(constant)).collect();
    names.map(|names| names.join(", "))
}

fn accepts_everything(schema: &Value) -> bool {
    match schema {
        Value::Bool(accept) => *accept,
        Value::Object(fields) => fields.is_empty(),
        Value::Null => true,
        _ => false,
    }
}

/// Reads `document` as a `T`; `what` names it in the error.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput).
pub fn from_value<T: DeserializeOwned>(document: Value, what: &'static str) -> Result<T> {
    serde_json::from_value(document).map_err(|error| {
        Error::invalid(format!("{what} is invalid"), vec![Fault::new("", error.to_string())])
    })
}

/// `document` without what the pointers name, where they name fields of objects.
pub(crate) fn without<'p>(mut document: Value, pointers: impl IntoIterator<Item = &'p str>) -> Value {
    for (above, field) in pointers.into_iter().filter_map(|pointer| pointer.rsplit_once('/')) {
        if let Some(Value::Object(fields)) = document.pointer_mut(above) {
            fields.remove(&field.replace("~1", "/").replace("~0", "~"));
        }
    }
    document
}

/// The length of `value` as JSON in bytes, or `None` if it is above `most`. Stops counting there.
pub fn json_len<T: Serialize>(value: &T, most: usize) -> Option<usize> {
    let mut counter = Counter { left: most };
    serde_json::to_writer(&mut counter, value).ok()?;
    Some(most - counter.left)
}

struct Counter {
    left: usize,
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_fault_has_its_place_and_no_value() {
        let validator = Validator::compile(&json!({
            "type": "object",
            "properties": {"days": {"type": "integer", "maximum": 14}, "place": {"type": "string"}},
            "required": ["place"],
        }))
        .unwrap();
        let faults = validator.faults(&json!({"days": 99}));
        assert_eq!(faults.len(), 2);
        assert!(faults.iter().any(|fault| fault.pointer == "/days"));
        assert!(faults.iter().all(|fault| !fault.detail.contains("99")), "a value leaked: {faults:?}");
    }

    #[test]
    fn an_optional_value_names_its_own_faults() {
        #[derive(serde::Deserialize, schemars::JsonSchema)]
        #[allow(dead_code, reason = "only its schema is looked at")]
        struct Inner {
            days: u8,
        }
        #[derive(serde::Deserialize, schemars::JsonSchema)]
        #[allow(dead_code, reason = "only its schema is looked at")]
        struct Outer {
            inner: Option<Inner>,
        }
        let faults = Validator::of::<Outer>().faults(&json!({"inner": {"days": "many"}}));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].pointer, "/inner/days");
        assert!(Validator::of::<Outer>().accepts(&json!({"inner": null})));
    }

    #[test]
    fn every_unknown_field_is_named_by_its_place() {
        let validator = Validator::compile(&json!({
            "type": "object",
            "properties": {"inner": {"type": "object", "properties": {}, "additionalProperties": false}},
            "additionalProperties": false,
        }))
        .unwrap();
        let document = json!({"inner": {"a/b": 1, "c": 2}, "d": 3});
        let mut pointers: Vec<String> =
            validator.faults(&document).into_iter().map(|fault| fault.pointer).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/d", "/inner/a~1b", "/inner/c"]);
        assert_eq!(without(document, pointers.iter().map(String::as_str)), json!({"inner": {}}));
    }

    #[test]
    fn length_stops_at_the_limit() {
        assert_eq!(json_len(&json!({"a": 1}), 100), Some(7));
        assert_eq!(json_len(&"x".repeat(100), 100), None);
    }

    #[test]
    fn schemas_do_not_reach_out() {
        assert!(Validator::compile(&json!({"$ref": "http://127.0.0.1:9/schema.json"})).is_err());
    }
}
