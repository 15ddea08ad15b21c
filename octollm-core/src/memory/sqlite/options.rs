//! How a SQLite file is opened.

use std::path::PathBuf;
use std::time::Duration;

/// Where the database is and how it is used. [`SqliteOptions::new`] has the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The file; it and its directory are made where they are missing, readable by their owner only.
    pub path: PathBuf,
    /// How long to wait for another process that has the database locked; 5 s by default.
    pub busy_timeout: Duration,
    /// What a commit waits for.
    pub synchronous: Synchronous,
    /// Connections that read at the same time, 1 or more; 4 by default. They are made when they are needed.
    pub max_readers: u32,
}

/// What a commit waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// Until the disk has it: what was acknowledged survives a loss of power.
    #[default]
    Full,
    /// Until the operating system has it: what was acknowledged survives the death of this process; the last commits
    /// may be lost with the power. The database stays whole either way.
    Normal,
}

impl SqliteOptions {
    /// This file, with every default.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            busy_timeout: Duration::from_secs(5),
            synchronous: Synchronous::Full,
            max_readers: 4,
        }
    }
}
