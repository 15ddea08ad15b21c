//! Data analysis: read-only SQL over tables in files.
//!
//! ```text
//! files ─ folders ─► text ─ records ─► SQLite in memory ◄─ one SELECT ─► rows, cited by file and line
//!         allowed    UTF-8  CSV, JSON   typed columns       authorizer,
//!                                                           limits
//! ```
//!
//! Each call has a database of its own, in memory and gone with the call, so nothing that a statement does could reach
//! what is kept. What a statement may do is decided by SQLite itself while it compiles it: everything but reading is
//! refused by the [authorizer](guard), whatever the text looks like. What a sort or a join does not keep in memory goes to
//! temporary files without a name, for as long as the statement may run. SQLite is in the build for the stores; DuckDB and
//! DataFusion each take longer to build than the whole library.
//!
//! A row's `rowid` is the line where its record begins in the file, which is how a result that selects it is cited.

mod folders;
mod growth;
mod guard;
mod query;
mod response;
mod table;
mod written;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use octollm_core::model::prompts::Prompt;
use octollm_core::model::{CallContext, Models};
use octollm_core::{Error, ErrorKind, Fault, Result};
use tokio::sync::Semaphore;

pub use folders::DataFolders;
pub use response::{Data, TableInfo};

use super::request::{SearchRequest, SearchResponse};
use guard::Guard;
use query::{Failed, Rows};
use table::Tables;
use written::Writer;

/// How much one call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataLimits {
    /// Bytes of all files together; 64 MiB by default.
    pub file_bytes: u64,
    /// Bytes of the tables in memory; 256 MiB by default.
    pub table_bytes: u64,
    /// Rows that are answered; 1000 by default.
    pub rows: usize,
    /// Bytes of values that are answered; 1 MiB by default.
    pub answer_bytes: usize,
    /// Time for loading the files and for each statement; 10 s by default.
    pub time: Duration,
    /// Calls that have tables in memory at once, the others wait; 2 by default.
    pub at_once: usize,
}

impl Default for DataLimits {
    fn default() -> Self {
        Self {
            file_bytes: 64 << 20,
            table_bytes: 256 << 20,
            rows: 1_000,
            answer_bytes: 1 << 20,
            time: Duration::from_secs(10),
            at_once: 2,
        }
    }
}

/// Answers questions out of tables. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Analyst {
    folders: Arc<DataFolders>,
    limits: DataLimits,
    models: Models,
    /// What takes the place of the writer's own.
    prompt: Option<Arc<Prompt>>,
    places: Arc<Semaphore>,
}

/// Stops the work on the blocking thread when the call that wanted it is dropped.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Analyst {
    pub(super) fn new(folders: DataFolders, limits: DataLimits, models: Models) -> Self {
        let places = Arc::new(Semaphore::new(limits.at_once.clamp(1, Semaphore::MAX_PERMITS)));
        Self { folders: Arc::new(folders), limits, models, prompt: None, places }
    }

    /// Takes the prompt for statements that `folder` has, if it has one. Blocks while it reads.
    ///
    /// # Errors
    /// As [`written::prompt_in`].
    pub(super) fn read_prompt(&mut self, folder: &Path) -> Result<()> {
        self.prompt = written::prompt_in(folder)?.map(Arc::new);
        Ok(())
    }

    /// Loads the tables that the request names and answers with rows.
    ///
    /// # Errors
    /// `invalid_input` for a statement that is wrong or not allowed, a file that is no table, or a request without a
    /// statement where no model can write one (`not_configured`); `not_found` for a file that is not in the folders;
    /// `timeout`; `too_large`.
    pub(super) async fn answer(
        &self,
        request: &SearchRequest,
        context: CallContext,
    ) -> Result<SearchResponse> {
        if request.tables.is_empty() {
            return Err(Error::invalid(
                "no table is named",
                vec![Fault::new("/tables", "must name at least one file")],
            )
            .with_hint("name CSV, TSV, JSON or JSON Lines files: \"tables\": [\"sales.csv\"]"));
        }
        // Whoever asks in words where nobody writes SQL should hear it before a file is read.
        let writer =
            if request.sql.is_none() { Some(Writer::new(&self.models, self.prompt.clone())?) } else { None };
        let tables = self.load(&request.tables).await?;
        let (sql, outcome) = match (&request.sql, writer) {
            (Some(sql), _) => (sql.clone(), self.run(&tables, sql).await?),
            (None, Some(writer)) => self.written(&writer, request, &tables, context).await?,
            (None, None) => return Err(Error::new(ErrorKind::Internal, "nobody writes the statement")),
        };
        let rows = outcome.map_err(Failed::into_error)?;
        let request = request.clone();
        self.off_the_runtime(move |_| Ok(response::respond(&request, &tables, sql, rows))).await
    }

    /// A statement by the model; one that the database refuses goes back once with the database's words.
    async fn written(
        &self,
        writer: &Writer,
        request: &SearchRequest,
        tables: &Arc<Tables>,
        context: CallContext,
    ) -> Result<(String, Result<Rows, Failed>)> {
        let mut question = writer.question(&request.query, tables.shown()?, context)?;
        let first = writer.statement(&question).await?;
        match self.run(tables, &first).await? {
            Err(failed) if failed.can_be_mended() => {
                Writer::give_back(&mut question, &first, failed.message());
                let second = writer.statement(&question).await?;
                let outcome = self.run(tables, &second).await?;
                Ok((second, outcome))
            }
            outcome => Ok((first, outcome)),
        }
    }

    async fn load(&self, files: &[String]) -> Result<Arc<Tables>> {
        let closed =
            |cause| Error::new(ErrorKind::Internal, "nothing is analysed any more").with_source(cause);
        let place = self.places.clone().acquire_owned().await.map_err(closed)?;
        let (folders, limits, files) = (self.folders.clone(), self.limits, files.to_vec());
        self.off_the_runtime(move |guard| {
            let mut seen = HashSet::new();
            let mut sources = Vec::new();
            for (at, file) in files.iter().enumerate() {
                let source = folders.source(at, file)?;
                if seen.insert(source.path.clone()) {
                    sources.push(source);
                }
            }
            Tables::load(sources, limits, &guard, place).map(Arc::new)
        })
        .await
    }

    async fn run(&self, tables: &Arc<Tables>, sql: &str) -> Result<Result<Rows, Failed>> {
        let (tables, sql, limits) = (tables.clone(), sql.to_owned(), self.limits);
        self.off_the_runtime(move |guard| Ok(query::run(&tables, &sql, limits, &guard))).await
    }

    async fn off_the_runtime<T: Send + 'static>(
        &self,
        work: impl FnOnce(Guard) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let stop = StopOnDrop(Arc::default());
        let guard = Guard { stopped: stop.0.clone(), deadline: Instant::now() + self.limits.time };
        let worked = tokio::task::spawn_blocking(move || work(guard)).await;
        drop(stop);
        worked
            .map_err(|cause| Error::new(ErrorKind::Internal, "the analysis broke off").with_source(cause))?
    }
}
