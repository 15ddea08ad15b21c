//! What every [`DocumentStore`] does.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::memory::{Chunk, ChunkHit, Document, DocumentStore, Filter, KeywordQuery};

/// Runs the whole contract over fresh stores that `make` answers.
pub async fn documents_suite<S, F>(make: impl Fn() -> F)
where
    S: DocumentStore + 'static,
    F: Future<Output = S>,
{
    keeps_lists_and_labels(&make().await).await;
    replaces_all_of_a_document(&make().await).await;
    removes_and_answers_what_is_gone(&make().await).await;
    ranks_what_matches_best_first(&make().await).await;
    finds_words_in_many_scripts_and_in_code(&make().await).await;
    takes_any_text_for_words(&make().await).await;
    finds_by_the_heading_too(&make().await).await;
    filters_before_it_counts(&make().await).await;
    scans_all_chunks_in_pages(&make().await).await;
    takes_a_huge_document(&make().await).await;
    keeps_collections_apart(&make().await).await;
    readers_see_whole_documents(Arc::new(make().await)).await;
}

fn document(source: &str) -> Document {
    let metadata = json!({"source": source, "kind": "note"}).as_object().unwrap().clone();
    Document { source: source.into(), content_hash: format!("hash of {source}"), metadata }
}

fn chunk(source: &str, number: u32, content: &str) -> Chunk {
    Chunk {
        id: format!("{source}#{number:05}"),
        source: source.into(),
        content: content.into(),
        start_line: number * 10 + 1,
        end_line: number * 10 + 9,
        metadata: json!({ "number": number }).as_object().unwrap().clone(),
    }
}

async fn put(store: &dyn DocumentStore, source: &str, contents: &[&str]) {
    let chunks = (0_u32..).zip(contents).map(|(number, content)| chunk(source, number, content)).collect();
    store.put("c", document(source), chunks).await.unwrap();
}

async fn search(store: &dyn DocumentStore, text: &str, limit: usize) -> Vec<ChunkHit> {
    let query = KeywordQuery { text: text.into(), limit, filter: Filter::default() };
    store.search("c", query).await.unwrap()
}

async fn sources(store: &dyn DocumentStore, text: &str) -> Vec<String> {
    search(store, text, 100).await.into_iter().map(|hit| hit.chunk.source).collect()
}

async fn keeps_lists_and_labels(store: &dyn DocumentStore) {
    store.ping().await.unwrap();
    assert!(store.documents("c").await.unwrap().is_empty());
    assert!(search(store, "octopus", 10).await.is_empty());
    put(store, "b/größe 🐙.md", &["An octopus has three hearts.\n\0 and a beak", "It has nine brains."])
        .await;
    put(store, "a.md", &[]).await;
    let listed = store.documents("c").await.unwrap();
    assert_eq!(listed.iter().map(|info| info.chunks).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(listed[1].document, document("b/größe 🐙.md"));
    let hits = search(store, "hearts", 10).await;
    let mut wanted = chunk("b/größe 🐙.md", 0, "An octopus has three hearts.\n\0 and a beak");
    wanted.metadata.insert("source".into(), "b/größe 🐙.md".into());
    wanted.metadata.insert("kind".into(), "note".into());
    assert_eq!(hits.iter().map(|hit| &hit.chunk).collect::<Vec<_>>(), [&wanted]);
    assert!(hits[0].score > 0.0);
    let ids = ["b/größe 🐙.md#00001", "unknown", "b/größe 🐙.md#00000"].map(String::from);
    let chunks = store.chunks("c", &ids).await.unwrap();
    assert_eq!(chunks.iter().map(|chunk| chunk.id.as_str()).collect::<Vec<_>>(), [&ids[0], &ids[2]]);
    assert_eq!(chunks[1], wanted);
}

async fn replaces_all_of_a_document(store: &dyn DocumentStore) {
    put(store, "a.md", &["alpha one", "alpha two", "alpha three"]).await;
    put(store, "b.md", &["alpha elsewhere"]).await;
    let newer = Document { content_hash: "newer".into(), ..document("a.md") };
    store.put("c", newer, vec![chunk("a.md", 0, "beta")]).await.unwrap();
    assert_eq!(sources(store, "alpha").await, ["b.md"]);
    assert_eq!(sources(store, "beta").await, ["a.md"]);
    let listed = store.documents("c").await.unwrap();
    assert_eq!((listed.len(), listed[0].chunks), (2, 1));
    assert_eq!(listed[0].document.content_hash, "newer");
    assert_eq!(store.scan("c", None, 100).await.unwrap().len(), 2);
    put(store, "a.md", &[]).await;
    assert!(sources(store, "beta").await.is_empty());
}

async fn removes_and_answers_what_is_gone(store: &dyn DocumentStore) {
    put(store, "a.md", &["alpha", "alpha"]).await;
    put(store, "b.md", &["alpha"]).await;
    let gone = store.remove("c", &["a.md".into(), "unknown".into()]).await.unwrap();
    assert_eq!(gone, ["a.md#00000", "a.md#00001"]);
    assert_eq!(sources(store, "alpha").await, ["b.md"]);
    assert_eq!(store.documents("c").await.unwrap().len(), 1);
    assert!(store.chunks("c", &gone).await.unwrap().is_empty());
    assert!(store.remove("c", &["a.md".into()]).await.unwrap().is_empty());
    assert!(store.remove("nowhere", &["b.md".into()]).await.unwrap().is_empty());
    put(store, "a.md", &["alpha"]).await;
    assert_eq!(sources(store, "alpha").await.len(), 2);
}

async fn ranks_what_matches_best_first(store: &dyn DocumentStore) {
    put(store, "both.md", &["The retry policy of a failed step"]).await;
    put(store, "one.md", &["The colour policy of the house, and of much else that fills a longer chunk"])
        .await;
    for n in 0..6 {
        put(store, &format!("other-{n}.md"), &["the of a and nothing in common"]).await;
    }
    let hits = search(store, "What is the retry policy?", 10).await;
    let found: Vec<_> = hits.iter().map(|hit| hit.chunk.source.as_str()).collect();
    assert_eq!(found, ["both.md", "one.md"]);
    assert!(hits[0].score > hits[1].score);
    assert_eq!(search(store, "retry policy", 1).await.len(), 1);
    assert!(search(store, "retry policy", 0).await.is_empty());
    assert_eq!(sources(store, "the of a").await.len(), 8, "stop words count where there is nothing else");
}

async fn finds_words_in_many_scripts_and_in_code(store: &dyn DocumentStore) {
    put(store, "code.rs", &["fn parseHttpRequest(max_concurrent: usize) {}"]).await;
    put(store, "french.md", &["Un café crème"]).await;
    put(store, "greek.md", &["Η Αθήνα είναι πόλη"]).await;
    put(store, "japanese.md", &["東京都に住んでいます"]).await;
    put(store, "hindi.md", &["हिन्दी भाषा"]).await;
    put(store, "emoji.md", &["🐙🐙 swims"]).await;
    for (text, source) in [
        ("http request", "code.rs"),
        ("parsehttprequest", "code.rs"),
        ("maxConcurrent", "code.rs"),
        ("CAFE", "french.md"),
        ("cafe\u{301}", "french.md"),
        ("αθηνα", "greek.md"),
        ("東京", "japanese.md"),
        ("हिन्दी", "hindi.md"),
        ("swims", "emoji.md"),
    ] {
        assert_eq!(sources(store, text).await.first().map(String::as_str), Some(source), "{text}");
    }
}

async fn finds_by_the_heading_too(store: &dyn DocumentStore) {
    let mut headed = chunk("a.md", 0, "Turn it to the left.");
    headed.metadata.insert("heading".into(), "Engine > Water pump".into());
    store.put("c", document("a.md"), vec![headed]).await.unwrap();
    assert_eq!(sources(store, "pump").await, ["a.md"]);
    assert_eq!(sources(store, "left").await, ["a.md"]);
}

async fn takes_any_text_for_words(store: &dyn DocumentStore) {
    put(store, "a.md", &["near and not or scope words c1"]).await;
    for nothing in ["", "  ", "\"", "'", "*", "(", "-- ;", "\0", "🐙", ":^+-{}", "\u{301}"] {
        assert!(sources(store, nothing).await.is_empty(), "{nothing:?}");
    }
    for word in
        ["\"near", "near*", "NEAR(near, 5)", "words:near", "near AND missing", "-near", "{scope}: near"]
    {
        assert_eq!(sources(store, word).await, ["a.md"], "{word:?}");
    }
    for unknown in ["nea*", "x'); DROP TABLE chunks; --", "missing"] {
        assert!(sources(store, unknown).await.is_empty(), "{unknown:?}");
    }
    let long = "missing ".repeat(20_000) + &"x".repeat(1 << 20);
    assert!(sources(store, &long).await.is_empty());
}

async fn filters_before_it_counts(store: &dyn DocumentStore) {
    let contents: Vec<String> = (0..150).map(|n| format!("alpha {}", "alpha ".repeat(150 - n))).collect();
    put(store, "docs/many.md", &contents.iter().map(String::as_str).collect::<Vec<_>>()).await;
    put(store, "docs/one.md", &["alpha among very many other words that make this chunk a bad match for it"])
        .await;
    let found = async |key: &str, wanted: Value, limit: usize| {
        let filter = Filter(BTreeMap::from([(key.to_owned(), wanted)]));
        let query = KeywordQuery { text: "alpha".into(), limit, filter };
        let hits = store.search("c", query).await.unwrap();
        hits.into_iter().map(|hit| hit.chunk.id).collect::<Vec<_>>()
    };
    assert_eq!(found("source", json!("docs/one.md"), 3).await, ["docs/one.md#00000"]);
    assert_eq!(found("number", json!([149, 148, 7]), 2).await.len(), 2);
    assert_eq!(found("source", json!("docs/*"), 120).await.len(), 120);
    assert_eq!(found("kind", json!("note"), 1_000).await.len(), 151);
    assert!(found("kind", json!("other"), 10).await.is_empty());
    assert!(found("missing\"'", json!(null), 10).await.is_empty());
}

async fn scans_all_chunks_in_pages(store: &dyn DocumentStore) {
    put(store, "b.md", &["one", "two", "three"]).await;
    put(store, "a.md", &["four", "five"]).await;
    let mut ids: Vec<String> = Vec::new();
    loop {
        let page = store.scan("c", ids.last().map(String::as_str), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        ids.extend(page.into_iter().map(|chunk| chunk.id));
    }
    assert_eq!(ids, ["a.md#00000", "a.md#00001", "b.md#00000", "b.md#00001", "b.md#00002"]);
}

async fn takes_a_huge_document(store: &dyn DocumentStore) {
    let contents: Vec<String> = (0..700).map(|n| format!("unique{n} {}", "lorem ".repeat(100))).collect();
    let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
    put(store, "huge.md", &contents).await;
    put(store, "word.md", &[&"x".repeat(1 << 20)]).await;
    assert_eq!(search(store, "unique699 unique0", 10).await.len(), 2);
    assert_eq!(store.documents("c").await.unwrap()[0].chunks, 700);
    put(store, "huge.md", &["small now"]).await;
    assert!(search(store, "lorem", 10).await.is_empty());
    assert_eq!(store.scan("c", None, 1_000).await.unwrap().len(), 2);
}

async fn keeps_collections_apart(store: &dyn DocumentStore) {
    put(store, "a.md", &["alpha"]).await;
    store.put("d", document("a.md"), vec![chunk("a.md", 0, "alpha beta")]).await.unwrap();
    assert!(sources(store, "beta").await.is_empty());
    assert_eq!(store.remove("d", &["a.md".into()]).await.unwrap().len(), 1);
    assert_eq!(sources(store, "alpha").await, ["a.md"]);
    assert!(store.documents("d").await.unwrap().is_empty());
}

/// A reader finds all chunks of one version of a document that is being replaced, never parts of two.
async fn readers_see_whole_documents<S: DocumentStore + 'static>(store: Arc<S>) {
    const CHUNKS: usize = 300;
    let write = async |store: &S, version: usize| {
        let content = format!("alpha version{version}");
        put(store, "a.md", &vec![content.as_str(); CHUNKS]).await;
    };
    write(&store, 0).await;
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for version in 1..5 {
                write(&store, version).await;
            }
        }
    });
    while !writer.is_finished() {
        let hits = search(&*store, "alpha", 1_000).await;
        assert_eq!(hits.len(), CHUNKS);
        assert!(hits.iter().all(|hit| hit.chunk.content == hits[0].chunk.content));
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
}
