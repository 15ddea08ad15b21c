//! System calls, each as a small safe function that allocates nothing and answers `errno`: what runs between `clone` and
//! `execve` calls nothing else of the standard library.

mod mount;
mod process;

use std::ffi::CStr;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd};

use libc::{c_int, c_long, c_uint};

pub(super) use mount::{
    MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY, mount_private, move_mount,
    open_tree, pivot_here, restrict_mount, tmpfs,
};
pub(super) use process::{
    alarm, become_user, block_signals, child_signals, children_time, clone, clone_to_execute,
    default_signals, execute, exit, filter, kill, new_session, no_groups, prctl, reap, restore_signals,
    set_host_name, set_limit, signal_pidfd, unblock_signals,
};

/// `Err` is an `errno`.
pub(super) type Sys<T> = Result<T, c_int>;

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

pub(super) fn change_folder(path: &CStr) -> Sys<()> {
    // SAFETY: `path` is a terminated string that outlives the call.
    check(c_long::from(unsafe { libc::chdir(path.as_ptr()) })).map(drop)
}

pub(super) fn change_folder_to(fd: c_int) -> Sys<()> {
    // SAFETY: no memory is passed.
    check(c_long::from(unsafe { libc::fchdir(fd) })).map(drop)
}

pub(super) fn file_mode_mask(mask: libc::mode_t) {
    // SAFETY: no memory is passed; cannot fail.
    let _ = unsafe { libc::umask(mask) };
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
