//! The sandbox on Linux.
//!
//! ```text
//! caller's thread        plan -> pack -> spawn -> supervise -> harvest
//!     | clone into new namespaces, execve of a tiny program that the crate carries with it
//! first process          mounts, limits, privileges; then waits and reaps (init)
//!     | fork
//! program's process      Landlock, seccomp, execve
//! ```
//!
//! What happens in the first process and before the program is `inside`; here is what the caller does.

mod harvest;
mod inside;
mod landlock;
mod layout;
mod limits;
mod message;
mod pack;
mod plan;
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
    run_by(spawn::IMAGE, sandbox, command, control)
}

/// With this program as the first process, or a copy of this one where it cannot be executed.
fn run_by(
    image: &[u8],
    sandbox: &Sandbox,
    command: &Command,
    control: &Control,
) -> Result<Outcome, SandboxError> {
    let started = Instant::now();
    let level = sandbox.level;
    plan::check(command)?;
    let scratch = match level {
        Level::Full => None,
        Level::Landlock | Level::None => Some(Scratch::new(level, command, plan::is_root())?),
    };
    let plan = Plan::new(sandbox, command, scratch.as_ref())?;
    let spawned = spawn::spawn(image, &plan, command.stdin.as_deref())?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::End;

    /// What the first process is, as the command's parent sees it.
    fn size_of_first(image: &[u8], level: Level) -> Option<u64> {
        let control = Control::default();
        let command = Command::new("/bin/sleep").argument("0.2");
        std::thread::scope(|scope| {
            let run = scope.spawn(|| run_by(image, &Sandbox::new(level), &command, &control).unwrap());
            let mut most = None;
            while !run.is_finished() {
                most = most.max(size_of_child("octollm-init"));
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            assert_eq!(run.join().unwrap().end, End::Exit(0));
            most
        })
    }

    /// Pages of the largest process below this one that has this name.
    fn size_of_child(name: &str) -> Option<u64> {
        let of = |pid: libc::pid_t, file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
        let mut ours = Vec::new();
        tree::descendants(std::process::id() as libc::pid_t, &mut ours).unwrap();
        let ours = ours.into_iter();
        ours.filter(|pid| of(*pid, "comm").is_some_and(|comm| comm.trim() == name))
            .filter_map(|pid| of(pid, "statm")?.split(' ').next()?.parse().ok())
            .max()
    }

    #[test]
    fn the_first_process_is_small_or_else_a_copy_that_does_the_same() {
        for level in [Level::Full, Level::Landlock, Level::None] {
            let own = size_of_first(spawn::IMAGE, level).unwrap();
            assert!(own < 200, "{level:?}: {own} pages");
            // None was built; or one that this system does not execute.
            for image in [&b""[..], b"no program"] {
                assert!(size_of_first(image, level).unwrap() > 200, "{level:?}");
            }
        }
    }
}
