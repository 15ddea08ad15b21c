//! The tasks that one socket watches: their events, folded to how far each task is.

use std::collections::HashSet;
use std::future::ready;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll};
use octollm_core::orchestrator::EventStream;
use octollm_core::task::{Event, EventKind, StepStatus, TaskState, TaskStatus, Then};
use octollm_core::{Error, ErrorKind, Result, TaskId};
use serde::Serialize;
use serde_json::{Value, json};

use crate::http::problem::Problem;

/// Tasks that a socket watches at once.
const MOST: usize = 64;

/// What a client is told.
#[derive(Debug, Serialize)]
pub(super) struct Update {
    /// The task; absent where a message named none.
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<TaskStatus>,
    /// 0..=1: the part of the plan's steps that is over. Falls where a plan is revised.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// What happened, as the journal has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Arc<Event>>,
    /// Why the task cannot be watched, or not any longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

impl Update {
    /// The answer to a message that cannot be followed.
    pub(super) fn refusal(task_id: Option<String>, error: Error) -> Self {
        let problem = Problem::from(error);
        let error = Some(json!(problem.body(None)));
        Self { task_id, error, status: None, progress: None, message: None, event: None }
    }
}

/// The tasks, each with what is still to come of it.
#[derive(Default)]
pub(super) struct Watched {
    ids: HashSet<TaskId>,
    updates: SelectAll<BoxStream<'static, Told>>,
}

/// An update, or the end of a task's.
enum Told {
    Update(Box<Update>),
    End(TaskId),
}

impl Watched {
    /// Whether this task can be watched, too.
    pub(super) fn admits(&self, id: TaskId) -> Result<()> {
        if self.ids.contains(&id) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the task is being watched over this socket already",
            ));
        }
        if self.ids.len() >= MOST {
            return Err(Error::new(ErrorKind::RateLimited, format!("a socket watches {MOST} tasks at once"))
                .with_hint("wait until one of them ends, or open another socket"));
        }
        Ok(())
    }

    /// Watches a task by all of its events, and tells those after `after`.
    pub(super) fn add(&mut self, id: TaskId, events: EventStream, after: u64) {
        self.ids.insert(id);
        let mut view = View::new(id, after);
        let updates =
            events.filter_map(move |event| ready(view.observe(event).map(Box::new).map(Told::Update)));
        let end = futures_util::stream::once(ready(Told::End(id)));
        self.updates.push(updates.chain(end).boxed());
    }

    /// The next update of any task; never, where none is watched.
    pub(super) async fn next(&mut self) -> Option<Update> {
        loop {
            match self.updates.next().await? {
                Told::Update(update) => return Some(*update),
                Told::End(id) => {
                    self.ids.remove(&id);
                }
            }
        }
    }
}

/// One task as its events tell it.
struct View {
    id: TaskId,
    after: u64,
    state: Option<TaskState>,
}

impl View {
    fn new(id: TaskId, after: u64) -> Self {
        Self { id, after, state: None }
    }

    /// What is to be said about this event, if anything.
    fn observe(&mut self, event: Result<Arc<Event>>) -> Option<Update> {
        let event = match event.and_then(|event| self.take_in(&event).map(|()| event)) {
            Ok(event) => event,
            Err(error) => return Some(Update::refusal(Some(self.id.to_string()), error)),
        };
        if event.seq != 0 && event.seq <= self.after {
            return None;
        }
        let state = self.state.as_ref()?;
        Some(Update {
            task_id: Some(self.id.to_string()),
            status: Some(state.status()),
            progress: Some(progress(state, &event)),
            message: Some(message(&event.kind)),
            event: Some(event),
            error: None,
        })
    }

    fn take_in(&mut self, event: &Arc<Event>) -> Result<()> {
        if event.kind.is_live_only() {
            return Ok(());
        }
        match &mut self.state {
            Some(state) => state.apply(event),
            None => {
                self.state = Some(TaskState::fold([event])?);
                Ok(())
            }
        }
    }
}

/// The part of the steps that is over, with what a running step says of itself.
fn progress(state: &TaskState, event: &Event) -> f32 {
    if state.status() == TaskStatus::Completed {
        return 1.0;
    }
    let steps = state.steps();
    let over = |status| matches!(status, StepStatus::Completed | StepStatus::Failed | StepStatus::Skipped);
    let done = steps.iter().filter(|step| over(step.status())).count() as f32;
    let part = match event.kind {
        EventKind::StepProgress { fraction, .. } => fraction.unwrap_or_default().clamp(0.0, 1.0),
        _ => 0.0,
    };
    ((done + part) / steps.len().max(1) as f32).min(1.0)
}

/// What happened, in a few words.
fn message(kind: &EventKind) -> String {
    match kind {
        EventKind::PlanCreated { plan, .. } => format!("planned: {} steps", plan.subtasks.len()),
        EventKind::PlanRevised { reason, .. } => format!("planned anew: {reason}"),
        EventKind::ApprovalRequested { step: Some(step), .. } => format!("step {step} waits for a person"),
        EventKind::ApprovalRequested { step: None, .. } => "the plan waits for a person".into(),
        EventKind::StepStarted { step, arm_id, .. } => format!("step {step}: {arm_id} works on it"),
        EventKind::StepCompleted { step, .. } => format!("step {step}: done"),
        EventKind::StepFailed { step, error, then: Then::GiveUp, .. } => {
            format!("step {step}: failed: {}", error.message)
        }
        EventKind::StepFailed { step, error, .. } => format!("step {step}: again after: {}", error.message),
        EventKind::StepSkipped { step, reason } => format!("step {step}: left out: {reason}"),
        EventKind::StepProgress { step, message, .. } => format!("step {step}: {message}"),
        EventKind::TaskFailed { error, .. } => error.message.clone(),
        EventKind::TaskCancelled { reason, .. } => reason.clone(),
        other => other.name().replace('.', " "),
    }
}
