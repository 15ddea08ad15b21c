//! Integrates with a model where there is something to integrate.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Integrated, ResultIntegrator, RulesResultIntegrator, check_output};
use crate::error::Result;
use crate::model::prompts::{Prompts, Values};
use crate::model::structured::{Shape, structured};
use crate::model::{ModelRequest, Models, Purpose};
use crate::orchestrator::{Thought, asking};
use crate::task::TaskState;

/// Characters of one step's output that a model is shown whole; of more, it is shown the shape.
const WHOLE: usize = 20_000;

/// Integrates with a model where several outputs are to become one answer, or where the one there is does not have the
/// form that the task asks for. Everything else needs no model, and none is asked: the last step's output is the answer.
/// Where the model fails, the rules' result stands if it has the right form.
#[derive(Debug, Clone)]
pub struct ModelResultIntegrator {
    models: Models,
    prompts: Prompts,
}

impl ModelResultIntegrator {
    /// An integrator that asks these models.
    pub fn new(models: Models, prompts: Prompts) -> Self {
        Self { models, prompts }
    }

    async fn ask(&self, state: &TaskState, plain: &Integrated, thought: &Thought) -> Result<Value> {
        let model = self.models.require(Purpose::General)?;
        let schema = state.request().output_schema.as_ref();
        let question = self.question(state, schema, thought)?;
        let Some(schema) = schema else {
            let answer = model.complete(&question).await?.text;
            // The answer in words stands beside what it is made of.
            let mut result = (*plain.result).clone();
            if let Value::Object(fields) = &mut result {
                fields.insert("answer".into(), answer.trim().into());
            }
            return Ok(result);
        };
        Ok(structured(&*model, &question, &Shape::new("result", schema)?).await?.value)
    }

    fn question(&self, state: &TaskState, schema: Option<&Value>, thought: &Thought) -> Result<ModelRequest> {
        let request = state.request();
        let form = match schema {
            Some(_) => "The answer is the JSON that its schema asks for.",
            None => "The answer is text in Markdown.",
        };
        let values = Values::new()
            .words("form", form)
            .data("goal", request.goal.trim())
            .list("constraints", &request.constraints)
            .list("criteria", &request.acceptance_criteria)
            .json("outputs", &outputs(state));
        asking::request(&self.prompts.integrate, &values, Purpose::General, thought)
    }
}

#[async_trait]
impl ResultIntegrator for ModelResultIntegrator {
    async fn integrate(&self, state: &TaskState, thought: &Thought) -> Result<Integrated> {
        let plain = RulesResultIntegrator.integrate(state, thought).await?;
        let has_the_form = check_output(state, &plain.result).is_ok();
        if has_the_form && (state.final_outputs().len() == 1 || state.request().output_schema.is_some()) {
            return Ok(plain);
        }
        match self.ask(state, &plain, thought).await {
            Ok(result) => Ok(Integrated { result: Arc::new(result), confidence: plain.confidence }),
            Err(error) if has_the_form && asking::rules_may_stand_in(&error) => {
                tracing::warn!(task = %state.task_id(), %error, "no model integrated the outputs; they stand side by side");
                Ok(plain)
            }
            Err(error) => Err(error),
        }
    }
}

/// What the steps that nothing builds on gave.
fn outputs(state: &TaskState) -> Value {
    let shown = |output: &Value| {
        if output.to_string().chars().nth(WHOLE).is_some() { asking::shape(output) } else { output.clone() }
    };
    let action = |step| {
        let plan = state.plan()?;
        plan.subtasks.iter().find(|subtask| subtask.step == step).map(|subtask| subtask.action.clone())
    };
    let outputs = state.final_outputs().into_iter();
    outputs
        .map(|(step, output)| json!({"step": step, "did": action(step), "output": shown(&output)}))
        .collect()
}
