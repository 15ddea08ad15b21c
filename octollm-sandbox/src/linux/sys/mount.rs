//! Mounts, by the newer calls: a mount is a descriptor first, and hangs somewhere later.

use std::ffi::CStr;
use std::mem;
use std::ptr;

use libc::{c_char, c_int, c_long, c_uint};

use super::{Sys, check, close, small};

const OPEN_TREE_CLONE: c_uint = 1;
const OPEN_TREE_CLOEXEC: c_uint = libc::O_CLOEXEC as c_uint;
const AT_RECURSIVE: c_uint = 0x8000;
const MOVE_MOUNT_F_EMPTY_PATH: c_uint = 0x4;
const FSOPEN_CLOEXEC: c_uint = 1;
const FSCONFIG_SET_STRING: c_uint = 1;
const FSCONFIG_CMD_CREATE: c_uint = 6;
const FSMOUNT_CLOEXEC: c_uint = 1;

pub(in crate::linux) const MOUNT_ATTR_RDONLY: u64 = 0x1;
pub(in crate::linux) const MOUNT_ATTR_NOSUID: u64 = 0x2;
pub(in crate::linux) const MOUNT_ATTR_NODEV: u64 = 0x4;
pub(in crate::linux) const MOUNT_ATTR_NOEXEC: u64 = 0x8;

#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

pub(in crate::linux) fn open_tree(path: &CStr) -> Sys<c_int> {
    let flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE;
    // SAFETY: `path` is a terminated string that outlives the call.
    small(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) })
}

/// Attaches a mount that hangs nowhere yet.
pub(in crate::linux) fn move_mount(mount: c_int, folder: c_int, target: &CStr) -> Sys<()> {
    // SAFETY: both are terminated strings that outlive the call.
    check(unsafe {
        let empty = c"".as_ptr();
        libc::syscall(libc::SYS_move_mount, mount, empty, folder, target.as_ptr(), MOVE_MOUNT_F_EMPTY_PATH)
    })
    .map(drop)
}

/// Adds attributes to a mount, and with `recursive` to all below it.
pub(in crate::linux) fn restrict_mount(mount: c_int, set: u64, recursive: bool) -> Sys<()> {
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
pub(in crate::linux) fn tmpfs(options: &[(&CStr, &CStr)], attributes: u64) -> Sys<c_int> {
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

pub(in crate::linux) fn mount_private() -> Sys<()> {
    let none = ptr::null::<c_char>();
    // SAFETY: changing propagation takes a path only; the rest is null.
    check(c_long::from(unsafe {
        libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, none.cast())
    }))
    .map(drop)
}

/// Makes the working folder, a mount, the root of all processes here, and lets go of the old one.
pub(in crate::linux) fn pivot_here() -> Sys<()> {
    let here = c".".as_ptr();
    // SAFETY: both are terminated, static strings.
    check(unsafe { libc::syscall(libc::SYS_pivot_root, here, here) })?;
    // SAFETY: as above.
    check(c_long::from(unsafe { libc::umount2(here, libc::MNT_DETACH) })).map(drop)
}
