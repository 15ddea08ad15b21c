//! Starts the sandbox's first process, gives it its user, and ends it.

use std::fs;
use std::io::{self, PipeReader, Write as _};
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd};
use std::path::PathBuf;

use libc::{c_int, c_void, pid_t};

use super::inside::wire::{self, Message};
use super::inside::{self, Ends, INSIDE, NOBODY};
use super::plan::Plan;
use super::{pack, sys, tree};
use crate::{Layer, Level, SandboxError};

/// The first process as a program; nothing where it could not be built.
#[cfg(has_init)]
pub(super) const IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/octollm-init"));
#[cfg(not(has_init))]
pub(super) const IMAGE: &[u8] = &[];

/// All that can be had by an unprivileged user. Time is left alone: programs ask it often, and it tells nothing.
const NAMESPACES: c_int = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// The sandbox's first process. Dropping it ends it, with all that it has started.
pub(super) struct Child {
    pub(super) pid: pid_t,
    pub(super) pidfd: OwnedFd,
    pub(super) channel: OwnedFd,
    level: Level,
    gone: bool,
}

/// The reading ends of the program's pipes.
pub(super) struct Outputs {
    pub(super) stdout: PipeReader,
    pub(super) stderr: PipeReader,
    /// At its end when the program has replaced the process that it began as.
    pub(super) started: PipeReader,
}

pub(super) fn spawn(
    image: &[u8],
    plan: &Plan<'_>,
    stdin: Option<&[u8]>,
) -> Result<(Child, Outputs), SandboxError> {
    let supervision = |error: io::Error| os(Layer::Supervision, &error);
    let stdin = input(stdin).map_err(supervision)?;
    let (stdout, stdout_end) = io::pipe().map_err(supervision)?;
    let (stderr, stderr_end) = io::pipe().map_err(supervision)?;
    let (started, started_end) = io::pipe().map_err(supervision)?;
    let failed = |errno| SandboxError::errno_of(Layer::Supervision, errno);
    sys::no_waiting(&stdout).and_then(|()| sys::no_waiting(&stderr)).map_err(failed)?;
    let (channel, channel_end) = sys::packet_pair().map_err(failed)?;
    let packed = sys::memory_file(c"plan", &pack::pack(plan), false).map_err(supervision)?;
    let all = [&stdin, &stdout_end.into(), &stderr_end.into(), &channel_end, &started_end.into(), &packed];
    let (pid, pidfd) = start(image, plan.level, all.map(AsRawFd::as_raw_fd))?;
    Ok((Child { pid, pidfd, channel, level: plan.level, gone: false }, Outputs { stdout, stderr, started }))
}

/// What the program reads: a sealed file in memory, or a pipe at its end.
fn input(stdin: Option<&[u8]>) -> io::Result<OwnedFd> {
    let Some(bytes) = stdin else { return io::pipe().map(|(reader, _)| reader.into()) };
    sys::memory_file(c"stdin", bytes, false)
}

/// Starts the first process, as a program of its own where that can be.
fn start(image: &[u8], level: Level, all: [c_int; 6]) -> Result<(pid_t, OwnedFd), SandboxError> {
    let flags = if level == Level::Full { NAMESPACES } else { 0 };
    let image = if image.is_empty() { None } else { sys::memory_file(c"octollm-init", image, true).ok() };
    // A handler of the caller's must not run in the child, where it would speak to the caller's descriptors.
    let before = sys::block_signals();
    let ends = |image| Ends { all, apart: flags != 0, image };
    let executed = image.and_then(|image| execute(flags, ends(Some(image.as_raw_fd()))));
    let started = executed.unwrap_or_else(|| fork(flags, ends(None)));
    sys::restore_signals(&before);
    started.map_err(|errno| {
        // Too many processes is no lack of namespaces.
        let spent = matches!(errno, libc::EAGAIN | libc::ENOMEM) || level != Level::Full;
        SandboxError::errno_of(if spent { Layer::Supervision } else { Layer::Namespaces }, errno)
    })
}

/// What the child finds on its stack, and leaves there.
struct Start {
    ends: Ends,
    failed: c_int,
}

/// A child that shares this memory only until it is the program. `None` where the program cannot be executed here: a system
/// may forbid it for files in memory (`vm.memfd_noexec=2`).
fn execute(flags: c_int, ends: Ends) -> Option<sys::Sys<(pid_t, OwnedFd)>> {
    extern "C" fn body(start: *mut c_void) -> c_int {
        // SAFETY: `execute` passes a `Start` and waits; nobody else looks at it.
        let start = unsafe { &mut *start.cast::<Start>() };
        start.failed = inside::become_first(start.ends);
        inside::sys::exit(1)
    }
    const STACK: usize = 64 << 10;
    let mut stack = vec![0; STACK];
    let mut start = Start { ends, failed: 0 };
    let argument = (&raw mut start).cast();
    let mut pidfd = -1;
    // SAFETY: `body` makes system calls over what is on its stack and in `start`, and does not return.
    let pid = match unsafe { sys::clone_to_execute(&mut stack, flags, &mut pidfd, body, argument) } {
        Ok(pid) => pid,
        Err(errno) => return Some(Err(errno)),
    };
    // SAFETY: the kernel has just made this descriptor, and it is nobody else's.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    // Written by another process, of which the compiler knows nothing.
    // SAFETY: `start` is still there.
    if unsafe { (&raw const start.failed).read_volatile() } == 0 {
        return Some(Ok((pid, pidfd)));
    }
    let _ = sys::reap(pid, 0);
    None
}

/// A child that is a copy of this process.
fn fork(flags: c_int, ends: Ends) -> sys::Sys<(pid_t, OwnedFd)> {
    let mut pidfd = -1;
    // SAFETY: the child goes into `become_first`, which only makes system calls, and does not come back but to exit.
    match unsafe { sys::clone(flags, Some(&mut pidfd)) }? {
        // SAFETY: the kernel has just made this descriptor, and it is nobody else's.
        Some(pid) => Ok((pid, unsafe { OwnedFd::from_raw_fd(pidfd) })),
        None => {
            inside::become_first(ends);
            inside::sys::exit(1)
        }
    }
}

impl Child {
    /// Says who it is outside: the caller, or nobody when the caller is root. Then it goes on.
    pub(super) fn identify(&self, as_root: bool) -> Result<(), SandboxError> {
        // SAFETY: no memory is passed; cannot fail.
        let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
        let (user, group) = if as_root { (NOBODY, NOBODY) } else { (user, group) };
        if !as_root {
            // Who may not set groups may have one of their own, and only then.
            self.tell("setgroups", "deny")?;
        }
        self.tell("uid_map", &format!("{INSIDE} {user} 1\n"))?;
        self.tell("gid_map", &format!("{INSIDE} {group} 1\n"))?;
        // When the machine runs out of memory, this is what to end first.
        self.tell("oom_score_adj", "1000")?;
        wire::say(self.channel.as_raw_fd(), Message::Go)
            .map_err(|errno| SandboxError::errno_of(Layer::Supervision, errno))
    }

    fn tell(&self, name: &str, text: &str) -> Result<(), SandboxError> {
        let path = PathBuf::from(format!("/proc/{}/{name}", self.pid));
        fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| os(Layer::User, &error).at(path))
    }

    /// Ends it and, in namespaces of its own, everything in them. Without, it is asked to end the rest first.
    pub(super) fn end(&self) {
        match self.level {
            Level::Full => sys::signal_pidfd(self.pidfd.as_raw_fd(), libc::SIGKILL),
            Level::Landlock | Level::None => sys::hang_up(&self.channel),
        }
    }

    /// Ends all processes that can be found, for one that was asked in vain.
    pub(super) fn end_by_force(&self) {
        if self.level != Level::Full {
            let mut found = Vec::new();
            // Those that were found before an error are killed all the same.
            let _ = tree::descendants(self.pid, &mut found);
            for pid in found {
                sys::kill(pid, libc::SIGKILL);
            }
        }
        sys::signal_pidfd(self.pidfd.as_raw_fd(), libc::SIGKILL);
    }

    /// Waits until it has ended.
    pub(super) fn reap(&mut self) {
        if !self.gone {
            // With an error it is nobody's child any more, and so has ended.
            let _ = sys::reap(self.pid, 0);
            self.gone = true;
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.gone {
            self.end_by_force();
            self.reap();
        }
    }
}

pub(super) fn os(layer: Layer, error: &io::Error) -> SandboxError {
    error.raw_os_error().map_or(SandboxError::new(layer), |errno| SandboxError::errno_of(layer, errno))
}
