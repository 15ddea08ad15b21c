//! From a change that a model wrote to a plan that keeps the promise of its numbers.
//!
//! A model changes steps where they stand. But a number stands for one piece of work for ever (see
//! [`TaskState::check_revision`](crate::task::TaskState::check_revision)), so whatever is new, changed or failed, and
//! whatever builds on that, gets numbers that were never used, and every reference follows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::draft::Change;
use crate::task::{ExecutionPlan, PlanSource, StepStatus, SubTask, TaskState, step_references};

/// The plan that `change` makes of the task's plan.
pub(super) fn revised(state: &TaskState, change: Change) -> ExecutionPlan {
    let old: BTreeMap<u32, &SubTask> = state
        .plan()
        .into_iter()
        .flat_map(|plan| &plan.subtasks)
        .map(|subtask| (subtask.step, subtask))
        .collect();
    let mut steps: BTreeMap<u32, SubTask> =
        old.iter().map(|(step, subtask)| (*step, (*subtask).clone())).collect();
    steps.retain(|step, _| is_done(state, *step) || !change.removed.contains(step));
    // What is done stays, whatever the model says.
    let changed = change.changed.into_iter().filter(|subtask| !is_done(state, subtask.step));
    steps.extend(changed.map(|subtask| (subtask.step, subtask)));
    let numbers = new_numbers(state, &steps, &old);
    let steps = steps.into_values().map(|subtask| renumbered(subtask, &numbers)).collect();
    let mut plan = ExecutionPlan::new(PlanSource::Model, steps);
    plan.confidence = change.confidence;
    plan.rationale = Some(change.reason);
    plan
}

fn is_done(state: &TaskState, step: u32) -> bool {
    state.step(step).is_some_and(|step| step.status() == StepStatus::Completed)
}

/// The steps that need another number, and the number that each gets.
fn new_numbers(
    state: &TaskState,
    steps: &BTreeMap<u32, SubTask>,
    old: &BTreeMap<u32, &SubTask>,
) -> BTreeMap<u32, u32> {
    let mut numbers = BTreeMap::new();
    let mut next = state.highest_step() + 1;
    for (number, subtask) in steps {
        let failed = state.step(*number).is_some_and(|step| step.status() == StepStatus::Failed);
        let same = old.get(number).is_some_and(|old| *old == subtask);
        let moved = needs(subtask).iter().any(|dependency| numbers.contains_key(dependency));
        if failed || !same || moved {
            numbers.insert(*number, next);
            next += 1;
        }
    }
    numbers
}

/// The steps that this one builds on.
fn needs(subtask: &SubTask) -> BTreeSet<u32> {
    let referred = subtask.input.as_ref().map(step_references).unwrap_or_default();
    subtask.depends_on.iter().copied().chain(referred).collect()
}

fn renumbered(mut subtask: SubTask, numbers: &BTreeMap<u32, u32>) -> SubTask {
    for number in subtask.depends_on.iter_mut().chain([&mut subtask.step]) {
        *number = numbers.get(number).copied().unwrap_or(*number);
    }
    if let Some(input) = &mut subtask.input {
        follow(input, numbers);
    }
    subtask
}

/// Makes every reference in `input` follow its step.
fn follow(input: &mut Value, numbers: &BTreeMap<u32, u32>) {
    match input {
        Value::Array(items) => items.iter_mut().for_each(|item| follow(item, numbers)),
        Value::Object(fields) => {
            let named = fields.get("$step").and_then(Value::as_u64).and_then(|step| u32::try_from(step).ok());
            match named.and_then(|step| numbers.get(&step)) {
                Some(new) => {
                    fields.insert("$step".into(), (*new).into());
                }
                None => fields.values_mut().for_each(|value| follow(value, numbers)),
            }
        }
        _ => {}
    }
}
