//! What a caller asks for, and whether it may be asked.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, OnceLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Budget, ExecutionPlan, TaskId};
use crate::error::{Error, Fault, Result};
use crate::schema::{self, Validator};

/// Bytes of JSON that [`TaskRequest::context`] may take.
pub(crate) const MAX_CONTEXT_BYTES: usize = 1024 * 1024;
const MAX_CONSTRAINTS: usize = 20;
const MAX_CRITERIA: usize = 10;
const MAX_METADATA: usize = 64;

/// A task, as a caller asks for it.
///
/// Only `goal` is required:
///
/// ```
/// use octollm_core::TaskRequest;
///
/// let request = TaskRequest::new("Find where the journal is described");
/// assert!(request.validate().is_ok());
/// assert!(TaskRequest::new("too short").validate().is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskRequest {
    /// What is wanted, in words: 10..=2000 characters (Unicode scalar values) after trimming.
    pub goal: String,
    /// What the result must respect; 20 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub constraints: Vec<String>,
    /// Data for the arms; 1 MiB of JSON at most.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// What the result is judged by; 10 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub acceptance_criteria: Vec<String>,
    /// Who waits when not everybody can run.
    #[serde(default)]
    pub priority: Priority,
    /// Seconds from acceptance until the task fails, 10..=3600; the engine's default where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 3600))]
    pub deadline_seconds: Option<u32>,
    /// Only arms that offer one of these may work on the task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_capabilities: Vec<String>,
    /// The task that this one is part of. Cancelling the parent cancels this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_task_id: Option<TaskId>,
    /// What the task may spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// A ready plan: intent parsing and planning are skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Arc<ExecutionPlan>>,
    /// A stored plan template by name; `context` fills it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
    /// A JSON Schema that the final `result` must satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// What waits for a person.
    #[serde(default)]
    pub approval: Approval,
    /// Told once at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// Labels of the caller's own: echoed and searchable.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// Who waits when not everybody can run.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// After everybody else, but never starved.
    Low,
    /// The usual.
    #[default]
    Medium,
    /// Before the usual.
    High,
    /// Before everybody else.
    Critical,
}

impl Priority {
    /// The name, as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What waits for a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// Nothing.
    #[default]
    Never,
    /// The plan, before its first step.
    Plan,
    /// Every step whose arm changes the world.
    SideEffects,
}

impl TaskRequest {
    /// A request with this goal and every default.
    pub fn new(goal: impl Into<String>) -> Self {
        Self { goal: goal.into(), ..Self::default() }
    }

    /// Reads a request from JSON and validates it, reporting every fault at once.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) with one [`Fault`] per broken rule.
    pub fn from_json(document: Value) -> Result<Self> {
        static VALIDATOR: OnceLock<Validator> = OnceLock::new();
        let validator = VALIDATOR.get_or_init(Validator::of::<TaskRequest>);
        let mut faults = validator.faults(&document);
        if faults.is_empty() {
            let request: Self = schema::from_value(document, "the task")?;
            request.validate()?;
            return Ok(request);
        }
        // Rules beyond the schema can still be checked where the document has the right shape.
        if let Some(request) = Self::readable_part(document, &faults) {
            let known: HashSet<String> = faults.iter().map(|fault| fault.pointer.clone()).collect();
            faults.extend(request.faults().into_iter().filter(|fault| !known.contains(&fault.pointer)));
        }
        Err(invalid(faults))
    }

    /// The request as far as it can be read: whole, or without the places that have a fault, or without the fields of its
    /// own that have one or are not known.
    fn readable_part(document: Value, faults: &[Fault]) -> Option<Self> {
        let places = faults.iter().map(|fault| fault.pointer.as_str());
        let read = |document: Value| serde_json::from_value::<Self>(document).ok();
        if let Some(request) =
            read(document.clone()).or_else(|| read(schema::without(document.clone(), places)))
        {
            return Some(request);
        }
        static SCHEMA: OnceLock<Value> = OnceLock::new();
        let known = SCHEMA.get_or_init(schema::schema_of::<Self>).get("properties")?;
        let Value::Object(mut fields) = document else { return None };
        let faulty: HashSet<&str> =
            faults.iter().filter_map(|fault| fault.pointer.split('/').nth(1)).collect();
        fields.retain(|name, _| known.get(name).is_some() && !faulty.contains(name.as_str()));
        read(fields.into())
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) with one [`Fault`] per broken rule.
    pub fn validate(&self) -> Result<()> {
        let faults = self.faults();
        if faults.is_empty() { Ok(()) } else { Err(invalid(faults)) }
    }

    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.check_goal(&mut faults);
        check_count(&mut faults, "/constraints", self.constraints.len(), MAX_CONSTRAINTS);
        check_count(&mut faults, "/acceptance_criteria", self.acceptance_criteria.len(), MAX_CRITERIA);
        check_count(&mut faults, "/metadata", self.metadata.len(), MAX_METADATA);
        if schema::json_len(&self.context, MAX_CONTEXT_BYTES).is_none() {
            faults.push(Fault::new(
                "/context",
                "must take 1 MiB of JSON at most; store documents and refer to them",
            ));
        }
        if self.deadline_seconds.is_some_and(|seconds| !(10..=3600).contains(&seconds)) {
            faults.push(Fault::new("/deadline_seconds", "must be 10 to 3600 seconds"));
        }
        if let Some(budget) = &self.budget {
            budget.faults("/budget", &mut faults);
        }
        if let Some(plan) = &self.plan {
            plan.faults("/plan", &mut faults);
        }
        if self.plan.is_some() && self.playbook.is_some() {
            faults.push(Fault::new("/playbook", "cannot stand beside `plan`: leave one of the two out"));
        }
        if let Some(Err(detail)) = self.output_schema.as_ref().map(Validator::compile) {
            faults.push(Fault::new("/output_schema", format!("is not a valid JSON Schema: {detail}")));
        }
        if self.webhook_url.as_deref().is_some_and(|url| !is_http_url(url)) {
            faults.push(Fault::new("/webhook_url", "must be an http:// or https:// URL"));
        }
        faults
    }

    fn check_goal(&self, faults: &mut Vec<Fault>) {
        let length = self.goal.trim().chars().count();
        if !(10..=2000).contains(&length) {
            let detail = format!("must have 10 to 2000 characters after trimming, has {length}");
            faults.push(Fault::new("/goal", detail));
        }
    }
}

fn invalid(faults: Vec<Fault>) -> Error {
    Error::invalid("the task is invalid", faults)
}

fn check_count(faults: &mut Vec<Fault>, pointer: &str, count: usize, most: usize) {
    if count > most {
        faults.push(Fault::new(pointer, format!("must have {most} entries at most, has {count}")));
    }
}

fn is_http_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace))
}
