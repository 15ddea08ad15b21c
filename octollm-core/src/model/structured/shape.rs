//! What an answer must look like: compiled once, used for many.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::strict::strict;
use crate::error::{Error, Fault, Result};
use crate::schema::{Validator, schema_of};

/// The property that holds a value which is no object itself: providers take objects only.
const WRAPPER: &str = "value";

/// Rounds in which nulls are dropped: as deep as an answer may nest them in each other.
const NULL_ROUNDS: usize = 8;

type Check = dyn Fn(&Value) -> Vec<Fault> + Send + Sync;

/// The shape of an answer. Cheap to clone.
#[derive(Clone)]
pub struct Shape {
    name: Arc<str>,
    /// What the model is shown: an object, closed where that is possible.
    sent: Arc<Value>,
    wrapped: bool,
    /// Whether what is sent could be closed, so that a provider can hold an answer to it.
    closed: bool,
    validator: Validator,
    checks: Vec<Arc<Check>>,
}

impl Shape {
    /// The shape that a JSON Schema describes. The name is shown to the model.
    ///
    /// # Errors
    /// `invalid_input` for a schema that is none.
    pub fn new(name: &str, schema: &Value) -> Result<Self> {
        let validator = Validator::compile(schema).map_err(|detail| {
            Error::invalid("the schema of an answer is no JSON Schema", vec![Fault::new("", detail)])
        })?;
        let wrapped = schema.get("type") != Some(&json!("object"));
        let object = if wrapped { wrap(schema) } else { schema.clone() };
        let strict = strict(&object);
        let closed = strict.is_some();
        let sent = Arc::new(strict.unwrap_or(object));
        Ok(Self { name: tool_name(name).into(), sent, wrapped, closed, validator, checks: Vec::new() })
    }

    /// The shape of a Rust type.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of<T: JsonSchema + DeserializeOwned>(name: &str) -> Result<Self> {
        let reads = |value: &Value| match T::deserialize(value) {
            Ok(_) => Vec::new(),
            // Serde's own words may repeat the value.
            Err(_) => vec![Fault::new("", "satisfies its schema, but breaks a rule of its type")],
        };
        Ok(Self::new(name, &schema_of::<T>())?.checked(reads))
    }

    /// The same shape with a rule that a schema cannot state. Its faults are given back to the model like all others.
    #[must_use]
    pub fn checked(mut self, check: impl Fn(&Value) -> Vec<Fault> + Send + Sync + 'static) -> Self {
        self.checks.push(Arc::new(check));
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The schema that the model is shown.
    pub(super) fn sent(&self) -> &Arc<Value> {
        &self.sent
    }

    /// Whether a provider can hold an answer to it.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The value that the model means, or its faults.
    pub(super) fn accept(&self, mut value: Value) -> Result<Value, Vec<Fault>> {
        if let (true, Value::Object(fields)) = (self.wrapped, &mut value)
            && fields.len() == 1
            && let Some(inner) = fields.remove(WRAPPER)
        {
            value = inner;
        }
        let mut faults = self.validator.faults(&value);
        for _ in 0..NULL_ROUNDS {
            if faults.is_empty() || !drop_nulls(&mut value, &faults) {
                break;
            }
            faults = self.validator.faults(&value);
        }
        if faults.is_empty() {
            faults = self.checks.iter().flat_map(|check| check(&value)).collect();
        }
        if faults.is_empty() { Ok(value) } else { Err(faults) }
    }
}

/// Removes the nulls that the schema forbids. Where every property must be there (see [`strict`]) null is how a model
/// says that there is none, and many say it elsewhere.
fn drop_nulls(value: &mut Value, faults: &[Fault]) -> bool {
    let mut dropped = false;
    for fault in faults {
        let Some((parent, name)) = fault.pointer.rsplit_once('/') else { continue };
        let name = name.replace("~1", "/").replace("~0", "~");
        if let Some(Value::Object(fields)) = value.pointer_mut(parent)
            && fields.get(&name).is_some_and(Value::is_null)
        {
            fields.remove(&name);
            dropped = true;
        }
    }
    dropped
}

/// An object with the value in its one property; definitions stay at the root, where references look for them.
fn wrap(schema: &Value) -> Value {
    let mut inner = schema.clone();
    let definitions = inner.as_object_mut().and_then(|fields| fields.remove("$defs"));
    let mut object = Map::new();
    object.insert("type".into(), "object".into());
    object.insert("properties".into(), json!({WRAPPER: inner}));
    object.insert("required".into(), json!([WRAPPER]));
    object.insert("additionalProperties".into(), false.into());
    object.extend(definitions.map(|definitions| ("$defs".to_owned(), definitions)));
    Value::Object(object)
}

/// Letters, digits, `_` and `-`, 64 at most: what both wires take as a name.
fn tool_name(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    name.chars().map(|c| if fits(c) { c } else { '_' }).take(64).collect()
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shape").field("name", &self.name).finish_non_exhaustive()
    }
}
