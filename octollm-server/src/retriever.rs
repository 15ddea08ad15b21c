//! The retriever as the settings describe it.

use octollm_arms::retriever::{DataFolders, DataLimits, Retriever, WebSearch};
use octollm_core::config::Config;
use octollm_core::model::Models;
use octollm_core::{Error, ErrorKind, Result};

use crate::store::Store;

/// The retriever over the store, with the folders of data and the web where they are open to it.
///
/// # Errors
/// `not_configured` for a folder that is not there, and as [`web`].
pub(crate) async fn open(config: &Config, store: &Store, models: &Models) -> Result<Retriever> {
    let (folders, web) = outside(config.clone()).await?;
    let retriever = Retriever::new(store.index.clone());
    let retriever = retriever.with_data(folders, DataLimits::default(), models.clone());
    Ok(match web {
        Some(web) => retriever.with_web(web),
        None => retriever,
    })
}

/// What is read off the async threads: folders, and the system's certificates.
async fn outside(config: Config) -> Result<(DataFolders, Option<WebSearch>)> {
    let read = move || Ok((DataFolders::open(&config.retriever_data_folders)?, web(&config)?));
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|cause| Error::new(ErrorKind::Internal, "the folders were not read").with_source(cause))?
}

/// Who searches the web, if anybody. Blocks for some milliseconds.
///
/// # Errors
/// `not_configured` for an unknown provider, and where its address or key is missing.
pub(crate) fn web(config: &Config) -> Result<Option<WebSearch>> {
    let Some(name) = &config.web_search_provider else { return Ok(None) };
    WebSearch::new(name, config.web_search_url.as_deref(), config.web_search_api_key.as_deref()).map(Some)
}
