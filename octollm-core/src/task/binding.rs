//! Fills a step's input: references to earlier outputs, and properties by name.
//!
//! An object `{"$step": N}` or `{"$step": N, "pointer": "/a/b"}` anywhere in an input stands for (that part of) the
//! output of step N, and makes N a dependency.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{SubTask, TaskRequest};
use crate::error::{Error, Fault, Result};
use crate::schema::Validator;

/// A reference to (a part of) an earlier step's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reference<'a> {
    step: u32,
    pointer: &'a str,
}

impl<'a> Reference<'a> {
    /// The reference that this object is: `None` if it is none, `Err` if it is a broken one.
    fn of(object: &'a Map<String, Value>) -> Option<std::result::Result<Self, String>> {
        let step = object.get("$step")?;
        Some(Self::parse(step, object))
    }

    fn parse(step: &Value, object: &'a Map<String, Value>) -> std::result::Result<Self, String> {
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
pub(crate) fn check_references(
    input: &Value,
    at: &str,
    report: &mut dyn FnMut(String, std::result::Result<u32, String>),
) {
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

/// What a step's input is made of.
pub struct Binding<'a> {
    /// The task.
    pub request: &'a TaskRequest,
    /// The step.
    pub subtask: &'a SubTask,
    /// The arm's id, for errors.
    pub arm_id: &'a str,
    /// The arm's `input_schema`.
    pub schema: &'a Value,
    /// What the goal itself was found to contain.
    pub read: Option<&'a Map<String, Value>>,
    /// What a model said where nothing else did.
    pub filled: Option<&'a Map<String, Value>>,
    /// The outputs of completed steps.
    pub outputs: &'a dyn Fn(u32) -> Option<Arc<Value>>,
}

/// Makes the input of a step: out of `input` where the plan has one, else by property name, and checks it against the
/// arm's schema.
///
/// # Errors
/// `invalid_input` that names every place which cannot be filled or breaks the schema.
pub fn bind_input(binding: &Binding<'_>, validator: &Validator) -> Result<Value> {
    let bound = match (&binding.subtask.input, properties(binding.schema)) {
        (Some(input), _) => binding.resolve_all(input)?,
        (None, Some(properties)) => binding.fill(properties)?,
        (None, None) => binding.everything(),
    };
    let faults = validator.faults(&bound);
    if faults.is_empty() {
        return Ok(bound);
    }
    let what = format!("the input of step {} does not fit arm `{}`", binding.subtask.step, binding.arm_id);
    let hint = "compare the step's `input` with the arm's `input_schema`";
    Err(Error::invalid(what, faults).with_hint(hint))
}

/// The properties by which an input is filled. An arm that takes nothing and says so is given nothing.
fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.filter(|properties| is_closed || !properties.is_empty())
}

impl Binding<'_> {
    /// The properties that the arm requires and nothing names. None where the plan has the step's `input`: what that lacks
    /// is a fault of the plan.
    pub fn missing(&self) -> Vec<String> {
        let (None, Some(properties)) = (&self.subtask.input, properties(self.schema)) else {
            return Vec::new();
        };
        self.lacks(&self.found(properties)).map(str::to_owned).collect()
    }

    fn resolve_all(&self, input: &Value) -> Result<Value> {
        let mut faults = Vec::new();
        let bound = self.resolve(input, "/input", &mut faults);
        if faults.is_empty() {
            return Ok(bound);
        }
        Err(Error::invalid(format!("the input of step {} cannot be filled", self.subtask.step), faults)
            .with_hint("a reference must point to something that the earlier step really answered"))
    }

    fn resolve(&self, input: &Value, at: &str, faults: &mut Vec<Fault>) -> Value {
        match input {
            Value::Object(object) => match Reference::of(object) {
                Some(reference) => self.follow(reference).unwrap_or_else(|detail| {
                    faults.push(Fault::new(at, detail));
                    Value::Null
                }),
                None => {
                    let resolve = |(key, value): (&String, &Value)| {
                        (key.clone(), self.resolve(value, &format!("{at}/{}", escape(key)), faults))
                    };
                    Value::Object(object.iter().map(resolve).collect())
                }
            },
            Value::Array(items) => {
                let resolve = |(index, value)| self.resolve(value, &format!("{at}/{index}"), faults);
                Value::Array(items.iter().enumerate().map(resolve).collect())
            }
            other => other.clone(),
        }
    }

    fn follow(
        &self,
        reference: std::result::Result<Reference<'_>, String>,
    ) -> std::result::Result<Value, String> {
        let Reference { step, pointer } = reference?;
        let output = (self.outputs)(step).ok_or_else(|| format!("step {step} has no output"))?;
        let part = output.pointer(pointer);
        part.cloned().ok_or_else(|| format!("the output of step {step} has nothing at `{pointer}`"))
    }

    /// Every property that somebody names: the task's context first, then what the goal contains, then the outputs of the
    /// dependencies, then what every task can say, then what a model said.
    fn found(&self, properties: &Map<String, Value>) -> Map<String, Value> {
        let inputs: Vec<_> =
            self.subtask.depends_on.iter().filter_map(|step| (self.outputs)(*step)).collect();
        let mut bound = Map::new();
        for name in properties.keys() {
            let given = self.request.context.get(name).or_else(|| self.read?.get(name)).cloned();
            let value = given.or_else(|| inputs.iter().find_map(|output| output.get(name).cloned()));
            let value = value.or_else(|| self.of_the_task(name));
            if let Some(value) = value.or_else(|| self.filled?.get(name).cloned()) {
                bound.insert(name.clone(), value);
            }
        }
        bound
    }

    fn lacks(&self, bound: &Map<String, Value>) -> impl Iterator<Item = &str> {
        self.required().filter(|name| !bound.contains_key(*name))
    }

    fn fill(&self, properties: &Map<String, Value>) -> Result<Value> {
        let bound = self.found(properties);
        let missing: Vec<_> = self.lacks(&bound).collect();
        if missing.is_empty() {
            return Ok(Value::Object(bound));
        }
        let faults =
            missing.iter().map(|name| Fault::new(format!("/{}", escape(name)), "is required by the arm"));
        let what = format!("arm `{}` cannot be called in step {}", self.arm_id, self.subtask.step);
        Err(Error::invalid(what, faults.collect()).with_hint(format!(
            "put {} into the task's `context`, or write the step's `input`",
            missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        )))
    }

    fn required(&self) -> impl Iterator<Item = &str> {
        self.schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// What every task can say of itself.
    fn of_the_task(&self, name: &str) -> Option<Value> {
        match name {
            "goal" => Some(self.request.goal.trim().into()),
            "instruction" => Some(self.subtask.action.clone().into()),
            "constraints" if !self.request.constraints.is_empty() => {
                Some(self.request.constraints.clone().into())
            }
            _ => None,
        }
    }

    /// The input of an arm that has no schema.
    fn everything(&self) -> Value {
        let output = |step: &u32| (self.outputs)(*step).map(|output| (step.to_string(), (*output).clone()));
        let inputs: Map<String, Value> = self.subtask.depends_on.iter().filter_map(output).collect();
        json!({"instruction": self.subtask.action, "context": self.request.context, "inputs": inputs})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(request: &TaskRequest, subtask: &SubTask, schema: &Value) -> Result<Value> {
        let first = Arc::new(json!({"location": "Lyon", "list": [{"a/b": 7}]}));
        let outputs = |step| (step == 1).then(|| first.clone());
        let filled = json!({"unit": "celsius", "location": "Oslo"});
        let filled = filled.as_object();
        let binding =
            Binding { request, subtask, arm_id: "weather", schema, read: None, filled, outputs: &outputs };
        bind_input(&binding, &Validator::compile(schema).unwrap())
    }

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {"location": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["location"],
        })
    }

    #[test]
    fn references_reach_into_outputs() {
        let input = json!({"x": [{"$step": 1, "pointer": "/list/0/a~1b"}], "all": {"$step": 1}});
        let subtask = SubTask::new(2, "use it", "weather").with_input(input);
        let bound = bind(&TaskRequest::new("some long goal"), &subtask, &Value::Null).unwrap();
        assert_eq!(bound["x"], json!([7]));
        assert_eq!(bound["all"]["location"], "Lyon");
    }

    #[test]
    fn a_reference_to_nothing_names_both_places() {
        let input = json!({"x": {"$step": 1, "pointer": "/nowhere"}});
        let subtask = SubTask::new(2, "use it", "weather").with_input(input);
        let error = bind(&TaskRequest::new("some long goal"), &subtask, &Value::Null).unwrap_err();
        assert_eq!(error.faults()[0].pointer, "/input/x");
        assert!(error.faults()[0].detail.contains("/nowhere"));
    }

    #[test]
    fn context_wins_over_outputs() {
        let mut request = TaskRequest::new("some long goal");
        let subtask = SubTask::new(2, "forecast", "weather").after([1]);
        assert_eq!(bind(&request, &subtask, &schema()).unwrap(), json!({"location": "Lyon"}));
        request.context.insert("location".into(), "Paris".into());
        assert_eq!(bind(&request, &subtask, &schema()).unwrap(), json!({"location": "Paris"}));
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut schema = schema();
        schema["properties"]["mood"] = json!({"type": "string"});
        schema["required"] = json!(["location", "mood"]);
        let subtask = SubTask::new(1, "forecast", "weather");
        let error = bind(&TaskRequest::new("some long goal"), &subtask, &schema).unwrap_err();
        let pointers: Vec<_> = error.faults().iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/mood"]);
        assert!(error.hint().unwrap().contains("`mood`"));
    }

    #[test]
    fn what_a_model_said_counts_where_nothing_else_does() {
        let mut schema = schema();
        schema["properties"]["unit"] = json!({"type": "string"});
        schema["required"] = json!(["location", "unit"]);
        let subtask = SubTask::new(2, "forecast", "weather").after([1]);
        let bound = bind(&TaskRequest::new("some long goal"), &subtask, &schema).unwrap();
        assert_eq!(bound, json!({"location": "Lyon", "unit": "celsius"}));
    }

    #[test]
    fn a_value_that_breaks_the_schema_is_not_repeated() {
        let mut request = TaskRequest::new("some long goal");
        request.context.insert("location".into(), json!("Paris"));
        request.context.insert("days".into(), json!("many-secret-days"));
        let error = bind(&request, &SubTask::new(1, "forecast", "weather"), &schema()).unwrap_err();
        assert_eq!(error.faults()[0].pointer, "/days");
        assert!(!error.to_string().contains("many-secret-days"));
    }

    #[test]
    fn an_arm_that_takes_nothing_gets_nothing() {
        let nothing = json!({"type": "object", "properties": {}, "additionalProperties": false});
        let (request, subtask) =
            (TaskRequest::new("some long goal"), SubTask::new(1, "tell a joke", "joker"));
        assert_eq!(bind(&request, &subtask, &nothing).unwrap(), json!({}));
    }

    #[test]
    fn an_arm_without_a_schema_gets_everything() {
        let subtask = SubTask::new(2, "look at it", "weather").after([1]);
        let bound = bind(&TaskRequest::new("some long goal"), &subtask, &Value::Null).unwrap();
        assert_eq!(bound["instruction"], "look at it");
        assert_eq!(bound["inputs"]["1"]["location"], "Lyon");
    }
}
