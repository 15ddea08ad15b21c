//! Processes: making, becoming, signalling and reaping them.

use std::ffi::CStr;
use std::mem;
use std::ptr;

use libc::{c_char, c_int, c_long, c_uint, c_ulong, c_void, pid_t};

use super::{Sys, again, check, errno, small};

/// A child that shares no memory with this process. `Ok(None)` is the child. No handler of `pthread_atfork` runs, and
/// the child sends no SIGCHLD unless `flags` say so: nobody else in this process can reap it by accident.
///
/// # Safety
/// The child is a copy of one thread of many: until it replaces itself or exits, it may only make system calls and
/// touch memory that was ready before. It must not allocate, lock, panic or return to its caller's caller.
pub(in crate::linux) unsafe fn clone(flags: c_int, pidfd: Option<&mut c_int>) -> Sys<Option<pid_t>> {
    let place = pidfd.map_or(ptr::null_mut(), ptr::from_mut);
    let flags = c_ulong::from(flags as u32) | if place.is_null() { 0 } else { libc::CLONE_PIDFD as c_ulong };
    // SAFETY: without CLONE_VM a null stack means that the child goes on with its copy of this one. `place` is null or valid for
    // the one write of CLONE_PIDFD. The thread pointer and the child's id, whose order differs between processors, are
    // both null and not asked for. What the child may do is the caller's promise.
    let pid = unsafe {
        libc::syscall(
            libc::SYS_clone,
            flags,
            ptr::null_mut::<u8>(),
            place,
            ptr::null_mut::<c_int>(),
            ptr::null_mut::<c_int>(),
        )
    };
    small(pid).map(|pid| (pid != 0).then_some(pid))
}

/// A child that shares this process's memory, which waits until the child has become a program or has ended. Nothing is
/// copied, and `errno` has one user at a time.
///
/// # Safety
/// `body` gets `argument`, runs on `stack`, and may only make system calls; it must not return but by exiting.
pub(in crate::linux) unsafe fn clone_to_execute(
    stack: &mut [u8],
    body: extern "C" fn(*mut c_void) -> c_int,
    argument: *mut c_void,
) -> Sys<pid_t> {
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // Stacks grow downwards here, from an address that 16 divides.
    let end = stack.as_mut_ptr_range().end;
    let top = end.wrapping_sub(end as usize % 16);
    // SAFETY: `top` is the end of a stack that is only used by the child, and only while this process waits.
    small(c_long::from(unsafe { libc::clone(body, top.cast(), flags, argument) }))
}

pub(in crate::linux) fn exit(code: c_int) -> ! {
    // SAFETY: ends this process without running anything of its own.
    unsafe { libc::_exit(code) }
}

/// `prctl` with numbers only.
pub(in crate::linux) fn prctl(option: c_int, a: c_ulong, b: c_ulong) -> Sys<c_int> {
    const UNUSED: c_ulong = 0;
    // SAFETY: only called with options whose arguments are numbers.
    small(c_long::from(unsafe { libc::prctl(option, a, b, UNUSED, UNUSED) }))
}

pub(in crate::linux) fn set_host_name(name: &CStr) -> Sys<()> {
    let length = name.to_bytes().len();
    // SAFETY: pointer and length are one string.
    check(c_long::from(unsafe { libc::sethostname(name.as_ptr(), length as _) })).map(drop)
}

pub(in crate::linux) fn new_session() -> Sys<()> {
    // SAFETY: no memory is passed.
    check(c_long::from(unsafe { libc::setsid() })).map(drop)
}

pub(in crate::linux) fn no_groups() -> Sys<()> {
    // SAFETY: no groups: the pointer is not read. The raw call, since libc's tells all threads, which are not here.
    check(unsafe { libc::syscall(libc::SYS_setgroups, 0, ptr::null::<libc::gid_t>()) }).map(drop)
}

/// Real, effective and saved user and group become `id`.
pub(in crate::linux) fn become_user(id: libc::uid_t) -> Sys<()> {
    // SAFETY: no memory is passed. Raw calls, since libc's tell all threads, which are not here.
    check(unsafe { libc::syscall(libc::SYS_setresgid, id, id, id) })?;
    // SAFETY: as above.
    check(unsafe { libc::syscall(libc::SYS_setresuid, id, id, id) }).map(drop)
}

pub(in crate::linux) fn set_limit(resource: c_uint, soft: u64, hard: u64) -> Sys<()> {
    let limit = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
    let nothing = ptr::null_mut::<libc::rlimit64>();
    // SAFETY: `limit` outlives the call; the old value is not asked for.
    check(unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, &raw const limit, nothing) }).map(drop)
}

/// Every signal back to what the kernel does by itself.
pub(in crate::linux) fn default_signals() {
    for signal in 1..=64 {
        // SAFETY: all zeroes is a valid action: the default, with no flags. Kill, stop and the two that the C library
        // keeps to itself are refused, which is as well.
        let _ = unsafe {
            let action: libc::sigaction = mem::zeroed();
            libc::sigaction(signal, &raw const action, ptr::null_mut())
        };
    }
}

/// Blocks all signals of this thread and answers which were blocked before.
pub(in crate::linux) fn block_signals() -> libc::sigset_t {
    // SAFETY: `sigfillset` initialises the set; both sets are valid for the calls, which cannot fail.
    unsafe {
        let mut all: libc::sigset_t = mem::zeroed();
        let mut before: libc::sigset_t = mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before);
        before
    }
}

pub(in crate::linux) fn restore_signals(before: &libc::sigset_t) {
    // SAFETY: the set is valid and outlives the call.
    let _ = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, ptr::null_mut()) };
}

pub(in crate::linux) fn unblock_signals() {
    // SAFETY: `sigemptyset` initialises the set, which outlives the call.
    unsafe {
        let mut none: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// Raises SIGALRM after some seconds.
pub(in crate::linux) fn alarm(seconds: c_uint) {
    // SAFETY: no memory is passed; cannot fail.
    let _ = unsafe { libc::alarm(seconds) };
}

/// A descriptor that is readable after a child has ended, or the alarm has rung. Both signals must be blocked.
pub(in crate::linux) fn child_signals() -> Sys<c_int> {
    // SAFETY: `sigemptyset` initialises the set, which outlives the calls.
    small(c_long::from(unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        libc::sigaddset(&raw mut set, libc::SIGALRM);
        libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
    }))
}

/// Reaps a child that has ended, of any kind: its id (0: none has) and its status.
pub(in crate::linux) fn reap(pid: pid_t, flags: c_int) -> Sys<(pid_t, c_int)> {
    let mut status = 0;
    // SAFETY: `status` is valid for the one write.
    let pid = again(|| c_long::from(unsafe { libc::waitpid(pid, &raw mut status, flags | libc::__WALL) }))?;
    Ok((pid as pid_t, status))
}

/// Microseconds of processor time of all children that were reaped, with theirs.
pub(in crate::linux) fn children_time() -> u64 {
    // SAFETY: all zeroes is a valid value, and it is valid for the one write.
    let usage = unsafe {
        let mut usage: libc::rusage = mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    let micros = |time: libc::timeval| (time.tv_sec as u64).saturating_mul(1_000_000) + time.tv_usec as u64;
    micros(usage.ru_utime).saturating_add(micros(usage.ru_stime))
}

pub(in crate::linux) fn kill(pid: pid_t, signal: c_int) {
    // SAFETY: no memory is passed.
    let _ = unsafe { libc::kill(pid, signal) };
}

/// Sends a signal to the very process that the descriptor stands for.
pub(in crate::linux) fn signal_pidfd(pidfd: c_int, signal: c_int) {
    let info = ptr::null::<libc::siginfo_t>();
    // SAFETY: a null `info` means that of `kill`.
    let _ = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd, signal, info, 0) };
}

/// Replaces this process; only answers when that failed.
///
/// # Safety
/// Both lists are arrays of pointers to terminated strings, with a null pointer at the end.
pub(in crate::linux) unsafe fn execute(
    program: &CStr,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { libc::execve(program.as_ptr(), arguments, environment) };
    errno()
}

/// Lets a filter judge every system call from here on.
pub(in crate::linux) fn filter(program: &[seccompiler::sock_filter]) -> Sys<()> {
    let filter = libc::sock_fprog {
        len: program.len() as _,
        // The kernel only reads it; both types are `struct sock_filter`.
        filter: program.as_ptr().cast::<libc::sock_filter>().cast_mut(),
    };
    // SAFETY: pointer and length are one slice that outlives the call.
    check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter) })
        .map(drop)
}
