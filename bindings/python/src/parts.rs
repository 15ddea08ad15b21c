//! Parts of the brain that are written in Python: planners, parsers, integrators, models, embedders.
//!
//! Each is called like an arm, with everything that it may know in one JSON document; what it answers is read strictly.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream;
use octollm_core::arm::{ArmCall, ArmInfo};
use octollm_core::memory::Embedder;
use octollm_core::model::{
    CallContext, Delta, FinishReason, LanguageModel, ModelDescriptor, ModelRequest, ModelStream, TokenUsage,
    ToolCall,
};
use octollm_core::orchestrator::{
    Integrated, IntentParser, ResultIntegrator, RulesTaskPlanner, TaskPlanner, Thought,
};
use octollm_core::schema::from_value;
use octollm_core::task::{ParsedIntent, TaskState};
use octollm_core::{Error, ErrorKind, ExecutionPlan, Result, TaskRequest};
use octollm_server::OwnParts;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::arm::{Answerer, Registration};
use crate::stores::{PythonCache, PythonDocuments, PythonGraph, PythonVectors};

/// The parts by what they are.
pub(crate) fn own_parts(parts: Vec<(String, Registration)>) -> Result<OwnParts> {
    let mut own = OwnParts::default();
    for (what, part) in parts {
        match what.as_str() {
            "model" => own.model = Some(Arc::new(PythonModel::new(part)?)),
            "embedder" => own.embedder = Some(Arc::new(PythonEmbedder::new(part)?)),
            "intent_parser" => own.intent_parser = Some(Arc::new(PythonParser(Answerer::new(part)))),
            "planner" => own.task_planner = Some(Arc::new(PythonPlanner::new(part)?)),
            "integrator" => own.result_integrator = Some(Arc::new(PythonIntegrator(Answerer::new(part)))),
            "cache" => own.cache = Some(Arc::new(PythonCache::new(part))),
            "vectors" => own.vectors = Some(Arc::new(PythonVectors::new(part))),
            "documents" => own.documents = Some(Arc::new(PythonDocuments::new(part))),
            "graph" => own.graph = Some(Arc::new(PythonGraph::new(part))),
            _ => return Err(Error::new(ErrorKind::Internal, "the package names a part that there is not")),
        }
    }
    Ok(own)
}

/// Asks with this document, within the bounds of the thought.
async fn ask(whom: &Answerer, about: Value, context: &CallContext) -> Result<Value> {
    let mut call = ArmCall::new(about);
    call.task_id = context.task_id.unwrap_or(call.task_id);
    call.step = context.step.unwrap_or_default();
    call.deadline = context.deadline.unwrap_or(call.deadline);
    call.grant = context.allowance.as_ref().map(|allowance| allowance.left()).unwrap_or_default();
    let deadline = call.deadline;
    tokio::time::timeout_at(deadline, whom.ask(call, false)).await.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Timeout, "the program's own part did not answer in time"))
    })
}

struct PythonParser(Answerer);

#[async_trait]
impl IntentParser for PythonParser {
    async fn parse(&self, request: &TaskRequest, thought: &Thought) -> Result<ParsedIntent> {
        let about = json!({"request": request, "arms": arms(thought)});
        from_value(ask(&self.0, about, &thought.call).await?, "the intent that the program's parser answered")
    }
}

fn arms(thought: &Thought) -> &[ArmInfo] {
    &thought.arms
}

struct PythonPlanner {
    planner: Answerer,
    revises: bool,
    rules: RulesTaskPlanner,
}

impl PythonPlanner {
    fn new(part: Registration) -> Result<Self> {
        #[derive(Deserialize)]
        struct Described {
            revises: bool,
        }
        let revises = part.describes::<Described>()?.revises;
        Ok(Self { planner: Answerer::new(part), revises, rules: RulesTaskPlanner::default() })
    }
}

#[async_trait]
impl TaskPlanner for PythonPlanner {
    async fn plan(
        &self,
        request: &TaskRequest,
        intent: &ParsedIntent,
        thought: &Thought,
    ) -> Result<ExecutionPlan> {
        let about = json!({"request": request, "intent": intent, "arms": arms(thought)});
        match ask(&self.planner, about, &thought.call).await? {
            // It leaves this one to the rules.
            Value::Null => self.rules.plan(request, intent, thought).await,
            plan => from_value(plan, "the plan that the program's planner answered"),
        }
    }

    fn can_revise(&self) -> bool {
        self.revises
    }

    async fn revise(&self, state: &TaskState, thought: &Thought) -> Result<ExecutionPlan> {
        let about = json!({
            "request": &**state.request(), "intent": state.intent().map(|intent| &**intent),
            "arms": arms(thought), "task": state.result(),
        });
        from_value(
            ask(&self.planner, about, &thought.call).await?,
            "the plan that the program's planner answered",
        )
    }
}

struct PythonIntegrator(Answerer);

#[async_trait]
impl ResultIntegrator for PythonIntegrator {
    async fn integrate(&self, state: &TaskState, thought: &Thought) -> Result<Integrated> {
        let about = json!({"request": &**state.request(), "arms": arms(thought), "task": state.result()});
        let result = ask(&self.0, about, &thought.call).await?;
        Ok(Integrated { result: Arc::new(result), confidence: state.stated_confidence() })
    }
}

struct PythonModel {
    descriptor: ModelDescriptor,
    model: Answerer,
}

/// A whole answer, as the package sends it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    #[serde(default)]
    text: String,
    #[serde(default)]
    tool_calls: Vec<ToolCall>,
    finish: Option<FinishReason>,
    tokens: Option<TokenUsage>,
}

impl PythonModel {
    fn new(part: Registration) -> Result<Self> {
        Ok(Self { descriptor: part.describes()?, model: Answerer::new(part) })
    }
}

#[async_trait]
impl LanguageModel for PythonModel {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream> {
        let about = serde_json::to_value(request).map_err(|cause| {
            Error::new(ErrorKind::Internal, "a request to a model is no JSON").with_source(cause)
        })?;
        let said = ask(&self.model, about, &request.context).await?;
        let said: Said = from_value(said, "what the program's model answered")?;
        Ok(Box::pin(stream::iter(deltas(said).into_iter().map(Ok))))
    }
}

fn deltas(said: Said) -> Vec<Delta> {
    let calls_tools = !said.tool_calls.is_empty();
    let mut deltas = Vec::new();
    if !said.text.is_empty() {
        deltas.push(Delta::Text(said.text));
    }
    deltas.extend(said.tool_calls.into_iter().enumerate().map(|(index, call)| Delta::ToolCall {
        index,
        id: Some(call.id),
        name: Some(call.name),
        arguments: call.arguments.to_string(),
    }));
    deltas.extend(said.tokens.map(Delta::Usage));
    let usual = if calls_tools { FinishReason::ToolCalls } else { FinishReason::Stop };
    deltas.push(Delta::Finished(said.finish.unwrap_or(usual)));
    deltas
}

struct PythonEmbedder {
    described: Embeds,
    embedder: Answerer,
}

#[derive(Deserialize)]
struct Embeds {
    id: String,
    dimensions: usize,
    description: String,
}

impl PythonEmbedder {
    fn new(part: Registration) -> Result<Self> {
        Ok(Self { described: part.describes()?, embedder: Answerer::new(part) })
    }
}

#[async_trait]
impl Embedder for PythonEmbedder {
    fn id(&self) -> &str {
        &self.described.id
    }

    fn dimensions(&self) -> usize {
        self.described.dimensions
    }

    fn describe(&self) -> &str {
        &self.described.description
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let said = ask(&self.embedder, json!(texts), &CallContext::default()).await?;
        let vectors: Vec<Vec<f32>> = from_value(said, "what the program's embedder answered")?;
        if vectors.len() != texts.len() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the program's embedder must answer one vector for each text",
            )
            .with_context("texts", texts.len().to_string())
            .with_context("vectors", vectors.len().to_string()));
        }
        vectors.into_iter().map(|vector| self.of_length_one(vector)).collect()
    }
}

impl PythonEmbedder {
    fn of_length_one(&self, mut vector: Vec<f32>) -> Result<Vec<f32>> {
        if vector.len() != self.described.dimensions || vector.iter().any(|value| !value.is_finite()) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "every vector of the program's embedder must have as many finite values as it has dimensions",
            )
            .with_context("dimensions", self.described.dimensions.to_string())
            .with_context("values", vector.len().to_string()));
        }
        let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        if length > 0.0 {
            vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
        }
        Ok(vector)
    }
}
