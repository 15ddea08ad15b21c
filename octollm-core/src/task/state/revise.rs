//! Another plan for a task whose plan did not work out.
//!
//! What has completed stays, and a number stands for one piece of work for ever: an arm that was asked under the id of
//! step 3 must never be asked for something else under it. So a revised plan keeps a step as it is, leaves it out, or
//! adds steps under numbers that no plan of the task has had.

use std::sync::Arc;

use super::step::{Consent, StepState};
use super::{TaskState, apply};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::task::{Approval, ExecutionPlan, PlanSource, StepStatus, SubTask};

impl TaskState {
    /// Says how many plans may follow the first one: 0 where nobody is there who could make one.
    pub fn allow_revisions(&mut self, most: u32) {
        self.max_revisions = most;
    }

    /// Whether a failed step leads to another plan instead of the task's end. A plan that the caller chose is the
    /// caller's to change, and where a person has said no, no plan finds a way around it.
    pub(super) fn wants_revision(&self) -> bool {
        let chosen = self.request.playbook.is_some()
            || self.plan.as_ref().is_none_or(|plan| plan.source == PlanSource::Caller);
        let failed = |step: &StepState| step.status == StepStatus::Failed && !step.is_out_of_money();
        let refused = self.steps.iter().any(|step| step.consent == Consent::Refused);
        !chosen && !refused && self.revisions < self.max_revisions && self.steps.iter().any(failed)
    }

    /// Whether a revised plan has to wait: the fate of what runs now belongs into it, and what a person is asked about.
    pub(super) fn is_undecided(&self) -> bool {
        let undecided = |step: &StepState| match step.status {
            StepStatus::Running => !step.interrupted,
            StepStatus::AwaitingApproval => true,
            _ => false,
        };
        self.steps.iter().any(undecided)
    }

    /// Checks that `plan` may follow the plan that the task has.
    ///
    /// # Errors
    /// `invalid_input` with one fault per step that breaks a rule.
    pub fn check_revision(&self, plan: &ExecutionPlan) -> Result<()> {
        plan.validate()?;
        let Some(old) = &self.plan else {
            return Err(Error::new(ErrorKind::Conflict, "there is no plan to revise"));
        };
        let mut faults = Vec::new();
        for (index, subtask) in plan.subtasks.iter().enumerate() {
            let before = old.subtasks.iter().find(|old| old.step == subtask.step);
            if let Some(detail) = self.reuse_fault(subtask, before) {
                faults.push(Fault::new(format!("/subtasks/{index}"), detail));
            }
        }
        for step in self.steps.iter().filter(|step| step.status == StepStatus::Completed) {
            if !plan.subtasks.iter().any(|subtask| subtask.step == step.step) {
                faults
                    .push(Fault::new("/subtasks", format!("step {} has completed and must stay", step.step)));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::invalid("the revised plan is invalid", faults)) }
    }

    /// What is wrong with giving this step its number.
    fn reuse_fault(&self, subtask: &SubTask, before: Option<&SubTask>) -> Option<String> {
        let number = subtask.step;
        let Some(before) = before else {
            let used = number <= self.highest_step;
            return used.then(|| {
                format!("number {number} is used up; new steps begin at {}", self.highest_step + 1)
            });
        };
        let failed = self.step(number).is_some_and(|step| step.status == StepStatus::Failed);
        if failed {
            Some(format!("step {number} has failed; replace it by a step with a new number"))
        } else if !subtask.is_same_work(before) {
            Some(format!("step {number} must stay as it is; give what is different a new number"))
        } else {
            None
        }
    }

    /// Takes a revised plan on.
    pub(super) fn revise(&mut self, plan: &Arc<ExecutionPlan>) -> Result<()> {
        if self.check_revision(plan).is_err() {
            return Err(apply::inconsistent("a revised plan contradicts what has happened"));
        }
        // A step that stays is the same work, so what is known of it stays too: its output, and above all an open question
        // or a person's answer.
        let known = |number| self.step(number).cloned().unwrap_or_else(|| StepState::new(number));
        self.steps = plan.subtasks.iter().map(|subtask| known(subtask.step)).collect();
        self.plan = Some(plan.clone());
        self.revisions += 1;
        self.count_steps();
        if self.request.approval == Approval::Plan {
            self.plan_consent = Consent::NotAsked;
        }
        Ok(())
    }

    /// Remembers the highest number that any plan had.
    pub(super) fn count_steps(&mut self) {
        let highest = self.steps.iter().map(|step| step.step).max().unwrap_or(0);
        self.highest_step = self.highest_step.max(highest);
    }

    /// The highest number that a step of any of the task's plans had.
    pub fn highest_step(&self) -> u32 {
        self.highest_step
    }
}

impl StepState {
    fn is_out_of_money(&self) -> bool {
        self.error.as_ref().is_some_and(|error| error.code == ErrorKind::BudgetExceeded.code())
    }
}

impl SubTask {
    /// Whether it asks for the same: estimates may differ.
    fn is_same_work(&self, other: &Self) -> bool {
        self.action == other.action
            && self.required_arm == other.required_arm
            && self.required_capabilities == other.required_capabilities
            && self.input == other.input
            && self.depends_on == other.depends_on
            && self.must_pass == other.must_pass
    }
}
