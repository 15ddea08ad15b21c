//! The filter of system calls: a list of what ordinary programs need, and EPERM for everything else. What is not listed
//! needs no entry: ptrace, mount, unshare, bpf, io_uring, userfaultfd, keyrings, perf, modules, and what comes next year.
//!
//! Built before the first process exists, which only hands it over.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Size, SeccompCmpOp as Is, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use crate::{Layer, SandboxError};

#[cfg(target_arch = "x86_64")]
const ARCH: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCH: TargetArch = TargetArch::aarch64;

/// The same number on all processors; not in `libc` for all of them.
const FCHMODAT2: c_long = 452;

/// What is allowed with any arguments.
#[rustfmt::skip]
const ALLOWED: &[c_long] = &[
    // Files: all of them are checked by mounts, modes and Landlock.
    libc::SYS_read, libc::SYS_readv, libc::SYS_pread64, libc::SYS_preadv, libc::SYS_preadv2,
    libc::SYS_write, libc::SYS_writev, libc::SYS_pwrite64, libc::SYS_pwritev, libc::SYS_pwritev2,
    libc::SYS_openat, libc::SYS_openat2, libc::SYS_close, libc::SYS_close_range, libc::SYS_lseek,
    libc::SYS_dup, libc::SYS_dup3, libc::SYS_pipe2,
    libc::SYS_fstat, libc::SYS_newfstatat, libc::SYS_statx, libc::SYS_statfs, libc::SYS_fstatfs,
    libc::SYS_faccessat, libc::SYS_faccessat2, libc::SYS_readlinkat, libc::SYS_getdents64,
    libc::SYS_getcwd, libc::SYS_chdir, libc::SYS_fchdir, libc::SYS_umask,
    libc::SYS_mkdirat, libc::SYS_mknodat, libc::SYS_unlinkat, libc::SYS_linkat, libc::SYS_symlinkat,
    libc::SYS_renameat2, libc::SYS_truncate, libc::SYS_ftruncate,
    libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_fadvise64, libc::SYS_readahead,
    libc::SYS_copy_file_range,
    libc::SYS_getxattr, libc::SYS_lgetxattr, libc::SYS_fgetxattr,
    libc::SYS_listxattr, libc::SYS_llistxattr, libc::SYS_flistxattr,
    // Memory.
    libc::SYS_brk, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_mprotect, libc::SYS_madvise,
    libc::SYS_msync, libc::SYS_mincore, libc::SYS_membarrier,
    // Processes and threads; `clone` is below.
    libc::SYS_execve, libc::SYS_execveat, libc::SYS_exit, libc::SYS_exit_group, libc::SYS_wait4, libc::SYS_waitid,
    libc::SYS_getpid, libc::SYS_getppid, libc::SYS_gettid, libc::SYS_getpgid, libc::SYS_setpgid, libc::SYS_getsid,
    libc::SYS_setsid, libc::SYS_getuid, libc::SYS_geteuid, libc::SYS_getgid, libc::SYS_getegid,
    libc::SYS_getresuid, libc::SYS_getresgid, libc::SYS_getgroups, libc::SYS_capget,
    // Without capabilities these lead to nobody else; `posix_spawn` makes sure with them, as `make` wants it to.
    libc::SYS_setresuid, libc::SYS_setresgid,
    libc::SYS_set_tid_address, libc::SYS_set_robust_list, libc::SYS_get_robust_list, libc::SYS_rseq,
    libc::SYS_sched_yield, libc::SYS_sched_getaffinity, libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler, libc::SYS_sched_get_priority_max, libc::SYS_sched_get_priority_min,
    libc::SYS_getpriority, libc::SYS_getrusage, libc::SYS_times,
    libc::SYS_uname, libc::SYS_sysinfo, libc::SYS_getcpu, libc::SYS_getrandom,
    libc::SYS_pidfd_open, libc::SYS_pidfd_send_signal,
    // Signals: the namespace or Landlock says to whom.
    libc::SYS_kill, libc::SYS_tkill, libc::SYS_tgkill, libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn, libc::SYS_rt_sigpending, libc::SYS_rt_sigtimedwait, libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo, libc::SYS_sigaltstack, libc::SYS_signalfd4,
    libc::SYS_restart_syscall,
    // Time.
    libc::SYS_clock_gettime, libc::SYS_clock_getres, libc::SYS_clock_nanosleep, libc::SYS_nanosleep,
    libc::SYS_gettimeofday, libc::SYS_getitimer, libc::SYS_setitimer, libc::SYS_timer_create,
    libc::SYS_timer_settime, libc::SYS_timer_gettime, libc::SYS_timer_getoverrun, libc::SYS_timer_delete,
    libc::SYS_timerfd_create, libc::SYS_timerfd_settime, libc::SYS_timerfd_gettime,
    // Waiting.
    libc::SYS_futex, libc::SYS_futex_waitv, libc::SYS_ppoll, libc::SYS_pselect6, libc::SYS_eventfd2,
    libc::SYS_epoll_create1, libc::SYS_epoll_ctl, libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2,
    // Sockets that exist, all of them connected: `socketpair` is below.
    libc::SYS_getsockname, libc::SYS_getpeername, libc::SYS_shutdown, libc::SYS_getsockopt,
];

/// The older forms of what is allowed above.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const ALLOWED_HERE: &[c_long] = &[
    libc::SYS_open, libc::SYS_creat, libc::SYS_stat, libc::SYS_lstat, libc::SYS_access, libc::SYS_readlink,
    libc::SYS_getdents, libc::SYS_mkdir, libc::SYS_rmdir, libc::SYS_mknod, libc::SYS_unlink, libc::SYS_link,
    libc::SYS_symlink, libc::SYS_rename, libc::SYS_renameat, libc::SYS_pipe, libc::SYS_dup2, libc::SYS_poll,
    libc::SYS_select, libc::SYS_epoll_create, libc::SYS_epoll_wait, libc::SYS_eventfd, libc::SYS_signalfd,
    libc::SYS_fork, libc::SYS_vfork, libc::SYS_getpgrp, libc::SYS_getrlimit, libc::SYS_alarm, libc::SYS_pause,
    libc::SYS_time, libc::SYS_arch_prctl,
];
#[cfg(target_arch = "aarch64")]
const ALLOWED_HERE: &[c_long] = &[38]; // renameat

/// Allowed with any arguments where only the command's own files and processes are in reach. Landlock knows nothing of modes,
/// owners, times and priorities: without a root and namespaces, these would reach all that belongs to the same user.
#[rustfmt::skip]
const ALLOWED_APART: &[c_long] = &[
    libc::SYS_fchmod, libc::SYS_fchmodat, FCHMODAT2, libc::SYS_fchown, libc::SYS_fchownat, libc::SYS_utimensat,
    libc::SYS_fallocate,
];
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const ALLOWED_APART_HERE: &[c_long] = &[
    libc::SYS_chmod, libc::SYS_chown, libc::SYS_lchown, libc::SYS_utime, libc::SYS_utimes, libc::SYS_futimesat,
];
#[cfg(target_arch = "aarch64")]
const ALLOWED_APART_HERE: &[c_long] = &[];

/// Refused with errors of their own, for which programs are prepared. The C library asks for `clone3` first, whose flags lie
/// in memory where no filter sees them, and is content with `clone` when the kernel seems too old; `cp -p` expects that a
/// file system may have no attributes. `flock` needs no right to a file but to read it, so that a lock on a file that is shown
/// would keep the machine's own programs waiting. `sendfile` into a socket holds whole pages, of which hardly a byte is
/// charged; who uses it copies where it cannot.
#[rustfmt::skip]
const REFUSED: [(i32, &[c_long]); 3] = [
    (libc::ENOSYS, &[libc::SYS_clone3]),
    (libc::EOPNOTSUPP, &[
        libc::SYS_setxattr, libc::SYS_lsetxattr, libc::SYS_fsetxattr,
        libc::SYS_removexattr, libc::SYS_lremovexattr, libc::SYS_fremovexattr, libc::SYS_flock,
    ]),
    (libc::EINVAL, &[libc::SYS_sendfile]),
];

/// What is asked of a descriptor: copies, flags, locks of parts of a file. Not among them: leases and notices, which reach
/// whoever else opens a file that is shown, and the size of a pipe, which is memory of the kernel's.
const FCNTLS: [i32; 15] = [
    libc::F_DUPFD,
    libc::F_DUPFD_CLOEXEC,
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_SETFL,
    libc::F_GETOWN,
    libc::F_GETLK,
    libc::F_SETLK,
    libc::F_SETLKW,
    libc::F_OFD_GETLK,
    libc::F_OFD_SETLK,
    libc::F_OFD_SETLKW,
    libc::F_GETPIPE_SZ,
    libc::F_GET_SEALS,
];

/// What is set of a socket: how long to wait, how to keep a connection alive. Not among them: filters of packets, other
/// protocols on top.
const SOCKET_OPTIONS: [(i32, i32); 13] = [
    (libc::SOL_SOCKET, libc::SO_REUSEADDR),
    (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
    (libc::SOL_SOCKET, libc::SO_LINGER),
    (libc::SOL_SOCKET, libc::SO_PASSCRED),
    (libc::SOL_SOCKET, libc::SO_RCVTIMEO),
    (libc::SOL_SOCKET, libc::SO_SNDTIMEO),
    (libc::IPPROTO_TCP, libc::TCP_NODELAY),
    (libc::IPPROTO_TCP, libc::TCP_CORK),
    (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE),
    (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL),
    (libc::IPPROTO_TCP, libc::TCP_KEEPCNT),
    (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT),
    (libc::IPPROTO_TCP, libc::TCP_QUICKACK),
];

/// Answered as if it were done: a socket's buffers are memory of the kernel's, and stay as large as they are.
const SOCKET_BUFFERS: [(i32, i32); 2] =
    [(libc::SOL_SOCKET, libc::SO_SNDBUF), (libc::SOL_SOCKET, libc::SO_RCVBUF)];

/// Calls with flags for a packet, and where these stand.
const PACKETS: [(c_long, u8); 6] = [
    (libc::SYS_sendto, 3),
    (libc::SYS_sendmsg, 2),
    (libc::SYS_sendmmsg, 3),
    (libc::SYS_recvfrom, 3),
    (libc::SYS_recvmsg, 2),
    (libc::SYS_recvmmsg, 3),
];

/// What a terminal or a descriptor is asked. Not among them: TIOCSTI, which types into a terminal.
#[allow(clippy::unnecessary_cast, reason = "their type depends on the C library")]
const IOCTLS: [u64; 6] = [
    libc::TCGETS as u64,
    libc::TIOCGWINSZ as u64,
    libc::FIONREAD as u64,
    libc::FIOCLEX as u64,
    libc::FIONCLEX as u64,
    libc::FIONBIO as u64,
];

/// Naming a thread or a piece of memory, dying with the parent, asking about oneself.
const PRCTLS: [i32; 8] = [
    libc::PR_SET_NAME,
    libc::PR_GET_NAME,
    libc::PR_SET_PDEATHSIG,
    libc::PR_GET_DUMPABLE,
    libc::PR_CAPBSET_READ,
    libc::PR_GET_NO_NEW_PRIVS,
    libc::PR_SET_NO_NEW_PRIVS,
    libc::PR_SET_VMA,
];

/// New namespaces of any kind.
const NEW_NAMESPACES: i32 = libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The filters, in the order in which they are set. `apart` is whether there are namespaces,
/// `connecting` whether there is a port to connect to.
pub(super) fn filters(apart: bool, connecting: bool) -> Result<Vec<BpfProgram>, SandboxError> {
    let denied = SeccompAction::Errno(libc::EPERM as u32);
    build(apart, connecting, denied).map_err(|_| SandboxError::new(Layer::Seccomp))
}

fn build(
    apart: bool,
    connecting: bool,
    denied: SeccompAction,
) -> Result<Vec<BpfProgram>, seccompiler::BackendError> {
    let mut filters = Vec::new();
    for (errno, calls) in REFUSED {
        let calls = calls.iter().map(|call| (*call, Vec::new())).collect();
        filters.push(answering(errno, calls)?);
    }
    filters.push(answering(0, [(libc::SYS_setsockopt, pairs(1, &SOCKET_BUFFERS)?)].into())?);
    // The one that denies `seccomp` itself comes last; it lets through what those before it refuse, and their answer stands.
    filters
        .push(SeccompFilter::new(rules(apart, connecting)?, denied, SeccompAction::Allow, ARCH)?.try_into()?);
    Ok(filters)
}

/// A filter that answers this to what it has rules for.
fn answering(errno: i32, rules: Rules) -> Result<BpfProgram, seccompiler::BackendError> {
    SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno as u32), ARCH)?.try_into()
}

fn rules(apart: bool, connecting: bool) -> Result<Rules, seccompiler::BackendError> {
    let refused = REFUSED.iter().flat_map(|(_, calls)| *calls);
    let mut rules: Rules =
        ALLOWED.iter().chain(ALLOWED_HERE).chain(refused).map(|call| (*call, Vec::new())).collect();
    if apart {
        rules.extend(ALLOWED_APART.iter().chain(ALLOWED_APART_HERE).map(|call| (*call, Vec::new())));
        // Everybody but the sandbox's first process.
        rules.insert(libc::SYS_setpriority, vec![SeccompRule::new(vec![is(0, 0)?, is_not(1, 1)?])?]);
        rules.insert(libc::SYS_sched_setaffinity, vec![SeccompRule::new(vec![is_not(0, 1)?])?]);
    } else {
        // The times of an open file, without a path.
        rules.insert(libc::SYS_utimensat, vec![without(1, u64::MAX)?]);
        // Room that a file's length does not show would not be seen.
        rules.insert(libc::SYS_fallocate, one_of(1, &[0])?);
    }
    // Data out of order is a source of faults in the kernel, and data along with the first packet a way to connect that Landlock
    // does not see on all kernels.
    for (call, flags) in PACKETS {
        rules.insert(call, vec![without(flags, (libc::MSG_OOB | libc::MSG_FASTOPEN) as u64)?]);
    }
    if connecting {
        rules.insert(libc::SYS_socket, tcp_sockets()?);
        // Whereto is the network's business, and Landlock's: there is one loopback in it and one port.
        rules.insert(libc::SYS_connect, Vec::new());
    }
    rules.insert(libc::SYS_setsockopt, pairs(1, &[&SOCKET_OPTIONS[..], &SOCKET_BUFFERS].concat())?);
    rules.insert(libc::SYS_fcntl, one_of(1, &FCNTLS.map(|command| command as u64))?);
    rules.insert(libc::SYS_socketpair, connected_pairs()?);
    rules.insert(libc::SYS_ioctl, one_of(1, &IOCTLS)?);
    rules.insert(libc::SYS_prctl, one_of(0, &PRCTLS.map(|option| option as u64))?);
    // One's own limits only: those of the sandbox's first process are another's.
    rules.insert(libc::SYS_prlimit64, one_of(0, &[0])?);
    rules.insert(libc::SYS_clone, vec![without(0, NEW_NAMESPACES as u64)?]);
    // Shared memory without a file belongs to no process once it is not mapped, and huge pages stand in another account: they
    // would not be counted.
    let uncounted = [libc::MAP_ANONYMOUS, libc::MAP_SHARED].map(|bit| (bit | libc::MAP_HUGETLB) as u64);
    rules.insert(libc::SYS_mmap, vec![without(3, uncounted[0])?, without(3, uncounted[1])?]);
    Ok(rules)
}

/// An argument, of which the kernel reads 32 bits, has one of these values.
fn one_of(argument: u8, values: &[u64]) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    values.iter().map(|value| SeccompRule::new(vec![is(argument, value & 0xffff_ffff)?])).collect()
}

/// An argument and the one after it are one of these pairs.
fn pairs(argument: u8, values: &[(i32, i32)]) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let pair = |(one, other): &(i32, i32)| {
        SeccompRule::new(vec![is(argument, *one as u64)?, is(argument + 1, *other as u64)?])
    };
    values.iter().map(pair).collect()
}

fn is(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, Size::Dword, Is::Eq, value)
}

fn is_not(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, Size::Dword, Is::Ne, value)
}

/// Unix sockets that are connected to each other and to nobody else for ever. One that could be given an address would
/// reach a socket of the machine's in a folder that is shown: mounts and Landlock leave that to the socket's mode.
fn connected_pairs() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    [libc::SOCK_STREAM, libc::SOCK_SEQPACKET]
        .into_iter()
        .map(|kind| SeccompRule::new(of_kind(libc::AF_UNIX, kind)?.into()))
        .collect()
}

/// TCP and nothing that is like it: Landlock's rule for ports knows neither multipath TCP nor SCTP.
fn tcp_sockets() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    [0, libc::IPPROTO_TCP]
        .into_iter()
        .map(|protocol| {
            let [family, kind] = of_kind(libc::AF_INET, libc::SOCK_STREAM)?;
            SeccompRule::new(vec![family, kind, is(2, protocol as u64)?])
        })
        .collect()
}

/// The first two arguments of `socket`, whatever flags stand beside the kind.
fn of_kind(family: i32, kind: i32) -> Result<[SeccompCondition; 2], seccompiler::BackendError> {
    const KIND: u64 = 0xf;
    Ok([is(0, family as u64)?, SeccompCondition::new(1, Size::Dword, Is::MaskedEq(KIND), kind as u64)?])
}

/// An argument has none of these bits.
fn without(argument: u8, bits: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, Size::Qword, Is::MaskedEq(bits), 0)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_is_listed_twice_and_none_that_has_rules_of_its_own() {
        let all: Vec<_> =
            [ALLOWED, ALLOWED_HERE, ALLOWED_APART, ALLOWED_APART_HERE].into_iter().flatten().collect();
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(all.len(), different.len());
        for ruled in [libc::SYS_clone, libc::SYS_ioctl, libc::SYS_mmap, libc::SYS_prctl, libc::SYS_prlimit64]
        {
            assert!(!all.contains(&&ruled), "{ruled}");
        }
    }

    #[test]
    fn the_filters_are_within_what_the_kernel_takes() {
        let filters = [filters(true, false), filters(true, true), filters(false, false)];
        let filters: Vec<_> = filters.into_iter().flat_map(Result::unwrap).collect();
        assert_eq!(filters.len(), 15);
        assert!(filters.iter().all(|filter| filter.len() < 4096));
    }
}
