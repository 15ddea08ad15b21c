//! Processes: making, signalling and reaping them.

use std::mem;
use std::ptr;

use libc::{c_int, c_long, c_ulong, c_void, pid_t};

use super::{Sys, again, small};

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
/// copied, and `errno` has one user at a time. As above, its end is told to nobody who does not ask for it.
///
/// # Safety
/// `body` gets `argument`, runs on `stack`, and may only make system calls; it must not return but by exiting.
pub(in crate::linux) unsafe fn clone_to_execute(
    stack: &mut [u8],
    flags: c_int,
    pidfd: &mut c_int,
    body: extern "C" fn(*mut c_void) -> c_int,
    argument: *mut c_void,
) -> Sys<pid_t> {
    let flags = flags | libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD;
    // Stacks grow downwards here, from an address that 16 divides.
    let end = stack.as_mut_ptr_range().end;
    let top = end.wrapping_sub(end as usize % 16);
    // SAFETY: `top` is the end of a stack that is only used by the child, and only while this process waits; `pidfd` is
    // valid for the one write.
    small(c_long::from(unsafe { libc::clone(body, top.cast(), flags, argument, ptr::from_mut(pidfd)) }))
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

/// Reaps a child that has ended, of any kind: its id (0: none has) and its status.
pub(in crate::linux) fn reap(pid: pid_t, flags: c_int) -> Sys<(pid_t, c_int)> {
    let mut status = 0;
    // SAFETY: `status` is valid for the one write.
    let pid = again(|| c_long::from(unsafe { libc::waitpid(pid, &raw mut status, flags | libc::__WALL) }))?;
    Ok((pid as pid_t, status))
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
