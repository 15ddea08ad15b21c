//! What a model answers when it plans, and what can be wrong with it.
//!
//! A plan is held against what is really there: the arms, what their schemas require, and where each required value
//! could come from. What a caller's plan would fail of at its first step, a model's plan is sent back for.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::arm::{ArmDescriptor, ArmInfo};
use crate::error::Fault;
use crate::schema::Validator;
use crate::task::{ExecutionPlan, PlanSource, SubTask, step_references};

/// A plan, as a model writes it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(super) struct Draft {
    /// The steps.
    pub(super) subtasks: Vec<SubTask>,
    /// How likely the plan is to reach the goal, 0..=1.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub(super) confidence: Option<f64>,
    /// Why the plan is as it is.
    #[serde(default)]
    pub(super) rationale: Option<String>,
}

/// A change to a plan, as a model writes it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(super) struct Change {
    /// Why the plan failed, and what the change does about it.
    pub(super) reason: String,
    /// New and changed steps.
    #[serde(default)]
    pub(super) changed: Vec<SubTask>,
    /// Numbers of steps that are no longer needed.
    #[serde(default)]
    pub(super) removed: Vec<u32>,
    /// How likely the revised plan is to reach the goal, 0..=1.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub(super) confidence: Option<f64>,
}

impl Draft {
    /// The plan that it is.
    pub(super) fn into_plan(self) -> ExecutionPlan {
        let mut plan = ExecutionPlan::new(PlanSource::Model, self.subtasks);
        plan.confidence = self.confidence;
        plan.rationale = self.rationale;
        plan
    }
}

/// What a plan is held against.
#[derive(Debug, Clone)]
pub(in crate::orchestrator) struct Ground {
    arms: Vec<ArmDescriptor>,
    /// Names that every step can be given: those of the context, of what the goal contains, and of the task itself.
    given: BTreeSet<String>,
}

impl Ground {
    pub(in crate::orchestrator) fn new(arms: &[ArmInfo], given: impl IntoIterator<Item = String>) -> Self {
        let of_the_task = ["goal", "instruction"].map(str::to_owned);
        Self {
            arms: arms.iter().map(|arm| arm.descriptor.clone()).collect(),
            given: given.into_iter().chain(of_the_task).collect(),
        }
    }

    /// Everything that is wrong with the plan; pointers begin at it.
    pub(in crate::orchestrator) fn faults(&self, plan: &ExecutionPlan) -> Vec<Fault> {
        let mut faults = match plan.validate() {
            Ok(()) => Vec::new(),
            Err(error) => error.faults().to_vec(),
        };
        for (index, subtask) in plan.subtasks.iter().enumerate() {
            let own = self.step_faults(plan, subtask).into_iter();
            faults.extend(
                own.map(|fault| Fault::new(format!("/subtasks/{index}{}", fault.pointer), fault.detail)),
            );
        }
        faults
    }

    fn step_faults(&self, plan: &ExecutionPlan, subtask: &SubTask) -> Vec<Fault> {
        let Some(arm) = self.arm(&subtask.required_arm) else {
            let ids: Vec<_> = self.arms.iter().map(|arm| arm.arm_id.as_str()).collect();
            return vec![Fault::new("/required_arm", format!("must be one of: {}", ids.join(", ")))];
        };
        if !arm.has_all(&subtask.required_capabilities) {
            let has = arm.capabilities.join(", ");
            return vec![Fault::new("/required_capabilities", format!("that arm has only: {has}"))];
        }
        match &subtask.input {
            Some(input) => input_faults(arm, input),
            None => self.unfilled(plan, subtask, arm),
        }
    }

    fn arm(&self, id: &str) -> Option<&ArmDescriptor> {
        self.arms.iter().find(|arm| arm.arm_id == id)
    }

    /// Required properties that nobody could fill.
    fn unfilled(&self, plan: &ExecutionPlan, subtask: &SubTask, arm: &ArmDescriptor) -> Vec<Fault> {
        let outputs = subtask.depends_on.iter().filter_map(|number| {
            let step = plan.subtasks.iter().find(|step| step.step == *number)?;
            Some(&self.arm(&step.required_arm)?.output_schema)
        });
        let outputs: Vec<_> = outputs.collect();
        let may_give = |name: &str| {
            outputs
                .iter()
                .any(|schema| schema.is_null() || schema.pointer(&format!("/properties/{name}")).is_some())
        };
        let missing =
            required(&arm.input_schema).filter(|name| !self.given.contains(*name) && !may_give(name));
        missing.map(|name| Fault::new("/input", format!("is missing: the arm requires `{name}`"))).collect()
    }
}

/// What is wrong with an input as far as it is known now: a reference may become anything.
fn input_faults(arm: &ArmDescriptor, input: &Value) -> Vec<Fault> {
    if step_references(input).is_empty() {
        // A schema that does not compile is refused when its arm is registered.
        let Ok(validator) = Validator::compile(&arm.input_schema) else { return Vec::new() };
        let faults = validator.faults(input).into_iter();
        return faults.map(|fault| Fault::new(format!("/input{}", fault.pointer), fault.detail)).collect();
    }
    let Value::Object(fields) = input else { return Vec::new() };
    if fields.contains_key("$step") {
        return Vec::new();
    }
    let missing = required(&arm.input_schema).filter(|name| !fields.contains_key(*name));
    missing.map(|name| Fault::new("/input", format!("must have the property `{name}`"))).collect()
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ground() -> Ground {
        let mut weather = ArmDescriptor::new("weather", ["weather_forecast"]);
        weather.input_schema = json!({"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]});
        weather.output_schema = json!({"type": "object", "properties": {"text": {"type": "string"}}});
        let mut writer = ArmDescriptor::new("writer", ["writing"]);
        writer.input_schema =
            json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]});
        Ground::new(&[weather.into(), writer.into()], ["location".to_owned()])
    }

    fn faults(steps: Vec<SubTask>) -> Vec<String> {
        let faults = ground().faults(&ExecutionPlan::new(PlanSource::Model, steps));
        faults.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.detail)).collect()
    }

    #[test]
    fn a_plan_that_can_be_run_has_no_faults() {
        let by_name = vec![SubTask::new(1, "ask", "weather"), SubTask::new(2, "write", "writer").after([1])];
        assert_eq!(faults(by_name), [""; 0]);
        let by_reference = json!({"text": {"$step": 1, "pointer": "/text"}});
        let steps = vec![
            SubTask::new(1, "ask", "weather"),
            SubTask::new(2, "write", "writer").with_input(by_reference),
        ];
        assert_eq!(faults(steps), [""; 0]);
    }

    #[test]
    fn what_cannot_work_is_named_before_it_is_tried() {
        let steps = vec![
            SubTask::new(1, "a", "wether"),
            SubTask::new(2, "b", "weather").with_input(json!({"location": 5})),
            SubTask::new(3, "c", "writer"),
            SubTask::new(4, "d", "writer").with_input(json!({"words": {"$step": 2}})),
            SubTask { required_capabilities: vec!["writing".into()], ..SubTask::new(5, "e", "weather") },
        ];
        let faults = faults(steps);
        let expected = [
            "/subtasks/0/required_arm must be one of: weather, writer",
            "/subtasks/1/input/location ",
            "/subtasks/2/input is missing: the arm requires `text`",
            "/subtasks/3/input must have the property `text`",
            "/subtasks/4/required_capabilities that arm has only: weather_forecast",
        ];
        assert_eq!(faults.len(), expected.len(), "{faults:?}");
        assert!(faults.iter().zip(expected).all(|(fault, start)| fault.starts_with(start)), "{faults:?}");
    }
}
