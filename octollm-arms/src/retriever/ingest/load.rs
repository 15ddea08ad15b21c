//! Reads one file: is it the same as before, and if not, what are its chunks.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use octollm_core::memory::{Chunk, Document, DocumentInfo};
use octollm_core::{Error, ErrorKind, Result};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::IngestOptions;
use super::walk::{Found, Trouble};
use crate::pages::Page;
use crate::retriever::chunk::{self, FORMAT, Piece};
use crate::retriever::cite::{IN_LISTING, LINES};
use crate::retriever::extract::{self, Kind, io_reason, read_at_most};
use crate::retriever::index::{chunk_id, hex};

/// What became of a file.
pub(super) enum Loaded {
    /// It is there but could not be read.
    Unreadable(String),
    /// There is nothing in it to be indexed.
    Skipped(String),
    /// It is not there any more.
    Gone,
    /// It is as it was.
    Unchanged,
    /// It is new or has changed.
    New(Document, Vec<Chunk>),
}

/// Reads files against what is known of them.
pub(super) struct Loader {
    pub(super) options: IngestOptions,
    pub(super) known: Arc<HashMap<String, DocumentInfo>>,
}

impl Loader {
    /// Reads a file off the async threads.
    ///
    /// # Errors
    /// `internal`; a file that cannot be read is no error.
    pub(super) async fn load(self: Arc<Self>, found: Found) -> Result<(Found, Loaded)> {
        let reading = tokio::task::spawn_blocking(move || {
            let loaded = self.read(&found);
            (found, loaded)
        });
        reading
            .await
            .map_err(|cause| Error::new(ErrorKind::Internal, "reading a file broke off").with_source(cause))
    }

    fn read(&self, found: &Found) -> Loaded {
        let path = match &found.file {
            Ok(path) => path,
            Err(Trouble::Unreadable(reason)) => return Loaded::Unreadable(reason.clone()),
            Err(Trouble::Unfit(reason)) => return Loaded::Skipped(reason.clone()),
        };
        let most = self.options.max_file_bytes;
        let bytes = match read_at_most(path, most) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Loaded::Skipped(format!("is larger than {}", size(most))),
            Err(error) => return Loaded::Unreadable(io_reason(&error)),
        };
        let document = self.document(&found.source, path, &bytes);
        let known = self.known.get(&found.source).map(|info| &info.document);
        if known.is_some_and(|known| *known == document) {
            return Loaded::Unchanged;
        }
        let pieces = match extract::extract(path, bytes) {
            Ok(extracted) => chunk::chunk(&extracted),
            Err(reason) => return Loaded::Skipped(reason),
        };
        new(document, pieces)
    }

    fn document(&self, source: &str, path: &Path, bytes: &[u8]) -> Document {
        let mut metadata: Map<String, Value> = self.options.labels.clone();
        metadata.insert("source".to_owned(), source.into());
        metadata.insert("kind".to_owned(), Kind::of(path).name().into());
        metadata.insert("format".to_owned(), FORMAT.into());
        if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
            metadata.insert("extension".to_owned(), extension.to_ascii_lowercase().into());
        }
        let content_hash = hex(&Sha256::digest(bytes));
        Document { source: source.to_owned(), content_hash, metadata }
    }
}

/// A page against what is known of it. Takes as long as it takes: not for an async task.
pub(super) fn load_page(page: Page, options: &IngestOptions, known: Option<&DocumentInfo>) -> Loaded {
    match read_page(page, &options.labels) {
        Ok((document, _)) if known.is_some_and(|known| known.document == document) => Loaded::Unchanged,
        Ok((document, pieces)) => new(document, pieces),
        Err(reason) => Loaded::Skipped(reason),
    }
}

/// The chunks of a page that is read for one question and not kept.
///
/// # Errors
/// Why there are none.
pub(in crate::retriever) fn chunks_of(page: Page) -> Result<Vec<Chunk>, String> {
    let (document, pieces) = read_page(page, &Map::new())?;
    match new(document, pieces) {
        Loaded::New(_, chunks) => Ok(chunks),
        _ => Err("is empty".to_owned()),
    }
}

fn read_page(page: Page, labels: &Map<String, Value>) -> Result<(Document, Vec<Piece>), String> {
    let content_hash = hex(&Sha256::digest(&page.body));
    let path = page.url.split(['?', '#']).next().unwrap_or_default();
    let extracted = extract::page(page.content_type.as_deref(), Path::new(path), page.body)?;
    let mut metadata = labels.clone();
    metadata.insert("source".to_owned(), page.url.as_str().into());
    metadata.insert("kind".to_owned(), extracted.kind.name().into());
    metadata.insert("format".to_owned(), FORMAT.into());
    Ok((Document { source: page.url, content_hash, metadata }, chunk::chunk(&extracted)))
}

fn new(document: Document, pieces: Vec<Piece>) -> Loaded {
    if pieces.is_empty() {
        return Loaded::Skipped("is empty".to_owned());
    }
    let chunks =
        pieces.into_iter().enumerate().map(|(ordinal, piece)| named(&document, ordinal, piece)).collect();
    Loaded::New(document, chunks)
}

fn named(document: &Document, ordinal: usize, piece: Piece) -> Chunk {
    let mut metadata = document.metadata.clone();
    metadata.remove("format");
    if let Some(heading) = piece.heading {
        metadata.insert("heading".to_owned(), Value::from(&*heading));
    }
    if piece.in_listing {
        metadata.insert(IN_LISTING.to_owned(), true.into());
    }
    if let Some(numbers) = piece.numbers {
        metadata.insert(LINES.to_owned(), numbers.into());
    }
    Chunk {
        id: chunk_id(&document.source, &document.content_hash, ordinal),
        source: document.source.clone(),
        content: piece.content,
        start_line: piece.start_line,
        end_line: piece.end_line,
        metadata,
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
