//! The sandbox on Linux.
//!
//! ```text
//! caller's thread        plan -> spawn -> supervise -> harvest
//!     | clone into new namespaces
//! first process          mounts, limits, privileges; then waits and reaps (init)
//!     | clone
//! program's process      Landlock, seccomp, execve
//! ```
//!
//! The caller has many threads, so the child may only make system calls: `plan` works everything out before, and the
//! child's modules (`child`, `mounts`, `init`, what they call) allocate nothing.

mod child;
mod harvest;
mod init;
mod landlock;
mod layout;
mod limits;
mod message;
mod mounts;
mod plan;
mod privileges;
mod scratch;
mod seccomp;
mod spawn;
mod supervise;
mod sys;
mod tree;

use std::os::fd::OwnedFd;
use std::time::Instant;

use plan::Plan;
use scratch::Scratch;
use supervise::Watch;

use crate::{Command, Control, Level, Outcome, Sandbox, SandboxError};

pub(crate) fn run(sandbox: &Sandbox, command: &Command, control: &Control) -> Result<Outcome, SandboxError> {
    let started = Instant::now();
    let level = sandbox.level;
    plan::check(command)?;
    let scratch = match level {
        Level::Full => None,
        Level::Landlock | Level::None => Some(Scratch::new(level, command, plan::is_root())?),
    };
    let plan = Plan::new(sandbox, command, scratch.as_ref())?;
    let spawned = spawn::spawn(&plan, command.stdin.as_deref())?;
    let watch = Watch::new(&plan, command, control, scratch.as_ref(), started, spawned);
    let finished = watch.until_end()?;
    let folder = match &scratch {
        None => finished.work,
        Some(scratch) => std::fs::File::open(scratch.work()).ok().map(OwnedFd::from),
    };
    let work = folder.map(|folder| harvest::harvest(folder, command, level)).unwrap_or_default();
    Ok(Outcome {
        end: finished.end,
        stdout: finished.stdout,
        stderr: finished.stderr,
        duration: started.elapsed(),
        cpu: finished.cpu,
        work,
    })
}
