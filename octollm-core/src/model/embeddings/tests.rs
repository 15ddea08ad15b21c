use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::model::{Providers, Vendors};
use crate::testing::fault_server::{FaultServer, Reply, Request};

fn texts_of(request: &Request) -> Vec<String> {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    serde_json::from_value(body["input"].clone()).unwrap()
}

/// Answers every text with `[length, 0]`, in reverse order.
fn lengths(request: &Request) -> Reply {
    let texts = texts_of(request);
    let entries = texts.iter().enumerate().rev();
    let data: Vec<_> =
        entries.map(|(index, text)| json!({"index": index, "embedding": [text.len(), 0]})).collect();
    Reply::json(200, &json!({"data": data}))
}

async fn embedder(server: &FaultServer) -> Result<OpenAiEmbedder> {
    let variables = BTreeMap::from([("OLLAMA_HOST".to_owned(), server.url())]);
    let providers = Providers::from_variables(Vendors::built_in().unwrap(), &variables).unwrap();
    providers.embedder(Some("ollama/nomic-embed-text")).await
}

#[tokio::test]
async fn vectors_come_in_order_and_have_length_one() {
    let server = FaultServer::start(lengths).await.unwrap();
    let embedder = embedder(&server).await.unwrap();
    assert_eq!((embedder.id(), embedder.dimensions()), ("ollama/nomic-embed-text:2", 2));
    let vectors = embedder.embed(&["one", " ", "three"]).await.unwrap();
    assert_eq!(vectors, [vec![1.0, 0.0], vec![0.0, 0.0], vec![1.0, 0.0]]);
    assert_eq!(
        texts_of(&server.requests().pop().unwrap()),
        ["one", "three"],
        "nothing is asked about nothing"
    );
}

#[tokio::test]
async fn many_texts_are_several_requests() {
    let server = FaultServer::start(lengths).await.unwrap();
    let embedder = embedder(&server).await.unwrap();
    let long = "x".repeat(MAX_BYTES);
    let mut texts = vec!["a"; 100];
    texts.push(&long);
    texts.push("b");
    assert_eq!(embedder.embed(&texts).await.unwrap().len(), 102);
    let sizes: Vec<_> = server.requests().iter().skip(1).map(|request| texts_of(request).len()).collect();
    assert_eq!(sizes, [64, 36, 1, 1]);
}

#[tokio::test]
async fn what_is_no_list_of_vectors_is_refused() {
    let cases = [
        (Reply::json(200, &json!({"data": []})), Reason::Malformed),
        (Reply::json(200, &json!({"data": [{"embedding": []}]})), Reason::Malformed),
        (Reply::json(200, &json!({"data": [{"embedding": "AAAA"}]})), Reason::Malformed),
        (Reply::http(200, "", "<html>"), Reason::Malformed),
        (Reply::json(200, &json!({"error": {"type": "overloaded_error"}})), Reason::Overloaded),
        (Reply::json(404, &json!({"error": {"message": "model \"x\" not found"}})), Reason::UnknownModel),
    ];
    for (reply, expected) in cases {
        let server = FaultServer::start(move |_| reply.clone()).await.unwrap();
        let error = embedder(&server).await.unwrap_err();
        assert_eq!(Reason::of(&error), Some(expected), "{error:?}");
        assert_eq!(error.context("model"), Some("ollama/nomic-embed-text"));
    }
}

#[tokio::test]
async fn a_model_that_was_exchanged_is_noticed() {
    let server = FaultServer::start(|request| {
        let dimensions = if texts_of(request) == ["dimensions"] { 2 } else { 3 };
        Reply::json(200, &json!({"data": [{"embedding": vec![1.0; dimensions]}]}))
    });
    let server = server.await.unwrap();
    let error = embedder(&server).await.unwrap().embed(&["x"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
}

#[test]
fn a_vector_without_direction_becomes_zero() {
    let mut vector = [f32::NAN, 1.0];
    normalise(&mut vector);
    assert_eq!(vector, [0.0, 0.0]);
}
