//! Everything that the first process needs, worked out before it exists. `pack` writes it down.

use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use super::inside::wire::NOWHERE;
use super::landlock::{self, Access, Ruleset};
use super::layout::{self, Layout};
use super::limits::{self, Limit};
use super::scratch::Scratch;
use super::seccomp;
use crate::{Command, Layer, Level, Sandbox, SandboxError};

/// Where the command starts and what it may write, in a root of its own.
pub(super) const WORK: &str = "/work";
pub(super) const TMP: &str = "/tmp";

/// `PATH` in the sandbox, and where a bare name is looked for.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A file to be made in a folder: the folders that it needs, outermost first, its path, its content.
pub(super) struct Given<'a> {
    pub(super) folders: Vec<CString>,
    pub(super) path: CString,
    pub(super) content: &'a [u8],
    pub(super) place: u32,
}

pub(super) struct Plan<'a> {
    pub(super) level: Level,
    pub(super) as_root: bool,
    pub(super) port: u16,
    pub(super) program: CString,
    pub(super) arguments: Vec<CString>,
    pub(super) environment: Vec<CString>,
    pub(super) folder: CString,
    pub(super) files: Vec<Given<'a>>,
    pub(super) layout: Layout,
    pub(super) rules: Ruleset,
    pub(super) limits: Vec<Limit>,
    pub(super) filters: Vec<seccompiler::BpfProgram>,
    /// After how many seconds the first process gives up by itself, should nobody watch it any more.
    pub(super) last_resort: u32,
    /// What failures point into.
    places: Places,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        sandbox: &Sandbox,
        command: &'a Command,
        scratch: Option<&Scratch>,
    ) -> Result<Self, SandboxError> {
        let level = sandbox.level;
        let as_root = is_root();
        let port = command.port.unwrap_or_default();
        if port != 0 && level != Level::Full {
            return Err(SandboxError::new(Layer::Network));
        }
        let mut places = Places::default();
        let readable = readable(&with_certificates(&sandbox.readable, port != 0), level)?;
        let (work, tmp) = match scratch {
            None => (PathBuf::from(WORK), PathBuf::from(TMP)),
            Some(scratch) => (scratch.work(), scratch.tmp()),
        };
        let files = command
            .files
            .iter()
            .map(|(path, content)| given(path, content, &mut places))
            .collect::<Result<_, _>>()?;
        let layout = match level {
            Level::Full => Layout::new(&readable, &command.limits, &mut places)?,
            _ => Layout::default(),
        };
        let rules = match level {
            Level::None => Ruleset::default(),
            _ => landlock::rules(level, &access(level, &readable, &work, &tmp), port != 0, &mut places)?,
        };
        let filters = match level {
            Level::None => Vec::new(),
            _ => seccomp::filters(level == Level::Full, port != 0)?,
        };
        let program = program(&command.program, &sandbox.readable)?;
        let names = [program.clone()].into_iter();
        let arguments = names.chain(texts(&command.arguments)?).collect();
        Ok(Self {
            level,
            as_root,
            port,
            program,
            arguments,
            environment: environment(command, &work, &tmp)?,
            folder: text(work.as_os_str())?,
            files,
            layout,
            rules,
            limits: limits::limits(&command.limits, level, as_root),
            filters,
            last_resort: u32::try_from(command.limits.wall.as_secs()).unwrap_or(u32::MAX).saturating_add(2),
            places,
        })
    }

    /// The path that a failure's number stands for.
    pub(super) fn place(&self, number: u32) -> Option<PathBuf> {
        self.places.0.get(number as usize).cloned()
    }
}

/// Paths by number.
#[derive(Default)]
pub(super) struct Places(Vec<PathBuf>);

impl Places {
    pub(super) fn add(&mut self, path: impl Into<PathBuf>) -> u32 {
        self.0.push(path.into());
        u32::try_from(self.0.len() - 1).unwrap_or(NOWHERE)
    }
}

pub(super) fn is_root() -> bool {
    // SAFETY: no memory is passed; cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Refuses what makes no sense before anything is made for it.
pub(super) fn check(command: &Command) -> Result<(), SandboxError> {
    let mut places = Places::default();
    command.files.iter().try_for_each(|(path, content)| given(path, content, &mut places).map(drop))
}

pub(super) fn refuse(path: impl Into<PathBuf>) -> SandboxError {
    SandboxError::new(Layer::Request).at(path)
}

/// A string for the kernel; one with a NUL byte is refused.
pub(super) fn text(value: &OsStr) -> Result<CString, SandboxError> {
    CString::new(value.as_bytes()).map_err(|_| SandboxError::new(Layer::Request))
}

fn texts(values: &[OsString]) -> Result<Vec<CString>, SandboxError> {
    values.iter().map(|value| text(value)).collect()
}

/// An absolute path of the sandbox's programs, for what may be a bare name.
fn program(program: &Path, readable: &[PathBuf]) -> Result<CString, SandboxError> {
    let is_name = program.components().count() == 1 && !program.is_absolute();
    let path = if is_name {
        let own = readable.iter().map(|folder| folder.join("bin"));
        PATH.split(':')
            .map(PathBuf::from)
            .chain(own)
            .map(|folder| folder.join(program))
            .find(|path| {
                fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
            })
            .ok_or_else(|| SandboxError::errno_of(Layer::Start, libc::ENOENT).at(program))?
    } else if program.is_absolute() {
        program.to_owned()
    } else {
        return Err(refuse(program));
    };
    text(path.as_os_str())
}

/// What the command was given, and what it needs besides.
fn environment(command: &Command, work: &Path, tmp: &Path) -> Result<Vec<CString>, SandboxError> {
    let defaults: [(&str, &OsStr); 4] = [
        ("PATH", PATH.as_ref()),
        ("HOME", work.as_os_str()),
        ("TMPDIR", tmp.as_os_str()),
        ("LANG", "C.UTF-8".as_ref()),
    ];
    let missing = defaults
        .into_iter()
        .filter(|(name, _)| command.environment.iter().all(|(given, _)| given != name))
        .map(|(name, value)| (OsStr::new(name), value));
    let given = command.environment.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()));
    missing
        .chain(given)
        .map(|(name, value)| {
            if name.is_empty() || name.as_bytes().contains(&b'=') {
                return Err(SandboxError::new(Layer::Request));
            }
            let entry = [name.as_bytes(), b"=", value.as_bytes()].concat();
            text(&OsString::from_vec(entry))
        })
        .collect()
}

/// Splits the path of a file that the command is given; only plain names lead there.
fn given<'a>(path: &Path, content: &'a [u8], places: &mut Places) -> Result<Given<'a>, SandboxError> {
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || path.file_name().is_none() || path.as_os_str().as_bytes().ends_with(b"/") {
        return Err(refuse(path));
    }
    Ok(Given { folders: folders_to(path)?, path: text(path.as_os_str())?, content, place: places.add(path) })
}

/// The folders above a relative path, outermost first.
pub(super) fn folders_to(path: &Path) -> Result<Vec<CString>, SandboxError> {
    let mut folders: Vec<_> = path.ancestors().skip(1).filter(|folder| *folder != Path::new("")).collect();
    folders.reverse();
    folders.into_iter().map(|folder| text(folder.as_os_str())).collect()
}

/// The same, and where systems keep the certificates that everybody trusts, for programs that reach hosts.
fn with_certificates(readable: &[PathBuf], reaches: bool) -> Vec<PathBuf> {
    let places = layout::CERTIFICATES.iter().map(PathBuf::from).filter(|path| reaches && path.exists());
    readable.iter().cloned().chain(places).collect()
}

/// The paths that an operator shows besides the system's, without those that another one covers.
fn readable(wanted: &[PathBuf], level: Level) -> Result<Vec<PathBuf>, SandboxError> {
    const NEVER: [&str; 4] = ["/work", "/proc", "/sys", "/dev"];
    let mut wanted = wanted.to_vec();
    wanted.sort_by_key(|path| path.as_os_str().len());
    let mut kept: Vec<PathBuf> = Vec::new();
    for path in wanted {
        let plain = path.components().skip(1).all(|part| matches!(part, Component::Normal(_)));
        let real = fs::canonicalize(&path).map_err(|_| refuse(&path))?;
        let data = fs::metadata(&path).map_err(|_| refuse(&path))?;
        // Landlock's right to write to the sandbox's own /tmp would hold for what is shown below it, too.
        let in_tmp = level == Level::Full && path.starts_with(TMP);
        let forbidden = |path: &Path| {
            path == Path::new("/") || in_tmp || NEVER.iter().any(|never| path.starts_with(never))
        };
        // The real path may lie in a folder that is called /work outside: only its new place must not.
        let real_forbidden =
            real == Path::new("/") || NEVER.iter().skip(1).any(|never| real.starts_with(never));
        if !path.is_absolute()
            || !plain
            || forbidden(&path)
            || real_forbidden
            || !(data.is_dir() || data.is_file())
        {
            return Err(refuse(path));
        }
        let covered = layout::SYSTEM.iter().map(Path::new).chain(kept.iter().map(PathBuf::as_path));
        if !covered.into_iter().any(|above| path.starts_with(above)) {
            kept.push(path);
        }
    }
    Ok(kept)
}

/// What Landlock lets the command do, and where.
fn access(level: Level, readable: &[PathBuf], work: &Path, tmp: &Path) -> Vec<(PathBuf, Access)> {
    let mut access: Vec<(PathBuf, Access)> = Vec::new();
    let mut add = |path: &Path, kind: Access| {
        // In a root of its own some of the machine's files have no place, and some of its own are not there yet.
        if fs::metadata(path).is_ok() || path == work || path == tmp {
            access.push((path.to_owned(), kind));
        }
    };
    for path in layout::SYSTEM {
        add(Path::new(path), Access::Run);
    }
    for path in readable {
        add(path, Access::Run);
    }
    match level {
        Level::Full => {
            add(Path::new("/"), Access::List);
            add(Path::new("/etc"), Access::Read);
        }
        _ => layout::ETC.iter().chain(&layout::ETC_OWN).for_each(|path| add(Path::new(path), Access::Read)),
    }
    for (path, kind) in [
        ("/dev/null", Access::Device),
        ("/dev/full", Access::Device),
        ("/dev/zero", Access::Read),
        ("/dev/random", Access::Read),
        ("/dev/urandom", Access::Read),
    ] {
        add(Path::new(path), kind);
    }
    add(work, Access::Write);
    add(tmp, Access::Write);
    access
}
