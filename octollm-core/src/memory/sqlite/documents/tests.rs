use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::memory::{SqliteOptions, sqlite::documents::write};
use crate::testing::documents::documents_suite;

#[tokio::test]
async fn in_memory_behaves_as_a_document_store() {
    documents_suite(|| async { SqliteDocuments::new(SqliteMemory::in_memory().await.unwrap()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_disk_behaves_as_a_document_store() {
    let directory = TempDir::new().unwrap();
    let files = std::cell::Cell::new(0);
    documents_suite(|| {
        files.set(files.get() + 1);
        let path = directory.path().join(format!("{}.db", files.get()));
        async { SqliteDocuments::new(SqliteMemory::open(SqliteOptions::new(path)).await.unwrap()) }
    })
    .await;
}

#[tokio::test]
async fn a_second_process_sees_what_the_first_wrote() {
    let directory = TempDir::new().unwrap();
    let open = || SqliteMemory::open(SqliteOptions::new(directory.path().join("octollm.db")));
    let (first, second) = (open().await.unwrap(), open().await.unwrap());
    let document =
        Document { source: "a".into(), content_hash: String::new(), metadata: serde_json::Map::new() };
    SqliteDocuments::new(first).put("c", document, Vec::new()).await.unwrap();
    assert_eq!(SqliteDocuments::new(second).documents("c").await.unwrap().len(), 1);
}

/// A writer died after its first transaction: nobody sees its half, and the next write of that source takes it away.
#[tokio::test]
async fn what_an_interrupted_writer_left_is_swept_away() {
    let memory = SqliteMemory::in_memory().await.unwrap();
    let store = SqliteDocuments::new(memory.clone());
    let document =
        Document { source: "a".into(), content_hash: String::new(), metadata: serde_json::Map::new() };
    write::stage_for_test(&memory, "c", &document, "alpha").await;
    let query = KeywordQuery { text: "alpha beta".into(), limit: 10, ..KeywordQuery::default() };
    assert!(store.search("c", query.clone()).await.unwrap().is_empty());
    assert!(store.documents("c").await.unwrap().is_empty());
    let chunk = Chunk {
        id: "1".into(),
        source: "a".into(),
        content: "beta".into(),
        start_line: 1,
        end_line: 1,
        metadata: serde_json::Map::new(),
    };
    store.put("c", document, vec![chunk]).await.unwrap();
    assert_eq!(store.search("c", query).await.unwrap().len(), 1);
    let mut reader = memory.reader().await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM chunks").fetch_one(&mut *reader).await.unwrap();
    assert_eq!(left, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_query_is_syntax(texts in prop::collection::vec(any::<String>(), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = SqliteDocuments::new(SqliteMemory::in_memory().await.unwrap());
            let document = Document { source: "a".into(), content_hash: String::new(), metadata: serde_json::Map::new() };
            store.put("c", document, Vec::new()).await.unwrap();
            for text in texts {
                let query = KeywordQuery { text, limit: 10, ..KeywordQuery::default() };
                assert!(store.search("c", query).await.unwrap().is_empty());
            }
        });
    }
}
