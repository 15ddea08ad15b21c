//! The retriever as an arm, and as a library.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use octollm_core::arm::{Arm, ArmCall, ArmDescriptor, ArmReply, SideEffects};
use octollm_core::model::{CallContext, Models};
use octollm_core::schema::schema_of;
use octollm_core::{Error, ErrorKind, Result};

use super::asked::{NO_MODEL, Reader};
use super::cite::{self, Cited};
use super::data::{Analyst, DataFolders, DataLimits};
use super::fuse::fuse;
use super::index::Index;
use super::ingest::Ingestor;
use super::read;
use super::request::{Author, Check, Citation, Method, SearchRequest, SearchResponse};
use super::search::{self, Findings, Found};
use super::web::{self, Web, WebSearch};
use crate::pages::ReadPages;

/// Searches an [`Index`], and what else is open to it, and answers with what it found.
pub struct Retriever {
    index: Arc<Index>,
    data: Option<Analyst>,
    web: Option<Web>,
    pages: Option<Arc<dyn ReadPages>>,
    reader: Option<Reader>,
    /// Whether citations are looked up in the files that were indexed.
    files: bool,
    descriptor: ArmDescriptor,
}

impl Retriever {
    /// A retriever over `index`.
    pub fn new(index: Arc<Index>) -> Self {
        Self {
            index,
            data: None,
            web: None,
            pages: None,
            reader: None,
            files: false,
            descriptor: descriptor(),
        }
    }

    /// The same, which also answers out of tables in these folders; a question without a statement goes to the model
    /// for [`Purpose::Coding`](octollm_core::model::Purpose::Coding). Without folders nothing changes.
    #[must_use]
    pub fn with_data(mut self, folders: DataFolders, limits: DataLimits, models: Models) -> Self {
        if !folders.is_empty() {
            self.data = Some(Analyst::new(folders, limits, models));
            self.announce("data_analysis");
            // Nobody counts the changes of files, nor those of the web.
            self.descriptor.varies = true;
        }
        self
    }

    /// The same, whose results the general model puts in order, and answers out of, for requests that ask for it. Without
    /// one nothing changes.
    ///
    /// # Errors
    /// None as long as the library's tests pass.
    pub fn with_models(mut self, models: &Models) -> Result<Self> {
        self.reader = Reader::new(models)?;
        Ok(self)
    }

    /// The same, with the prompts that `folder` has: `retriever_sql.v1.md` where a model writes statements,
    /// `retriever_rank.v1.md` and `retriever_answer.v1.md` where one reads what was found. Blocks while it reads.
    ///
    /// # Errors
    /// `not_configured` for a folder or a file that cannot be read; `invalid_input` for a prompt with unknown or missing
    /// names.
    pub fn with_prompts_in(mut self, folder: &Path) -> Result<Self> {
        if let Some(analyst) = &mut self.data {
            analyst.read_prompt(folder)?;
        }
        if let Some(reader) = &mut self.reader {
            reader.read_prompts(folder)?;
        }
        Ok(self)
    }

    /// The same, which also searches the web.
    #[must_use]
    pub fn with_web(mut self, web: WebSearch) -> Self {
        self.web = Some(Arc::new(web));
        self.announce("web_search");
        self.descriptor.varies = true;
        self
    }

    /// The same, which also reads pages that a request names, as far as `pages` does.
    #[must_use]
    pub fn with_pages(mut self, pages: Arc<dyn ReadPages>) -> Self {
        self.pages = Some(pages);
        self.announce("web_fetch");
        self
    }

    /// The same, which looks citations up in the files as they are now, too. For an index that only this computer's own
    /// ingests fill: whoever could put documents of any name into it would be told what a file of that name holds.
    #[must_use]
    pub fn checking_files(mut self) -> Self {
        self.files = true;
        self
    }

    fn announce(&mut self, capability: &str) {
        if !self.descriptor.capabilities.iter().any(|known| known == capability) {
            self.descriptor.capabilities.push(capability.to_owned());
        }
    }

    /// Fills the same index.
    pub fn ingestor(&self) -> Ingestor {
        Ingestor::new(Arc::clone(&self.index))
    }

    /// The index that is searched.
    pub fn index(&self) -> &Arc<Index> {
        &self.index
    }

    /// Finds what the request asks for, and answers out of it. An unknown or empty collection has no results, which is
    /// no error.
    ///
    /// # Errors
    /// `invalid_input` with every fault of the request; `conflict` if vectors are asked for and they are another
    /// embedder's; `storage`; `not_configured` for tables or the web where they are not open; what the embedder, the
    /// database or the web search says.
    pub async fn search(&self, request: &SearchRequest) -> Result<SearchResponse> {
        self.answer(request, CallContext::default()).await
    }

    async fn answer(&self, request: &SearchRequest, context: CallContext) -> Result<SearchResponse> {
        request.validate()?;
        if request.wanted() == Method::Sql {
            let analyst = self.data.as_ref().ok_or_else(no_data)?;
            return Box::pin(analyst.answer(request, context)).await;
        }
        let (mut findings, mut notes) = self.find(request, &context).await?;
        let reranked = request.rerank && self.rank(request, &mut findings.found, &context, &mut notes).await;
        let said = match request.synthesis {
            Author::Model => self.said(request, &findings.found, context, &mut notes).await,
            Author::Quotes => None,
        };
        let response = self.respond(request, findings, said).await?;
        Ok(SearchResponse { notes, reranked, ..response })
    }

    /// Lets a model put what was found in order; whether it did.
    async fn rank(
        &self,
        request: &SearchRequest,
        found: &mut Vec<Found>,
        context: &CallContext,
        notes: &mut Vec<String>,
    ) -> bool {
        if found.len() < 2 {
            return false;
        }
        let ranked = match &self.reader {
            Some(reader) => reader.rank(&request.query, found, context.clone()).await,
            None => Err(NO_MODEL.to_owned()),
        };
        match ranked {
            Ok(ranked) => *found = ranked,
            Err(reason) => {
                notes.push(format!("the results are in the order of the search: {reason}"));
                return false;
            }
        }
        true
    }

    /// What a model answers out of what was found, if it does.
    async fn said(
        &self,
        request: &SearchRequest,
        found: &[Found],
        context: CallContext,
        notes: &mut Vec<String>,
    ) -> Option<Vec<Cited>> {
        if found.is_empty() {
            return None;
        }
        let said = match &self.reader {
            Some(reader) => reader.answer(&request.query, found, self.files, context).await,
            None => Err(NO_MODEL.to_owned()),
        };
        match said {
            Ok(said) if said.is_empty() => {
                notes.push("the model found no answer in what was found".to_owned());
                Some(said)
            }
            Ok(said) => Some(said),
            Err(reason) => {
                notes.push(format!("the answer is made of quotes, not by a model: {reason}"));
                None
            }
        }
    }

    /// What the index and the web have, as the request says, and what went wrong with the part that can be done without.
    async fn find(&self, request: &SearchRequest, context: &CallContext) -> Result<(Findings, Vec<String>)> {
        if request.wanted() == Method::Pages {
            let pages = self.pages.as_ref().ok_or_else(no_pages)?;
            let (found, notes) = read::search(pages, request).await?;
            return Ok((Findings { found, method: Method::Pages }, notes));
        }
        let only_web = request.method == Method::Web;
        if !only_web && !request.include_web {
            return Ok((search::search(&self.index, request).await?, Vec::new()));
        }
        let web = self.web.as_ref().ok_or_else(web::missing)?;
        let asked = web.search(&request.query, request.limit, context);
        if only_web {
            return Ok((Findings { found: asked.await?, method: Method::Web }, Vec::new()));
        }
        let (local, asked) = futures_util::future::join(search::search(&self.index, request), asked).await;
        let mut local = local?;
        match asked {
            Ok(found) => {
                local.found = fused(local.found, found);
                Ok((local, Vec::new()))
            }
            Err(error) => Ok((local, vec![format!("the web was not searched: {error}")])),
        }
    }

    /// The answer: what a model said of what was found, or else its own sentences.
    async fn respond(
        &self,
        request: &SearchRequest,
        Findings { found, method }: Findings,
        said: Option<Vec<Cited>>,
    ) -> Result<SearchResponse> {
        let total_results = found.len();
        let synthesis_by = if said.is_some() { Author::Model } else { Author::Quotes };
        let (query, files, limit) = (request.query.clone(), self.files, request.limit as usize);
        let cited = request.include_citations;
        // Reading a few dozen passages is milliseconds of work: too much for the async threads.
        let reading = tokio::task::spawn_blocking(move || {
            let answer = said.unwrap_or_else(|| cite::answer(&query, &found, files));
            let citations = if cited { citations(&answer, &found, limit, files) } else { Vec::new() };
            (answer, citations, found)
        });
        let (answer, citations, mut found) = reading
            .await
            .map_err(|cause| Error::new(ErrorKind::Internal, "the synthesis broke off").with_source(cause))?;
        found.truncate(limit);
        Ok(SearchResponse {
            results: found.iter().zip(1..).map(|(one, rank)| cite::result(one, rank)).collect(),
            method_used: method,
            total_results,
            synthesis: cite::synthesis(&answer, request.include_citations),
            synthesis_by,
            reranked: false,
            unverified: citations.iter().filter(|one| one.check != Check::Verified).count(),
            citations,
            data: None,
            notes: Vec::new(),
        })
    }
}

/// Those of the answer; without an answer, the results that are shown.
fn citations(answer: &[Cited], found: &[Found], limit: usize, files: bool) -> Vec<Citation> {
    if answer.is_empty() {
        let shown = found.iter().take(limit).zip(1..);
        return shown.map(|(one, index)| cite::whole(one, index, files)).collect();
    }
    answer.iter().map(|one| one.citation.clone()).collect()
}

#[async_trait]
impl Arm for Retriever {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.descriptor
    }

    fn is_checked(&self) -> bool {
        true
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        let request = SearchRequest::from_value((*call.input).clone())?;
        call.progress.report("searching", None);
        let (context, allowance) = call.model_context();
        let response = self.answer(&request, context).await?;
        let output = serde_json::to_value(response)
            .map_err(|cause| Error::new(ErrorKind::Internal, "the answer is no JSON").with_source(cause))?;
        Ok(ArmReply { usage: allowance.used(), ..ArmReply::new(output) })
    }
}

/// What the index and the web found, in one order.
fn fused(local: Vec<Found>, web: Vec<Found>) -> Vec<Found> {
    let ids = |found: &[Found]| found.iter().map(|one| one.chunk.id.clone()).collect::<Vec<_>>();
    let order = fuse(&[ids(&local), ids(&web)]);
    let mut chunks: HashMap<_, _> =
        local.into_iter().chain(web).map(|one| (one.chunk.id.clone(), one.chunk)).collect();
    order.into_iter().filter_map(|(id, score)| Some(Found { chunk: chunks.remove(&id)?, score })).collect()
}

fn no_data() -> Error {
    Error::new(ErrorKind::NotConfigured, "no folder is open to data analysis")
        .with_hint("set RETRIEVER_DATA_FOLDERS to the folders whose files may be read, separated by commas")
}

fn no_pages() -> Error {
    Error::new(ErrorKind::NotConfigured, "no host is open to the retriever").with_hint(
        "name hosts under [[hosts]] in the executor's policy, which OCTOLLM_EXECUTOR_POLICY names: it reads from those that \
         may be asked by GET",
    )
}

fn descriptor() -> ArmDescriptor {
    ArmDescriptor {
        name: "Retriever".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: Some(
            "Searches indexed documents by words and by vectors, and where it is open to it the web (method `web`), \
             pages by their addresses (`urls`) and tables in files by SQL (`tables`); answers with sentences or rows and their citations"
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
