//! Makes one result out of the outputs of a plan's last steps.

mod model;

use std::sync::Arc;

pub use model::ModelResultIntegrator;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::Thought;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Validator;
use crate::task::TaskState;

/// Makes results.
#[async_trait]
pub trait ResultIntegrator: Send + Sync {
    /// The result of a task whose steps have all completed.
    ///
    /// # Errors
    /// Where a model is asked and fails.
    async fn integrate(&self, state: &TaskState, thought: &Thought) -> Result<Integrated>;
}

#[async_trait]
impl<Integrator: ResultIntegrator + ?Sized> ResultIntegrator for Arc<Integrator> {
    async fn integrate(&self, state: &TaskState, thought: &Thought) -> Result<Integrated> {
        (**self).integrate(state, thought).await
    }
}

/// A result, and how sure one can be of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Integrated {
    /// The result.
    pub result: Arc<Value>,
    /// See [`TaskResult::confidence`](crate::task::TaskResult::confidence).
    pub confidence: Option<f64>,
}

/// The output of the last step; of several last steps, `{"outputs": [{"step", "output"}, ...]}`.
#[derive(Debug, Clone, Copy, Default)]
pub struct RulesResultIntegrator;

#[async_trait]
impl ResultIntegrator for RulesResultIntegrator {
    async fn integrate(&self, state: &TaskState, _: &Thought) -> Result<Integrated> {
        let mut outputs = state.final_outputs();
        let result = match (outputs.pop(), outputs.is_empty()) {
            (Some((_, only)), true) => only,
            (last, _) => {
                outputs.extend(last);
                let outputs = outputs.iter().map(told).collect();
                Arc::new(Value::Object(Map::from_iter([("outputs".to_owned(), Value::Array(outputs))])))
            }
        };
        Ok(Integrated { result, confidence: state.stated_confidence() })
    }
}

/// One of several outputs. Built by hand: `json!` would write the output out and read it again.
fn told((step, output): &(u32, Arc<Value>)) -> Value {
    let mut told = Map::new();
    told.insert("step".to_owned(), Value::from(*step));
    told.insert("output".to_owned(), Value::clone(output));
    Value::Object(told)
}

/// Checks the result against the schema that the task asked for.
pub(crate) fn check_output(state: &TaskState, result: &Value) -> Result<()> {
    let Some(schema) = &state.request().output_schema else { return Ok(()) };
    let validator = Validator::compile(schema).map_err(|detail| {
        Error::new(ErrorKind::InvalidInput, format!("`output_schema` is not valid: {detail}"))
    })?;
    let faults = validator.faults(result);
    if faults.is_empty() {
        return Ok(());
    }
    Err(Error::invalid("the result does not satisfy the task's `output_schema`", faults)
        .with_hint("the steps completed, see their outputs; change the schema or the last step"))
}
