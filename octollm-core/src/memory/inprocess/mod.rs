//! Memory in this process: for tests, and for tasks that need not outlive it.

mod cache;
mod graph;
mod journal;
mod vectors;

pub use cache::InProcessCache;
pub use graph::InProcessGraph;
pub use journal::MemoryJournal;
pub use vectors::InProcessVectors;
