//! Memory that lives and ends with the process: nothing to install, nothing on disk.

mod cache;
mod graph;
mod journal;
mod vectors;

pub use cache::InProcessCache;
pub use graph::InProcessGraph;
pub use journal::MemoryJournal;
pub use vectors::InProcessVectors;
