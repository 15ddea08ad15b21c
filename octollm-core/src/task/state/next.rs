//! What to do now.

use std::time::Duration;

use super::step::{Consent, StepState};
use super::{TaskState, Timestamp};
use crate::error::ErrorKind;
use crate::task::{
    Approval, ApprovalReason, Grant, SideEffects, StepStatus, SubTask, TaskError, TaskStatus, Then,
};

/// Starts in a row whose end nobody saw, before a step is held to be what kills the process.
const MAX_INTERRUPTIONS: u32 = 5;

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Read the goal.
    ParseIntent,
    /// Make a plan.
    Plan,
    /// Ask a person about the plan, or about a step that was in flight when the process died.
    Ask {
        /// The step; absent for the plan.
        step: Option<u32>,
        /// Why.
        reason: ApprovalReason,
    },
    /// Make another plan: a step has failed for good, and nothing runs any more.
    Revise,
    /// Hand a step to an arm.
    Start {
        /// The step's place in the plan.
        index: usize,
        /// What it may spend.
        grant: Grant,
    },
    /// Journal that a step will not run.
    Skip {
        /// The step.
        step: u32,
        /// Why.
        reason: String,
    },
    /// Journal that a step is given up.
    GiveUp {
        /// The step.
        step: u32,
        /// Why.
        error: TaskError,
    },
    /// Look again at this moment, if nothing happens before.
    WaitUntil(Timestamp),
    /// All steps are done: make the result.
    Integrate,
    /// End the task without a result.
    Fail(TaskError),
    /// A person said no to the plan.
    Cancel(String),
}

/// Whether a step may go to the arm that was chosen for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Go,
    /// A person is to be asked first.
    Ask(ApprovalReason),
}

/// A failed attempt, as far as the decision about the next one needs it.
#[derive(Debug, Clone, Copy)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// Whether the same call may succeed later.
    pub temporary: bool,
    /// Whether the arm may have begun to work.
    pub called: bool,
    /// Whether there is another arm to ask.
    pub alternative: bool,
    /// When the same arm would be asked again.
    pub retry_at: Timestamp,
    /// Retries where the step does not say how many.
    pub max_retries: u32,
}

impl TaskState {
    /// What to do now. Empty while steps run or a person is asked; [`Action::WaitUntil`] is then the deadline.
    ///
    /// A task that has not ended always has something to do, a running step, or an open question.
    pub fn next(&self, now: Timestamp) -> Vec<Action> {
        if self.status.is_terminal() || self.status == TaskStatus::AwaitingApproval {
            return Vec::new();
        }
        if now >= self.deadline_at {
            return vec![Action::Fail(self.too_late())];
        }
        let Some(plan) = &self.plan else { return vec![self.before_the_plan()] };
        if let Some(action) = self.whole_task() {
            return vec![action];
        }
        let revising = self.wants_revision();
        let mut actions = Vec::with_capacity(2);
        let mut ready = 0;
        let mut wake_at = self.deadline_at;
        for (index, (subtask, step)) in plan.subtasks.iter().zip(&self.steps).enumerate() {
            // Before a revision nothing new begins; what a dead process left is seen to, because it belongs into it.
            if revising && !step.interrupted {
                continue;
            }
            match self.step_turn(subtask, step) {
                Turn::Nothing => {}
                Turn::Do(action) => actions.push(action),
                Turn::Ready if step.retry_at.is_some_and(|at| at > now) => {
                    wake_at = wake_at.min(step.retry_at.unwrap_or(wake_at));
                }
                Turn::Ready => {
                    ready += 1;
                    actions.push(Action::Start { index, grant: Grant::default() });
                }
            }
        }
        if let Err(error) = self.grant_each(ready, &mut actions) {
            return vec![Action::Fail(error)];
        }
        if revising && actions.is_empty() && !self.is_undecided() {
            return vec![Action::Revise];
        }
        actions.push(Action::WaitUntil(wake_at));
        actions
    }

    fn before_the_plan(&self) -> Action {
        let planned = self.request.plan.is_some() || self.request.playbook.is_some();
        if planned || self.intent.is_some() { Action::Plan } else { Action::ParseIntent }
    }

    /// What concerns the task as a whole, and so comes before any step.
    fn whole_task(&self) -> Option<Action> {
        if let Some(error) = self.overspent() {
            return Some(Action::Fail(error));
        }
        match (self.request.approval, self.plan_consent) {
            (Approval::Plan, Consent::NotAsked) => {
                return Some(Action::Ask { step: None, reason: ApprovalReason::Plan });
            }
            (_, Consent::Refused) => return Some(Action::Cancel("the plan was not approved".into())),
            _ => {}
        }
        if !self.steps.iter().all(StepState::is_settled) || self.wants_revision() {
            return None;
        }
        Some(match self.steps.iter().find(|step| step.status != StepStatus::Completed) {
            Some(_) => Action::Fail(self.first_failure()),
            None => Action::Integrate,
        })
    }

    fn step_turn(&self, subtask: &SubTask, step: &StepState) -> Turn {
        match step.status {
            StepStatus::Running if step.interrupted => interrupted(step),
            StepStatus::Pending if step.consent == Consent::Refused => {
                Turn::Do(Action::Skip { step: step.step, reason: "it was not approved".into() })
            }
            StepStatus::Pending => self.dependencies(subtask),
            _ => Turn::Nothing,
        }
    }

    fn dependencies(&self, subtask: &SubTask) -> Turn {
        let mut turn = Turn::Ready;
        for dependency in &subtask.depends_on {
            match self.step(*dependency).map(StepState::status) {
                Some(StepStatus::Completed) => {}
                Some(StepStatus::Failed | StepStatus::Skipped) | None => {
                    let reason = format!("step {dependency} did not complete");
                    return Turn::Do(Action::Skip { step: subtask.step, reason });
                }
                Some(_) => turn = Turn::Nothing,
            }
        }
        turn
    }

    /// Says what each step that is `ready` may spend; where nothing is left for now, none of them starts.
    fn grant_each(&self, ready: usize, actions: &mut Vec<Action>) -> Result<(), TaskError> {
        if ready == 0 {
            return Ok(());
        }
        let share = self.grant(ready)?;
        actions.retain_mut(|action| match (action, share) {
            (Action::Start { grant, .. }, Some(share)) => {
                *grant = share;
                true
            }
            (Action::Start { .. }, None) => false,
            _ => true,
        });
        Ok(())
    }

    /// Whether the step at `index` may go to this arm. An approval holds for the arm that it was asked for.
    pub fn admit(&self, index: usize, arm_id: &str, side_effects: SideEffects) -> Admission {
        let step = self.steps.get(index);
        let granted = step.is_some_and(|step| {
            step.consent == Consent::Granted && step.asked_for.as_deref().is_none_or(|asked| asked == arm_id)
        });
        let asked_for =
            self.plan.as_ref().and_then(|plan| plan.subtasks.get(index)).is_some_and(|s| s.approval);
        if granted {
            Admission::Go
        } else if asked_for {
            Admission::Ask(ApprovalReason::Step)
        } else if self.request.approval == Approval::SideEffects && side_effects != SideEffects::None {
            Admission::Ask(ApprovalReason::SideEffects)
        } else {
            Admission::Go
        }
    }

    /// What is done about a failed attempt at the step at `index`: the same arm again, another arm, or neither.
    pub fn after_failure(&self, index: usize, failure: Failure) -> Then {
        let Some(step) = self.steps.get(index) else { return Then::GiveUp };
        let own = self.plan.as_ref().and_then(|plan| plan.subtasks.get(index)).and_then(|s| s.max_retries);
        let at_most_once = failure.called && step.side_effects == SideEffects::Unsafe;
        // An `unsafe` arm is called again only when it said itself that it did not begin.
        if at_most_once && failure.kind != ErrorKind::RateLimited {
            return Then::GiveUp;
        }
        let unreachable = failure.kind == ErrorKind::Unavailable;
        let retries_left = step.failures < own.unwrap_or(failure.max_retries) && self.may_retry();
        let in_time = failure.retry_at < self.deadline_at;
        if failure.temporary && retries_left && in_time && !(unreachable && failure.alternative) {
            Then::Retry { at: failure.retry_at }
        } else if failure.alternative && self.may_retry() {
            Then::Reroute
        } else {
            Then::GiveUp
        }
    }

    /// Whether only an open question to a person is left to move the task.
    pub(super) fn only_a_person_can_move_it(&self) -> bool {
        if matches!(self.plan_consent, Consent::Asked(_)) {
            return true;
        }
        let Some(plan) = &self.plan else { return false };
        let asked = self.steps.iter().any(|step| step.status == StepStatus::AwaitingApproval);
        asked
            && plan.subtasks.iter().zip(&self.steps).all(|(subtask, step)| match step.status {
                StepStatus::Running => false,
                StepStatus::Pending => {
                    self.wants_revision() || matches!(self.step_turn(subtask, step), Turn::Nothing)
                }
                _ => true,
            })
    }

    /// How long the task may still take.
    pub fn time_left(&self, now: Timestamp) -> Duration {
        Duration::try_from(self.deadline_at.duration_since(now)).unwrap_or(Duration::ZERO)
    }

    fn too_late(&self) -> TaskError {
        // The arm's own limit may have ended the call a moment before the task's deadline did.
        let begun = |step: &&StepState| step.attempts > 0 && step.status != StepStatus::Completed;
        let running = self.steps.iter().find(begun);
        let error = TaskError::new(ErrorKind::Timeout, "the task's deadline passed")
            .with_hint("raise `deadline_seconds`, or look at the steps for what took so long");
        match running {
            Some(step) => error.in_step(step.step),
            None => error,
        }
    }

    /// The error of the first step of the plan that failed: the same one, whatever the order in which they ended.
    pub fn first_failure(&self) -> TaskError {
        let failed = self.steps.iter().find(|step| step.status == StepStatus::Failed);
        let cause = failed.or_else(|| self.steps.iter().find(|step| step.consent == Consent::Refused));
        let unknown = || TaskError::new(ErrorKind::Internal, "a step did not complete");
        cause.map_or_else(unknown, |step| step.error.clone().unwrap_or_else(unknown).in_step(step.step))
    }
}

enum Turn {
    Nothing,
    Ready,
    Do(Action),
}

/// What becomes of a step whose process died.
fn interrupted(step: &StepState) -> Turn {
    if step.side_effects == SideEffects::Unsafe {
        return Turn::Do(Action::Ask { step: Some(step.step), reason: ApprovalReason::InDoubt });
    }
    if step.interruptions + 1 >= MAX_INTERRUPTIONS {
        let arm: &str = step.arm_id.as_deref().unwrap_or("?");
        let what = format!("the process died {MAX_INTERRUPTIONS} times while arm `{arm}` worked on it");
        let error = TaskError::new(ErrorKind::Internal, what).in_step(step.step);
        return Turn::Do(Action::GiveUp { step: step.step, error });
    }
    Turn::Ready
}
