//! A retriever in a temporary directory, and files to put there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use octollm_arms::retriever::{
    DEFAULT_COLLECTION, Index, IngestOptions, IngestReport, Retriever, SearchRequest, SearchResponse,
};
use octollm_core::Result;
use octollm_core::arm::Progress;
use octollm_core::memory::{Embedder, HashedEmbedder};
use octollm_core::memory::{SqliteDocuments, SqliteMemory, SqliteVectors};
use tempfile::TempDir;

/// The documents of these tests, as they are named from the package's directory, where tests run.
pub(crate) const CORPUS: &str = "tests/corpus";

pub(crate) struct Bench {
    pub(crate) retriever: Retriever,
    pub(crate) memory: SqliteMemory,
    pub(crate) files: TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let memory = SqliteMemory::in_memory().await.unwrap();
        let retriever = retriever(&memory, Arc::new(HashedEmbedder));
        Self { retriever, memory, files: tempfile::tempdir().unwrap() }
    }

    /// With the corpus in it.
    pub(crate) async fn filled() -> Self {
        let bench = Self::new().await;
        bench.ingest_path(Path::new(CORPUS)).await.unwrap();
        bench
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The source of a file that [`write`](Self::write) wrote.
    pub(crate) fn source(&self, name: &str) -> String {
        format!("{}/{name}", self.files.path().display())
    }

    pub(crate) async fn ingest(&self) -> IngestReport {
        self.ingest_path(self.files.path()).await.unwrap()
    }

    pub(crate) async fn ingest_path(&self, path: &Path) -> Result<IngestReport> {
        ingest(&self.retriever, &[path.to_owned()]).await
    }

    pub(crate) async fn ask(&self, query: &str) -> SearchResponse {
        self.retriever.search(&SearchRequest::new(query)).await.unwrap()
    }

    pub(crate) async fn sources(&self, query: &str) -> Vec<String> {
        self.ask(query).await.results.into_iter().map(|result| result.source).collect()
    }
}

pub(crate) fn retriever(memory: &SqliteMemory, embedder: Arc<dyn Embedder>) -> Retriever {
    let documents = Arc::new(SqliteDocuments::new(memory.clone()));
    let vectors = Arc::new(SqliteVectors::new(memory.clone()));
    Retriever::new(Arc::new(Index::new(documents, vectors, embedder)))
}

pub(crate) async fn ingest(retriever: &Retriever, paths: &[PathBuf]) -> Result<IngestReport> {
    let (options, progress) = (IngestOptions::default(), Progress::default());
    retriever.ingestor().ingest(DEFAULT_COLLECTION, paths, &options, &progress).await
}

/// A PDF with one line of text a page.
pub(crate) fn pdf(pages: &[&str]) -> Vec<u8> {
    let kids: Vec<String> = (0..pages.len()).map(|page| format!("{} 0 R", 4 + 2 * page)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), pages.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    for (page, text) in pages.iter().enumerate() {
        let content = format!("BT /F1 12 Tf 72 720 Td ({text}) Tj ET");
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R \
             /Resources << /Font << /F1 3 0 R >> >> >>",
            5 + 2 * page
        ));
        objects.push(format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()));
    }
    assemble(&objects)
}

/// A PDF of these objects, numbered from 1; the first is its catalog.
pub(crate) fn assemble(objects: &[String]) -> Vec<u8> {
    let mut file = "%PDF-1.4\n".to_owned();
    let mut places = Vec::new();
    for (number, object) in (1..).zip(objects) {
        places.push(file.len());
        file.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
    }
    let table = file.len();
    file.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    places.iter().for_each(|place| file.push_str(&format!("{place:010} 00000 n \n")));
    let size = objects.len() + 1;
    file.push_str(&format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n"));
    file.into_bytes()
}
