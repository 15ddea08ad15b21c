//! One of each kind of memory, as an engine uses them.

use std::sync::Arc;

#[cfg(feature = "sqlite")]
use super::SqliteMemory;
use super::{Journal, MemoryJournal, StatsStore};

/// The memory that one engine works with.
#[derive(Clone)]
pub struct SharedMemory {
    /// What happened to every task.
    pub journal: Arc<dyn Journal>,
    /// What the arms have done so far.
    pub stats: Arc<dyn StatsStore>,
}

impl SharedMemory {
    /// Memory that ends with this process.
    pub fn in_process() -> Self {
        let journal = Arc::new(MemoryJournal::new());
        Self { journal: journal.clone(), stats: journal }
    }

    /// Memory in one SQLite file.
    #[cfg(feature = "sqlite")]
    pub fn sqlite(memory: SqliteMemory) -> Self {
        let memory = Arc::new(memory);
        Self { journal: memory.clone(), stats: memory }
    }
}
