//! The built-in embedder: words and their character trigrams, hashed into a fixed number of dimensions.
//!
//! It needs no model and no download, and it is *lexical*: it finds texts that share words or parts of words (also
//! inflected or misspelt ones), not texts that mean the same in other words. Its id says so.
//!
//! Every feature of a text (a word, three neighbouring characters of a word with its boundaries) is hashed to one dimension and a
//! sign, so that collisions cancel instead of adding up (Weinberger et al., "Feature Hashing for Large Scale Multitask
//! Learning", 2009). A feature counts the square root of how
//! often it occurs (and not a logarithm, whose last bit differs between platforms). The trigrams of a word together weigh as
//! one more word, so that long words do not drown short ones. The hash is written out below and never changes: vectors that were stored
//! years ago stay comparable.

use std::collections::HashMap;

use async_trait::async_trait;

use super::Embedder;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::words::{for_each_word, is_stop_word};

/// A power of two, so that the low bits of a hash choose the dimension evenly.
const DIMENSIONS: usize = 512;

/// Length of the trigrams of a word together, where the word's own is 1. This and what is above were chosen by how
/// often a heading, a misspelt heading and the begin of a paragraph find their text in technical documents: longer
/// n-grams and other weights found less, 1024 dimensions hardly more.
const TRIGRAM_WEIGHT: f32 = 1.2;

/// What a stop word weighs.
const STOP_WORD_WEIGHT: f32 = 0.1;

/// Batches of more bytes than this leave the async thread.
const INLINE_BYTES: usize = 8 << 10;

/// Embeds by hashed words and character trigrams: lexical, deterministic, without a model.
#[derive(Debug, Clone, Copy, Default)]
pub struct HashedEmbedder;

#[async_trait]
impl Embedder for HashedEmbedder {
    fn id(&self) -> &str {
        "octollm-hashed-trigrams-512-v1"
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn describe(&self) -> &str {
        "built-in, lexical: hashed words and character trigrams; finds shared words and spellings, not synonyms"
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        if texts.iter().map(|text| text.len()).sum::<usize>() <= INLINE_BYTES {
            return Ok(texts.iter().map(|text| embed(text)).collect());
        }
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let embed_all = move || texts.iter().map(|text| embed(text)).collect();
        tokio::task::spawn_blocking(embed_all)
            .await
            .map_err(|cause| Error::new(ErrorKind::Internal, "embedding broke off").with_source(cause))
    }
}

#[derive(Default)]
struct Features(HashMap<u64, Feature>);

struct Feature {
    count: f32,
    weight: f32,
}

impl Features {
    fn add(&mut self, hash: u64, weight: f32) {
        self.0.entry(hash).or_insert(Feature { count: 0.0, weight }).count += 1.0;
    }

    fn add_word(&mut self, word: &str) {
        let weight = if is_stop_word(word) { STOP_WORD_WEIGHT } else { 1.0 };
        self.add(stable_hash(WORD, word.as_bytes()), weight);
        let bounded = format!("\u{2}{word}\u{3}");
        let starts: Vec<usize> = bounded.char_indices().map(|(at, _)| at).chain([bounded.len()]).collect();
        let share = weight * TRIGRAM_WEIGHT / (starts.len().saturating_sub(3).max(1) as f32).sqrt();
        for (from, to) in starts.iter().zip(starts.iter().skip(3)) {
            let trigram = bounded.as_bytes().get(*from..*to).unwrap_or_default();
            self.add(stable_hash(TRIGRAM, trigram), share);
        }
    }

    /// Adds up in the order of the hashes: a sum of floats depends on its order, and the vector must not.
    fn vector(self) -> Vec<f32> {
        let mut features: Vec<_> = self.0.into_iter().collect();
        features.sort_unstable_by_key(|(hash, _)| *hash);
        let mut vector = vec![0.0; DIMENSIONS];
        for (hash, feature) in features {
            let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
            if let Some(value) = vector.get_mut(hash as usize % DIMENSIONS) {
                *value += sign * feature.weight * feature.count.sqrt();
            }
        }
        normalised(vector)
    }
}

fn embed(text: &str) -> Vec<f32> {
    let mut features = Features::default();
    for_each_word(text, |word| features.add_word(word));
    features.vector()
}

fn normalised(mut vector: Vec<f32>) -> Vec<f32> {
    let norm = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|value| *value = (f64::from(*value) / norm) as f32);
    }
    vector
}

const WORD: u8 = b'w';
const TRIGRAM: u8 = b'n';

/// FNV-1a over the kind of feature and its bytes, then the finaliser of MurmurHash3, which spreads what FNV leaves in
/// the high bits. Stored vectors depend on it: a change needs another embedder id.
fn stable_hash(kind: u8, bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for byte in std::iter::once(&kind).chain(bytes) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cosine(a: &str, b: &str) -> f32 {
        embed(a).iter().zip(embed(b)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(stable_hash(WORD, b"octopus"), 0x8b40_644f_c35f_42b9);
        assert_eq!(stable_hash(TRIGRAM, "größe".as_bytes()), 0x7154_a86c_497f_ad2b);
    }

    #[test]
    fn shared_words_inflections_and_typos_are_near() {
        let query = "retry a failed step";
        assert!(cosine(query, "Failed steps are retried with backoff") > 0.3);
        assert!(cosine("orchestrator", "orchestator") > 0.2);
        assert!(cosine("maxConcurrent", "max_concurrent") > 0.5);
        assert!(cosine(query, "Octopuses have three hearts") < 0.15);
    }

    #[test]
    fn stop_words_alone_still_find_something() {
        assert!(cosine("to be or not to be", "To be, or not to be!") > 0.99);
    }

    #[test]
    fn nothing_to_embed_is_the_zero_vector() {
        assert!(embed(" ...\n\0").iter().all(|value| *value == 0.0));
    }

    #[tokio::test]
    async fn a_large_batch_gives_the_same_vectors_in_order() {
        let texts: Vec<String> = (0..200).map(|n| format!("text {n} {}", "größe 🐙 ".repeat(n))).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = HashedEmbedder.embed(&texts).await.unwrap();
        assert_eq!(vectors, texts.iter().map(|text| embed(text)).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_huge_text_is_embedded() {
        let text = "lorem ipsum ".repeat(100_000) + &"x".repeat(1 << 20);
        let vectors = HashedEmbedder.embed(&[&text, ""]).await.unwrap();
        assert_eq!(vectors.iter().map(Vec::len).collect::<Vec<_>>(), [DIMENSIONS, DIMENSIONS]);
    }

    proptest! {
        #[test]
        fn every_vector_has_length_one_or_zero(text in any::<String>()) {
            let vector = embed(&text);
            let norm: f64 = vector.iter().map(|value| f64::from(*value).powi(2)).sum();
            prop_assert!(norm == 0.0 || (norm - 1.0).abs() < 1e-5);
            prop_assert_eq!(embed(&text), vector);
        }
    }
}
