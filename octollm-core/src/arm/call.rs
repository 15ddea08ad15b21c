//! One call of an arm: what it gets, what it says on the way, what it answers.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::CapabilityToken;
use super::peers::Peers;
use crate::model::layers::CallRedactor;
use crate::model::{Allowance, CallContext, Live};
use crate::task::{Grant, Priority, RequestId, TaskId, Usage};

/// What an arm gets.
#[derive(Clone)]
pub struct ArmCall {
    /// The bound input; it satisfies the arm's `input_schema`.
    pub input: Arc<Value>,
    /// The task.
    pub task_id: TaskId,
    /// The step of the task's plan.
    pub step: u32,
    /// Counts from 1 over all arms that were asked.
    pub attempt: u32,
    /// The same for every attempt of one step: an idempotency key.
    pub request_id: RequestId,
    /// Who waits when the arm has no free place.
    pub priority: Priority,
    /// How long the arm may take once it was asked.
    pub time_limit: Duration,
    /// When the answer is no longer of use; the arm sees the earlier of the task's end and its time limit.
    pub deadline: Instant,
    /// What the call may spend.
    pub grant: Grant,
    /// What the call may do, provably; there for arms that declare `unsafe`, where the engine has a key.
    pub capability: Option<CapabilityToken>,
    /// Set when the caller no longer wants the answer.
    pub cancelled: CancellationToken,
    /// Where to say how far the work is.
    pub progress: Progress,
    /// Where the words of models that the call asks are shown while they come; nowhere where absent.
    pub live: Option<Live>,
    /// What is known of the call while it goes on.
    pub(crate) ledger: Arc<Ledger>,
    /// The way to other arms.
    pub(crate) peers: Peers,
    /// Keeps what is personal from the models that this call asks.
    pub(crate) redactor: Option<CallRedactor>,
}

/// What is known of a call while it goes on, and after it was cut off.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// When the arm was asked; empty while the call still waits.
    pub(crate) began: OnceLock<Instant>,
    /// What it may spend and has spent, once it has asked for it.
    pub(crate) allowance: OnceLock<Arc<Allowance>>,
    /// Calls of other arms that it has made.
    asked: AtomicU32,
}

impl Ledger {
    /// Counts a call of another arm; answers its number, from 1.
    pub(crate) fn count(&self) -> u32 {
        self.asked.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Whether it has called other arms.
    pub(crate) fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed) > 0
    }

    /// What was spent through the call's own allowance: calls of models, and of other arms.
    pub(crate) fn used(&self) -> Usage {
        self.allowance.get().map(|allowance| allowance.used()).unwrap_or_default()
    }
}

impl ArmCall {
    /// A call with this input and every default: for calling an arm without an engine, as tests do.
    pub fn new(input: Value) -> Self {
        let task_id = TaskId::new();
        Self {
            input: Arc::new(input),
            task_id,
            step: 1,
            attempt: 1,
            request_id: RequestId::of_step(task_id, 1),
            priority: Priority::default(),
            time_limit: Duration::from_secs(60),
            deadline: Instant::now() + Duration::from_secs(60),
            grant: Grant::default(),
            capability: None,
            cancelled: CancellationToken::new(),
            progress: Progress::default(),
            live: None,
            ledger: Arc::default(),
            peers: Peers::default(),
            redactor: None,
        }
    }
}

impl ArmCall {
    /// What the call may spend, and has spent so far.
    pub fn allowance(&self) -> &Arc<Allowance> {
        self.ledger.allowance.get_or_init(|| Allowance::new(self.grant))
    }

    /// The context of the calls of models that this call makes: all of them together stay within its grant and its
    /// deadline, the allowance counts what they use, and what they say is shown while it comes.
    pub fn model_context(&self) -> (CallContext, Arc<Allowance>) {
        let allowance = self.allowance().clone();
        let context = CallContext {
            task_id: Some(self.task_id),
            step: Some(self.step),
            priority: self.priority,
            deadline: Some(self.deadline),
            allowance: Some(allowance.clone()),
            redactor: self.redactor.clone(),
            live: self.live.clone(),
        };
        (context, allowance)
    }
}

/// What an arm answers.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmReply {
    /// The output; it must satisfy the arm's `output_schema`.
    pub output: Value,
    /// How sure the arm is, 0..=1, where it can say so.
    pub confidence: Option<f64>,
    /// What the call used. Where an arm says nothing of it, what its calls of models and of other arms used.
    pub usage: Usage,
}

impl ArmReply {
    /// This output. A number `confidence` and an object `usage` in it are read, as they are for arms behind HTTP.
    pub fn new(output: Value) -> Self {
        let confidence =
            output.get("confidence").and_then(Value::as_f64).filter(|value| (0.0..=1.0).contains(value));
        let usage = output.get("usage").and_then(|usage| serde_json::from_value(usage.clone()).ok());
        Self { output, confidence, usage: usage.unwrap_or_default() }
    }
}

/// Receives progress. Must be cheap and must not block.
pub trait ProgressSink: Send + Sync {
    /// `message` says what is being done; `fraction` how much of it is done, 0..=1. `of` is the step that says so, where
    /// a task's step does.
    fn report(&self, of: Option<StepRef>, message: &str, fraction: Option<f32>);
}

/// A step of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StepRef {
    /// The task.
    pub task_id: TaskId,
    /// The step's number in its plan.
    pub step: u32,
}

/// Where an arm says how far it is; says it to nobody by default.
#[derive(Clone, Default)]
pub struct Progress {
    sink: Option<Arc<dyn ProgressSink>>,
    of: Option<StepRef>,
}

impl Progress {
    /// Progress that goes to `sink`.
    pub fn to(sink: Arc<dyn ProgressSink>) -> Self {
        Self { sink: Some(sink), of: None }
    }

    /// The progress of a task's step.
    #[must_use]
    pub fn of(mut self, step: StepRef) -> Self {
        self.of = Some(step);
        self
    }

    /// Says what is being done and how much of it is done, 0..=1.
    pub fn report(&self, message: &str, fraction: impl Into<Option<f32>>) {
        if let Some(sink) = &self.sink {
            sink.report(self.of, message, fraction.into());
        }
    }
}
