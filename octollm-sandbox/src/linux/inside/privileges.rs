//! No capability, no way to get one: not by a setuid program, not by a file's capabilities, not by a new user.

use super::abi;
use super::sys;
use super::wire::{Failure, In as _};
use crate::Layer;

/// More than the kernel has; it says which the last one is.
const CAPABILITIES: usize = 64;

/// Gives up what only a privileged process can give up, for ever: capabilities of programs and files; and root has no
/// powers by being root, changing the user gives none, none is kept or raised. To be called while there are capabilities.
pub(super) fn close_doors() -> Result<(), Failure> {
    for capability in 0..CAPABILITIES {
        match sys::prctl(abi::PR_CAPBSET_DROP, capability, 0) {
            Ok(()) => {}
            Err(abi::EINVAL) if capability > 0 => break,
            Err(errno) => return Err(errno).layer(Layer::Privileges),
        }
    }
    sys::prctl(abi::PR_SET_SECUREBITS, abi::SECURE, 0).layer(Layer::Privileges)
}

/// Gives up every capability, and the ways to new ones that anybody can close.
pub(super) fn drop_all() -> Result<(), Failure> {
    sys::prctl(abi::PR_CAP_AMBIENT, abi::PR_CAP_AMBIENT_CLEAR_ALL, 0).layer(Layer::Privileges)?;
    sys::no_capabilities().layer(Layer::Privileges)?;
    sys::prctl(abi::PR_SET_NO_NEW_PRIVS, 1, 0).layer(Layer::Privileges)
}
