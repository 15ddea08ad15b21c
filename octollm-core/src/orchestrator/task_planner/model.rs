//! Plans with a model, and with the rules where the model cannot be had.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::draft::{Change, Draft, Ground};
use super::{RulesTaskPlanner, TaskPlanner, renumber};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::model::prompts::{Prompts, Values};
use crate::model::structured::{Shape, typed};
use crate::model::{ModelRequest, Models, Purpose};
use crate::orchestrator::{Thought, asking};
use crate::task::{ExecutionPlan, ParsedIntent, StepStatus, TaskRequest, TaskState};

/// Plans with a model, which is told the arms that are really there. A plan that cannot work goes back once with its
/// faults; after that, or where no model answers, the rules are asked, and the plan says so.
#[derive(Debug, Clone)]
pub struct ModelTaskPlanner {
    models: Models,
    prompts: Prompts,
    rules: RulesTaskPlanner,
}

impl ModelTaskPlanner {
    /// A planner that asks these models, and these rules after them.
    pub fn new(models: Models, prompts: Prompts, rules: RulesTaskPlanner) -> Self {
        Self { models, prompts, rules }
    }

    async fn ask(
        &self,
        request: &TaskRequest,
        intent: &ParsedIntent,
        thought: &Thought,
    ) -> Result<ExecutionPlan> {
        let model = self.models.require(Purpose::Planning)?;
        let given = request.context.keys().chain(intent.context.keys()).cloned();
        let ground = Ground::new(&thought.arms, given);
        let check = move |value: &Value| match serde_json::from_value::<Draft>(value.clone()) {
            Ok(draft) => ground.faults(&draft.into_plan()),
            Err(_) => Vec::new(),
        };
        let question = self.planning(request, intent, thought)?;
        let shape = Shape::of::<Draft>("plan")?.checked(check);
        Ok(typed::<Draft>(&*model, &question, &shape).await?.value.into_plan())
    }

    fn planning(
        &self,
        request: &TaskRequest,
        intent: &ParsedIntent,
        thought: &Thought,
    ) -> Result<ModelRequest> {
        let mut data = request.context.clone();
        // What the goal contains is filled in by name like the context, which counts first.
        for (name, value) in &intent.context {
            data.entry(name).or_insert_with(|| value.clone());
        }
        let values = Values::new()
            .data("arms", &asking::arms(&thought.arms, &intent.required_capabilities))
            .data("goal", request.goal.trim())
            .list("capabilities", &intent.required_capabilities)
            .list("constraints", &intent.constraints)
            .list("criteria", &request.acceptance_criteria)
            .json("context", &asking::shape(&Value::Object(data)))
            .words("budget", budget(thought));
        asking::request(&self.prompts.plan, &values, Purpose::Planning, thought)
    }

    fn replanning(&self, state: &TaskState, thought: &Thought) -> Result<ModelRequest> {
        let request = state.request();
        let wanted = state.intent().map(|intent| &*intent.required_capabilities).unwrap_or_default();
        let failure = state.first_failure();
        let failure = json!({"step": failure.step, "code": failure.code, "message": failure.message, "hint": failure.hint});
        let values = Values::new()
            .data("arms", &asking::arms(&thought.arms, wanted))
            .data("goal", request.goal.trim())
            .list("constraints", &request.constraints)
            .list("criteria", &request.acceptance_criteria)
            .json("plan", &progress(state))
            .json("outputs", &outputs(state))
            .json("failure", &failure)
            .words("budget", budget(thought));
        asking::request(&self.prompts.replan, &values, Purpose::Planning, thought)
    }
}

#[async_trait]
impl TaskPlanner for ModelTaskPlanner {
    async fn plan(
        &self,
        request: &TaskRequest,
        intent: &ParsedIntent,
        thought: &Thought,
    ) -> Result<ExecutionPlan> {
        let error = match self.ask(request, intent, thought).await {
            Ok(plan) => return Ok(plan),
            Err(error) if asking::rules_may_stand_in(&error) => error,
            Err(error) => return Err(error),
        };
        tracing::warn!(task = thought.call.task_id.map(|id| id.to_string()), %error, "no model planned the task; the rules do");
        match self.rules.plan(request, intent, thought).await {
            Ok(mut plan) => {
                let why = plan.rationale.take().map(|why| format!("; {why}")).unwrap_or_default();
                plan.rationale =
                    Some(format!("planned by rules, because no model did ({}){why}", error.kind()));
                Ok(plan)
            }
            Err(no_rule) => Err(neither(error, &no_rule)),
        }
    }

    fn can_revise(&self) -> bool {
        self.models.for_purpose(Purpose::Planning).is_some()
    }

    async fn revise(&self, state: &TaskState, thought: &Thought) -> Result<ExecutionPlan> {
        let model = self.models.require(Purpose::Planning)?;
        let question = self.replanning(state, thought)?;
        let (now, ground) = (state.clone(), self.ground(state, thought));
        let check = move |value: &Value| match serde_json::from_value::<Change>(value.clone()) {
            // No steps is how a model says that there is no way.
            Ok(change) if change.changed.is_empty() => Vec::new(),
            Ok(change) => of_the_change(ground.faults(&renumber::revised(&now, change))),
            Err(_) => Vec::new(),
        };
        let shape = Shape::of::<Change>("revision")?.checked(check);
        let change = typed::<Change>(&*model, &question, &shape).await?.value;
        if change.changed.is_empty() {
            return Err(Error::new(ErrorKind::ArmFailed, "the planner sees no other way to the goal"));
        }
        Ok(renumber::revised(state, change))
    }
}

impl ModelTaskPlanner {
    fn ground(&self, state: &TaskState, thought: &Thought) -> Ground {
        let read = state.intent().into_iter().flat_map(|intent| intent.context.keys());
        Ground::new(&thought.arms, state.request().context.keys().chain(read).cloned())
    }
}

/// The plan was put together out of the change: its places say nothing to the model, its words do.
fn of_the_change(faults: Vec<Fault>) -> Vec<Fault> {
    faults.into_iter().map(|fault| Fault::new("/changed", fault.detail)).collect()
}

/// The plan, with where each step stands.
fn progress(state: &TaskState) -> Value {
    let steps = state.plan().into_iter().flat_map(|plan| &plan.subtasks);
    let told = steps.map(|subtask| {
        let mut told = serde_json::to_value(subtask).unwrap_or_default();
        if let (Value::Object(fields), Some(step)) = (&mut told, state.step(subtask.step)) {
            fields.insert("status".into(), json!(step.status()));
        }
        told
    });
    told.collect()
}

/// The shapes of what the finished steps gave.
fn outputs(state: &TaskState) -> Value {
    let done = state.steps().iter().filter(|step| step.status() == StepStatus::Completed);
    let outputs = done.filter_map(|step| Some((step.step().to_string(), asking::shape(step.output()?))));
    Value::Object(outputs.collect())
}

fn budget(thought: &Thought) -> String {
    asking::budget(thought.call.allowance.as_ref().map(|allowance| allowance.left()).unwrap_or_default())
}

fn neither(model: Error, rules: &Error) -> Error {
    let mut error =
        Error::new(model.kind(), format!("neither a model nor the rules could plan the task: {model}"))
            .with_context("rules", rules.to_string());
    let otherwise =
        "see why the model gave no plan, or send a `plan` or name a `playbook`, which take no model";
    error = error.with_hint(model.hint().map_or_else(|| otherwise.into(), |hint| hint.to_owned()));
    error.with_source(model)
}

#[cfg(test)]
mod tests;
