//! What the coder remembers: solutions that parse, found again by what was asked.
//!
//! A solution is kept under what it solves, so that doing the same again replaces it. What is near is told to the model
//! as an example, marked as data like everything that was not written for it: a solution was made of what people sent.
//!
//! Memory helps and is never needed. Whatever fails here, or takes too long, is logged, and the work goes on without it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use octollm_core::memory::{
    Embedder, Filter, SharedMemory, VectorHit, VectorQuery, VectorRecord, VectorStore,
};
use octollm_core::reflex::holds_placeholder;
use octollm_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::request::{CodeRequest, CodeResponse};

/// The collection, as other programs know it.
pub const MEMORY_COLLECTION: &str = "coder_memory";

/// Solutions that are told.
const NEAREST: usize = 3;
/// Longer solutions are not kept: three of them must fit into a prompt beside everything else.
const LONGEST: usize = 8 << 10;
/// When so many are kept, nothing new is.
const MOST: usize = 50_000;
/// Characters of existing code that count for what is near; embedders read little more.
const CODE_EMBEDDED: usize = 1_000;
/// A store that takes longer is done without.
const PATIENCE: Duration = Duration::from_secs(5);

/// A solution that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Example {
    pub(super) instruction: String,
    pub(super) language: String,
    pub(super) request_type: String,
    pub(super) code: String,
    pub(super) explanation: String,
}

/// Solutions, by what was asked.
#[derive(Clone)]
pub(super) struct CodeMemory {
    vectors: Arc<dyn VectorStore>,
    embedder: Arc<dyn Embedder>,
    min_score: f32,
}

/// What was asked, as it is looked up and kept.
pub(super) struct Cue {
    id: String,
    language: String,
    vector: Vec<f32>,
}

impl CodeMemory {
    /// Solutions in `memory`; those at least so near, -1..=1, are found.
    pub(super) fn new(memory: &SharedMemory, min_score: f32) -> Self {
        Self { vectors: memory.vectors.clone(), embedder: memory.embedder.clone(), min_score }
    }

    /// The nearest solutions in the same language, and the cue by which to keep the next one; nothing if the memory
    /// cannot be had.
    pub(super) async fn recall(&self, request: &CodeRequest) -> (Option<Cue>, Vec<Example>) {
        let recalled = within(async {
            self.prepare().await?;
            let cue = self.cue(request).await?;
            let examples = self.nearest(&cue).await?;
            Ok((cue, examples))
        });
        match recalled.await {
            Ok((cue, examples)) => (Some(cue), examples),
            Err(error) => {
                tracing::warn!(%error, "the coder's memory cannot be read; the work goes on without it");
                (None, Vec::new())
            }
        }
    }

    /// Keeps a solution.
    pub(super) async fn remember(&self, cue: Cue, request: &CodeRequest, response: &CodeResponse) {
        let example = Example {
            instruction: request.instruction.trim().to_owned(),
            language: cue.language.clone(),
            request_type: request.request_type.as_str().to_owned(),
            code: response.code.clone(),
            explanation: response.explanation.clone(),
        };
        if example.instruction.len() + example.code.len() + example.explanation.len() > LONGEST {
            return;
        }
        // In another task a placeholder stands for somebody else.
        if [&example.instruction, &example.code, &example.explanation]
            .into_iter()
            .any(|text| holds_placeholder(text))
        {
            return;
        }
        if let Err(error) = within(self.keep(cue, &example)).await {
            tracing::warn!(%error, "the coder's memory cannot be written; the solution is not remembered");
        }
    }

    async fn keep(&self, cue: Cue, example: &Example) -> Result<()> {
        let full = self.vectors.count(MEMORY_COLLECTION).await? >= MOST;
        if full && !self.vectors.missing(MEMORY_COLLECTION, std::slice::from_ref(&cue.id)).await?.is_empty() {
            return Ok(());
        }
        let Ok(Value::Object(payload)) = serde_json::to_value(example) else { return Ok(()) };
        let record = VectorRecord { id: cue.id, vector: cue.vector, payload };
        self.vectors.upsert(MEMORY_COLLECTION, vec![record]).await
    }

    /// Makes sure that the collection is this embedder's; another's is dropped, for its vectors mean nothing here.
    async fn prepare(&self) -> Result<()> {
        let spec = self.embedder.spec();
        match self.vectors.ensure(MEMORY_COLLECTION, &spec).await {
            Err(error) if error.kind() == ErrorKind::Conflict => {
                tracing::info!(
                    embedder = spec.embedder,
                    "the embedder changed: the coder's memory begins anew"
                );
                self.vectors.drop_collection(MEMORY_COLLECTION).await?;
                self.vectors.ensure(MEMORY_COLLECTION, &spec).await
            }
            ensured => ensured,
        }
    }

    async fn cue(&self, request: &CodeRequest) -> Result<Cue> {
        let text = embedded(request);
        let vectors = self.embedder.embed(&[&text]).await?;
        let vector = vectors
            .into_iter()
            .next()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the embedder answered with no vector"))?;
        Ok(Cue { id: id(request), language: request.language_name(), vector })
    }

    async fn nearest(&self, cue: &Cue) -> Result<Vec<Example>> {
        let filter = Filter([("language".to_owned(), Value::from(cue.language.as_str()))].into());
        let query = VectorQuery {
            vector: cue.vector.clone(),
            limit: NEAREST,
            filter,
            min_score: Some(self.min_score),
        };
        let hits = self.vectors.search(MEMORY_COLLECTION, query).await?;
        let example = |hit: VectorHit| serde_json::from_value(Value::Object(hit.payload)).ok();
        Ok(hits.into_iter().filter_map(example).collect())
    }
}

/// What decides how near two requests are: what is asked, and of which code ("mend it" says nothing by itself).
fn embedded(request: &CodeRequest) -> String {
    let code: String = request.code().chars().take(CODE_EMBEDDED).collect();
    format!("{}\n{code}", request.instruction.trim())
}

/// The same for the same work.
fn id(request: &CodeRequest) -> String {
    let parts =
        [request.request_type.as_str(), &request.language_name(), request.instruction.trim(), request.code()];
    let digest = parts
        .iter()
        .fold(Sha256::new(), |digest, part| digest.chain_update(part.len().to_le_bytes()).chain_update(part));
    digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

async fn within<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| Error::new(ErrorKind::Timeout, "the memory did not answer in time");
    tokio::time::timeout(PATIENCE, work).await.map_err(late)?
}

impl fmt::Debug for CodeMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeMemory").field("embedder", &self.embedder.id()).finish_non_exhaustive()
    }
}
