use serde_json::Map;
use tempfile::TempDir;

use super::*;
use crate::error::ErrorKind;
use crate::memory::SqliteOptions;
use crate::testing::vectors::vectors_suite;

fn spec() -> CollectionSpec {
    CollectionSpec { embedder: "test-v1".into(), dimensions: 2 }
}

fn record(id: impl ToString) -> VectorRecord {
    VectorRecord { id: id.to_string(), vector: vec![1.0, 0.5], payload: Map::new() }
}

async fn ids(store: &SqliteVectors) -> Vec<String> {
    let query = VectorQuery { vector: vec![1.0, 0.0], limit: 10_000, ..VectorQuery::default() };
    store.search("c", query).await.unwrap().into_iter().map(|hit| hit.id).collect()
}

async fn open(directory: &TempDir) -> SqliteVectors {
    let options = SqliteOptions::new(directory.path().join("octollm.db"));
    SqliteVectors::new(SqliteMemory::open(options).await.unwrap())
}

#[tokio::test]
async fn in_memory_behaves_as_a_vector_store() {
    vectors_suite(|| async { SqliteVectors::new(SqliteMemory::in_memory().await.unwrap()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_disk_behaves_as_a_vector_store() {
    let directory = TempDir::new().unwrap();
    let files = std::cell::Cell::new(0);
    vectors_suite(|| {
        files.set(files.get() + 1);
        let path = directory.path().join(format!("{}.db", files.get()));
        async { SqliteVectors::new(SqliteMemory::open(SqliteOptions::new(path)).await.unwrap()) }
    })
    .await;
}

#[tokio::test]
async fn vectors_survive_a_restart() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory).await;
    store.ensure("c", &spec()).await.unwrap();
    store.upsert("c", (0..600).map(record).collect()).await.unwrap();
    store.delete("c", &["7".into()]).await.unwrap();
    drop(store);
    let store = open(&directory).await;
    assert_eq!(store.spec("c").await.unwrap(), Some(spec()));
    let found = ids(&store).await;
    assert_eq!(found.len(), 599);
    assert!(!found.contains(&"7".to_owned()));
}

#[tokio::test]
async fn a_second_process_keeps_in_step_with_the_first() {
    let directory = TempDir::new().unwrap();
    let (first, second) = (open(&directory).await, open(&directory).await);
    first.ensure("c", &spec()).await.unwrap();
    first.upsert("c", vec![record("a"), record("b")]).await.unwrap();
    assert_eq!(ids(&second).await, ["a", "b"]);
    first.delete("c", &["a".into(), "b".into()]).await.unwrap();
    first.upsert("c", vec![record("b"), record("c")]).await.unwrap();
    assert_eq!(ids(&second).await, ["b", "c"]);
    first.drop_collection("c").await.unwrap();
    first.ensure("c", &spec()).await.unwrap();
    assert!(ids(&second).await.is_empty());
    second.upsert("c", vec![record("d")]).await.unwrap();
    assert_eq!(ids(&first).await, ["d"]);
}

/// Removals are forgotten after some versions: whoever is further behind must not keep what was removed meanwhile.
#[tokio::test]
async fn who_is_far_behind_reads_the_collection_anew() {
    let memory = SqliteMemory::in_memory().await.unwrap();
    let (writer, behind) = (SqliteVectors::new(memory.clone()), SqliteVectors::new(memory));
    writer.ensure("c", &spec()).await.unwrap();
    writer.upsert("c", vec![record("a"), record("b")]).await.unwrap();
    assert_eq!(ids(&behind).await, ["a", "b"]);
    writer.delete("c", &["a".into()]).await.unwrap();
    for _ in 0..write::KEPT_REMOVALS {
        writer.upsert("c", vec![record("b")]).await.unwrap();
    }
    writer.delete("c", &["none".into()]).await.unwrap();
    assert_eq!(ids(&behind).await, ["b"]);
}

#[tokio::test]
async fn a_damaged_vector_is_an_error_and_not_a_result() {
    let memory = SqliteMemory::in_memory().await.unwrap();
    let store = SqliteVectors::new(memory.clone());
    store.ensure("c", &spec()).await.unwrap();
    store.upsert("c", vec![record("a")]).await.unwrap();
    let mut writer = memory.writer().await.unwrap();
    let mut transaction = writer.begin().await.unwrap();
    sqlx::query("UPDATE vectors SET vector = x'00'").execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    drop(writer);
    let query = VectorQuery { vector: vec![1.0, 0.0], limit: 1, ..VectorQuery::default() };
    let error = store.search("c", query).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.hint().is_some());
}
