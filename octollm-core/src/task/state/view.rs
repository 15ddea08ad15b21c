//! What others see of the state.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::TaskState;
use super::step::{Consent, StepState};
use crate::task::{
    ApprovalReason, Budget, ExecutionPlan, ParsedIntent, StepStatus, SubTask, TaskId, TaskRequest,
    TaskResult, TaskStatus, TaskSummary, Timestamp, Usage,
};

impl TaskState {
    /// Names the task.
    pub fn task_id(&self) -> TaskId {
        self.task_id
    }

    /// What was asked for.
    pub fn request(&self) -> &Arc<TaskRequest> {
        &self.request
    }

    /// Where it stands.
    pub fn status(&self) -> TaskStatus {
        self.status
    }

    /// What the goal asks for, once read.
    pub fn intent(&self) -> Option<&Arc<ParsedIntent>> {
        self.intent.as_ref()
    }

    /// How it is being done, once planned.
    pub fn plan(&self) -> Option<&Arc<ExecutionPlan>> {
        self.plan.as_ref()
    }

    /// The plan's steps, in its order.
    pub fn steps(&self) -> &[StepState] {
        &self.steps
    }

    /// The step with this number.
    pub fn step(&self, number: u32) -> Option<&StepState> {
        self.steps
            .binary_search_by_key(&number, |step| step.step)
            .ok()
            .and_then(|index| self.steps.get(index))
    }

    /// When the last event happened.
    pub fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    /// The number of the last event.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// What it used so far.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// The ceilings that it runs under.
    pub fn ceilings(&self) -> Option<&Budget> {
        self.request.budget.as_ref()
    }

    /// The open questions: the step (absent for the plan) and why.
    pub fn open_questions(&self) -> Vec<(Option<u32>, ApprovalReason)> {
        let plan = match self.plan_consent {
            Consent::Asked(reason) if !self.status.is_terminal() => Some((None, reason)),
            _ => None,
        };
        let steps = self.steps.iter().filter(|step| step.status == StepStatus::AwaitingApproval);
        let steps = steps.filter_map(|step| match step.consent {
            Consent::Asked(reason) => Some((Some(step.step), reason)),
            _ => None,
        });
        plan.into_iter().chain(steps).collect()
    }

    /// What the stated confidences come to: the lowest of the steps' times the plan's; `None` where nobody stated one.
    pub fn stated_confidence(&self) -> Option<f64> {
        let steps = self.steps.iter().filter_map(|step| step.confidence).reduce(f64::min);
        let plan = self.plan.as_ref().and_then(|plan| plan.confidence);
        match (steps, plan) {
            (Some(steps), Some(plan)) => Some(steps * plan),
            (steps, plan) => steps.or(plan),
        }
    }

    /// The outputs that the result is made of, in the plan's order: of the steps that no other step builds on. A step that
    /// must pass says how something is, and is no result where there is any other: what it checked is.
    pub fn final_outputs(&self) -> Vec<(u32, Arc<Value>)> {
        let Some(plan) = &self.plan else { return Vec::new() };
        let only_checks = plan.subtasks.iter().all(|subtask| subtask.must_pass);
        let is_check = |subtask: &SubTask| subtask.must_pass && !only_checks;
        let mut used = BTreeSet::new();
        for subtask in plan.subtasks.iter().filter(|subtask| !is_check(subtask)) {
            let mut open = subtask.depends_on.clone();
            while let Some(number) = open.pop() {
                // Who builds on a check builds on what was checked.
                let check = plan.subtasks.iter().find(|other| other.step == number && is_check(other));
                if used.insert(number) {
                    open.extend(check.iter().flat_map(|check| &check.depends_on));
                }
            }
        }
        let last = plan.subtasks.iter().zip(&self.steps).filter(|(subtask, _)| !is_check(subtask));
        let last = last.filter(|(subtask, _)| !used.contains(&subtask.step));
        last.filter_map(|(_, step)| Some((step.step, step.output.clone()?))).collect()
    }

    /// Everything, as a caller gets it.
    pub fn result(&self) -> TaskResult {
        TaskResult {
            task_id: self.task_id,
            status: self.status,
            result: self.result.clone(),
            error: self.error.clone(),
            duration_ms: self.duration_ms(),
            confidence: self.confidence,
            plan: self.plan.clone(),
            steps: self.steps.iter().map(StepState::result).collect(),
            usage: self.usage.clone(),
            created_at: self.created_at,
            completed_at: self.completed_at,
            metadata: self.request.metadata.clone(),
        }
    }

    /// The task in a list.
    pub fn summary(&self) -> TaskSummary {
        TaskSummary {
            task_id: self.task_id,
            goal: self.request.goal.clone(),
            status: self.status,
            priority: self.request.priority,
            parent_task_id: self.request.parent_task_id,
            error: self.error.clone(),
            duration_ms: self.duration_ms(),
            confidence: self.confidence,
            cost_tokens: self.usage.tokens(),
            cost_usd: self.usage.cost_usd,
            metadata: self.request.metadata.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            completed_at: self.completed_at,
        }
    }

    /// The result, once completed.
    pub fn output(&self) -> Option<&Arc<Value>> {
        self.result.as_ref()
    }

    /// When the task fails if it has not ended.
    pub fn deadline_at(&self) -> Timestamp {
        self.deadline_at
    }

    fn duration_ms(&self) -> Option<u64> {
        let took = self.completed_at?.duration_since(self.created_at);
        u64::try_from(took.as_millis()).ok()
    }
}
