//! tmp
use super::{Journal, StatsStore};
use std::sync::Arc;
/// tmp
#[derive(Clone)]
pub struct SharedMemory {
    /// j
    pub journal: Arc<dyn Journal>,
    /// s
    pub stats: Arc<dyn StatsStore>,
}
impl SharedMemory {
    /// x
    pub fn in_process() -> Self {
        let j = Arc::new(super::MemoryJournal::default());
        Self { journal: j.clone(), stats: j }
    }
}
