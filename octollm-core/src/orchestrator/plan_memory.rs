//! Plans that worked, for goals that say the same again.
//!
//! A plan that a model made and that led to a result is remembered with its goal. A task whose goal says the same in
//! nearly the same words gets that plan without a model being asked. Vectors find the candidates, but they do not decide:
//! "copy A to B" and "copy B to A" are as near to each other as two texts can be. What decides is [`wish`]: the words
//! that carry meaning must be the same, in the same order. And whatever else a plan could depend on must be the same too:
//! constraints, criteria, capabilities, the context's names, and its values where the plan has taken one over.

mod wish;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Thought;
use super::task_planner::Ground;
use crate::error::{ErrorKind, Result};
use crate::memory::{SharedMemory, VectorQuery, VectorRecord};
use crate::task::{ExecutionPlan, ParsedIntent, PlanId, PlanSource, TaskRequest, TaskState, TaskStatus};
use wish::wish;

/// Where plans are remembered.
const COLLECTION: &str = "planner_memory";
/// Plans that are remembered at most.
const MOST: usize = 10_000;
/// Candidates that are looked at.
const CANDIDATES: usize = 5;
/// Bytes of JSON that a remembered plan may have.
const MAX_PLAN: usize = 64 * 1024;
/// A value of the context that is shorter says nothing about where a plan has it from.
const TELLING: usize = 3;

/// Whether plans that worked are used again, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlanReuse {
    /// Whether they are.
    pub enabled: bool,
    /// How near the goals' vectors must be to be looked at, 0..=1. Whether they say the same is decided by their words.
    pub min_similarity: f32,
}

impl Default for PlanReuse {
    fn default() -> Self {
        Self { enabled: true, min_similarity: 0.5 }
    }
}

/// A plan that worked, and how its goal was read: what the goal contains is filled into its steps by name.
pub(super) struct Recalled {
    pub(super) intent: ParsedIntent,
    pub(super) plan: ExecutionPlan,
}

/// Remembers plans and finds them again.
#[derive(Clone)]
pub(super) struct PlanMemory {
    memory: SharedMemory,
    options: PlanReuse,
}

impl PlanMemory {
    pub(super) fn new(memory: SharedMemory, options: PlanReuse) -> Self {
        Self { memory, options }
    }

    /// A plan that worked for the same wish and that the arms that are there can do. A memory that fails has none.
    pub(super) async fn recall(&self, request: &TaskRequest, thought: &Thought) -> Option<Recalled> {
        let candidates = self.candidates(request).await;
        let candidates =
            candidates.inspect_err(|error| tracing::warn!(%error, "no plan could be remembered"));
        let fits = |recalled: &Recalled| {
            let given = request.context.keys().chain(recalled.intent.context.keys()).cloned();
            Ground::new(&thought.arms, given).faults(&recalled.plan).is_empty()
        };
        candidates.ok()?.into_iter().filter_map(|payload| recalled(request, &payload)).find(fits)
    }

    async fn candidates(&self, request: &TaskRequest) -> Result<Vec<Map<String, Value>>> {
        let spec = self.memory.embedder.spec();
        if self.memory.vectors.spec(COLLECTION).await? != Some(spec) {
            return Ok(Vec::new());
        }
        let vector = self.embed(&request.goal).await?;
        let min_score = Some(self.options.min_similarity);
        let query = VectorQuery { vector, limit: CANDIDATES, min_score, ..VectorQuery::default() };
        let hits = self.memory.vectors.search(COLLECTION, query).await?;
        Ok(hits.into_iter().map(|hit| hit.payload).collect())
    }

    /// Remembers the plan of a task that has completed, if a model made it and it worked as it was.
    pub(super) async fn remember(&self, state: &TaskState) {
        let Some((id, payload)) = worth_remembering(state) else { return };
        if let Err(error) = self.store(id, payload, &state.request().goal).await {
            tracing::warn!(task = %state.task_id(), %error, "the plan could not be remembered");
        }
    }

    async fn store(&self, id: String, payload: Map<String, Value>, goal: &str) -> Result<()> {
        let (vectors, spec) = (&self.memory.vectors, self.memory.embedder.spec());
        match vectors.ensure(COLLECTION, &spec).await {
            // Vectors of another embedder find nothing: begin anew.
            Err(error) if error.kind() == ErrorKind::Conflict => {
                vectors.drop_collection(COLLECTION).await?;
                vectors.ensure(COLLECTION, &spec).await?;
            }
            ensured => ensured?,
        }
        if vectors.count(COLLECTION).await? >= MOST {
            tracing::debug!("{MOST} plans are remembered; no more are");
            return Ok(());
        }
        let vector = self.embed(goal).await?;
        vectors.upsert(COLLECTION, vec![VectorRecord { id, vector, payload }]).await
    }

    /// The vector of what the goal says, which wordings of one wish share.
    async fn embed(&self, goal: &str) -> Result<Vec<f32>> {
        Ok(self.memory.embedder.embed(&[&wish(goal).join(" ")]).await?.pop().unwrap_or_default())
    }
}

/// What is remembered, if it was made for the same.
fn recalled(request: &TaskRequest, payload: &Map<String, Value>) -> Option<Recalled> {
    let text = |name: &str| payload.get(name).and_then(Value::as_str);
    let same_values = text("context") == Some(&hash(&json!(request.context)));
    let context_free = payload.get("context_free").and_then(Value::as_bool).unwrap_or(false);
    let same = text("terms") == Some(&hash(&terms(request)))
        && wish(text("goal")?) == wish(&request.goal)
        && (same_values || context_free);
    if !same {
        return None;
    }
    let plan: ExecutionPlan = serde_json::from_value(payload.get("plan")?.clone()).ok()?;
    let plan = ExecutionPlan { plan_id: PlanId::new(), source: PlanSource::Cache, revision: 0, ..plan };
    Some(Recalled { intent: serde_json::from_value(payload.get("intent")?.clone()).ok()?, plan })
}

/// What a plan depends on besides the goal and the context's values.
fn terms(request: &TaskRequest) -> Value {
    json!({
        "constraints": request.constraints,
        "criteria": request.acceptance_criteria,
        "capabilities": request.required_capabilities,
        "output_schema": request.output_schema,
        "context": request.context.keys().collect::<Vec<_>>(),
    })
}

fn worth_remembering(state: &TaskState) -> Option<(String, Map<String, Value>)> {
    let request = state.request();
    let plan = state.plan().filter(|plan| plan.source == PlanSource::Model && plan.revision == 0)?;
    if state.status() != TaskStatus::Completed {
        return None;
    }
    let written = serde_json::to_value(plan).ok()?;
    if written.to_string().len() > MAX_PLAN {
        return None;
    }
    let terms = hash(&terms(request));
    let id = hash(&json!({"wish": wish(&request.goal), "terms": terms}));
    let payload = json!({
        "goal": request.goal,
        "terms": terms,
        "context": hash(&json!(request.context)),
        "context_free": takes_nothing_from(&Value::Object(request.context.clone()), plan),
        "plan": written,
        "intent": state.intent(),
    });
    match payload {
        Value::Object(payload) => Some((id, payload)),
        _ => None,
    }
}

/// Whether no value of the context stands in the plan, so that it can serve other values as well.
fn takes_nothing_from(context: &Value, plan: &ExecutionPlan) -> bool {
    let inputs: String = plan
        .subtasks
        .iter()
        .map(|subtask| {
            format!(
                "{} {}\n",
                subtask.action,
                subtask.input.as_ref().map(Value::to_string).unwrap_or_default()
            )
        })
        .collect();
    let inputs = inputs.to_lowercase();
    let mut values = vec![context];
    while let Some(value) = values.pop() {
        match value {
            Value::Object(fields) => values.extend(fields.values()),
            Value::Array(items) => values.extend(items),
            Value::String(text) if text.len() >= TELLING && inputs.contains(&text.to_lowercase()) => {
                return false;
            }
            Value::Number(number) if inputs.contains(&number.to_string()) => return false,
            _ => {}
        }
    }
    true
}

fn hash(value: &Value) -> String {
    let digest = Sha256::digest(value.to_string().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
