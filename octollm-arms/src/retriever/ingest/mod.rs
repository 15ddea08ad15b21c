//! Fills the index from files and folders, and keeps it in step with them.
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
//! **Bounded**: a walker runs ahead by a few hundred names, two files are read at once, one is written at a time. Dropping
//! the future stops after the file that is being written; the next run goes on.

mod load;
mod source;
mod walk;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt;
use octollm_core::arm::Progress;
use octollm_core::memory::DocumentInfo;
use octollm_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::index::Index;
use load::{Loaded, Loader};
use walk::Found;

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
        let known = self.index.documents.documents(collection).await?;
        let known: HashMap<_, _> =
            known.into_iter().map(|info| (info.document.source.clone(), info)).collect();
        let known = Arc::new(known);
        let mut run = Run {
            index: &self.index,
            collection,
            progress,
            known: Arc::clone(&known),
            seen: HashSet::new(),
            unreadable: Vec::new(),
            report: IngestReport::default(),
        };
        let loader = Arc::new(Loader { options: options.clone(), known });
        let files = walk::walk(paths.to_vec(), AHEAD).map(|found| Arc::clone(&loader).load(found));
        let mut files = std::pin::pin!(files.buffered(AT_ONCE));
        while let Some(loaded) = files.next().await {
            run.take(loaded?).await?;
        }
        run.remove_what_is_gone(paths).await?;
        self.index.fill(collection, progress).await?;
        Ok(run.report)
    }
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
    report: IngestReport,
}

impl Run<'_> {
    async fn take(&mut self, (found, loaded): (Found, Loaded)) -> Result<()> {
        let source = found.source;
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
                self.index.replace(self.collection, old, document, chunks).await?;
            }
        }
        Ok(())
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
