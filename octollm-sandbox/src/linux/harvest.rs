//! Brings back what the command left in its folder. Everything that could change it is dead by then; still no path of its
//! is trusted: links are not followed, and only regular files are read.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::sys;
use crate::{Command, Level, Work, WorkFile};

/// Folders within folders.
const DEPTH: usize = 16;

struct Harvest<'a> {
    root: OwnedFd,
    command: &'a Command,
    level: Level,
    /// Entries that may still be looked at.
    entries: u64,
    bytes: usize,
    work: Work,
}

/// Reads the files below `root`.
pub(super) fn harvest(root: OwnedFd, command: &Command, level: Level) -> Work {
    let mut harvest = Harvest {
        root,
        command,
        level,
        entries: command.limits.work_files.saturating_add(1),
        bytes: command.limits.harvest_bytes,
        work: Work::default(),
    };
    harvest.folder(Path::new(""), DEPTH);
    harvest.work
}

impl Harvest<'_> {
    fn folder(&mut self, path: &Path, depth: usize) {
        let Some(mut names) = self.names(path).filter(|_| depth > 0) else {
            self.work.incomplete = true;
            return;
        };
        names.sort();
        for name in names {
            self.entry(&path.join(name), depth);
        }
    }

    /// The names in a folder, as far as entries may be looked at.
    fn names(&mut self, path: &Path) -> Option<Vec<PathBuf>> {
        let folder = self.open(path, libc::O_DIRECTORY)?;
        // The descriptor is the folder itself: nothing is looked up by name.
        let entries = fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd())).ok()?;
        let mut names = Vec::new();
        for entry in entries {
            if self.entries == 0 {
                self.work.incomplete = true;
                break;
            }
            self.entries -= 1;
            names.push(PathBuf::from(entry.ok()?.file_name()));
        }
        Some(names)
    }

    fn entry(&mut self, path: &Path, depth: usize) {
        let Some(file) = self.open(path, 0).map(File::from) else {
            self.work.incomplete = true;
            return;
        };
        match file.metadata() {
            Ok(data) if data.is_dir() => self.folder(path, depth - 1),
            // Outside a file system of its own, a second name may be somebody else's file.
            Ok(data) if data.is_file() && (data.nlink() == 1 || self.level == Level::Full) => {
                self.file(path, &file, data.len());
            }
            _ => self.work.incomplete = true,
        }
    }

    fn file(&mut self, path: &Path, file: &File, size: u64) {
        let fits = usize::try_from(size).is_ok_and(|size| size <= self.bytes);
        let mut bytes = Vec::new();
        if !fits || file.take(size).read_to_end(&mut bytes).is_err() {
            self.work.incomplete = true;
            return;
        }
        if self.command.files.iter().any(|(given, content)| given == path && *content == bytes) {
            return;
        }
        if self.work.files.len() >= self.command.limits.harvest_files {
            self.work.incomplete = true;
            return;
        }
        self.bytes -= bytes.len();
        self.work.files.push(WorkFile { path: path.to_owned(), bytes });
    }

    fn open(&self, path: &Path, flags: i32) -> Option<OwnedFd> {
        let path = if path == Path::new("") { Path::new(".") } else { path };
        let path = CString::new(path.as_os_str().as_bytes()).ok()?;
        sys::open_beneath(&self.root, &path, flags).ok()
    }
}
