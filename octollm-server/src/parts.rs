//! What a program brings of its own besides arms.

use std::collections::BTreeMap;
use std::sync::Arc;

use octollm_core::Result;
use octollm_core::memory::Embedder;
use octollm_core::model::layers::Around;
use octollm_core::model::{LanguageModel, Models};
use octollm_core::orchestrator::{Builder, IntentParser, ResultIntegrator, TaskPlanner};

/// Parts of the brain that a program has written itself. What is absent is as the settings say.
#[derive(Clone, Default)]
pub struct OwnParts {
    /// Thinks, in its usual layers, for every purpose.
    pub model: Option<Arc<dyn LanguageModel>>,
    /// Gives texts their vectors.
    pub embedder: Option<Arc<dyn Embedder>>,
    /// Reads goals.
    pub intent_parser: Option<Arc<dyn IntentParser>>,
    /// Makes plans.
    pub task_planner: Option<Arc<dyn TaskPlanner>>,
    /// Makes results out of outputs.
    pub result_integrator: Option<Arc<dyn ResultIntegrator>>,
}

impl OwnParts {
    /// The program's model, or those that the variables name, with this around them.
    pub(crate) async fn models(
        &self,
        variables: &BTreeMap<String, String>,
        around: &Around,
    ) -> Result<Models> {
        match &self.model {
            Some(model) => Ok(Models::layered_within(model.clone(), around)),
            None => Models::from_variables_within(variables, around).await,
        }
    }

    /// Gives the builder the parts that there are.
    pub(crate) fn enter(&self, mut builder: Builder) -> Builder {
        if let Some(parser) = &self.intent_parser {
            builder = builder.intent_parser(parser.clone());
        }
        if let Some(planner) = &self.task_planner {
            builder = builder.task_planner(planner.clone());
        }
        if let Some(integrator) = &self.result_integrator {
            builder = builder.result_integrator(integrator.clone());
        }
        builder
    }
}
