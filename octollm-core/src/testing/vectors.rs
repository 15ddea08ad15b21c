//! What every [`VectorStore`] does.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::error::ErrorKind;
use crate::memory::{CollectionSpec, Filter, VectorQuery, VectorRecord, VectorStore};

/// Runs the whole contract over fresh stores that `make` answers.
pub async fn vectors_suite<S, F>(make: impl Fn() -> F)
where
    S: VectorStore + 'static,
    F: Future<Output = S>,
{
    collections_belong_to_one_embedder(&make().await).await;
    finds_the_nearest_first(&make().await).await;
    replaces_and_deletes(&make().await).await;
    filters_before_it_counts(&make().await).await;
    refuses_what_is_no_vector(&make().await).await;
    zero_vectors_are_near_nothing(&make().await).await;
    keeps_collections_apart(&make().await).await;
    takes_many_writers(Arc::new(make().await)).await;
}

fn spec(dimensions: usize) -> CollectionSpec {
    CollectionSpec { embedder: "test-v1".into(), dimensions }
}

fn record(id: &str, vector: &[f32], payload: Value) -> VectorRecord {
    VectorRecord { id: id.into(), vector: vector.into(), payload: payload.as_object().unwrap().clone() }
}

fn query(vector: &[f32], limit: usize) -> VectorQuery {
    VectorQuery { vector: vector.into(), limit, ..VectorQuery::default() }
}

async fn ids(store: &dyn VectorStore, query: VectorQuery) -> Vec<String> {
    store.search("c", query).await.unwrap().into_iter().map(|hit| hit.id).collect()
}

async fn kind<T: std::fmt::Debug>(answer: impl Future<Output = crate::Result<T>>) -> ErrorKind {
    answer.await.unwrap_err().kind()
}

async fn collections_belong_to_one_embedder(store: &dyn VectorStore) {
    store.ping().await.unwrap();
    assert_eq!(store.spec("c").await.unwrap(), None);
    assert_eq!(store.count("c").await.unwrap(), 0);
    store.ensure("c", &spec(2)).await.unwrap();
    store.ensure("c", &spec(2)).await.unwrap();
    assert_eq!(store.spec("c").await.unwrap(), Some(spec(2)));
    let other = CollectionSpec { embedder: "test-v2".into(), dimensions: 2 };
    assert_eq!(kind(store.ensure("c", &other)).await, ErrorKind::Conflict);
    assert_eq!(kind(store.ensure("c", &spec(3))).await, ErrorKind::Conflict);
    assert_eq!(kind(store.ensure("d", &spec(0))).await, ErrorKind::InvalidInput);
    store.upsert("c", vec![record("a", &[1.0, 0.0], json!({}))]).await.unwrap();
    store.drop_collection("c").await.unwrap();
    store.drop_collection("c").await.unwrap();
    assert_eq!(kind(store.search("c", query(&[1.0, 0.0], 1))).await, ErrorKind::NotFound);
    store.ensure("c", &other).await.unwrap();
    assert_eq!(store.count("c").await.unwrap(), 0);
    assert!(ids(store, query(&[1.0, 0.0], 1)).await.is_empty());
}

async fn finds_the_nearest_first(store: &dyn VectorStore) {
    store.ensure("c", &spec(2)).await.unwrap();
    let records = vec![
        record("north", &[0.0, 9.0], json!({"label": "größe 🐙"})),
        record("north-east", &[1.0, 1.0], json!({})),
        record("east", &[0.5, 0.0], json!({})),
        record("east-again", &[2.0, 0.0], json!({})),
        record("south", &[0.0, -1.0], json!({})),
    ];
    store.upsert("c", records).await.unwrap();
    let hits = store.search("c", query(&[0.1, 3.0], 10)).await.unwrap();
    let order: Vec<_> = hits.iter().map(|hit| hit.id.as_str()).collect();
    assert_eq!(order, ["north", "north-east", "east", "east-again", "south"]);
    assert!((hits[0].score - 0.999_445).abs() < 1e-4 && (hits[4].score + 0.999_445).abs() < 1e-4);
    assert_eq!(hits[0].payload.get("label"), Some(&json!("größe 🐙")));
    assert_eq!(ids(store, query(&[0.0, 1.0], 2)).await, ["north", "north-east"]);
    assert!(ids(store, query(&[0.0, 1.0], 0)).await.is_empty());
    let near = VectorQuery { min_score: Some(0.5), ..query(&[0.0, 1.0], 10) };
    assert_eq!(ids(store, near).await, ["north", "north-east"]);
    assert_eq!(ids(store, query(&[0.0, 1.0], usize::MAX)).await.len(), 5);
}

async fn replaces_and_deletes(store: &dyn VectorStore) {
    store.ensure("c", &spec(2)).await.unwrap();
    let twice = vec![
        record("a", &[1.0, 0.0], json!({"turn": 1})),
        record("b", &[0.0, 1.0], json!({})),
        record("a", &[0.0, 1.0], json!({"turn": 2})),
    ];
    store.upsert("c", twice).await.unwrap();
    assert_eq!(store.count("c").await.unwrap(), 2);
    let hits = store.search("c", query(&[0.0, 1.0], 10)).await.unwrap();
    assert_eq!((hits[0].id.as_str(), hits[0].payload.get("turn")), ("a", Some(&json!(2))));
    store.upsert("c", vec![record("a", &[1.0, 0.0], json!({}))]).await.unwrap();
    assert_eq!(ids(store, query(&[0.0, 1.0], 10)).await, ["b", "a"]);
    let asked = ["x", "b", "a", "y"].map(String::from);
    assert_eq!(store.missing("c", &asked).await.unwrap(), ["x", "y"]);
    assert_eq!(kind(store.missing("nowhere", &asked)).await, ErrorKind::NotFound);
    store.delete("c", &["b".into(), "unknown".into()]).await.unwrap();
    assert_eq!(ids(store, query(&[0.0, 1.0], 10)).await, ["a"]);
    store.upsert("c", vec![record("b", &[0.0, 1.0], json!({"back": true}))]).await.unwrap();
    assert_eq!(ids(store, query(&[0.0, 1.0], 10)).await, ["b", "a"]);
    store.delete("c", &["a".into(), "b".into()]).await.unwrap();
    assert_eq!(store.count("c").await.unwrap(), 0);
    assert!(ids(store, query(&[0.0, 1.0], 10)).await.is_empty());
    assert_eq!(kind(store.delete("nowhere", &[])).await, ErrorKind::NotFound);
}

async fn filters_before_it_counts(store: &dyn VectorStore) {
    store.ensure("c", &spec(2)).await.unwrap();
    let records = (0..200_u16)
        .map(|n| {
            let payload = json!({"n": n, "source": format!("docs/{}/{n}.md", n % 2), "rare": n >= 197});
            record(&format!("{n:03}"), &[f32::from(n), 1.0], payload)
        })
        .collect();
    store.upsert("c", records).await.unwrap();
    let filtered = |key: &str, wanted: Value| VectorQuery {
        filter: Filter(BTreeMap::from([(key.to_owned(), wanted)])),
        ..query(&[0.0, 1.0], 3)
    };
    assert_eq!(ids(store, filtered("rare", json!(true))).await, ["197", "198", "199"]);
    assert_eq!(ids(store, filtered("source", json!("docs/1/*"))).await, ["001", "003", "005"]);
    assert_eq!(ids(store, filtered("n", json!([7, 5]))).await, ["005", "007"]);
    assert!(ids(store, filtered("absent", json!(null))).await.is_empty());
}

async fn refuses_what_is_no_vector(store: &dyn VectorStore) {
    store.ensure("c", &spec(2)).await.unwrap();
    for bad in [&[1.0][..], &[1.0, 2.0, 3.0], &[], &[f32::NAN, 1.0], &[1.0, f32::INFINITY]] {
        let records = vec![record("good", &[1.0, 0.0], json!({})), record("bad", bad, json!({}))];
        assert_eq!(kind(store.upsert("c", records)).await, ErrorKind::InvalidInput);
        assert_eq!(kind(store.search("c", query(bad, 1))).await, ErrorKind::InvalidInput);
    }
    assert_eq!(store.count("c").await.unwrap(), 0, "nothing of a refused batch is kept");
    let fine = vec![record("a", &[1.0, 0.0], json!({}))];
    assert_eq!(kind(store.upsert("nowhere", fine)).await, ErrorKind::NotFound);
}

async fn zero_vectors_are_near_nothing(store: &dyn VectorStore) {
    store.ensure("c", &spec(2)).await.unwrap();
    let records = vec![record("zero", &[0.0, 0.0], json!({})), record("tiny", &[1e-38, 0.0], json!({}))];
    store.upsert("c", records).await.unwrap();
    assert_eq!(store.count("c").await.unwrap(), 2);
    assert_eq!(ids(store, query(&[1.0, 0.0], 10)).await, ["tiny"]);
    assert!(ids(store, query(&[0.0, -0.0], 10)).await.is_empty());
}

async fn keeps_collections_apart(store: &dyn VectorStore) {
    for (name, vector) in [("c", &[1.0, 0.0][..]), ("d", &[0.0, 1.0, 0.0])] {
        store.ensure(name, &spec(vector.len())).await.unwrap();
        store.upsert(name, vec![record("same", vector, json!({ "in": name }))]).await.unwrap();
    }
    store.delete("c", &["same".into()]).await.unwrap();
    let hits = store.search("d", query(&[0.0, 1.0, 0.0], 10)).await.unwrap();
    assert_eq!(hits[0].payload.get("in"), Some(&json!("d")));
    assert_eq!(store.count("c").await.unwrap(), 0);
}

async fn takes_many_writers<S: VectorStore + 'static>(store: Arc<S>) {
    store.ensure("c", &spec(2)).await.unwrap();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0..20 {
                    let mine = record(&format!("{writer}-{n}"), &[1.0, n as f32], json!({}));
                    let shared = record("shared", &[1.0, writer as f32], json!({}));
                    store.upsert("c", vec![mine, shared]).await.unwrap();
                    store.search("c", query(&[1.0, 0.0], 5)).await.unwrap();
                }
                store.delete("c", &[format!("{writer}-0")]).await.unwrap();
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(store.count("c").await.unwrap(), 8 * 19 + 1);
    assert_eq!(ids(&*store, query(&[1.0, 0.0], 1_000)).await.len(), 8 * 19 + 1);
}
