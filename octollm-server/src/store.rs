//! The store of this computer: one SQLite file in one folder.

use std::path::PathBuf;
use std::sync::Arc;

use etcetera::BaseStrategy;
use octollm_arms::retriever::Index;
use octollm_core::config::Config;
use octollm_core::memory::{Embedder, HashedEmbedder, SharedMemory, SqliteMemory, SqliteOptions};
use octollm_core::{Error, ErrorKind, Result};

use crate::embedder;
use crate::parts::OwnParts;

const FILE: &str = "octollm.db";

/// An open store.
pub(crate) struct Store {
    /// What tasks share.
    pub(crate) memory: SharedMemory,
    /// The documents that can be searched.
    pub(crate) index: Arc<Index>,
    sqlite: SqliteMemory,
}

impl Store {
    /// Opens the store, and makes it where there is none yet.
    pub(crate) async fn open(config: &Config) -> Result<Self> {
        Self::with(config, embedder::open(config).await?, &OwnParts::default()).await
    }

    /// Opens the store for work that embeds nothing, without waiting for a model to be loaded.
    pub(crate) async fn open_without_model(config: &Config) -> Result<Self> {
        Self::with(config, Arc::new(HashedEmbedder), &OwnParts::default()).await
    }

    /// Opens the store of a program with parts of its own; what they leave open is embedded with `embedder`.
    pub(crate) async fn with(config: &Config, embedder: Arc<dyn Embedder>, own: &OwnParts) -> Result<Self> {
        let sqlite = SqliteMemory::open(SqliteOptions::new(path(config)?)).await?;
        let memory = own.within(SharedMemory { embedder, ..SharedMemory::sqlite(sqlite.clone()) });
        let index = Arc::new(Index::over(&memory));
        Ok(Self { memory, index, sqlite })
    }

    /// Reads the whole file and says whether it is whole.
    pub(crate) async fn check_integrity(&self) -> Result<()> {
        self.sqlite.check_integrity().await
    }

    /// Waits until everything is written.
    pub(crate) async fn close(self) -> Result<()> {
        self.sqlite.close().await
    }
}

/// The folder of the store.
pub(crate) fn home(config: &Config) -> Result<PathBuf> {
    if let Some(home) = &config.octollm_home {
        return Ok(home.clone());
    }
    let folders = etcetera::choose_base_strategy().map_err(|error| {
        Error::new(ErrorKind::NotConfigured, "this system does not say where programs keep their data")
            .with_hint("name a folder with OCTOLLM_HOME or --home")
            .with_source(error)
    })?;
    Ok(folders.data_dir().join("octollm"))
}

/// The store's file.
pub(crate) fn path(config: &Config) -> Result<PathBuf> {
    Ok(home(config)?.join(FILE))
}

/// The paths from the root on, without links and `..`. Blocks for a moment.
///
/// # Errors
/// `not_found` names the one that is not there.
pub(crate) fn absolute(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let absolute = |path: &PathBuf| {
        std::fs::canonicalize(path).map_err(|error| {
            Error::new(ErrorKind::NotFound, "there is no such file or folder")
                .with_context("path", path.display().to_string())
                .with_context("reason", error.kind().to_string())
                .with_hint("check the spelling; a relative path is looked up from the working directory")
        })
    };
    paths.iter().map(absolute).collect()
}
