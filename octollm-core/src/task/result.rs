//! What a caller gets back.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ExecutionPlan, Priority, TaskId, Timestamp, Usage};
use crate::error::{Error, ErrorKind};

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Asked for, not yet durable.
    Pending,
    /// Durable: it will be done, whatever happens to this process.
    Accepted,
    /// Its intent is being read or its plan made.
    Planning,
    /// Its steps are running.
    Executing,
    /// It stands still until a person decides.
    AwaitingApproval,
    /// Done.
    Completed,
    /// Ended without a result.
    Failed,
    /// Stopped by somebody.
    Cancelled,
}

impl TaskStatus {
    /// Whether nothing more happens.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The name, as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Planning => "planning",
            Self::Executing => "executing",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        use TaskStatus::{AwaitingApproval, Cancelled, Completed, Executing, Failed, Pending, Planning};
        [Pending, Self::Accepted, Planning, Executing, AwaitingApproval, Completed, Failed, Cancelled]
            .into_iter()
            .find(|status| status.as_str() == name)
    }
}

/// The answer to a submission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskResponse {
    /// Names the task.
    pub task_id: TaskId,
    /// Where it stands.
    pub status: TaskStatus,
    /// How long it is expected to take, in seconds, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_duration_seconds: Option<u64>,
    /// One sentence for a person.
    pub message: String,
}

/// Everything about a task, at its end or on the way there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskResult {
    /// Names the task.
    pub task_id: TaskId,
    /// Where it stands.
    pub status: TaskStatus,
    /// The result, once completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Arc<Value>>,
    /// Why it failed or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TaskError>,
    /// Milliseconds from acceptance to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The lowest, over the steps that the result rests on, of what arm and judge stated, times the plan's; 0..=1.
    /// `null` where nobody stated one.
    pub confidence: Option<f64>,
    /// The plan, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Arc<ExecutionPlan>>,
    /// The plan's steps, in order.
    pub steps: Vec<StepResult>,
    /// What it used so far.
    pub usage: Usage,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// The caller's labels.
    pub metadata: BTreeMap<String, String>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not started, or waiting for another attempt.
    Pending,
    /// An arm is working on it.
    Running,
    /// It stands still until a person decides.
    AwaitingApproval,
    /// Done; never runs again.
    Completed,
    /// Given up.
    Failed,
    /// Not run, because a step it depends on did not complete or a person said no.
    Skipped,
}

/// One step, at its end or on the way there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepResult {
    /// The step's number in the plan.
    pub step: u32,
    /// The arm that did it, or last tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm_id: Option<Arc<str>>,
    /// Where it stands.
    pub status: StepStatus,
    /// How often it was started.
    pub attempts: u32,
    /// What the arm answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Arc<Value>>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TaskError>,
    /// How sure the arm is, 0..=1, where it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Milliseconds that the last attempt took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// When its last attempt started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

/// An error as it is journaled and answered: stable code, words, advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskError {
    /// A code of [`ErrorKind`], such as `timeout`.
    pub code: String,
    /// What failed.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The step in which it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// Where in the arm's own code it failed: the traceback of an arm in another language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

impl TaskError {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { code: kind.code().to_owned(), message: message.into(), hint: None, step: None, trace: None }
    }

    /// The same error, in this step.
    #[must_use]
    pub fn in_step(mut self, step: u32) -> Self {
        self.step = Some(step);
        self
    }

    /// The same error with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The kind that the code stands for.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::from_code(&self.code).unwrap_or(ErrorKind::Internal)
    }
}

impl From<&Error> for TaskError {
    fn from(error: &Error) -> Self {
        Self {
            code: error.kind().code().to_owned(),
            message: error.to_string(),
            hint: error.hint().map(str::to_owned),
            step: None,
            trace: error.trace().map(str::to_owned),
        }
    }
}

impl From<TaskError> for Error {
    fn from(error: TaskError) -> Self {
        let kind = error.kind();
        let mut made = Error::new(kind, error.message);
        if let Some(hint) = error.hint {
            made = made.with_hint(hint);
        }
        match error.trace {
            Some(trace) => made.with_trace(trace),
            None => made,
        }
    }
}

/// A task in a list: what `task_history` keeps of the fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskSummary {
    /// Names the task.
    pub task_id: TaskId,
    /// What was asked for.
    pub goal: String,
    /// Where it stands.
    pub status: TaskStatus,
    /// Who waits when not everybody can run.
    pub priority: Priority,
    /// The task that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_task_id: Option<TaskId>,
    /// Why it failed or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TaskError>,
    /// Milliseconds from acceptance to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// See [`TaskResult::confidence`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Tokens that it used.
    pub cost_tokens: u64,
    /// Money that it used, in US dollars.
    pub cost_usd: f64,
    /// The caller's labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When its last event was.
    pub updated_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}
