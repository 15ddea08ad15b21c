//! The root that the command sees: which of the machine's folders, which files of its own, in which order.

use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};

use super::inside::plan::Kind;
use super::inside::wire::NOWHERE;
use super::plan::{Given, Places, folders_to, text};
use crate::{Layer, Limits, SandboxError};

/// Programs and libraries, each shown as the machine has it: a folder, or a link into `/usr`.
pub(super) const SYSTEM: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// What programs need of `/etc`: the loader's cache, Debian's choice of alternatives, the time zone. Nothing else of it.
pub(super) const ETC: [&str; 3] = ["/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"];

/// Where systems keep certificates; their keys lie elsewhere.
pub(super) const CERTIFICATES: [&str; 4] =
    ["/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted"];

/// Files of `/etc` that the sandbox has versions of its own of.
pub(super) const ETC_OWN: [&str; 4] = ["/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/hosts"];

const ETC_CONTENT: [&str; 4] = [
    "sandbox:x:1000:1000:sandbox:/work:/bin/sh\n",
    "sandbox:x:1000:\n",
    "passwd: files\ngroup: files\nhosts: files\n",
    "127.0.0.1 localhost\n",
];

/// Devices, and which of the machine's stands for each. `/dev/zero` is the full device, which reads as zeroes too: mapped
/// as shared memory the real one would be memory that belongs to no process, and so is not counted.
const DEVICES: [(&str, &str); 5] = [
    ("/dev/null", "dev/null"),
    ("/dev/full", "dev/full"),
    ("/dev/full", "dev/zero"),
    ("/dev/random", "dev/random"),
    ("/dev/urandom", "dev/urandom"),
];

/// Something of the machine, shown in the new root.
pub(super) struct Bind {
    pub(super) source: CString,
    /// Relative to the new root.
    pub(super) target: CString,
    /// The folders above the target, outermost first.
    pub(super) folders: Vec<CString>,
    pub(super) kind: Kind,
    pub(super) place: u32,
}

/// The new root. Empty where there is none.
#[derive(Default)]
pub(super) struct Layout {
    pub(super) binds: Vec<Bind>,
    /// Links: where to, and its name.
    pub(super) links: Vec<(CString, CString)>,
    /// Files of its own.
    pub(super) files: Vec<Given<'static>>,
    /// `size` and `nr_inodes` of `/work` and of `/tmp`, in the kernel's notation.
    pub(super) size: CString,
    pub(super) inodes: CString,
}

impl Layout {
    pub(super) fn new(
        readable: &[PathBuf],
        limits: &Limits,
        places: &mut Places,
    ) -> Result<Self, SandboxError> {
        let mut layout = Self {
            // Zero would mean no limit.
            size: text(limits.work_bytes.max(1).to_string().as_ref())?,
            inodes: text(limits.work_files.saturating_add(1).max(2).to_string().as_ref())?,
            ..Self::default()
        };
        for path in SYSTEM.iter().chain(&ETC).map(Path::new) {
            layout.show(path, places)?;
        }
        for path in readable {
            layout.bind(path, kind_of(path), places)?;
        }
        for (source, target) in DEVICES {
            layout.bind_at(Path::new(source), Path::new(target), Kind::Device, places)?;
        }
        layout.links.push((text("/tmp".as_ref())?, text("dev/shm".as_ref())?));
        for (path, content) in ETC_OWN.into_iter().zip(ETC_CONTENT) {
            let path = Path::new(path).strip_prefix("/").unwrap_or(Path::new(path));
            layout.files.push(Given {
                folders: folders_to(path)?,
                path: text(path.as_os_str())?,
                content: content.as_bytes(),
                place: NOWHERE,
            });
        }
        Ok(layout)
    }

    /// Shows a link as a link, and what is not there not at all.
    fn show(&mut self, path: &Path, places: &mut Places) -> Result<(), SandboxError> {
        match fs::symlink_metadata(path) {
            Ok(data) if data.is_symlink() => {
                let target = fs::read_link(path).map_err(|_| SandboxError::new(Layer::Mounts).at(path))?;
                self.links.push((text(target.as_os_str())?, relative(path)?));
                Ok(())
            }
            Ok(_) => self.bind(path, kind_of(path), places),
            Err(_) => Ok(()),
        }
    }

    fn bind(&mut self, path: &Path, kind: Kind, places: &mut Places) -> Result<(), SandboxError> {
        let target = path.strip_prefix("/").unwrap_or(path).to_owned();
        self.bind_at(path, &target, kind, places)
    }

    fn bind_at(
        &mut self,
        source: &Path,
        target: &Path,
        kind: Kind,
        places: &mut Places,
    ) -> Result<(), SandboxError> {
        self.binds.push(Bind {
            source: text(source.as_os_str())?,
            target: text(target.as_os_str())?,
            folders: folders_to(target)?,
            kind,
            place: places.add(source),
        });
        Ok(())
    }
}

fn kind_of(path: &Path) -> Kind {
    if fs::metadata(path).is_ok_and(|data| data.is_dir()) { Kind::Folder } else { Kind::File }
}

fn relative(path: &Path) -> Result<CString, SandboxError> {
    text(path.strip_prefix("/").unwrap_or(path).as_os_str())
}
