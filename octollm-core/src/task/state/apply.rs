//! What an event does to the state.

use std::sync::Arc;

use super::super::{
    ApprovalReason, Event, EventKind, ExecutionPlan, Grant, StepStatus, TaskError, TaskStatus, Then, Usage,
};
use super::step::{Consent, StepState};
use super::{TaskState, Timestamp};
use crate::error::{Error, ErrorKind, Result};

impl TaskState {
    /// The state after these events, of which the first must be the acceptance.
    ///
    /// # Errors
    /// `storage` if they are not one task's journal: a gap, another task's event, something after the end.
    pub fn fold<E: AsRef<Event>>(events: impl IntoIterator<Item = E>) -> Result<Self> {
        let mut events = events.into_iter();
        let first = events.next().ok_or_else(|| inconsistent("it is empty"))?;
        let mut state = Self::accepted(first.as_ref())?;
        for event in events {
            state.apply(event.as_ref())?;
        }
        Ok(state)
    }

    fn accepted(event: &Event) -> Result<Self> {
        let EventKind::TaskAccepted { request, deadline_at } = &event.kind else {
            return Err(inconsistent("it does not begin with `task.accepted`"));
        };
        if event.seq != 1 {
            return Err(inconsistent("its first event is not number 1"));
        }
        Ok(Self {
            task_id: event.task_id,
            request: request.clone(),
            status: TaskStatus::Accepted,
            intent: None,
            plan: None,
            plan_consent: Consent::NotAsked,
            steps: Vec::new(),
            usage: Usage::default(),
            retries: 0,
            revisions: 0,
            highest_step: 0,
            max_revisions: 0,
            result: None,
            error: None,
            confidence: None,
            created_at: event.at,
            updated_at: event.at,
            completed_at: None,
            deadline_at: *deadline_at,
            parked_since: None,
            seq: 1,
        })
    }

    /// Takes what happened.
    ///
    /// # Errors
    /// `storage` if the event cannot follow; the state is then unchanged.
    pub fn apply(&mut self, event: &Event) -> Result<()> {
        if event.kind.is_live_only() {
            return Ok(());
        }
        if event.task_id != self.task_id || event.seq != self.seq + 1 {
            return Err(inconsistent("an event is missing or belongs to another task"));
        }
        if self.status.is_terminal() {
            return Err(inconsistent("something follows the end"));
        }
        self.take(&event.kind, event.at)?;
        if let Some(usage) = event.kind.usage() {
            self.usage.add(usage);
        }
        self.seq = event.seq;
        self.updated_at = event.at;
        if !self.status.is_terminal() && self.plan.is_some() {
            self.park_or_go_on(event.at);
        }
        Ok(())
    }

    fn take(&mut self, kind: &EventKind, at: Timestamp) -> Result<()> {
        match kind {
            EventKind::IntentParsed { intent, .. } => {
                self.intent = Some(intent.clone());
                self.status = TaskStatus::Planning;
            }
            EventKind::ReflexReacted { .. } => {}
            EventKind::PlanCreated { plan, .. } => self.adopt(plan),
            EventKind::PlanRevised { plan, .. } => self.revise(plan)?,
            EventKind::ApprovalRequested { step, reason, arm_id, shown, .. } => {
                self.ask(*step, *reason, arm_id.as_ref(), shown.as_ref())?
            }
            EventKind::ApprovalDecided { step, approved, .. } => self.decide(*step, *approved)?,
            EventKind::TaskCompleted { result, confidence, .. } => {
                self.result = Some(result.clone());
                self.confidence = *confidence;
                self.end(TaskStatus::Completed, at);
            }
            EventKind::TaskFailed { error, .. } => {
                self.error = Some(error.clone());
                self.end(TaskStatus::Failed, at);
            }
            EventKind::TaskCancelled { reason, .. } => {
                self.error = Some(TaskError::new(ErrorKind::Cancelled, reason.clone()));
                self.end(TaskStatus::Cancelled, at);
            }
            EventKind::TaskAccepted { .. } => return Err(inconsistent("the task is accepted twice")),
            of_a_step => self.take_step(of_a_step, at)?,
        }
        Ok(())
    }

    fn take_step(&mut self, kind: &EventKind, at: Timestamp) -> Result<()> {
        let Some(number) = kind.step() else { return Ok(()) };
        if matches!(kind, EventKind::StepFailed { then: Then::Retry { .. }, .. }) {
            self.retries += 1;
        }
        self.step_mut(number)?.take(kind, at)
    }

    fn adopt(&mut self, plan: &Arc<ExecutionPlan>) {
        self.steps = plan.subtasks.iter().map(|subtask| StepState::new(subtask.step)).collect();
        self.plan = Some(plan.clone());
        self.status = TaskStatus::Executing;
        self.count_steps();
    }

    fn ask(
        &mut self,
        step: Option<u32>,
        reason: ApprovalReason,
        arm_id: Option<&Arc<str>>,
        shown: Option<&Arc<str>>,
    ) -> Result<()> {
        let Some(number) = step else {
            self.plan_consent = Consent::Asked(reason);
            return Ok(());
        };
        let step = self.step_mut(number)?;
        step.consent = Consent::Asked(reason);
        step.asked_for = arm_id.cloned();
        step.shown = shown.cloned();
        step.status = StepStatus::AwaitingApproval;
        Ok(())
    }

    fn decide(&mut self, step: Option<u32>, approved: bool) -> Result<()> {
        let consent = if approved { Consent::Granted } else { Consent::Refused };
        let Some(number) = step else {
            self.plan_consent = consent;
            return Ok(());
        };
        let step = self.step_mut(number)?;
        step.consent = consent;
        step.status = StepStatus::Pending;
        step.interrupted = false;
        Ok(())
    }

    fn end(&mut self, status: TaskStatus, at: Timestamp) {
        for step in self.steps.iter_mut().filter(|step| !step.is_settled()) {
            step.status = StepStatus::Skipped;
        }
        self.status = status;
        self.completed_at = Some(at);
    }

    /// Parks the task when only a person can move it, and gives it back the time that it stood still.
    fn park_or_go_on(&mut self, at: Timestamp) {
        let parked = self.only_a_person_can_move_it();
        self.status = if parked { TaskStatus::AwaitingApproval } else { TaskStatus::Executing };
        match (parked, self.parked_since) {
            (true, None) => self.parked_since = Some(at),
            (false, Some(since)) => {
                let stood_still = at.duration_since(since);
                self.deadline_at = self.deadline_at.checked_add(stood_still).unwrap_or(self.deadline_at);
                self.parked_since = None;
            }
            _ => {}
        }
    }

    /// Tells the state that the process which ran its steps is gone.
    pub fn interrupt(&mut self) {
        for step in self.steps.iter_mut().filter(|step| step.status == StepStatus::Running) {
            step.interrupted = true;
        }
    }

    fn step_mut(&mut self, number: u32) -> Result<&mut StepState> {
        let step = self.steps.iter_mut().find(|step| step.step == number);
        step.ok_or_else(|| inconsistent("an event is about a step that the plan does not have"))
    }
}

impl StepState {
    fn take(&mut self, kind: &EventKind, at: Timestamp) -> Result<()> {
        if self.is_settled() {
            return Err(inconsistent("something happens to a step that has ended"));
        }
        match kind {
            EventKind::StepFilled { values, .. } => self.filled = Some(values.clone()),
            EventKind::StepStarted { arm_id, attempt, side_effects, grant, .. } => {
                // A start whose end nobody saw is how a step that kills its process shows itself.
                self.interruptions += u32::from(self.status == StepStatus::Running);
                self.status = StepStatus::Running;
                self.arm_id = Some(arm_id.clone());
                self.attempts = *attempt;
                self.side_effects = *side_effects;
                self.grant = *grant;
                self.started_at = Some(at);
                self.retry_at = None;
                self.interrupted = false;
            }
            EventKind::StepCompleted { arm_id, output, confidence, duration_ms, .. } => {
                self.arm_id = Some(arm_id.clone());
                self.output = Some(output.clone());
                self.confidence = *confidence;
                self.error = None;
                self.end(StepStatus::Completed, Some(*duration_ms), at);
            }
            EventKind::StepFailed { arm_id, error, duration_ms, then, .. } => {
                self.error = Some(error.clone());
                self.duration_ms = Some(*duration_ms);
                self.fail(arm_id.as_ref(), *then, at);
            }
            EventKind::StepSkipped { reason, .. } => {
                self.error = Some(TaskError::new(ErrorKind::Cancelled, reason.clone()).in_step(self.step));
                self.end(StepStatus::Skipped, None, at);
            }
            _ => {}
        }
        Ok(())
    }

    fn fail(&mut self, arm_id: Option<&Arc<str>>, then: Then, at: Timestamp) {
        self.status = StepStatus::Pending;
        self.grant = Grant::default();
        self.failures += 1;
        match then {
            Then::Retry { at } => self.retry_at = Some(at),
            Then::Reroute => {
                self.gave_up_on.extend(arm_id.cloned());
                self.failures = 0;
            }
            Then::GiveUp => self.end(StepStatus::Failed, self.duration_ms, at),
        }
    }

    fn end(&mut self, status: StepStatus, duration_ms: Option<u64>, at: Timestamp) {
        self.status = status;
        self.duration_ms = duration_ms;
        self.completed_at = Some(at);
        self.grant = Grant::default();
    }
}

pub(super) fn inconsistent(detail: &'static str) -> Error {
    Error::new(ErrorKind::Storage, format!("the task's journal is inconsistent: {detail}"))
        .with_hint("the database was changed by something else, or is damaged; restore it from a backup")
}
