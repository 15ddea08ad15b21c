//! Runs one command on a bare Linux machine in a sandbox that fails closed: no container engine, no daemon, no root.
//!
//! ```no_run
//! use octollm_sandbox::{Command, Control, End, Sandbox};
//!
//! let command = Command::new("/usr/bin/python3").argument("-c").argument("print(6 * 7)");
//! let outcome = Sandbox::default().run(&command, &Control::default())?;
//! assert_eq!(outcome.end, End::Exit(0));
//! assert_eq!(outcome.stdout.bytes, b"42\n");
//! # Ok::<(), octollm_sandbox::SandboxError>(())
//! ```
//!
//! The command sees the system's programs and libraries, read-only; a private `/work` that it starts in and a private
//! `/tmp`, both in memory and of limited size; no network, no other process, no environment but the one it was given. Each
//! [`Layer`] is a mechanism of the kernel of its own, so that one that fails is not the last. A layer that this machine
//! does not have is an error that names it, never a weaker sandbox; who wants a weaker one says so by [`Level`].
//!
//! [`Sandbox::run`] blocks its thread until everything that the command started is gone. It wants a thread of its own, not
//! one of an async runtime. The crate knows no policy: what may run, and with which arguments, is the caller's business.

mod command;
mod control;
mod error;
mod layer;
mod level;
mod outcome;
mod probe;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod linux;

use std::path::PathBuf;

pub use command::{Command, Limits};
pub use control::{Control, Stream};
pub use error::SandboxError;
pub use layer::Layer;
pub use level::Level;
pub use outcome::{End, Outcome, Output, Work, WorkFile};
pub use probe::Status;

/// A way to run commands. Holds no resource: cheap to make and to clone, and any number of threads may run at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// How much of the sandbox there must be.
    pub level: Level,
    /// Absolute paths that the command may read and execute besides the system's own `/usr`, `/bin`, `/sbin` and `/lib*`:
    /// files or folders, seen at the same place. For example the folder of an interpreter outside `/usr`. Everything below
    /// them is shown, so name as little as will do; not `/`, nor anything at or below `/work`, `/proc`, `/sys` or `/dev`.
    pub readable: Vec<PathBuf>,
}

impl Sandbox {
    /// A sandbox of a level, with nothing readable besides the system's programs.
    pub fn new(level: Level) -> Self {
        Self { level, readable: Vec::new() }
    }

    /// Shows one more path, read-only.
    #[must_use]
    pub fn readable(mut self, path: impl Into<PathBuf>) -> Self {
        self.readable.push(path.into());
        self
    }

    /// Runs a command to its end and answers what came of it. When this returns, whatever the answer, no process that the
    /// command started is left.
    ///
    /// # Errors
    /// Names the layer that could not be set up; the command has not run then. A command that cannot be started at all
    /// (there is no such program, or it is no executable) is an error of [`Layer::Start`].
    pub fn run(&self, command: &Command, control: &Control) -> Result<Outcome, SandboxError> {
        #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
        return linux::run(self, command, control);
        #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
        {
            let _ = (command, control);
            Err(SandboxError::new(Layer::Platform))
        }
    }
}
