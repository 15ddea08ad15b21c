//! Resource limits of each process; what concerns the whole tree is watched from outside (`supervise`).

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use libc::c_uint;

use crate::{Level, Limits};

/// A resource, where it is felt, and where it ends.
pub(super) type Limit = (c_uint, u64, u64);

/// The limits in numbers. One that is above what the caller itself may have is lowered to that.
pub(super) fn limits(wanted: &Limits, level: Level, as_root: bool) -> Vec<Limit> {
    let seconds = wanted.cpu.as_secs() + u64::from(wanted.cpu.subsec_nanos() > 0);
    let seconds = seconds.max(1);
    let processes = match level {
        // Root is not held to it.
        Level::None if as_root => libc::RLIM_INFINITY,
        // Counted within the namespace, where the sandbox's own first process is one of them.
        Level::Full => wanted.processes.saturating_add(1),
        // Counted over the whole machine, for the user that it runs as.
        _ => wanted.processes.saturating_add(1 + tasks_of_user(level, as_root)),
    };
    let open_files = open_files(wanted.open_files);
    let mut limits = vec![
        (libc::RLIMIT_CPU, seconds, seconds + 1),
        (libc::RLIMIT_AS, wanted.address_space, wanted.address_space),
        (libc::RLIMIT_NPROC, processes, processes),
        (libc::RLIMIT_NOFILE, open_files, open_files),
        (libc::RLIMIT_FSIZE, wanted.work_bytes, wanted.work_bytes),
    ];
    limits.extend(
        [libc::RLIMIT_MEMLOCK, libc::RLIMIT_MSGQUEUE, libc::RLIMIT_NICE, libc::RLIMIT_RTPRIO]
            .map(|resource| (resource, 0, 0)),
    );
    limits.push((libc::RLIMIT_SIGPENDING, 256, 256));
    // With zero a crash would still start the machine's own handler of core dumps, outside; with one byte it does not.
    limits.push((libc::RLIMIT_CORE, 1, 1));
    limits.into_iter().map(|(resource, soft, hard)| lowered(resource as c_uint, soft, hard)).collect()
}

/// Descriptors on their way from one process to another count for their user, over all runs and the caller, and a sender is
/// refused when there are more of them than it may have open itself. The first process of every run, which has the caller's
/// limit, sends some: so no run may have as many as the caller, by as many as one message can carry (253) and some room. Few
/// are left to each.
fn open_files(wanted: u64) -> u64 {
    const ON_THEIR_WAY: u64 = 256;
    const FEW: u64 = 64;
    wanted.min(now(libc::RLIMIT_NOFILE as c_uint).rlim_cur.saturating_sub(ON_THEIR_WAY).max(FEW))
}

fn lowered(resource: c_uint, soft: u64, hard: u64) -> Limit {
    let now = now(resource);
    (resource, soft.min(now.rlim_max), hard.min(now.rlim_max))
}

/// What the caller itself may have.
fn now(resource: c_uint) -> libc::rlimit64 {
    let mut now = libc::rlimit64 { rlim_cur: u64::MAX, rlim_max: u64::MAX };
    // SAFETY: `now` is valid for the one write. Where it fails, nothing is lowered, and setting it will fail.
    let _ = unsafe { libc::getrlimit64(resource as _, &raw mut now) };
    now
}

/// How many tasks the user has already that the command will run as.
fn tasks_of_user(level: Level, as_root: bool) -> u64 {
    // SAFETY: no memory is passed; cannot fail.
    let own = unsafe { libc::getuid() };
    let user = if as_root && level == Level::Landlock { super::inside::NOBODY } else { own };
    let Ok(processes) = fs::read_dir("/proc") else { return 0 };
    processes
        .flatten()
        .filter(|entry| entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit))
        .filter(|entry| entry.metadata().is_ok_and(|data| data.uid() == user))
        .filter_map(|entry| fs::read_dir(entry.path().join("task")).ok())
        .map(|tasks| tasks.count() as u64)
        .sum()
}
