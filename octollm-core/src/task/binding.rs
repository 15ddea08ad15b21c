//! Fills a step's input: references to earlier outputs, and properties by name.
//!
//! An object `{"$step": N}` or `{"$step": N, "pointer": "/a/b"}` anywhere in an input stands for (that part of) the
//! output of step N, and makes N a dependency.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// A reference to (a part of) an earlier step's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reference<'a> {
    step: u32,
    pointer: &'a str,
}

impl<'a> Reference<'a> {
    /// The reference that this object is: `None` if it is none, `Err` if it is a broken one.
    fn of(object: &'a Map<String, Value>) -> Option<Result<Self, String>> {
        let step = object.get("$step")?;
        Some(Self::parse(step, object))
    }

    fn parse(step: &Value, object: &'a Map<String, Value>) -> Result<Self, String> {
        let step = step.as_u64().and_then(|step| u32::try_from(step).ok()).filter(|step| *step > 0);
        let step = step.ok_or("`$step` must be the number of a step")?;
        if let Some(other) = object.keys().find(|key| !matches!(key.as_str(), "$step" | "pointer")) {
            return Err(format!("a reference has only `$step` and `pointer`, not `{other}`"));
        }
        let pointer = match object.get("pointer") {
            None => "",
            Some(Value::String(pointer)) if pointer.is_empty() || pointer.starts_with('/') => pointer,
            Some(_) => return Err("`pointer` must be a JSON pointer: empty, or starting with `/`".into()),
        };
        Ok(Self { step, pointer })
    }
}

/// Calls `report` with the place of every reference in `input`, and the step that it names or what is wrong with it.
pub(crate) fn check_references(input: &Value, at: &str, report: &mut dyn FnMut(String, Result<u32, String>)) {
    match input {
        Value::Object(object) => match Reference::of(object) {
            Some(reference) => report(at.to_owned(), reference.map(|reference| reference.step)),
            None => {
                for (key, value) in object {
                    check_references(value, &format!("{at}/{}", escape(key)), report);
                }
            }
        },
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                check_references(value, &format!("{at}/{index}"), report);
            }
        }
        _ => {}
    }
}

/// The steps that `input` refers to.
pub fn step_references(input: &Value) -> BTreeSet<u32> {
    let mut steps = BTreeSet::new();
    check_references(input, "", &mut |_, reference| steps.extend(reference));
    steps
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
