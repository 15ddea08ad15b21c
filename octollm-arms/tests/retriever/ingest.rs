//! What goes in, what stays out, and what is done again.

use std::path::Path;
use std::sync::{Arc, Mutex};

use octollm_arms::retriever::{DEFAULT_COLLECTION, IngestOptions};
use octollm_core::arm::{Progress, ProgressSink, StepRef};
use serde_json::{Map, json};

use crate::support::{Bench, CORPUS, ingest, pdf};

#[tokio::test]
async fn every_kind_is_read_and_named_as_it_was_given() {
    let bench = Bench::new().await;
    let report = bench.ingest_path(Path::new("./tests/corpus/")).await.unwrap();
    assert_eq!((report.added, report.skipped.len()), (6, 0), "{report:?}");
    for (query, source) in [
        ("lamp flashes", "tests/corpus/lighthouse.md"),
        ("starter motor", "tests/corpus/notes/engine.rs"),
        ("berths paid in advance", "tests/corpus/notes/harbour.html"),
        ("Corvus", "tests/corpus/ships.csv"),
        ("station range_m", "tests/corpus/tides.json"),
        ("moths lantern", "tests/corpus/log.jsonl"),
    ] {
        assert_eq!(bench.sources(query).await[0], source, "{query}");
    }
    assert!(bench.sources("smuggled").await.is_empty(), "scripts are not text");
}

#[tokio::test]
async fn only_what_changed_is_done_again() {
    let bench = Bench::new().await;
    bench.write("a.md", "# Anchors\n\nAnchors hold.\n");
    bench.write("b.md", "# Buoys\n\nBuoys float.\n");
    bench.write("c.md", "# Chains\n\nChains rust.\n");
    assert_eq!(bench.ingest().await.added, 3);

    bench.write("b.md", "# Buoys\n\nBuoys blink.\n");
    std::fs::remove_file(bench.files.path().join("c.md")).unwrap();
    bench.write("d.md", "Docks.\n");
    let report = bench.ingest().await;
    assert_eq!((report.added, report.updated, report.unchanged, report.removed), (1, 1, 1, 1));
    assert_eq!(report.chunks, 3);
    assert!(bench.sources("float").await.is_empty(), "the old text is gone");
    assert!(bench.sources("chains rust").await.is_empty(), "the removed file is gone");
    assert_eq!(bench.sources("blink").await, [bench.source("b.md")]);

    let again = bench.ingest().await;
    assert_eq!((again.added, again.updated, again.unchanged, again.removed), (0, 0, 3, 0));
}

#[tokio::test]
async fn other_folders_are_left_alone() {
    let bench = Bench::new().await;
    let one = bench.write("one/a.md", "apples").parent().unwrap().to_owned();
    let two = bench.write("two/a.md", "pears").parent().unwrap().to_owned();
    ingest(&bench.retriever, &[one.clone(), two.clone(), one.join("a.md")]).await.unwrap();
    std::fs::remove_file(two.join("a.md")).unwrap();
    assert_eq!(ingest(&bench.retriever, &[one]).await.unwrap().removed, 0);
    assert_eq!(bench.sources("pears").await.len(), 1);
    assert_eq!(ingest(&bench.retriever, &[two]).await.unwrap().removed, 1);
}

#[tokio::test]
async fn ignored_and_hidden_files_stay_out_and_loops_end() {
    let bench = Bench::new().await;
    bench.write(".gitignore", "drafts/\n*.tmp\n");
    bench.write(".ignore", "secret.md\n");
    bench.write("a.md", "whales");
    bench.write("drafts/b.md", "whales");
    bench.write("c.tmp", "whales");
    bench.write("secret.md", "whales");
    bench.write(".hidden/d.md", "whales");
    #[cfg(unix)]
    std::os::unix::fs::symlink(bench.files.path(), bench.files.path().join("loop")).unwrap();
    let report = bench.ingest().await;
    assert_eq!(report.added, 1);
    assert_eq!(bench.sources("whales").await, [bench.source("a.md")]);
    assert!(report.skipped.iter().all(|skipped| skipped.source == bench.source("loop")), "{report:?}");
}

#[tokio::test]
async fn a_pdf_is_cited_by_its_page() {
    let bench = Bench::new().await;
    bench.write("guide.pdf", pdf(&["The index is on page two.", "Herons nest in April."]));
    assert_eq!(bench.ingest().await.added, 1);
    let answer = bench.ask("When do herons nest?").await;
    assert_eq!(answer.synthesis.unwrap(), "Herons nest in April. [1]");
    assert_eq!(answer.citations[0].locator, format!("{}#page=2", bench.source("guide.pdf")));
    assert_eq!(answer.citations[0].quote, "Herons nest in April.");
}

#[tokio::test]
async fn labels_are_kept_and_a_change_of_them_counts() {
    let bench = Bench::new().await;
    bench.write("a.md", "Gulls.");
    let labels = Map::from_iter([("project".to_owned(), json!("birds"))]);
    let options = IngestOptions { labels, ..IngestOptions::default() };
    let paths = [bench.files.path().to_owned()];
    assert_eq!(bench.ingest().await.added, 1);
    let ingestor = bench.retriever.ingestor();
    let report = ingestor.ingest(DEFAULT_COLLECTION, &paths, &options, &Progress::default()).await.unwrap();
    assert_eq!((report.updated, report.unchanged), (1, 0));
    assert_eq!(bench.ask("gulls").await.results[0].metadata["project"], "birds");
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl ProgressSink for Heard {
    fn report(&self, _: Option<StepRef>, message: &str, _: Option<f32>) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

#[tokio::test]
async fn progress_names_every_file() {
    let bench = Bench::new().await;
    let heard = Arc::new(Heard::default());
    let progress = Progress::to(heard.clone());
    let (paths, options) = ([CORPUS.into()], IngestOptions::default());
    bench.retriever.ingestor().ingest("c", &paths, &options, &progress).await.unwrap();
    let heard = heard.0.lock().unwrap();
    assert_eq!(heard.len(), 6);
    assert!(heard.contains(&"tests/corpus/notes/engine.rs".to_owned()));
}
