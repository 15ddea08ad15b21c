//! Embeddings over `POST /v1/embeddings`, which all vendors of chat completions speak alike.
//!
//! It stands here and not beside the other embedders, because it needs what the wires need: keys, vendors, refusals and
//! time limits. `model` uses `memory`'s traits, never the other way round.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::Reason;
use super::wire::{Endpoint, malformed, sort_error_object};
use crate::error::{Error, ErrorKind, Result};
use crate::http_client;
use crate::memory::Embedder;

/// Texts in one request: what every vendor takes.
const MAX_TEXTS: usize = 64;
/// Bytes of text in one request. OpenAI takes 300,000 tokens; a token has a byte at least.
const MAX_BYTES: usize = 256 * 1024;
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// A model for embeddings, behind HTTP.
#[derive(Debug)]
pub struct OpenAiEmbedder {
    endpoint: Endpoint,
    model: String,
    id: String,
    description: String,
    dimensions: usize,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    index: Option<usize>,
    embedding: Vec<f32>,
}

impl OpenAiEmbedder {
    /// Asks for one embedding, to learn how long they are.
    ///
    /// # Errors
    /// What the provider refuses; `malformed` for an answer without a vector.
    pub(super) async fn connect(endpoint: Endpoint, model: &str) -> Result<Self> {
        let probe = request(&endpoint, model, &["dimensions"]).await?;
        let dimensions = probe.first().map_or(0, Vec::len);
        if dimensions == 0 {
            return Err(endpoint.named(Reason::Malformed.error("the provider answers with an empty vector")));
        }
        let name = endpoint.name().to_owned();
        Ok(Self {
            id: format!("{name}:{dimensions}"),
            description: format!("semantic: {name} over HTTP, {dimensions} dimensions"),
            endpoint,
            model: model.to_owned(),
            dimensions,
        })
    }

    async fn batch(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let mut vectors = request(&self.endpoint, &self.model, texts).await?;
        if vectors.iter().any(|vector| vector.len() != self.dimensions) {
            let error = Error::new(ErrorKind::Internal, "the provider's vectors have changed their length")
                .with_hint("the model behind this name was exchanged: index again under another name");
            return Err(self.endpoint.named(error));
        }
        vectors.iter_mut().for_each(|vector| normalise(vector));
        Ok(vectors)
    }
}

#[async_trait]
impl Embedder for OpenAiEmbedder {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn describe(&self) -> &str {
        &self.description
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        // Providers refuse empty texts; there is nothing in them to embed.
        let (places, full): (Vec<usize>, Vec<&str>) =
            texts.iter().enumerate().filter(|(_, text)| !text.trim().is_empty()).unzip();
        let mut vectors = vec![vec![0.0; self.dimensions]; texts.len()];
        let mut places = places.into_iter();
        for texts in batches(&full) {
            for (vector, place) in self.batch(texts).await?.into_iter().zip(places.by_ref()) {
                if let Some(empty) = vectors.get_mut(place) {
                    *empty = vector;
                }
            }
        }
        Ok(vectors)
    }
}

/// Cuts texts into requests that every provider takes. A text that is too long alone goes alone.
fn batches<'a, 'b>(mut texts: &'a [&'b str]) -> impl Iterator<Item = &'a [&'b str]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = texts.iter().take(MAX_TEXTS).take_while(|text| {
            bytes += text.len();
            bytes <= MAX_BYTES
        });
        let count = fits.count().max(1).min(texts.len());
        let (batch, rest) = texts.split_at_checked(count)?;
        texts = rest;
        (!batch.is_empty()).then_some(batch)
    })
}

async fn request(endpoint: &Endpoint, model: &str, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
    let body = json!({"model": model, "input": texts, "encoding_format": "float"}).to_string();
    let response = endpoint.post(body.into_bytes(), "application/json", None).await?;
    let limit = endpoint.limits().idle;
    let body = tokio::time::timeout(limit, http_client::read_body(response, MAX_ANSWER)).await;
    let stalled = || Reason::Stalled.error(format!("the embeddings did not come within {limit:?}"));
    let body = body.map_err(|_| stalled()).and_then(|body| body.map_err(|error| Reason::CutOff.mark(error)));
    body.and_then(|body| vectors(&body, texts.len())).map_err(|error| endpoint.named(error))
}

/// The vectors in the order of the texts.
fn vectors(body: &[u8], count: usize) -> Result<Vec<Vec<f32>>> {
    let document: serde_json::Value = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    sort_error_object(&document)?;
    let answer: Answer = serde_json::from_value(document).map_err(|error| malformed(&error))?;
    let mut vectors = vec![None; count];
    for (place, entry) in answer.data.into_iter().enumerate() {
        if let Some(slot) = vectors.get_mut(entry.index.unwrap_or(place)) {
            *slot = Some(entry.embedding);
        }
    }
    let whole: Option<Vec<_>> = vectors.into_iter().collect();
    whole.ok_or_else(|| Reason::Malformed.error("the provider answered with fewer vectors than texts"))
}

/// To length 1; a vector that is not a direction becomes 0.
fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    let usable = length.is_finite() && length > 0.0;
    for x in vector {
        *x = if usable { (f64::from(*x) / length) as f32 } else { 0.0 };
    }
}

#[cfg(test)]
mod tests;
