//! The retriever as an arm, and as a library.

use std::sync::Arc;

use async_trait::async_trait;
use octollm_core::arm::{Arm, ArmCall, ArmDescriptor, ArmReply, SideEffects};
use octollm_core::schema::schema_of;
use octollm_core::{Error, ErrorKind, Result};

use super::cite::{self, Cited};
use super::index::Index;
use super::ingest::Ingestor;
use super::request::{SearchRequest, SearchResponse};
use super::search::{self, Findings};

/// Searches an [`Index`] and answers with what it found.
pub struct Retriever {
    index: Arc<Index>,
    descriptor: ArmDescriptor,
}

impl Retriever {
    /// A retriever over `index`.
    pub fn new(index: Arc<Index>) -> Self {
        Self { index, descriptor: descriptor() }
    }

    /// Fills the same index.
    pub fn ingestor(&self) -> Ingestor {
        Ingestor::new(Arc::clone(&self.index))
    }

    /// The index that is searched.
    pub fn index(&self) -> &Arc<Index> {
        &self.index
    }

    /// Finds chunks, and answers out of them. An unknown or empty collection has no results, which is no error.
    ///
    /// # Errors
    /// `invalid_input` with every fault of the request; `conflict` if vectors are asked for and they are another
    /// embedder's; `storage`; what the embedder says.
    pub async fn search(&self, request: &SearchRequest) -> Result<SearchResponse> {
        request.validate()?;
        let Findings { found, method } = search::search(&self.index, request).await?;
        let total_results = found.len();
        let query = request.query.clone();
        // Reading a few dozen passages is milliseconds of work: too much for the async threads.
        let reading = tokio::task::spawn_blocking(move || (cite::answer(&query, &found), found));
        let (answer, mut found) = reading
            .await
            .map_err(|cause| Error::new(ErrorKind::Internal, "the synthesis broke off").with_source(cause))?;
        found.truncate(request.limit as usize);
        Ok(SearchResponse {
            results: found.iter().zip(1..).map(|(one, rank)| cite::result(one, rank)).collect(),
            method_used: method,
            total_results,
            synthesis: cite::synthesis(&answer, request.include_citations),
            citations: match (request.include_citations, answer.is_empty()) {
                (false, _) => Vec::new(),
                (true, true) => found.iter().zip(1..).map(|(one, index)| cite::whole(one, index)).collect(),
                (true, false) => answer.into_iter().map(|Cited { citation, .. }| citation).collect(),
            },
        })
    }
}

#[async_trait]
impl Arm for Retriever {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.descriptor
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        let request = SearchRequest::from_value((*call.input).clone())?;
        call.progress.report("searching", None);
        let response = self.search(&request).await?;
        let output = serde_json::to_value(response)
            .map_err(|cause| Error::new(ErrorKind::Internal, "the answer is no JSON").with_source(cause))?;
        Ok(ArmReply::new(output))
    }
}

fn descriptor() -> ArmDescriptor {
    ArmDescriptor {
        name: "Retriever".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: Some(
            "Searches indexed documents by words and by vectors, and answers with sentences out of them and their \
             citations"
                .to_owned(),
        ),
        input_schema: schema_of::<SearchRequest>(),
        output_schema: schema_of::<SearchResponse>(),
        cost_tier: 1,
        average_latency_ms: 20,
        side_effects: SideEffects::None,
        // What is looked for must be what was said; the documents are on this computer.
        needs_pii: vec!["pii".to_owned()],
        ..ArmDescriptor::new("retriever", ["knowledge_search"])
    }
}
