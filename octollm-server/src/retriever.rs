//! The retriever as the settings describe it.

use std::sync::Arc;

use octollm_arms::executor::Pages;
use octollm_arms::retriever::{DataFolders, DataLimits, Retriever, WebSearch};
use octollm_core::config::Config;
use octollm_core::model::Models;
use octollm_core::model::layers::Around;
use octollm_core::{Error, ErrorKind, Result};

use crate::settings::Settings;
use crate::store::Store;
use crate::{executor, session};

/// The retriever over the store, with the folders of data, the web and the hosts of the executor's policy where they are open
/// to it.
///
/// # Errors
/// `not_configured` for a folder that is not there, and as [`web`] and [`executor::policy`].
pub(crate) async fn open(config: &Config, store: &Store, models: &Models) -> Result<Retriever> {
    let retriever = Retriever::new(store.index.clone()).checking_files();
    let pages = Pages::new(&executor::policy(config).await?);
    let retriever = if pages.is_empty() { retriever } else { retriever.with_pages(Arc::new(pages)) };
    let (config, models) = (config.clone(), models.clone());
    // Folders, prompts and the system's certificates are read off the async threads.
    let open = move || {
        let folders = DataFolders::open(&config.retriever_data_folders)?;
        let retriever = retriever.with_models(&models)?.with_data(folders, DataLimits::default(), models);
        let retriever = match &config.octollm_prompts_dir {
            Some(folder) => retriever.with_prompts_in(folder)?,
            None => retriever,
        };
        Ok(match web(&config)? {
            Some(web) => retriever.with_web(web),
            None => retriever,
        })
    };
    tokio::task::spawn_blocking(open)
        .await
        .map_err(|cause| Error::new(ErrorKind::Internal, "the retriever was not set up").with_source(cause))?
}

/// The same retriever with the models that the settings name, for a search outside of a task.
///
/// # Errors
/// As [`Models::from_variables_within`], and for prompts that cannot be read.
pub(crate) async fn reading(retriever: Retriever, settings: &Settings, store: &Store) -> Result<Retriever> {
    let around = Around { cache: session::answers(&settings.config, store), ..Around::default() };
    let models = Models::from_variables_within(&settings.models, &around).await?;
    let folder = settings.config.octollm_prompts_dir.clone();
    let read = move || {
        let retriever = retriever.with_models(&models)?;
        match folder {
            Some(folder) => retriever.with_prompts_in(&folder),
            None => Ok(retriever),
        }
    };
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|cause| Error::new(ErrorKind::Internal, "the prompts were not read").with_source(cause))?
}

/// Who searches the web, if anybody. Blocks for some milliseconds.
///
/// # Errors
/// `not_configured` for an unknown provider, and where its address or key is missing.
pub(crate) fn web(config: &Config) -> Result<Option<WebSearch>> {
    let Some(name) = &config.web_search_provider else { return Ok(None) };
    WebSearch::new(name, config.web_search_url.as_deref(), config.web_search_api_key.as_deref()).map(Some)
}
