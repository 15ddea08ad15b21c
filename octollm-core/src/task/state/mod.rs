//! The fold over a task's journal, and what comes next.
//!
//! [`TaskState::apply`] takes what happened, [`TaskState::next`] says what to do now; both are pure functions over
//! data. The driver performs actions and appends what came of them. It never decides, so folding the journal again
//! after a crash and going on is the same as never having stopped.
//!
//! One thing the journal cannot say: whether the process that began a step is still alive. After loading a task,
//! [`TaskState::interrupt`] tells the state that it is not.

mod apply;
mod money;
mod next;
mod revise;
mod step;
mod view;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value;

pub use next::{Action, Admission, Failure};
pub use step::StepState;

use super::{ExecutionPlan, ParsedIntent, TaskError, TaskId, TaskRequest, TaskStatus, Timestamp, Usage};
use step::Consent;

/// Everything that the journal says about one task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskState {
    task_id: TaskId,
    request: Arc<TaskRequest>,
    status: TaskStatus,
    intent: Option<Arc<ParsedIntent>>,
    plan: Option<Arc<ExecutionPlan>>,
    plan_consent: Consent,
    /// One per step of the plan, in the plan's order.
    steps: Vec<StepState>,
    usage: Usage,
    /// Failed attempts that were tried again, over all steps.
    retries: u32,
    /// Plans that were made after the first.
    revisions: u32,
    /// The highest number that a step of any plan had.
    highest_step: u32,
    /// How many revisions there may be. No event says it: whether anybody is there who can revise a plan belongs to the process
    /// that runs the task, and a process that cannot fails the task instead.
    max_revisions: u32,
    result: Option<Arc<Value>>,
    error: Option<TaskError>,
    confidence: Option<f64>,
    created_at: Timestamp,
    updated_at: Timestamp,
    completed_at: Option<Timestamp>,
    deadline_at: Timestamp,
    /// Since when nothing can happen without a person. The deadline stands still meanwhile.
    parked_since: Option<Timestamp>,
    /// Of the last event.
    seq: u64,
}
