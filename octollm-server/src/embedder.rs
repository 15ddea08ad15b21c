//! What gives texts their vectors, as `OCTOLLM_EMBEDDER` says.

use std::path::Path;
use std::sync::Arc;

use octollm_core::Result;
use octollm_core::config::{Config, EmbedderChoice};
#[cfg(feature = "candle")]
use octollm_core::memory::CandleEmbedder;
use octollm_core::memory::{Embedder, HashedEmbedder};

/// Makes the embedder ready, which takes a moment for a model.
///
/// # Errors
/// `not_configured` if the model cannot be used, or this program was built without the means for it.
pub(crate) async fn open(config: &Config) -> Result<Arc<dyn Embedder>> {
    match &config.octollm_embedder {
        EmbedderChoice::Hashed => Ok(Arc::new(HashedEmbedder)),
        EmbedderChoice::Folder(folder) => of_model(folder).await,
    }
}

#[cfg(feature = "candle")]
async fn of_model(folder: &Path) -> Result<Arc<dyn Embedder>> {
    Ok(Arc::new(CandleEmbedder::open(folder).await?))
}

#[cfg(not(feature = "candle"))]
async fn of_model(folder: &Path) -> Result<Arc<dyn Embedder>> {
    use octollm_core::{Error, ErrorKind};
    Err(Error::new(ErrorKind::NotConfigured, "this program was built without embedding models")
        .with_context("OCTOLLM_EMBEDDER", folder.display().to_string())
        .with_hint("build it with `--features candle`, or set OCTOLLM_EMBEDDER to `hashed`"))
}
