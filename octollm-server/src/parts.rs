//! What a program brings of its own besides arms.

use std::collections::BTreeMap;
use std::sync::Arc;

use octollm_core::Result;
use octollm_core::memory::{Cache, DocumentStore, Embedder, KnowledgeGraph, SharedMemory, VectorStore};
use octollm_core::model::layers::Around;
use octollm_core::model::{LanguageModel, Models};
use octollm_core::orchestrator::{Builder, IntentParser, ResultIntegrator, TaskPlanner};

/// Parts of brain and memory that a program has written itself. What is absent is as the settings say. The journal is never
/// among them: what is durable before what is settled there, and only there.
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
    /// Keeps what was answered before.
    pub cache: Option<Arc<dyn Cache>>,
    /// Keeps what is near what.
    pub vectors: Option<Arc<dyn VectorStore>>,
    /// Keeps what documents say.
    pub documents: Option<Arc<dyn DocumentStore>>,
    /// Keeps what is known.
    pub graph: Option<Arc<dyn KnowledgeGraph>>,
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

    /// The memory, with the program's own stores in the place of the usual ones.
    pub(crate) fn within(&self, memory: SharedMemory) -> SharedMemory {
        SharedMemory {
            cache: self.cache.clone().unwrap_or(memory.cache),
            vectors: self.vectors.clone().unwrap_or(memory.vectors),
            documents: self.documents.clone().unwrap_or(memory.documents),
            graph: self.graph.clone().unwrap_or(memory.graph),
            embedder: self.embedder.clone().unwrap_or(memory.embedder),
            ..memory
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
