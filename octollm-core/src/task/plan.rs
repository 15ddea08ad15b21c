//! A plan: a DAG of sub-tasks, and the rules that make it one.
//!
//! A step may depend only on steps with a smaller number, so a plan cannot hold a cycle, and running it always ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PlanId;
use super::binding::check_references;
use crate::error::{Error, Fault, Result};

/// Steps that a plan may have.
pub(crate) const MAX_STEPS: usize = 64;
const MAX_STEP_RETRIES: u32 = 20;
const MAX_STEP_TIMEOUT_SECONDS: u32 = 3600;

/// How a task is going to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecutionPlan {
    /// Names the plan; made up where absent.
    #[serde(default = "PlanId::new")]
    pub plan_id: PlanId,
    /// The steps; 1..=64, in any order.
    #[schemars(length(min = 1, max = 64))]
    pub subtasks: Vec<SubTask>,
    /// How long the whole is expected to take, in seconds; 0 where nobody estimated it.
    #[serde(default)]
    pub estimated_duration_seconds: u64,
    /// How sure the planner is, 0..=1; absent where it cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    pub confidence: Option<f64>,
    /// Why the plan looks the way it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub source: PlanSource,
    /// 0 for a first plan, one more for each revision.
    #[serde(default)]
    pub revision: u32,
}

/// Who made a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanSource {
    /// A language model.
    Model,
    /// A stored template.
    Playbook,
    /// The built-in rules.
    Rules,
    /// The caller sent it along.
    #[default]
    Caller,
    /// An earlier plan for the same goal.
    Cache,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubTask {
    /// The step's number, 1 or more, unique in the plan.
    #[schemars(range(min = 1))]
    pub step: u32,
    /// What to do, in words.
    pub action: String,
    /// The id of the arm that is to do it. Where `required_capabilities` are given, another arm that has them all may
    /// stand in; where this is empty, they alone decide.
    #[serde(default)]
    pub required_arm: String,
    /// Capabilities that the arm must have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_capabilities: Vec<String>,
    /// The arm's input; `{"$step": N, "pointer": "/..."}` anywhere in it stands for (a part of) that step's output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// What the output is judged by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acceptance_criteria: Vec<String>,
    /// Steps that must have completed first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<u32>,
    /// How long it is expected to take, in seconds; 0 where nobody estimated it.
    #[serde(default)]
    pub estimated_duration_seconds: u64,
    /// How often a temporary failure is retried, 0..=20; the engine's default where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 20))]
    pub max_retries: Option<u32>,
    /// Seconds that one attempt may take, 1..=3600; the engine's default where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub timeout_seconds: Option<u32>,
    /// Whether the step waits for a person, whatever the task says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approval: bool,
    /// Whether the step fails for good where its output says that something did not pass (`valid: false` of a judge,
    /// `blocked: true` of a guardian, `success: false` of an executor), or says none of these. What depends on the step then
    /// does not run, and the plan is revised for the reason that the output gives.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_pass: bool,
}

impl SubTask {
    /// A step for `arm`, with every default.
    pub fn new(step: u32, action: impl Into<String>, arm: impl Into<String>) -> Self {
        Self {
            step,
            action: action.into(),
            required_arm: arm.into(),
            required_capabilities: Vec::new(),
            input: None,
            acceptance_criteria: Vec::new(),
            depends_on: Vec::new(),
            estimated_duration_seconds: 0,
            max_retries: None,
            timeout_seconds: None,
            approval: false,
            must_pass: false,
        }
    }

    /// The same step with this input.
    #[must_use]
    pub fn with_input(mut self, input: Value) -> Self {
        self.input = Some(input);
        self
    }

    /// The same step, which fails where its output says that something did not pass.
    #[must_use]
    pub fn passing(mut self) -> Self {
        self.must_pass = true;
        self
    }

    /// The same step after these steps.
    #[must_use]
    pub fn after(mut self, steps: impl IntoIterator<Item = u32>) -> Self {
        self.depends_on.extend(steps);
        self
    }
}

impl ExecutionPlan {
    /// A first plan of these steps, from this source.
    pub fn new(source: PlanSource, subtasks: Vec<SubTask>) -> Self {
        Self {
            plan_id: PlanId::new(),
            estimated_duration_seconds: subtasks.iter().map(|step| step.estimated_duration_seconds).sum(),
            subtasks,
            confidence: None,
            rationale: None,
            source,
            revision: 0,
        }
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) with one [`Fault`] per broken rule.
    pub fn validate(&self) -> Result<()> {
        let mut faults = Vec::new();
        self.faults("", &mut faults);
        if faults.is_empty() { Ok(()) } else { Err(Error::invalid("the plan is invalid", faults)) }
    }

    /// Sorts the steps by number and makes every reference in an input a dependency, so that the rest of the library
    /// need not look into inputs again. Call it on a valid plan.
    #[must_use]
    pub fn normalised(mut self) -> Self {
        if self.is_normal() {
            return self;
        }
        self.subtasks.sort_by_key(|subtask| subtask.step);
        for subtask in &mut self.subtasks {
            let mut all: BTreeSet<u32> = subtask.depends_on.iter().copied().collect();
            if let Some(input) = &subtask.input {
                all.extend(super::step_references(input));
            }
            subtask.depends_on = all.into_iter().collect();
        }
        self
    }

    /// Whether [`normalised`](Self::normalised) would change nothing.
    fn is_normal(&self) -> bool {
        let ascending = |numbers: &[u32]| numbers.is_sorted_by(|left, right| left < right);
        let complete = |subtask: &SubTask| match &subtask.input {
            Some(input) => super::step_references(input).iter().all(|step| subtask.depends_on.contains(step)),
            None => true,
        };
        self.subtasks.is_sorted_by_key(|subtask| subtask.step)
            && self.subtasks.iter().all(|subtask| ascending(&subtask.depends_on) && complete(subtask))
    }

    /// The plan as a task that came with it keeps it: normal, and said to be the caller's.
    pub(crate) fn from_caller(plan: Arc<Self>) -> Arc<Self> {
        if plan.source == PlanSource::Caller && plan.is_normal() {
            return plan;
        }
        let plan = Arc::unwrap_or_clone(plan);
        Arc::new(Self { source: PlanSource::Caller, ..plan }.normalised())
    }

    pub(crate) fn faults(&self, pointer: &str, faults: &mut Vec<Fault>) {
        if self.subtasks.is_empty() || self.subtasks.len() > MAX_STEPS {
            let detail = format!("must have 1 to {MAX_STEPS} steps, has {}", self.subtasks.len());
            faults.push(Fault::new(format!("{pointer}/subtasks"), detail));
        }
        if self.confidence.is_some_and(|confidence| !(0.0..=1.0).contains(&confidence)) {
            faults.push(Fault::new(format!("{pointer}/confidence"), "must be 0 to 1"));
        }
        let mut known: Vec<u32> = self.subtasks.iter().map(|subtask| subtask.step).collect();
        known.sort_unstable();
        let twice = known.windows(2).any(|pair| pair.first() == pair.last());
        for (index, subtask) in self.subtasks.iter().enumerate() {
            let mut own = Vec::new();
            let before = self.subtasks.get(..index).unwrap_or_default();
            if twice && before.iter().any(|earlier| earlier.step == subtask.step) {
                own.push(Fault::new("/step", format!("step {} is there twice", subtask.step)));
            }
            subtask.faults(&known, &mut own);
            let place = |fault: Fault| {
                Fault::new(format!("{pointer}/subtasks/{index}{}", fault.pointer), fault.detail)
            };
            faults.extend(own.into_iter().map(place));
        }
    }
}

impl SubTask {
    /// The step's own faults; their pointers begin at the step.
    fn faults(&self, known: &[u32], faults: &mut Vec<Fault>) {
        let mut fault = |field: &str, detail: String| faults.push(Fault::new(format!("/{field}"), detail));
        if self.step == 0 {
            fault("step", "must be 1 or more".into());
        }
        if self.action.trim().is_empty() {
            fault("action", "must say what to do".into());
        }
        if self.required_arm.is_empty() && self.required_capabilities.is_empty() {
            fault(
                "required_arm",
                "must name an arm, unless `required_capabilities` says what it must be able to do".into(),
            );
        }
        if self.max_retries.is_some_and(|retries| retries > MAX_STEP_RETRIES) {
            fault("max_retries", format!("must be 0 to {MAX_STEP_RETRIES}"));
        }
        if self.timeout_seconds.is_some_and(|seconds| !(1..=MAX_STEP_TIMEOUT_SECONDS).contains(&seconds)) {
            fault("timeout_seconds", format!("must be 1 to {MAX_STEP_TIMEOUT_SECONDS} seconds"));
        }
        for (index, dependency) in self.depends_on.iter().enumerate() {
            if let Some(detail) = dependency_fault(self.step, *dependency, known) {
                fault(&format!("depends_on/{index}"), detail);
            }
        }
        if let Some(input) = &self.input {
            check_references(input, "/input", &mut |place, reference| {
                let detail = match reference {
                    Ok(step) => dependency_fault(self.step, step, known),
                    Err(detail) => Some(detail),
                };
                if let Some(detail) = detail {
                    faults.push(Fault::new(place, detail));
                }
            });
        }
    }
}

fn dependency_fault(step: u32, dependency: u32, known: &[u32]) -> Option<String> {
    if known.binary_search(&dependency).is_err() {
        let list: Vec<_> = known.iter().map(u32::to_string).collect();
        Some(format!("there is no step {dependency}; the plan has {}", list.join(", ")))
    } else if dependency >= step {
        Some(format!("step {step} can depend only on an earlier step, and {dependency} is not"))
    } else {
        None
    }
}
