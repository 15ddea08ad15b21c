//! Starts the sandbox's first process, gives it its user, and ends it.

use std::fs::{self, File};
use std::io::{self, PipeReader, Seek as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::PathBuf;

use libc::{c_int, pid_t};

use super::child::{self, Ends};
use super::message::{self, Message};
use super::plan::{INSIDE, NOBODY, Plan};
use super::{sys, tree};
use crate::{Layer, Level, SandboxError};

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
    /// At its end when the program has replaced the copy of this process that it began as.
    pub(super) started: PipeReader,
}

pub(super) fn spawn(plan: &Plan<'_>, stdin: Option<&[u8]>) -> Result<(Child, Outputs), SandboxError> {
    let supervision = |error: io::Error| os(Layer::Supervision, &error);
    let stdin = input(stdin).map_err(supervision)?;
    let (stdout, stdout_end) = io::pipe().map_err(supervision)?;
    let (stderr, stderr_end) = io::pipe().map_err(supervision)?;
    let (started, started_end) = io::pipe().map_err(supervision)?;
    let failed = |errno| SandboxError::errno_of(Layer::Supervision, errno);
    sys::no_waiting(&stdout).and_then(|()| sys::no_waiting(&stderr)).map_err(failed)?;
    let (channel, channel_end) = sys::packet_pair().map_err(failed)?;
    let ends = Ends {
        stdin: stdin.as_raw_fd(),
        stdout: stdout_end.as_raw_fd(),
        stderr: stderr_end.as_raw_fd(),
        channel: channel_end.as_raw_fd(),
        started: started_end.as_raw_fd(),
    };
    let (pid, pidfd) = start(plan, ends)?;
    Ok((Child { pid, pidfd, channel, level: plan.level, gone: false }, Outputs { stdout, stderr, started }))
}

/// What the program reads: a sealed file in memory, or a pipe at its end.
fn input(stdin: Option<&[u8]>) -> io::Result<OwnedFd> {
    let Some(bytes) = stdin else { return io::pipe().map(|(reader, _)| reader.into()) };
    let mut file = File::from(sys::memory_file().map_err(io::Error::from_raw_os_error)?);
    file.write_all(bytes)?;
    file.rewind()?;
    sys::seal(&file).map_err(io::Error::from_raw_os_error)?;
    Ok(file.into())
}

fn start(plan: &Plan<'_>, ends: Ends) -> Result<(pid_t, OwnedFd), SandboxError> {
    use std::os::fd::FromRawFd as _;

    let flags = if plan.level == Level::Full { NAMESPACES } else { 0 };
    let mut room = child::Room::new(plan);
    let mut pidfd = -1;
    // A handler of the caller's must not run in the child, where it would speak to the caller's descriptors.
    let before = sys::block_signals();
    // SAFETY: the child goes into `child::first`, which makes system calls over `plan` and `room` and never returns.
    let cloned = unsafe { sys::clone(flags, Some(&mut pidfd)) };
    if matches!(cloned, Ok(None)) {
        child::first(plan, ends, &mut room);
    }
    sys::restore_signals(&before);
    match cloned {
        // SAFETY: the kernel has just made this descriptor, and it is nobody else's.
        Ok(Some(pid)) => Ok((pid, unsafe { OwnedFd::from_raw_fd(pidfd) })),
        Ok(None) => sys::exit(1),
        Err(errno) => {
            // Too many processes is no lack of namespaces.
            let spent = matches!(errno, libc::EAGAIN | libc::ENOMEM) || plan.level != Level::Full;
            Err(SandboxError::errno_of(if spent { Layer::Supervision } else { Layer::Namespaces }, errno))
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
        message::say(self.channel.as_raw_fd(), Message::Go)
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
            for pid in tree::descendants(self.pid) {
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
