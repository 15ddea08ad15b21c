//! The caller's system calls, each as a small safe function that answers `errno`.

mod process;

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd};

use libc::{c_int, c_long, c_uint};

pub(super) use process::{block_signals, clone, clone_to_execute, kill, reap, restore_signals, signal_pidfd};

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

/// Waits for events; a negative time waits for ever. A signal counts as the time having passed.
pub(super) fn poll(fds: &mut [libc::pollfd], milliseconds: c_int) -> Sys<()> {
    // SAFETY: the pointer and the length are one slice, writable.
    match check(c_long::from(unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as _, milliseconds) })) {
        Ok(_) | Err(libc::EINTR) => Ok(()),
        Err(errno) => Err(errno),
    }
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

/// A file in memory, with this content, which nobody can change any more.
pub(super) fn memory_file(name: &CStr, content: &[u8], executable: bool) -> io::Result<OwnedFd> {
    let mut flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    if executable {
        flags |= libc::MFD_EXEC;
    }
    let mut made = create_memory_file(name, flags);
    if executable && matches!(made, Err(libc::EINVAL)) {
        // Before 6.3 each was executable, and none could say so.
        made = create_memory_file(name, flags & !libc::MFD_EXEC);
    }
    let mut file = File::from(made.map_err(io::Error::from_raw_os_error)?);
    file.write_all(content)?;
    file.rewind()?;
    seal(&file).map_err(io::Error::from_raw_os_error)?;
    Ok(file.into())
}

fn create_memory_file(name: &CStr, flags: c_uint) -> Sys<OwnedFd> {
    // SAFETY: the string is terminated and outlives the call; the descriptor is new and nobody else's.
    unsafe {
        let fd = small(c_long::from(libc::memfd_create(name.as_ptr(), flags)))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Nobody can change the file in memory any more.
fn seal(file: &impl AsRawFd) -> Sys<()> {
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
