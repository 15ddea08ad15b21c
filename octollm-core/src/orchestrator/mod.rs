//! The brain: takes a task, plans it, lets arms do it, answers.
//!
//! [`Orchestrator`] is the one interface, near and far: [`LocalOrchestrator`] runs tasks in this process,
//! `RemoteOrchestrator` speaks to a server that does. Callers hold an `Arc<dyn Orchestrator>` and need not know.

mod answers;
mod asking;
mod builder;
mod engine;
mod input_filler;
mod intent_parser;
mod local;
mod plan_memory;
mod playbook;
#[cfg(feature = "http")]
mod remote;
mod result_integrator;
mod router;
mod task_planner;
#[cfg(test)]
mod tests;
mod thought;
#[cfg(feature = "reflex")]
mod veil;
#[cfg(not(feature = "reflex"))]
#[path = "veil/off.rs"]
mod veil;
mod words;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use answers::AnswerCache;
pub use builder::{Builder, EngineConfig};
pub use intent_parser::{IntentParser, ModelIntentParser, RulesIntentParser};
pub use local::LocalOrchestrator;
pub use plan_memory::PlanReuse;
pub use playbook::{Playbook, PlaybookStep, Playbooks};
pub use result_integrator::{Integrated, ModelResultIntegrator, ResultIntegrator, RulesResultIntegrator};
pub use router::{Router, RouterWeights};
pub use task_planner::{ModelTaskPlanner, RulesTaskPlanner, TaskPlanner};
pub use thought::Thought;
#[cfg(feature = "reflex")]
pub use veil::{Reflexes, key_of};

use crate::arm::{ArmInfo, Health};
use crate::error::Result;
use crate::memory::{TaskFilter, TaskPage};
use crate::task::{Event, TaskId, TaskRequest, TaskResponse, TaskResult, TaskState};

#[cfg(feature = "http")]
pub use remote::RemoteOrchestrator;

/// The events of one task, as they happen. Ends after the event that ends the task.
pub type EventStream = BoxStream<'static, Result<Arc<Event>>>;

/// Takes tasks and sees them through. Object-safe; every implementation passes the suite in
/// `testing::orchestrator`.
#[async_trait]
pub trait Orchestrator: Send + Sync {
    /// Accepts a task. When this returns, the task is durable and will be done.
    ///
    /// # Errors
    /// `invalid_input` with every fault; `unavailable` with a time to come back when the queue is full.
    async fn submit(&self, submission: Submission) -> Result<TaskResponse>;

    /// Where a task stands, with everything that is known about it.
    ///
    /// # Errors
    /// `not_found`.
    async fn task(&self, id: TaskId) -> Result<TaskResult>;

    /// Tasks, newest first.
    ///
    /// # Errors
    /// `invalid_input` for a bad cursor.
    async fn list(&self, filter: TaskFilter) -> Result<TaskPage>;

    /// The task's events after `after` (0: all), then those that come, until the task has ended. Live-only events are
    /// among them, with `seq` 0.
    ///
    /// # Errors
    /// `not_found`.
    async fn events(&self, id: TaskId, after: u64) -> Result<EventStream>;

    /// A page of the task's kept events with `seq > after`, `limit` at most; does not wait for more.
    ///
    /// # Errors
    /// `not_found`.
    async fn journal(&self, id: TaskId, after: u64, limit: usize) -> Result<Vec<Arc<Event>>>;

    /// Stops a task, its running steps and its sub-tasks. A task that has already ended is left as it is.
    ///
    /// # Errors
    /// `not_found`.
    async fn cancel(&self, id: TaskId, reason: &str) -> Result<TaskResult>;

    /// Answers what a task waits for.
    ///
    /// # Errors
    /// `not_found`; `conflict` if the task does not wait for this decision.
    async fn decide(&self, id: TaskId, decision: Decision) -> Result<TaskResult>;

    /// The arms that are registered, with health, breaker and statistics.
    ///
    /// # Errors
    /// Where a remote orchestrator cannot be reached.
    async fn arms(&self) -> Result<Vec<ArmInfo>>;

    /// How the orchestrator and what it depends on are.
    ///
    /// # Errors
    /// Where a remote orchestrator cannot be reached.
    async fn health(&self) -> Result<Health>;

    /// Submits a task and follows it from its first event on.
    ///
    /// # Errors
    /// As [`submit`](Self::submit) and [`events`](Self::events).
    async fn stream(&self, submission: Submission) -> Result<(TaskResponse, EventStream)> {
        let response = self.submit(submission).await?;
        let events = self.events(response.task_id, 0).await?;
        Ok((response, events))
    }

    /// Submits a task and waits for its end. A failed task is `Ok` with its `error`.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    async fn run(&self, submission: Submission) -> Result<TaskResult> {
        let (response, events) = self.stream(submission).await?;
        self.follow(response.task_id, events).await
    }

    /// Waits for the end of a task whose events are all in `events`, from the first one on.
    ///
    /// # Errors
    /// What reading the events comes to; `not_found`.
    async fn follow(&self, id: TaskId, mut events: EventStream) -> Result<TaskResult> {
        let mut state: Option<TaskState> = None;
        while let Some(event) = events.next().await {
            let event = event?;
            match &mut state {
                Some(state) => state.apply(&event)?,
                None => state = Some(TaskState::fold([event])?),
            }
        }
        match state.filter(|state| state.status().is_terminal()) {
            Some(state) => Ok(state.result()),
            None => self.task(id).await,
        }
    }
}

/// A request, and how it is submitted.
#[derive(Debug, Clone, Default)]
pub struct Submission {
    /// What is asked for.
    pub request: TaskRequest,
    /// A repeat with the same key answers the same task. 1..=255 bytes.
    pub idempotency_key: Option<String>,
    /// Whose task it is: an answer that is given again is given to nobody else.
    pub tenant: Option<String>,
    /// Whether an answer that was given before will not do.
    pub fresh: bool,
}

impl From<TaskRequest> for Submission {
    fn from(request: TaskRequest) -> Self {
        Self { request, ..Self::default() }
    }
}

impl From<&str> for Submission {
    fn from(goal: &str) -> Self {
        TaskRequest::new(goal).into()
    }
}

/// A person's answer to what a task waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The step that waits; absent for the plan, or where only one thing waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// Whether it may go on.
    pub approved: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
