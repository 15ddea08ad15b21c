//! Embedders: from a text to a vector, so that near texts have near vectors.
//!
//! What a vector means belongs to the embedder that made it. Every store therefore keeps the embedder's id beside its
//! vectors and refuses to mix two of them: see [`CollectionSpec`].

#[cfg(feature = "candle")]
mod candle;
mod hashed;

use async_trait::async_trait;

#[cfg(feature = "candle")]
pub use self::candle::CandleEmbedder;
pub use self::hashed::HashedEmbedder;
use super::CollectionSpec;
use crate::error::Result;

/// Turns texts into vectors.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Names the embedder with everything that its vectors depend on: model, version, dimensions. Two embedders with
    /// one id give the same vector for a text; whoever changes a vector changes the id.
    fn id(&self) -> &str;

    /// Length of every vector.
    fn dimensions(&self) -> usize;

    /// What it is and what it can find, in one sentence for a person.
    fn describe(&self) -> &str;

    /// One vector for every text, in order, all of them of length 1, or of length 0 for a text with nothing to embed.
    /// A large batch is welcome: an embedder splits it as suits it, and keeps its work off the async threads.
    ///
    /// # Errors
    /// `unavailable`, `rate_limited` or `timeout` from a remote model; `internal` if the computation broke off.
    async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>>;

    /// What a collection of this embedder's vectors is.
    fn spec(&self) -> CollectionSpec {
        CollectionSpec { embedder: self.id().to_owned(), dimensions: self.dimensions() }
    }
}
