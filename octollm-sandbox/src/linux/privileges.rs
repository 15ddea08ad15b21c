//! No capability, no way to get one: not by a setuid program, not by a file's capabilities, not by a new user.

use libc::{c_int, c_ulong};

use super::message::{Failure, In as _};
use super::sys::{self, Sys};
use crate::Layer;

/// More than the kernel has; it says which the last one is.
const CAPABILITIES: c_ulong = 64;

/// Root has no powers by being root, changing the user gives none, none is kept or raised; and none of that can be undone.
const SECURE: c_int = libc::SECBIT_NOROOT
    | libc::SECBIT_NOROOT_LOCKED
    | libc::SECBIT_NO_SETUID_FIXUP
    | libc::SECBIT_NO_SETUID_FIXUP_LOCKED
    | libc::SECBIT_KEEP_CAPS_LOCKED
    | libc::SECBIT_NO_CAP_AMBIENT_RAISE
    | libc::SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

/// Gives up what only a privileged process can give up. To be called while there are capabilities.
pub(super) fn close_doors() -> Result<(), Failure> {
    for capability in 0..CAPABILITIES {
        match sys::prctl(libc::PR_CAPBSET_DROP, capability, 0) {
            Ok(_) => {}
            Err(libc::EINVAL) if capability > 0 => break,
            Err(errno) => return Err(errno).layer(Layer::Privileges),
        }
    }
    sys::prctl(libc::PR_SET_SECUREBITS, SECURE as c_ulong, 0).map(drop).layer(Layer::Privileges)
}

/// Gives up every capability, and the ways to new ones that anybody can close.
pub(super) fn drop_all() -> Result<(), Failure> {
    sys::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as c_ulong, 0)
        .map(drop)
        .layer(Layer::Privileges)?;
    no_capabilities().layer(Layer::Privileges)?;
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).map(drop).layer(Layer::Privileges)
}

#[repr(C)]
struct Header {
    version: u32,
    pid: c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

fn no_capabilities() -> Sys<()> {
    const VERSION: u32 = 0x2008_0522;
    let mut header = Header { version: VERSION, pid: 0 };
    let sets = [Sets::default(); 2];
    // SAFETY: the structures are those of version 3 (two sets of 32 each) and outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) };
    if result < 0 { Err(sys::errno()) } else { Ok(()) }
}
