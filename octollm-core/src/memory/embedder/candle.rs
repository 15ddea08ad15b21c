//! Semantic vectors from a BERT-like sentence encoder (all-MiniLM-L6-v2 and its kin) that lies in a local folder.
//!
//! The folder is what sentence-transformers saves: `config.json`, `tokenizer.json` and `model.safetensors`, and where they
//! are there `modules.json`, `1_Pooling/config.json` and `sentence_bert_config.json`. Nothing is downloaded, and nothing
//! else is executed than arithmetic on the CPU.
//!
//! A computation uses all cores, so there is one at a time: two at once would only share them, with twice the memory. A
//! large batch is many computations, in which texts of about the same length stand together; between two of them others
//! get their turn, and who gives up waiting for a batch leaves at most one running.

mod encoder;
mod folder;
mod tokens;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use self::encoder::Encoder;
use self::folder::Folder;
use self::tokens::{Tokenizer, Tokens};
use super::Embedder;
use crate::error::{Error, ErrorKind, Result};

/// Tokens of one computation, padding included. More at once is not faster on a CPU, and the attention of long texts
/// grows with the square of their length.
const BATCH_TOKENS: usize = 2048;

/// Embeds with a BERT-like model out of a folder: texts that mean the same are near, whatever their words.
pub struct CandleEmbedder {
    id: String,
    description: String,
    dimensions: usize,
    model: Arc<Model>,
    turn: Arc<Semaphore>,
}

struct Model {
    tokenizer: Tokenizer,
    encoder: Encoder,
}

impl CandleEmbedder {
    /// Loads the model in this folder, off the async threads. Takes a moment: for MiniLM 90 MB are read, twice that are
    /// needed while loading, and as much as the file stays in memory.
    ///
    /// # Errors
    /// `not_configured` if the folder or a file is missing, broken, or not of a kind of model that this can compute; the
    /// error names the file.
    pub async fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        let open = move || Self::open_blocking(&folder);
        tokio::task::spawn_blocking(open).await.map_err(broke_off)?
    }

    fn open_blocking(path: &Path) -> Result<Self> {
        let folder = Folder::read(path)?;
        let (tokens, layers) = (folder.max_tokens, folder.config.num_hidden_layers);
        let dimensions = folder.config.hidden_size;
        let id = folder.id();
        let tokenizer = Tokenizer::load(&folder)?;
        let encoder = Encoder::load(folder)?;
        let description = format!(
            "semantic: a BERT-like model of {layers} layers from a local folder; finds what means the same in other \
             words; reads the first {tokens} tokens of a text"
        );
        tracing::info!(embedder = id, "the embedding model is loaded");
        let model = Arc::new(Model { tokenizer, encoder });
        Ok(Self { id, description, dimensions, model, turn: Arc::new(Semaphore::new(1)) })
    }

    /// Computes on a thread of its own when it is its turn. The turn ends with the computation, not with the caller's
    /// patience.
    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Model) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(broke_off)?;
        let model = Arc::clone(&self.model);
        let work = move || {
            let _turn = turn;
            work(&model)
        };
        tokio::task::spawn_blocking(work).await.map_err(broke_off)?
    }
}

#[async_trait]
impl Embedder for CandleEmbedder {
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
        let owned: Vec<String> =
            texts.iter().map(|text| self.model.tokenizer.beginning(text).to_owned()).collect();
        let tokens = self
            .compute(move |model| {
                owned.iter().map(|text| model.tokenizer.tokens(text)).collect::<Result<_>>()
            })
            .await?;
        // What has no tokens keeps the vector of length 0.
        let mut vectors = vec![vec![0.0; self.dimensions]; texts.len()];
        for (places, batch) in batches(tokens) {
            let embedded = self.compute(move |model| model.encoder.embed(&batch)).await?;
            for (place, vector) in places.into_iter().zip(embedded) {
                if let Some(slot) = vectors.get_mut(place) {
                    *slot = vector;
                }
            }
        }
        Ok(vectors)
    }
}

/// Texts for one computation, with their places in the answer.
type Batch = (Vec<usize>, Vec<Tokens>);

/// Puts texts of about the same length together, so that little is computed for padding.
fn batches(tokens: Vec<Tokens>) -> Vec<Batch> {
    let mut texts: Vec<_> = tokens.into_iter().enumerate().filter(|(_, text)| text.len() > 0).collect();
    texts.sort_by_key(|(_, text)| text.len());
    let mut batches: Vec<Batch> = Vec::new();
    for (place, text) in texts {
        // Texts come in ascending length: the batch would be padded to this one.
        match batches.last_mut() {
            Some((places, batch)) if (batch.len() + 1) * text.len() <= BATCH_TOKENS => {
                places.push(place);
                batch.push(text);
            }
            _ => batches.push((vec![place], vec![text])),
        }
    }
    batches
}

fn broke_off(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "embedding broke off").with_source(cause)
}

#[cfg(test)]
mod tests;
