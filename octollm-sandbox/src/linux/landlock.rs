//! Landlock: the kernel's own rules for what a process may do with files, TCP, abstract sockets and signals. Within the
//! root of its own it repeats what the mounts say, by other means; without one it is what keeps files apart.
//!
//! Worked out here; the first process makes them known to the kernel, when the new root is there.

use std::ffi::CString;
use std::path::{Path, PathBuf};

use super::plan::{Places, text};
use super::sys::{self, Sys};
use crate::{Level, SandboxError};

const EXECUTE: u64 = 1 << 0;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const MAKE_CHAR: u64 = 1 << 6;
const MAKE_BLOCK: u64 = 1 << 11;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEV: u64 = 1 << 15;
/// Everything of the first version.
const FIRST: u64 = (1 << 13) - 1;
/// What can be granted on a file that is no folder.
const ON_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;

/// Binding and connecting TCP sockets.
const NET: u64 = 0b11;
const CONNECT_TCP: u64 = 0b10;
/// Abstract sockets and signals, to processes outside.
const SCOPES: u64 = 0b11;

const CREATE_VERSION: u32 = 1;

/// The version from which signals are kept in, without which a sandbox without namespaces is none.
const NEEDED_ALONE: i32 = 6;

/// What may be done at a path and below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    List,
    Read,
    Run,
    Device,
    Write,
}

impl Access {
    fn bits(self) -> u64 {
        match self {
            Self::List => READ_DIR,
            Self::Read => READ_FILE | READ_DIR,
            Self::Run => READ_FILE | READ_DIR | EXECUTE,
            Self::Device => READ_FILE | WRITE_FILE | TRUNCATE,
            Self::Write => (FIRST | REFER | TRUNCATE) & !(MAKE_CHAR | MAKE_BLOCK),
        }
    }
}

/// What may be done at a path, in the kernel's bits.
pub(super) struct Rule {
    pub(super) path: CString,
    pub(super) allowed: u64,
    pub(super) place: u32,
}

/// Rules for this kernel. The default handles nothing.
#[derive(Default)]
pub(super) struct Ruleset {
    /// Why there can be none: an `errno`, or 0.
    pub(super) missing: i32,
    /// What is handled: of files, of TCP, of scopes.
    pub(super) attributes: [u64; 3],
    pub(super) size: usize,
    pub(super) rules: Vec<Rule>,
    /// What may be done with the sandbox's own port; 0 where there is none, or no rule for ports.
    pub(super) port: u64,
}

/// The version of Landlock that this kernel speaks.
pub(super) fn version() -> Sys<i32> {
    let none = std::ptr::null::<u64>();
    // SAFETY: asking for the version takes no structure.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0_usize, CREATE_VERSION) };
    if version < 0 { Err(sys::errno()) } else { Ok(version as i32) }
}

/// Rules for a list of paths, and whether there is a port to connect to.
pub(super) fn rules(
    level: Level,
    access: &[(PathBuf, Access)],
    has_port: bool,
    places: &mut Places,
) -> Result<Ruleset, SandboxError> {
    let version = match version() {
        Ok(version) if version >= if level == Level::Full { 1 } else { NEEDED_ALONE } => version,
        // Found in its turn, by the first process: `doctor` tells how far it came.
        Ok(_) => return Ok(Ruleset { missing: libc::EOPNOTSUPP, ..Ruleset::default() }),
        Err(errno) => return Ok(Ruleset { missing: errno, ..Ruleset::default() }),
    };
    let (attributes, size) = handled(version);
    let [files, net, _] = attributes;
    let rules =
        access.iter().map(|(path, access)| rule(path, *access, files, places)).collect::<Result<_, _>>()?;
    let port = if has_port { net & CONNECT_TCP } else { 0 };
    Ok(Ruleset { missing: 0, attributes, size, rules, port })
}

fn rule(path: &Path, access: Access, handled: u64, places: &mut Places) -> Result<Rule, SandboxError> {
    let is_folder = access == Access::Write || path.is_dir();
    let possible = if is_folder { u64::MAX } else { ON_FILES };
    let allowed = access.bits() & handled & possible;
    Ok(Rule { path: text(path.as_os_str())?, allowed, place: places.add(path) })
}

/// Everything that a version can forbid, and the size of its structure.
fn handled(version: i32) -> ([u64; 3], usize) {
    let mut files = FIRST;
    for (since, bit) in [(2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)] {
        if version >= since {
            files |= bit;
        }
    }
    let net = if version >= 4 { NET } else { 0 };
    let scoped = if version >= 6 { SCOPES } else { 0 };
    let size = match version {
        ..4 => 8,
        4..6 => 16,
        _ => 24,
    };
    ([files, net, scoped], size)
}
