//! The journal's alphabet: everything that can happen to a task.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ExecutionPlan, Grant, ParsedIntent, TaskError, TaskId, TaskRequest, Timestamp, Usage};

/// One thing that happened to one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The task.
    pub task_id: TaskId,
    /// Counts from 1 without gaps per task; 0 (and absent in JSON) for what is live only.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

impl AsRef<Event> for Event {
    fn as_ref(&self) -> &Event {
        self
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(seq: &u64) -> bool {
    *seq == 0
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
#[non_exhaustive]
pub enum EventKind {
    /// The task is durable and will be done.
    #[serde(rename = "task.accepted")]
    TaskAccepted {
        /// What was asked for.
        request: Arc<TaskRequest>,
        /// When it fails if it has not ended.
        deadline_at: Timestamp,
    },
    /// The reflexes found something. What it was is not said: personal data and secrets stand in the task's vault.
    #[serde(rename = "reflex.reacted")]
    ReflexReacted {
        /// The step in whose output it was; absent for what the caller said, and for what a model answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u32>,
        /// The weightiest reaction: `pass` (it was only noted), `rewrite`; `answer` where another task had answered the same
        /// question.
        verdict: String,
        /// How often each type was found.
        found: BTreeMap<String, u64>,
        /// What looking took.
        #[serde(default, skip_serializing_if = "Usage::is_zero")]
        usage: Usage,
    },
    /// The goal was read.
    #[serde(rename = "intent.parsed")]
    IntentParsed {
        /// What it asks for.
        intent: Arc<ParsedIntent>,
        /// What thinking about it used.
        #[serde(default, skip_serializing_if = "Usage::is_zero")]
        usage: Usage,
    },
    /// There is a plan.
    #[serde(rename = "plan.created")]
    PlanCreated {
        /// The plan, normalised.
        plan: Arc<ExecutionPlan>,
        /// What thinking about it used.
        #[serde(default, skip_serializing_if = "Usage::is_zero")]
        usage: Usage,
    },
    /// There is another plan: what has completed stays as it is.
    #[serde(rename = "plan.revised")]
    PlanRevised {
        /// The whole plan as it is from now on, normalised.
        plan: Arc<ExecutionPlan>,
        /// Why: what failed.
        reason: String,
        /// What thinking about it used.
        #[serde(default, skip_serializing_if = "Usage::is_zero")]
        usage: Usage,
    },
    /// A person is asked.
    #[serde(rename = "approval.requested")]
    ApprovalRequested {
        /// The step that waits; absent for the plan.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u32>,
        /// Why a person is asked.
        reason: ApprovalReason,
        /// The arm that would do it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arm_id: Option<Arc<str>>,
        /// The exact input that the arm would get.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<Arc<Value>>,
        /// What the arm would do with it, in the arm's own words: an executor's exact command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shown: Option<Arc<str>>,
    },
    /// A person answered.
    #[serde(rename = "approval.decided")]
    ApprovalDecided {
        /// The step that waited; absent for the plan.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u32>,
        /// Whether it may go on.
        approved: bool,
        /// The person's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// A model was asked for what a step's input lacked.
    #[serde(rename = "step.filled")]
    StepFilled {
        /// The step.
        step: u32,
        /// What it said, by property of the arm's input; empty where it could not tell.
        values: Arc<Map<String, Value>>,
        /// What asking used.
        #[serde(default, skip_serializing_if = "Usage::is_zero")]
        usage: Usage,
    },
    /// An arm begins to work on a step.
    #[serde(rename = "step.started")]
    StepStarted {
        /// The step.
        step: u32,
        /// The arm.
        arm_id: Arc<str>,
        /// Counts from 1 over all arms.
        attempt: u32,
        /// What the arm does to the world; decides what a crash in the middle means.
        side_effects: SideEffects,
        /// What the step may spend.
        #[serde(default, skip_serializing_if = "Grant::is_unlimited")]
        grant: Grant,
        /// Why this arm.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        routing: Option<Arc<Routing>>,
    },
    /// A step is done; it never runs again.
    #[serde(rename = "step.completed")]
    StepCompleted {
        /// The step.
        step: u32,
        /// The arm.
        arm_id: Arc<str>,
        /// What it answered.
        output: Arc<Value>,
        /// How sure the arm is, 0..=1, where it said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confidence: Option<f64>,
        /// What the call used.
        #[serde(default, skip_serializing_if = "Usage::is_zero")]
        usage: Usage,
        /// Milliseconds that the call took.
        duration_ms: u64,
    },
    /// An attempt at a step failed.
    #[serde(rename = "step.failed")]
    StepFailed {
        /// The step.
        step: u32,
        /// The arm; absent where none could be asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arm_id: Option<Arc<str>>,
        /// Why.
        error: TaskError,
        /// What the call used.
        #[serde(default, skip_serializing_if = "Usage::is_zero")]
        usage: Usage,
        /// Milliseconds that the call took.
        duration_ms: u64,
        /// What is done about it.
        then: Then,
    },
    /// A step will not run.
    #[serde(rename = "step.skipped")]
    StepSkipped {
        /// The step.
        step: u32,
        /// Why.
        reason: String,
    },
    /// The task is done.
    #[serde(rename = "task.completed")]
    TaskCompleted {
        /// Its result.
        result: Arc<Value>,
        /// See [`TaskResult::confidence`](super::TaskResult::confidence).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confidence: Option<f64>,
        /// What thinking about it used.
        #[serde(default, skip_serializing_if = "Usage::is_zero")]
        usage: Usage,
    },
    /// The task ended without a result.
    #[serde(rename = "task.failed")]
    TaskFailed {
        /// Why.
        error: TaskError,
        /// What thinking about it used.
        #[serde(default, skip_serializing_if = "Usage::is_zero")]
        usage: Usage,
    },
    /// Somebody stopped the task.
    #[serde(rename = "task.cancelled")]
    TaskCancelled {
        /// Why, in words.
        reason: String,
        /// What was used by what was broken off.
        #[serde(default, skip_serializing_if = "Usage::is_zero")]
        usage: Usage,
    },
    /// Live only: how far a running step is.
    #[serde(rename = "step.progress")]
    StepProgress {
        /// The step.
        step: u32,
        /// What it does now.
        message: String,
        /// How much is done, 0..=1, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fraction: Option<f32>,
    },
    /// Live only: the next words of an answer that a model is giving. A preview: the step's output or the result is
    /// what counts.
    #[serde(rename = "model.delta")]
    ModelDelta {
        /// The step that asked; absent where the brain did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u32>,
        /// Which call of a model it is: another number, another answer. An answer that broke off and is asked for again
        /// is another call.
        call: u32,
        /// UTF-8 bytes of this answer before these words. Where it is more than came so far, the reader was too slow or
        /// came too late, and has missed some.
        offset: u64,
        /// The words.
        text: String,
    },
}

/// What is done about a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Then {
    /// The same arm is asked again.
    Retry {
        /// Not before this moment.
        at: Timestamp,
    },
    /// Another arm is asked.
    Reroute,
    /// The step is given up.
    GiveUp,
}

/// What an arm's work does to the world, and so what may be done about a call that was cut off. The less it does, the
/// smaller.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SideEffects {
    /// Nothing: it only reads.
    None,
    /// Doing it twice under one request id is the same as doing it once.
    #[default]
    Idempotent,
    /// Doing it twice does harm: a call that was cut off waits for a person.
    Unsafe,
}

/// Why a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalReason {
    /// The task asks for approval of its plan.
    Plan,
    /// The task asks for approval of what changes the world.
    SideEffects,
    /// The plan asks for approval of this step.
    Step,
    /// The process died while an `unsafe` arm worked: nobody knows whether it was done. Approving runs it again.
    InDoubt,
}

/// Why an arm was chosen: the scores of all candidates, best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Routing {
    /// All candidates, the chosen one first.
    pub candidates: Vec<ArmScore>,
}

/// How well an arm fits a step. All parts are 0..=1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArmScore {
    /// The arm.
    pub arm_id: Arc<str>,
    /// Which part of the required capabilities it has.
    pub capability_match: f64,
    /// Health and free places.
    pub availability: f64,
    /// Part of its calls that succeeded, with a neutral prior.
    pub historical_success: f64,
    /// 1 for free, 0 for the dearest tier.
    pub cost_efficiency: f64,
    /// The weighted sum.
    pub total: f64,
    /// Why it was not chosen whatever its score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<String>,
}

impl EventKind {
    /// The name, as it stands in JSON: `step.started`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TaskAccepted { .. } => "task.accepted",
            Self::ReflexReacted { .. } => "reflex.reacted",
            Self::IntentParsed { .. } => "intent.parsed",
            Self::PlanCreated { .. } => "plan.created",
            Self::PlanRevised { .. } => "plan.revised",
            Self::ApprovalRequested { .. } => "approval.requested",
            Self::ApprovalDecided { .. } => "approval.decided",
            Self::StepFilled { .. } => "step.filled",
            Self::StepStarted { .. } => "step.started",
            Self::StepCompleted { .. } => "step.completed",
            Self::StepFailed { .. } => "step.failed",
            Self::StepSkipped { .. } => "step.skipped",
            Self::TaskCompleted { .. } => "task.completed",
            Self::TaskFailed { .. } => "task.failed",
            Self::TaskCancelled { .. } => "task.cancelled",
            Self::StepProgress { .. } => "step.progress",
            Self::ModelDelta { .. } => "model.delta",
        }
    }

    /// The step that it is about.
    pub const fn step(&self) -> Option<u32> {
        match self {
            Self::StepFilled { step, .. }
            | Self::StepStarted { step, .. }
            | Self::StepCompleted { step, .. }
            | Self::StepFailed { step, .. }
            | Self::StepSkipped { step, .. }
            | Self::StepProgress { step, .. } => Some(*step),
            Self::ApprovalRequested { step, .. }
            | Self::ApprovalDecided { step, .. }
            | Self::ReflexReacted { step, .. }
            | Self::ModelDelta { step, .. } => *step,
            _ => None,
        }
    }

    /// The arm that it is about.
    pub fn arm_id(&self) -> Option<&str> {
        match self {
            Self::StepStarted { arm_id, .. } | Self::StepCompleted { arm_id, .. } => Some(arm_id),
            Self::StepFailed { arm_id, .. } | Self::ApprovalRequested { arm_id, .. } => arm_id.as_deref(),
            _ => None,
        }
    }

    /// What it used, where it used anything.
    pub const fn usage(&self) -> Option<&Usage> {
        match self {
            Self::ReflexReacted { usage, .. }
            | Self::IntentParsed { usage, .. }
            | Self::PlanCreated { usage, .. }
            | Self::PlanRevised { usage, .. }
            | Self::StepFilled { usage, .. }
            | Self::StepCompleted { usage, .. }
            | Self::StepFailed { usage, .. }
            | Self::TaskCompleted { usage, .. }
            | Self::TaskFailed { usage, .. }
            | Self::TaskCancelled { usage, .. } => Some(usage),
            _ => None,
        }
    }

    /// Whether the task is answered as an equal one was before.
    pub fn is_earlier_answer(&self) -> bool {
        matches!(self, Self::ReflexReacted { verdict, .. } if verdict == "answer")
    }

    /// Whether the task has ended with it.
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::TaskCompleted { .. } | Self::TaskFailed { .. } | Self::TaskCancelled { .. })
    }

    /// Whether it is streamed but not kept.
    pub const fn is_live_only(&self) -> bool {
        matches!(self, Self::StepProgress { .. } | Self::ModelDelta { .. })
    }
}
