//! What came of a run.

use std::path::PathBuf;
use std::time::Duration;

/// What came of a command that did start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Its standard output.
    pub stdout: Output,
    /// Its standard error.
    pub stderr: Output,
    /// From the call to its end, sandbox included.
    pub duration: Duration,
    /// Processor time of the whole tree, the sandbox's own few milliseconds included.
    pub cpu: Duration,
    /// What it left in `/work`.
    pub work: Work,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// The program ended by itself, with this code.
    Exit(i32),
    /// A signal ended the program, and none that a limit sent: 9 may be the kernel, out of memory.
    Signal(i32),
    /// It took longer than `Limits::wall`.
    WallTime,
    /// It took more processor time than `Limits::cpu`.
    CpuTime,
    /// It took more memory than `Limits::memory`.
    Memory,
    /// It wrote more than `Limits::work_bytes` or `Limits::work_files`. Where the kernel keeps these limits (level
    /// full), the program gets an error instead.
    Storage,
    /// `Control::stop` was called.
    Stopped,
}

/// One output, as much as was kept of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The bytes, from the beginning. Whatever the program wrote: not always UTF-8, and maybe with escapes for terminals.
    pub bytes: Vec<u8>,
    /// Whether there was more.
    pub truncated: bool,
}

/// What was found in `/work` after the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Regular files in the order of their paths, without those given with the command and still as they were.
    pub files: Vec<WorkFile>,
    /// Something was left out: too large, too many, too deep, unreadable, a link, or no regular file.
    pub incomplete: bool,
}

/// A file out of `/work`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkFile {
    /// Relative to `/work`, of plain names only; not always UTF-8.
    pub path: PathBuf,
    /// The whole content.
    pub bytes: Vec<u8>,
}
