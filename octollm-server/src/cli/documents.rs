//! `index`, `search` and `run --docs`: the documents of this computer's store.
//!
//! Documents are kept by their absolute paths, so that folders of several projects can share one index; what a person
//! reads names them from the working directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressBar;
use octollm_arms::executor::Pages;
use octollm_arms::retriever::{
    DEFAULT_COLLECTION, IngestOptions, IngestReport, Ingestor, Retriever, SearchRequest, SearchResponse,
};
use octollm_core::Result;
use octollm_core::arm::{Progress, ProgressSink, StepRef};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::App;
use super::args::{AuthorName, IndexArgs, SearchArgs};
use super::exit::{Exit, Outcome, Stop};
use super::output::{Output, one_line};
use super::{interrupt, render};
use crate::executor;
use crate::store::{self, Store};

/// Characters of a chunk that are shown.
const SNIPPET: usize = 160;
/// Files left out that are named.
const NAMED: usize = 10;

/// `index`
pub(super) async fn index(app: &App, args: &IndexArgs) -> Outcome {
    let is_page = |place: &&String| place.starts_with("https://") || place.starts_with("http://");
    let (urls, paths): (Vec<&String>, Vec<&String>) = args.places.iter().partition(is_page);
    let paths = store::absolute(&paths.into_iter().map(PathBuf::from).collect::<Vec<_>>())?;
    let urls: Vec<String> = urls.into_iter().cloned().collect();
    let pages = pages(app, &urls).await?;
    let interrupt = interrupt::listen();
    let store = Store::open(&app.settings.config).await?;
    let report = take_in(app.output, &store, &paths, &pages, &urls, &interrupt).await;
    store.close().await?;
    let Some(report) = report? else { return Ok(Exit::Interrupted) };
    if args.json {
        app.output.json(&report)?;
    } else {
        app.output.line(summary(&report))?;
    }
    Ok(Exit::Completed)
}

/// Who reads pages: from the hosts of the policy, and from those that a person has named here.
async fn pages(app: &App, urls: &[String]) -> Result<Pages> {
    let pages = Pages::new(&executor::policy(&app.settings.config).await?);
    urls.iter().try_fold(pages, |pages, url| pages.opened_to(url))
}

/// Takes files, folders and pages into the index; `None` if that was interrupted.
async fn take_in(
    output: Output,
    store: &Store,
    paths: &[PathBuf],
    pages: &Pages,
    urls: &[String],
    interrupt: &CancellationToken,
) -> Result<Option<IngestReport>, Stop> {
    let of_files = if paths.is_empty() {
        IngestReport::default()
    } else {
        match ingest(output, store, paths, interrupt).await? {
            Some(report) => report,
            None => return Ok(None),
        }
    };
    if urls.is_empty() {
        return Ok(Some(of_files));
    }
    let ingestor = Ingestor::new(store.index.clone());
    let options = IngestOptions::default();
    let of_pages = under_way(output, interrupt, |progress| async move {
        ingestor.ingest_pages(DEFAULT_COLLECTION, pages, urls, &options, &progress).await
    });
    let Some(of_pages) = of_pages.await? else { return Ok(None) };
    Ok(Some(of_files.and(of_pages)))
}

/// Takes these files and folders into the index; `None` if that was interrupted.
pub(super) async fn ingest(
    output: Output,
    store: &Store,
    paths: &[PathBuf],
    interrupt: &CancellationToken,
) -> Result<Option<IngestReport>, Stop> {
    let ingestor = Ingestor::new(store.index.clone());
    let options = IngestOptions::default();
    under_way(output, interrupt, |progress| async move {
        ingestor.ingest(DEFAULT_COLLECTION, paths, &options, &progress).await
    })
    .await
}

/// Shows how it goes on, and what was left out in the end; `None` if it was interrupted.
async fn under_way<F: Future<Output = Result<IngestReport>>>(
    output: Output,
    interrupt: &CancellationToken,
    work: impl FnOnce(Progress) -> F,
) -> Result<Option<IngestReport>, Stop> {
    let bar = if output.shows_progress() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.enable_steady_tick(Duration::from_millis(120));
    let report = tokio::select! {
        report = work(Progress::to(Arc::new(Line(bar.clone())))) => Some(report),
        // The document that is being written is finished; the next run goes on.
        () = interrupt.cancelled() => None,
    };
    bar.finish_and_clear();
    let report = report.transpose()?;
    if let Some(report) = &report {
        name_skipped(output, report);
    }
    Ok(report)
}

/// Shows the file that is being read.
struct Line(ProgressBar);

impl ProgressSink for Line {
    fn report(&self, _: Option<StepRef>, message: &str, done: Option<f32>) {
        let done = done.map(|done| format!(" {:.0} %", done * 100.0)).unwrap_or_default();
        self.0.set_message(format!("indexing {}{done}", one_line(message, SNIPPET)));
    }
}

fn name_skipped(output: Output, report: &IngestReport) {
    for skipped in report.skipped.iter().take(NAMED) {
        output.remark(format!(
            "left out {}: it {}",
            one_line(&from_here(&skipped.source), SNIPPET),
            skipped.reason
        ));
    }
    if report.skipped.len() > NAMED {
        output.remark(format!("left out {} more", report.skipped.len() - NAMED));
    }
}

fn summary(report: &IngestReport) -> String {
    format!(
        "{} added, {} updated, {} unchanged, {} removed, {} left out; {} passages can be found",
        report.added,
        report.updated,
        report.unchanged,
        report.removed,
        report.skipped.len(),
        report.chunks
    )
}

/// `search`
pub(super) async fn search(app: &App, args: &SearchArgs) -> Outcome {
    let mut document = json!({"query": args.query, "limit": args.limit, "rerank": args.rerank});
    if let Some(method) = args.method {
        document["method"] = method.name().into();
    }
    if let Some(author) = args.synthesis {
        document["synthesis"] = author.name().into();
    }
    let request = SearchRequest::from_value(document)?;
    let store = Store::open(&app.settings.config).await?;
    let retriever = Retriever::new(store.index.clone()).checking_files();
    // Models are looked for only where one is wanted: local servers are asked for theirs.
    let response = match args.rerank || args.synthesis == Some(AuthorName::Model) {
        true => crate::retriever::reading(retriever, &app.settings, &store).await?.search(&request).await,
        false => retriever.search(&request).await,
    };
    store.close().await?;
    let response = response?;
    if args.json {
        app.output.json(&response)?;
        return Ok(Exit::Completed);
    }
    print(app.output, &response)
}

fn print(output: Output, response: &SearchResponse) -> Outcome {
    if response.results.is_empty() {
        output.note("nothing was found; `octollm-server index DIR` adds documents");
    }
    for hit in &response.results {
        let locator = hit.metadata.get("locator").and_then(Value::as_str).unwrap_or(&hit.source);
        output.line(format!("{}  {:.3}", output.bold(&one_line(&from_here(locator), SNIPPET)), hit.score))?;
        output.line(format!("  {}", one_line(&hit.content, SNIPPET)))?;
    }
    if let Some(synthesis) = &response.synthesis {
        output.line(format!("\n{}", render::text(synthesis)))?;
    }
    response.notes.iter().for_each(|note| output.note(note));
    Ok(Exit::Completed)
}

/// The context that keeps a search to these files and folders.
pub(super) fn filters(paths: &[PathBuf]) -> Map<String, Value> {
    let below = |path: &PathBuf| {
        let path = path.display().to_string();
        [Value::from(path.as_str()), Value::from(format!("{}/*", path.trim_end_matches('/')))]
    };
    let sources: Vec<Value> = paths.iter().flat_map(below).collect();
    Map::from_iter([("source".to_owned(), Value::from(sources))])
}

/// A path as it is named from the working directory, if it is below.
pub(super) fn from_here(path: &str) -> String {
    let here = std::env::current_dir().ok().and_then(|here| here.canonicalize().ok());
    let below =
        here.and_then(|here| Path::new(path).strip_prefix(here).ok().map(|path| path.display().to_string()));
    below.filter(|below| !below.is_empty()).unwrap_or_else(|| path.to_owned())
}
