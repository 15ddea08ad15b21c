//! Fills the index from files, folders and pages, and keeps it in step with them.
//!
//! **Sources are paths as a person would type them**: the path that was given, and what is below it, with `/` between
//! and without `./`. `ingest(["docs"])` names a file `docs/design.md`, and that is what a citation says, to be opened
//! from where the caller stands. The name is the document's identity: whoever indexes several working directories into
//! one collection gives absolute paths.
//!
//! **Incremental**: a file whose content hash and labels are the same is left alone, a changed one replaced, and what is
//! gone from below the given paths, or is no longer text, is removed. A file that cannot be read just now keeps what was
//! indexed of it.
//!
//! **Bounded**: a walker runs ahead by a few hundred names, two files are read at once, and small ones are written
//! together, some 128 chunks at a time: a commit costs about as much as writing those. Dropping the future stops after
//! what is being written; the next run goes on.

mod load;
mod source;
mod walk;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use octollm_core::arm::Progress;
use octollm_core::memory::DocumentInfo;
use octollm_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::index::{BATCH, Index, New};
use crate::pages::ReadPages;
pub(super) use load::chunks_of;
use load::{Loaded, Loader};

/// Files that are read at once.
const AT_ONCE: usize = 2;
/// Names that the walker is ahead.
const AHEAD: usize = 256;

/// What to take in.
#[derive(Debug, Clone, PartialEq)]
pub struct IngestOptions {
    /// Larger files are skipped; bytes, 10 MiB by default.
    pub max_file_bytes: u64,
    /// Labels that every chunk gets in addition to `source`, `kind`, `extension` and `heading`; filters look there.
    pub labels: Map<String, Value>,
}

impl Default for IngestOptions {
    fn default() -> Self {
        Self { max_file_bytes: 10 << 20, labels: Map::new() }
    }
}

/// What an ingest did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestReport {
    /// Files that were not in the index.
    pub added: usize,
    /// Files whose content or labels had changed.
    pub updated: usize,
    /// Files that were left alone.
    pub unchanged: usize,
    /// Documents whose file is gone, or is skipped now.
    pub removed: usize,
    /// Files that were left out, with the reason.
    pub skipped: Vec<Skipped>,
    /// Chunks that the files below the given paths have now.
    pub chunks: usize,
}

impl IngestReport {
    /// What two ingests did together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.added += other.added;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.removed += other.removed;
        self.skipped.extend(other.skipped);
        self.chunks += other.chunks;
        self
    }
}

/// A file that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The file.
    pub source: String,
    /// Why: "is binary", "is larger than 10 MiB".
    pub reason: String,
}

/// Takes files and folders into an index.
#[derive(Clone)]
pub struct Ingestor {
    index: Arc<Index>,
}

impl Ingestor {
    /// Fills `index`.
    pub fn new(index: Arc<Index>) -> Self {
        Self { index }
    }

    /// Brings `collection` in step with what is at and below `paths`, and its vectors in step with its chunks.
    ///
    /// Hidden files and what `.gitignore` and `.ignore` name are left out, below a given path but not the path itself;
    /// symbolic links below a given path are not followed. Progress is reported for every file.
    ///
    /// # Errors
    /// `not_found` if a path does not exist (nothing is changed then); `storage`; what the embedder says. A file that
    /// cannot be read or understood is no error but is [skipped](IngestReport::skipped).
    pub async fn ingest(
        &self,
        collection: &str,
        paths: &[PathBuf],
        options: &IngestOptions,
        progress: &Progress,
    ) -> Result<IngestReport> {
        check_paths(paths).await?;
        let _writer = self.index.lock().await?;
        self.index.prepare(collection).await?;
        let mut run = self.run(collection, progress).await?;
        let loader = Arc::new(Loader { options: options.clone(), known: Arc::clone(&run.known) });
        let files = walk::walk(paths.to_vec(), AHEAD).map(|found| Arc::clone(&loader).load(found));
        let mut files = std::pin::pin!(files.buffered(AT_ONCE));
        while let Some(loaded) = files.next().await {
            let (found, loaded) = loaded?;
            run.take(found.source, loaded).await?;
        }
        run.write().await?;
        run.remove_what_is_gone(paths).await?;
        self.index.fill(collection, progress).await?;
        Ok(run.report)
    }

    /// Brings `collection` in step with the pages at these addresses; what else is in it is left alone. A page's address is
    /// its name.
    ///
    /// # Errors
    /// `storage`; what the embedder says. A page that may not be asked for, does not answer or cannot be understood is no
    /// error but is [skipped](IngestReport::skipped), and what was indexed of it stays; one that is gone is removed.
    pub async fn ingest_pages(
        &self,
        collection: &str,
        pages: &dyn ReadPages,
        urls: &[String],
        options: &IngestOptions,
        progress: &Progress,
    ) -> Result<IngestReport> {
        let _writer = self.index.lock().await?;
        self.index.prepare(collection).await?;
        let mut run = self.run(collection, progress).await?;
        let known = Arc::clone(&run.known);
        let read =
            stream::iter(urls.to_vec()).map(|url| read_page(pages, url, options, &known)).buffered(AT_ONCE);
        let mut read = std::pin::pin!(read);
        while let Some(loaded) = read.next().await {
            let (source, loaded) = loaded?;
            run.take(source, loaded).await?;
        }
        run.write().await?;
        self.index.fill(collection, progress).await?;
        Ok(run.report)
    }

    async fn run<'a>(&'a self, collection: &'a str, progress: &'a Progress) -> Result<Run<'a>> {
        let known = self.index.documents.documents(collection).await?;
        let known = known.into_iter().map(|info| (info.document.source.clone(), info)).collect();
        Ok(Run {
            index: &self.index,
            collection,
            progress,
            known: Arc::new(known),
            seen: HashSet::new(),
            unreadable: Vec::new(),
            pending: Vec::new(),
            report: IngestReport::default(),
        })
    }
}

/// Asks for a page and reads it off the async threads. Its name is its address as it was understood.
async fn read_page(
    pages: &dyn ReadPages,
    url: String,
    options: &IngestOptions,
    known: &Arc<HashMap<String, DocumentInfo>>,
) -> Result<(String, Loaded)> {
    let page = match pages.read(&url).await {
        Ok(page) => page,
        Err(error) => {
            let name = url.parse().map_or(url, |url: reqwest::Url| url.to_string());
            let loaded = match error.kind() {
                ErrorKind::NotFound => Loaded::Gone,
                _ => Loaded::Unreadable(format!("cannot be read: {error}")),
            };
            return Ok((name, loaded));
        }
    };
    let (name, options, known) = (page.url.clone(), options.clone(), Arc::clone(known));
    let source = name.clone();
    let reading = move || load::load_page(page, &options, known.get(&source));
    let loaded = tokio::task::spawn_blocking(reading)
        .await
        .map_err(|cause| Error::new(ErrorKind::Internal, "reading a page broke off").with_source(cause))?;
    Ok((name, loaded))
}

async fn check_paths(paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        if let Err(cause) = tokio::fs::metadata(path).await {
            let message = match cause.kind() {
                std::io::ErrorKind::NotFound => "there is no such file or folder",
                _ => "the file or folder cannot be read",
            };
            return Err(Error::new(ErrorKind::NotFound, message)
                .with_context("path", path.display().to_string())
                .with_hint("check the spelling; a relative path is looked up from the working directory")
                .with_source(cause));
        }
    }
    Ok(())
}

/// One ingest under way.
struct Run<'a> {
    index: &'a Index,
    collection: &'a str,
    progress: &'a Progress,
    known: Arc<HashMap<String, DocumentInfo>>,
    seen: HashSet<String>,
    /// What could not be looked at: nothing below it is known to be gone.
    unreadable: Vec<String>,
    /// What is read and not written yet: fewer than [`BATCH`] chunks.
    pending: Vec<New>,
    report: IngestReport,
}

impl Run<'_> {
    async fn take(&mut self, source: String, loaded: Loaded) -> Result<()> {
        if self.seen.contains(&source) {
            return Ok(());
        }
        self.progress.report(&source, None);
        match loaded {
            Loaded::Unreadable(reason) => {
                self.unreadable.push(source.clone());
                self.report.skipped.push(Skipped { source, reason });
            }
            Loaded::Skipped(reason) => self.report.skipped.push(Skipped { source, reason }),
            Loaded::Gone => {
                self.report
                    .skipped
                    .push(Skipped { source: source.clone(), reason: "is not there".to_owned() });
                if let Some(old) = self.known.get(&source) {
                    self.report.removed += 1;
                    self.index.remove(self.collection, std::slice::from_ref(old)).await?;
                }
                self.seen.insert(source);
            }
            Loaded::Unchanged => {
                self.report.unchanged += 1;
                self.report.chunks += self.known.get(&source).map_or(0, |info| info.chunks);
                self.seen.insert(source);
            }
            Loaded::New(document, chunks) => {
                let old = self.known.get(&source);
                self.report.chunks += chunks.len();
                match old {
                    Some(_) => self.report.updated += 1,
                    None => self.report.added += 1,
                }
                self.seen.insert(source);
                self.pending.push(New { old: old.cloned(), document, chunks });
                if self.pending.iter().map(|new| new.chunks.len()).sum::<usize>() >= BATCH {
                    self.write().await?;
                }
            }
        }
        Ok(())
    }

    async fn write(&mut self) -> Result<()> {
        self.index.replace(self.collection, std::mem::take(&mut self.pending)).await
    }

    async fn remove_what_is_gone(&mut self, paths: &[PathBuf]) -> Result<()> {
        let roots: Vec<String> = paths.iter().map(|path| source::name(path)).collect();
        let below = |roots: &[String], name: &str| roots.iter().any(|root| source::is_below(root, name));
        let gone: Vec<DocumentInfo> = self
            .known
            .iter()
            .filter(|(name, _)| {
                below(&roots, name) && !self.seen.contains(*name) && !below(&self.unreadable, name)
            })
            .map(|(_, info)| info.clone())
            .collect();
        self.report.removed = gone.len();
        self.index.remove(self.collection, &gone).await
    }
}
