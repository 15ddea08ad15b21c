//! System calls, each as a small safe function that allocates nothing and answers `errno`: what runs between `clone` and
//! `execve` calls nothing else of the standard library.

use std::ffi::CStr;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd};
use std::ptr;

use libc::{c_char, c_int, c_long, c_uint, c_ulong, c_void, pid_t};

/// `Err` is an `errno`.
pub(super) type Sys<T> = Result<T, c_int>;

pub(super) const OPEN_TREE_CLONE: c_uint = 1;
const OPEN_TREE_CLOEXEC: c_uint = libc::O_CLOEXEC as c_uint;
const AT_RECURSIVE: c_uint = 0x8000;
const MOVE_MOUNT_F_EMPTY_PATH: c_uint = 0x4;
const FSOPEN_CLOEXEC: c_uint = 1;
const FSCONFIG_SET_STRING: c_uint = 1;
const FSCONFIG_CMD_CREATE: c_uint = 6;
const FSMOUNT_CLOEXEC: c_uint = 1;

pub(super) const MOUNT_ATTR_RDONLY: u64 = 0x1;
pub(super) const MOUNT_ATTR_NOSUID: u64 = 0x2;
pub(super) const MOUNT_ATTR_NODEV: u64 = 0x4;
pub(super) const MOUNT_ATTR_NOEXEC: u64 = 0x8;

#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

/// The last call's `errno`.
pub(super) fn errno() -> c_int {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

fn check(result: c_long) -> Sys<c_long> {
    if result < 0 { Err(errno()) } else { Ok(result) }
}

/// Descriptors and process ids fit.
fn small(result: c_long) -> Sys<c_int> {
    check(result).map(|value| value as c_int)
}

/// Calls again what a signal interrupted.
fn again(mut call: impl FnMut() -> c_long) -> Sys<usize> {
    loop {
        match check(call()) {
            Ok(value) => return Ok(value as usize),
            Err(libc::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// A child that shares no memory with this process. `Ok(None)` is the child. No handler of `pthread_atfork` runs, and
/// the child sends no SIGCHLD unless `flags` say so: nobody else in this process can reap it by accident.
///
/// # Safety
/// The child is a copy of one thread of many: until it replaces itself or exits, it may only make system calls and
/// touch memory that was ready before. It must not allocate, lock, panic or return to its caller's caller.
pub(super) unsafe fn clone(flags: c_int, pidfd: Option<&mut c_int>) -> Sys<Option<pid_t>> {
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
pub(super) unsafe fn clone_to_execute(
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

pub(super) fn exit(code: c_int) -> ! {
    // SAFETY: ends this process without running anything of its own.
    unsafe { libc::_exit(code) }
}

pub(super) fn close(fd: c_int) {
    // SAFETY: no memory is passed; callers own the descriptor.
    let _ = unsafe { libc::close(fd) };
}

/// Closes `first` and all above, or marks them to be closed by `execve`.
pub(super) fn close_from(first: c_int, on_exec: bool) -> Sys<()> {
    let flags = if on_exec { libc::CLOSE_RANGE_CLOEXEC } else { 0 };
    // SAFETY: no memory is passed; only called in a child, whose descriptors are all its own.
    check(unsafe { libc::syscall(libc::SYS_close_range, first as c_uint, c_uint::MAX, flags) }).map(drop)
}

/// A copy of `fd` numbered `least` or above.
pub(super) fn duplicate_above(fd: c_int, least: c_int) -> Sys<c_int> {
    // SAFETY: no memory is passed.
    small(c_long::from(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, least) }))
}

/// Makes `to` the same file as `from`, and inheritable.
pub(super) fn duplicate_to(from: c_int, to: c_int) -> Sys<()> {
    // SAFETY: no memory is passed.
    check(c_long::from(unsafe { libc::dup2(from, to) })).map(drop)
}

pub(super) fn open_at(folder: c_int, path: &CStr, flags: c_int, mode: c_uint) -> Sys<c_int> {
    // SAFETY: `path` is a terminated string that outlives the call.
    small(c_long::from(unsafe { libc::openat(folder, path.as_ptr(), flags | libc::O_CLOEXEC, mode) }))
}

pub(super) fn make_folder_at(folder: c_int, path: &CStr, mode: c_uint) -> Sys<()> {
    // SAFETY: `path` is a terminated string that outlives the call.
    check(c_long::from(unsafe { libc::mkdirat(folder, path.as_ptr(), mode) })).map(drop)
}

pub(super) fn link_at(target: &CStr, folder: c_int, name: &CStr) -> Sys<()> {
    // SAFETY: both are terminated strings that outlive the call.
    check(c_long::from(unsafe { libc::symlinkat(target.as_ptr(), folder, name.as_ptr()) })).map(drop)
}

/// Writes everything.
pub(super) fn write_all(fd: c_int, mut bytes: &[u8]) -> Sys<()> {
    while !bytes.is_empty() {
        // SAFETY: the pointer and the length are one slice.
        let written = again(|| unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) as c_long })?;
        match bytes.get(written..) {
            Some(rest) if written > 0 => bytes = rest,
            _ => return Err(libc::EIO),
        }
    }
    Ok(())
}

/// Reads as much as is there; 0 is the end.
pub(super) fn read(fd: c_int, bytes: &mut [u8]) -> Sys<usize> {
    // SAFETY: the pointer and the length are one slice, writable.
    again(|| unsafe { libc::read(fd, bytes.as_mut_ptr().cast(), bytes.len()) as c_long })
}

/// Waits for events; a negative time waits for ever. A signal counts as the time having passed.
pub(super) fn poll(fds: &mut [libc::pollfd], milliseconds: c_int) -> Sys<()> {
    // SAFETY: the pointer and the length are one slice, writable.
    match check(c_long::from(unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as _, milliseconds) })) {
        Ok(_) | Err(libc::EINTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// `prctl` with numbers only.
pub(super) fn prctl(option: c_int, a: c_ulong, b: c_ulong) -> Sys<c_int> {
    const UNUSED: c_ulong = 0;
    // SAFETY: only called with options whose arguments are numbers.
    small(c_long::from(unsafe { libc::prctl(option, a, b, UNUSED, UNUSED) }))
}

pub(super) fn open_tree(path: &CStr) -> Sys<c_int> {
    let flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE;
    // SAFETY: `path` is a terminated string that outlives the call.
    small(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) })
}

/// Attaches a mount that hangs nowhere yet.
pub(super) fn move_mount(mount: c_int, folder: c_int, target: &CStr) -> Sys<()> {
    // SAFETY: both are terminated strings that outlive the call.
    check(unsafe {
        let empty = c"".as_ptr();
        libc::syscall(libc::SYS_move_mount, mount, empty, folder, target.as_ptr(), MOVE_MOUNT_F_EMPTY_PATH)
    })
    .map(drop)
}

/// Adds attributes to a mount, and with `recursive` to all below it.
pub(super) fn restrict_mount(mount: c_int, set: u64, recursive: bool) -> Sys<()> {
    let attributes = MountAttr { set, clear: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH as c_uint | if recursive { AT_RECURSIVE } else { 0 };
    // SAFETY: the string is terminated; the structure is the first version of `struct mount_attr`, of the size passed.
    check(unsafe {
        let size = mem::size_of::<MountAttr>();
        libc::syscall(libc::SYS_mount_setattr, mount, c"".as_ptr(), flags, &raw const attributes, size)
    })
    .map(drop)
}

/// A file system in memory that hangs nowhere yet.
pub(super) fn tmpfs(options: &[(&CStr, &CStr)], attributes: u64) -> Sys<c_int> {
    // SAFETY: the string is terminated and static.
    let context = small(unsafe { libc::syscall(libc::SYS_fsopen, c"tmpfs".as_ptr(), FSOPEN_CLOEXEC) })?;
    for (key, value) in options {
        // SAFETY: both are terminated strings that outlive the call; the last argument is unused.
        check(unsafe {
            let set = FSCONFIG_SET_STRING;
            libc::syscall(libc::SYS_fsconfig, context, set, key.as_ptr(), value.as_ptr(), 0)
        })?;
    }
    let none = ptr::null::<c_char>();
    // SAFETY: this command takes no key, value or number.
    check(unsafe { libc::syscall(libc::SYS_fsconfig, context, FSCONFIG_CMD_CREATE, none, none, 0) })?;
    // SAFETY: no memory is passed.
    let mount =
        small(unsafe { libc::syscall(libc::SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes as c_uint) });
    close(context);
    mount
}

pub(super) fn mount_private() -> Sys<()> {
    let none = ptr::null::<c_char>();
    // SAFETY: changing propagation takes a path only; the rest is null.
    check(c_long::from(unsafe {
        libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, none.cast())
    }))
    .map(drop)
}

/// Makes the working folder, a mount, the root of all processes here, and lets go of the old one.
pub(super) fn pivot_here() -> Sys<()> {
    let here = c".".as_ptr();
    // SAFETY: both are terminated, static strings.
    check(unsafe { libc::syscall(libc::SYS_pivot_root, here, here) })?;
    // SAFETY: as above.
    check(c_long::from(unsafe { libc::umount2(here, libc::MNT_DETACH) })).map(drop)
}

pub(super) fn change_folder(path: &CStr) -> Sys<()> {
    // SAFETY: `path` is a terminated string that outlives the call.
    check(c_long::from(unsafe { libc::chdir(path.as_ptr()) })).map(drop)
}

pub(super) fn change_folder_to(fd: c_int) -> Sys<()> {
    // SAFETY: no memory is passed.
    check(c_long::from(unsafe { libc::fchdir(fd) })).map(drop)
}

pub(super) fn set_host_name(name: &CStr) -> Sys<()> {
    let length = name.to_bytes().len();
    // SAFETY: pointer and length are one string.
    check(c_long::from(unsafe { libc::sethostname(name.as_ptr(), length as _) })).map(drop)
}

pub(super) fn new_session() -> Sys<()> {
    // SAFETY: no memory is passed.
    check(c_long::from(unsafe { libc::setsid() })).map(drop)
}

pub(super) fn file_mode_mask(mask: libc::mode_t) {
    // SAFETY: no memory is passed; cannot fail.
    let _ = unsafe { libc::umask(mask) };
}

pub(super) fn no_groups() -> Sys<()> {
    // SAFETY: no groups: the pointer is not read. The raw call, since libc's tells all threads, which are not here.
    check(unsafe { libc::syscall(libc::SYS_setgroups, 0, ptr::null::<libc::gid_t>()) }).map(drop)
}

/// Real, effective and saved user and group become `id`.
pub(super) fn become_user(id: libc::uid_t) -> Sys<()> {
    // SAFETY: no memory is passed. Raw calls, since libc's tell all threads, which are not here.
    check(unsafe { libc::syscall(libc::SYS_setresgid, id, id, id) })?;
    // SAFETY: as above.
    check(unsafe { libc::syscall(libc::SYS_setresuid, id, id, id) }).map(drop)
}

pub(super) fn set_limit(resource: c_uint, soft: u64, hard: u64) -> Sys<()> {
    let limit = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
    let nothing = ptr::null_mut::<libc::rlimit64>();
    // SAFETY: `limit` outlives the call; the old value is not asked for.
    check(unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, &raw const limit, nothing) }).map(drop)
}

/// Every signal back to what the kernel does by itself.
pub(super) fn default_signals() {
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
pub(super) fn block_signals() -> libc::sigset_t {
    // SAFETY: `sigfillset` initialises the set; both sets are valid for the calls, which cannot fail.
    unsafe {
        let mut all: libc::sigset_t = mem::zeroed();
        let mut before: libc::sigset_t = mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before);
        before
    }
}

pub(super) fn restore_signals(before: &libc::sigset_t) {
    // SAFETY: the set is valid and outlives the call.
    let _ = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, ptr::null_mut()) };
}

pub(super) fn unblock_signals() {
    // SAFETY: `sigemptyset` initialises the set, which outlives the call.
    unsafe {
        let mut none: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// Raises SIGALRM after some seconds.
pub(super) fn alarm(seconds: c_uint) {
    // SAFETY: no memory is passed; cannot fail.
    let _ = unsafe { libc::alarm(seconds) };
}

/// A descriptor that is readable after a child has ended, or the alarm has rung. Both signals must be blocked.
pub(super) fn child_signals() -> Sys<c_int> {
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
pub(super) fn reap(pid: pid_t, flags: c_int) -> Sys<(pid_t, c_int)> {
    let mut status = 0;
    // SAFETY: `status` is valid for the one write.
    let pid = again(|| c_long::from(unsafe { libc::waitpid(pid, &raw mut status, flags | libc::__WALL) }))?;
    Ok((pid as pid_t, status))
}

/// Microseconds of processor time of all children that were reaped, with theirs.
pub(super) fn children_time() -> u64 {
    // SAFETY: all zeroes is a valid value, and it is valid for the one write.
    let usage = unsafe {
        let mut usage: libc::rusage = mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    let micros = |time: libc::timeval| (time.tv_sec as u64).saturating_mul(1_000_000) + time.tv_usec as u64;
    micros(usage.ru_utime).saturating_add(micros(usage.ru_stime))
}

pub(super) fn kill(pid: pid_t, signal: c_int) {
    // SAFETY: no memory is passed.
    let _ = unsafe { libc::kill(pid, signal) };
}

/// Sends a signal to the very process that the descriptor stands for.
pub(super) fn signal_pidfd(pidfd: c_int, signal: c_int) {
    let info = ptr::null::<libc::siginfo_t>();
    // SAFETY: a null `info` means that of `kill`.
    let _ = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd, signal, info, 0) };
}

/// Replaces this process; only answers when that failed.
///
/// # Safety
/// Both lists are arrays of pointers to terminated strings, with a null pointer at the end.
pub(super) unsafe fn execute(
    program: &CStr,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { libc::execve(program.as_ptr(), arguments, environment) };
    errno()
}

/// Lets a filter judge every system call from here on.
pub(super) fn filter(program: &[seccompiler::sock_filter]) -> Sys<()> {
    let filter = libc::sock_fprog {
        len: program.len() as _,
        // The kernel only reads it; both types are `struct sock_filter`.
        filter: program.as_ptr().cast::<libc::sock_filter>().cast_mut(),
    };
    // SAFETY: pointer and length are one slice that outlives the call.
    check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter) })
        .map(drop)
}

/// Two ends of a connection that keeps packets apart.
pub(super) fn packet_pair() -> Sys<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: `ends` has room for both descriptors, which are new and nobody else's.
    unsafe {
        let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
        check(c_long::from(libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr())))?;
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

/// A file in memory.
pub(super) fn memory_file() -> Sys<OwnedFd> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the string is terminated and static; the descriptor is new and nobody else's.
    unsafe {
        let fd = small(c_long::from(libc::memfd_create(c"stdin".as_ptr(), flags)))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Nobody can change the file in memory any more.
pub(super) fn seal(file: &impl AsRawFd) -> Sys<()> {
    let seals = libc::F_SEAL_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL;
    // SAFETY: no memory is passed.
    check(c_long::from(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) })).map(drop)
}

/// Reading from it never waits.
pub(super) fn no_waiting(file: &impl AsRawFd) -> Sys<()> {
    // SAFETY: no memory is passed.
    check(c_long::from(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) })).map(drop)
}

/// Tells the other end of a connection that nothing more will come.
pub(super) fn hang_up(socket: &impl AsRawFd) {
    // SAFETY: no memory is passed.
    let _ = unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_WR) };
}

/// Opens what lies in a folder or below for reading: never through a link, out of the folder, or into another mount, and
/// never waiting for a writer.
pub(super) fn open_beneath(folder: &impl AsRawFd, path: &CStr, flags: c_int) -> Sys<OwnedFd> {
    // SAFETY: all zeroes is a valid value.
    let mut how: libc::open_how = unsafe { mem::zeroed() };
    how.flags = (flags | libc::O_RDONLY | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC) as u64;
    how.resolve = libc::RESOLVE_BENEATH
        | libc::RESOLVE_NO_SYMLINKS
        | libc::RESOLVE_NO_MAGICLINKS
        | libc::RESOLVE_NO_XDEV;
    // SAFETY: the string is terminated, `how` is of the size passed, both outlive the call; the descriptor is new and
    // nobody else's.
    unsafe {
        let size = mem::size_of::<libc::open_how>();
        let folder = folder.as_raw_fd();
        let fd = small(libc::syscall(libc::SYS_openat2, folder, path.as_ptr(), &raw const how, size))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}
