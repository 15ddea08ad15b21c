//! Memory in this process: for tests, and for tasks that need not outlive it.

mod journal;

pub use journal::MemoryJournal;
