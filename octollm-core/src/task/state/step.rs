//! Where one step stands.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::{ApprovalReason, Grant, SideEffects, StepResult, StepStatus, TaskError, Timestamp};

/// Where one step stands.
#[derive(Debug, Clone, PartialEq)]
pub struct StepState {
    pub(super) step: u32,
    pub(super) status: StepStatus,
    /// How often it was started, over all arms.
    pub(super) attempts: u32,
    /// Failures on the arm that has it now.
    pub(super) failures: u32,
    /// Starts whose end nobody saw, because the process died.
    pub(super) interruptions: u32,
    /// The process that ran it is gone.
    pub(super) interrupted: bool,
    pub(super) arm_id: Option<Arc<str>>,
    /// Arms that are not asked again.
    pub(super) gave_up_on: Vec<Arc<str>>,
    pub(super) side_effects: SideEffects,
    /// What the running attempt may spend.
    pub(super) grant: Grant,
    pub(super) consent: Consent,
    /// The arm that a person was asked about.
    pub(super) asked_for: Option<Arc<str>>,
    /// What they were shown that it would do.
    pub(super) shown: Option<Arc<str>>,
    pub(super) retry_at: Option<Timestamp>,
    /// What a model said where the input lacked something; it is asked once.
    pub(super) filled: Option<Arc<Map<String, Value>>>,
    pub(super) output: Option<Arc<Value>>,
    pub(super) error: Option<TaskError>,
    pub(super) confidence: Option<f64>,
    pub(super) duration_ms: Option<u64>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) completed_at: Option<Timestamp>,
}

/// Whether a person has been asked, and what they said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Consent {
    #[default]
    NotAsked,
    Asked(ApprovalReason),
    Granted,
    Refused,
}

impl StepState {
    pub(super) fn new(step: u32) -> Self {
        Self {
            step,
            status: StepStatus::Pending,
            attempts: 0,
            failures: 0,
            interruptions: 0,
            interrupted: false,
            arm_id: None,
            gave_up_on: Vec::new(),
            side_effects: SideEffects::None,
            grant: Grant::default(),
            consent: Consent::NotAsked,
            asked_for: None,
            shown: None,
            retry_at: None,
            filled: None,
            output: None,
            error: None,
            confidence: None,
            duration_ms: None,
            started_at: None,
            completed_at: None,
        }
    }

    /// The step's number in the plan.
    pub fn step(&self) -> u32 {
        self.step
    }

    /// Where it stands.
    pub fn status(&self) -> StepStatus {
        self.status
    }

    /// How often it was started, over all arms.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Failures on the arm that has it now.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The arm that has it, or had it last.
    pub fn arm_id(&self) -> Option<&Arc<str>> {
        self.arm_id.as_ref()
    }

    /// Arms that are not asked again.
    pub fn gave_up_on(&self) -> &[Arc<str>] {
        &self.gave_up_on
    }

    /// What a model said where its input lacked something; absent where none was asked.
    pub fn filled(&self) -> Option<&Arc<Map<String, Value>>> {
        self.filled.as_ref()
    }

    /// What a person has approved, in the words that they were shown; absent where nobody was asked or nothing was shown.
    pub fn approved(&self) -> Option<&str> {
        self.shown.as_deref().filter(|_| self.consent == Consent::Granted)
    }

    /// What it answered.
    pub fn output(&self) -> Option<&Arc<Value>> {
        self.output.as_ref()
    }

    /// Whether nothing more happens to it.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.status, StepStatus::Completed | StepStatus::Failed | StepStatus::Skipped)
    }

    /// As a caller sees it.
    pub(super) fn result(&self) -> StepResult {
        StepResult {
            step: self.step,
            arm_id: self.arm_id.clone(),
            status: self.status,
            attempts: self.attempts,
            output: self.output.clone(),
            error: self.error.clone(),
            confidence: self.confidence,
            duration_ms: self.duration_ms,
            started_at: self.started_at,
            completed_at: self.completed_at,
        }
    }
}
