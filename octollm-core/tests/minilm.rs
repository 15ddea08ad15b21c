//! The real all-MiniLM-L6-v2, out of the folder that `OCTOLLM_TEST_MINILM` names. `make test` fetches it and runs this;
//! by hand: `make minilm`, then
//! `OCTOLLM_TEST_MINILM=$PWD/target/minilm cargo test -p octollm-core --features candle --test minilm -- --ignored`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use octollm_core::memory::{CandleEmbedder, Embedder, HashedEmbedder};

async fn minilm() -> CandleEmbedder {
    let folder =
        std::env::var_os("OCTOLLM_TEST_MINILM").expect("OCTOLLM_TEST_MINILM names the model's folder");
    CandleEmbedder::open(folder).await.unwrap()
}

async fn embed(embedder: &dyn Embedder, text: &str) -> Vec<f32> {
    embedder.embed(&[text]).await.unwrap().remove(0)
}

async fn cosine(embedder: &dyn Embedder, a: &str, b: &str) -> f32 {
    let vectors = embedder.embed(&[a, b]).await.unwrap();
    vectors[0].iter().zip(&vectors[1]).map(|(a, b)| a * b).sum()
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The values are `minilm/reference.py`'s, which shares no code with the embedder.
#[tokio::test]
#[ignore = "needs the weights of MiniLM: run by `make test`"]
async fn vectors_are_those_of_an_independent_computation() {
    let embedder = minilm().await;
    assert_eq!(embedder.dimensions(), 384);
    let long = "The octopus has eight arms. ".repeat(100);
    for (text, expected) in [
        ("The weather is lovely today.", [0.019196, 0.120085, 0.159598, 0.067066, 0.050075, -0.025919]),
        ("He drove to the stadium.", [0.136502, 0.082273, -0.025262, 0.030451, 0.053312, 0.050809]),
        // 602 tokens, of which the model reads 256.
        (long.as_str(), [0.005099, 0.075589, 0.076556, 0.027123, -0.072845, 0.036955]),
    ] {
        let vector = embed(&embedder, text).await;
        assert!(furthest(&vector, &expected) < 1e-4, "{:?}", vector.get(..6));
    }
}

/// What <https://sbert.net> prints for its first example, and the model's card for its own.
#[tokio::test]
#[ignore = "needs the weights of MiniLM: run by `make test`"]
async fn similarities_are_those_that_the_models_makers_publish() {
    let embedder = minilm().await;
    let (lovely, sunny) = ("The weather is lovely today.", "It's so sunny outside!");
    let happy = "That is a happy person";
    for (a, b, expected) in [
        (lovely, sunny, 0.6660),
        (lovely, "He drove to the stadium.", 0.1046),
        (sunny, "He drove to the stadium.", 0.1411),
        (happy, "That is a happy dog", 0.695),
        (happy, "That is a very happy person", 0.943),
        (happy, "Today is a sunny day", 0.257),
    ] {
        let found = cosine(&embedder, a, b).await;
        assert!((found - expected).abs() < 1e-3, "{a} / {b}: {found}, not {expected}");
    }
}

/// Not a word in common: what the built-in embedder cannot know.
#[tokio::test]
#[ignore = "needs the weights of MiniLM: run by `make test`"]
async fn other_words_for_the_same_are_nearer_than_another_matter() {
    let embedder = minilm().await;
    for (query, same, other) in [
        (
            "How can I get my money back?",
            "Refunds are paid within two weeks.",
            "Our office is open on weekdays.",
        ),
        (
            "The physician examined a kid.",
            "A doctor looked at the child.",
            "A train stopped at this station.",
        ),
        ("purchase an automobile", "buying a car", "writing some code"),
    ] {
        let (near, far) = (cosine(&embedder, query, same).await, cosine(&embedder, query, other).await);
        assert!(near > far + 0.2, "{query}: {near}, {far}");
        let lexical = cosine(&HashedEmbedder, query, same).await;
        assert!(near > lexical + 0.2, "{query}: {near}, by letters {lexical}");
    }
}

#[tokio::test]
#[ignore = "needs the weights of MiniLM: run by `make test`"]
async fn a_text_has_the_same_vector_alone_and_in_a_batch() {
    let embedder = minilm().await;
    let texts: Vec<String> = (1..24)
        .map(|n| format!("Step {n} failed. ") + &"The journal keeps every event of a task. ".repeat(n % 9))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = embedder.embed(&texts).await.unwrap();
    let reversed: Vec<&str> = texts.iter().rev().copied().collect();
    let reversed = embedder.embed(&reversed).await.unwrap();
    for ((text, vector), again) in texts.iter().zip(&together).zip(reversed.iter().rev()) {
        assert!(furthest(&embed(&embedder, text).await, vector) < 1e-4, "{text}");
        assert!(furthest(again, vector) < 1e-4, "{text}");
        let length: f32 = vector.iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-5);
    }
}

/// Changes with the weights and with how they are used; where it must change, everybody's documents are embedded again.
#[tokio::test]
#[ignore = "needs the weights of MiniLM: run by `make test`"]
async fn the_id_is_what_it_was() {
    let embedder = minilm().await;
    assert_eq!(embedder.id(), "bert-15c86010cfeb1833-384-v1");
    assert!(embedder.describe().starts_with("semantic"), "{}", embedder.describe());
}
