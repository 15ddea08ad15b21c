//! Landlock: the kernel's own rules for what a process may do with files, TCP, abstract sockets and signals. Within the
//! root of its own it repeats what the mounts say, by other means; without one it is what keeps files apart.
//!
//! Raw system calls, since the rules are made in the child, after the new root is there, and nothing may be allocated then.

use std::ffi::CString;
use std::mem;
use std::path::{Path, PathBuf};

use libc::{c_int, c_long};

use super::message::{Failure, In as _};
use super::plan::{Places, text};
use super::sys::{self, Sys};
use crate::{Layer, Level, SandboxError};

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
/// Abstract sockets and signals, to processes outside.
const SCOPES: u64 = 0b11;

const CREATE_VERSION: u32 = 1;
const RULE_PATH_BENEATH: c_int = 1;

/// The version from which signals are kept in, without which a sandbox without namespaces is none.
const NEEDED_ALONE: i32 = 6;

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Attributes {
    files: u64,
    net: u64,
    scoped: u64,
}

#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: c_int,
}

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

struct Rule {
    path: CString,
    access: Access,
    is_folder: bool,
    place: u32,
}

/// Rules for this kernel. The default handles nothing.
#[derive(Default)]
pub(super) struct Ruleset {
    /// Why there can be none.
    missing: Option<c_int>,
    attributes: Attributes,
    size: usize,
    rules: Vec<Rule>,
}

/// The version of Landlock that this kernel speaks.
pub(super) fn version() -> Sys<i32> {
    let none = std::ptr::null::<Attributes>();
    // SAFETY: asking for the version takes no structure.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0_usize, CREATE_VERSION) };
    if version < 0 { Err(sys::errno()) } else { Ok(version as i32) }
}

/// Rules for a list of paths.
pub(super) fn rules(
    level: Level,
    access: &[(PathBuf, Access)],
    places: &mut Places,
) -> Result<Ruleset, SandboxError> {
    let version = match version() {
        Ok(version) if version >= if level == Level::Full { 1 } else { NEEDED_ALONE } => version,
        // Found in its turn, by the child: `doctor` tells how far it came.
        Ok(_) => return Ok(Ruleset { missing: Some(libc::EOPNOTSUPP), ..Ruleset::default() }),
        Err(errno) => return Ok(Ruleset { missing: Some(errno), ..Ruleset::default() }),
    };
    let rules = access.iter().map(|(path, access)| rule(path, *access, places)).collect::<Result<_, _>>()?;
    let (attributes, size) = handled(version);
    Ok(Ruleset { missing: None, attributes, size, rules })
}

fn rule(path: &Path, access: Access, places: &mut Places) -> Result<Rule, SandboxError> {
    let is_folder = access == Access::Write || path.is_dir();
    Ok(Rule { path: text(path.as_os_str())?, access, is_folder, place: places.add(path) })
}

/// Everything that a version can forbid, and the size of its structure.
fn handled(version: i32) -> (Attributes, usize) {
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
        _ => mem::size_of::<Attributes>(),
    };
    (Attributes { files, net, scoped }, size)
}

impl Ruleset {
    /// Makes the rules known to the kernel, with paths as they are here and now. Binds nobody yet.
    pub(super) fn create(&self) -> Result<c_int, Failure> {
        self.missing.map_or(Ok(()), Err).layer(Layer::Landlock)?;
        // SAFETY: the structure is at least `size` long and outlives the call.
        let ruleset = positive(unsafe {
            let attributes = &raw const self.attributes;
            libc::syscall(libc::SYS_landlock_create_ruleset, attributes, self.size, 0)
        })
        .layer(Layer::Landlock)?;
        for rule in &self.rules {
            self.add(ruleset, rule).place(Layer::Landlock, rule.place)?;
        }
        Ok(ruleset)
    }

    fn add(&self, ruleset: c_int, rule: &Rule) -> Sys<()> {
        let possible = if rule.is_folder { u64::MAX } else { ON_FILES };
        let allowed = rule.access.bits() & self.attributes.files & possible;
        let parent = sys::open_at(libc::AT_FDCWD, &rule.path, libc::O_PATH, 0)?;
        let beneath = PathBeneath { allowed, parent };
        // SAFETY: `beneath` is `struct landlock_path_beneath_attr` and outlives the call.
        let added = positive(unsafe {
            let beneath = &raw const beneath;
            libc::syscall(libc::SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, beneath, 0)
        });
        sys::close(parent);
        added.map(drop)
    }
}

/// Binds this process and all that it starts to the rules, for ever.
pub(super) fn restrict(ruleset: c_int) -> Result<(), Failure> {
    // SAFETY: no memory is passed.
    positive(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset, 0) })
        .map(drop)
        .layer(Layer::Landlock)
}

fn positive(result: c_long) -> Sys<c_int> {
    if result < 0 { Err(sys::errno()) } else { Ok(result as c_int) }
}
