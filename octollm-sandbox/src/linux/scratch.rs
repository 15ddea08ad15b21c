//! A private temporary folder, for the levels that have no root of their own. Gone when dropped.

use std::collections::hash_map::RandomState;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use super::inside::NOBODY;
use super::spawn::os;
use crate::{Command, Layer, Level, SandboxError};

pub(super) struct Scratch {
    root: PathBuf,
}

impl Scratch {
    /// Makes the folder with the command's files in it, owned by the user that the command will run as.
    pub(super) fn new(level: Level, command: &Command, as_root: bool) -> Result<Self, SandboxError> {
        let owner = (as_root && level == Level::Landlock).then_some(NOBODY);
        let failed = |error: io::Error| os(Layer::Mounts, &error);
        let scratch = Self { root: private_folder().map_err(failed)? };
        for folder in [scratch.work(), scratch.tmp()] {
            make_folder(&folder, owner).map_err(failed)?;
        }
        if owner.is_some() {
            // The way in, for another user; the name is a secret of the two.
            fs::set_permissions(&scratch.root, Permissions::from_mode(0o711)).map_err(failed)?;
        }
        for (path, content) in &command.files {
            scratch.give(path, content, owner).map_err(|error| failed(error).at(path))?;
        }
        Ok(scratch)
    }

    pub(super) fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    pub(super) fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// `path` is known to be of plain names.
    fn give(&self, path: &Path, content: &[u8], owner: Option<u32>) -> io::Result<()> {
        let work = self.work();
        let mut above: Vec<_> = path.ancestors().skip(1).filter(|path| *path != Path::new("")).collect();
        above.reverse();
        for folder in above {
            match make_folder(&work.join(folder), owner) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        let path = work.join(path);
        OpenOptions::new().write(true).create_new(true).mode(0o644).open(&path)?.write_all(content)?;
        chown(&path, owner, owner)
    }

    /// Whether more lies in it than this. Looks no further than the answer needs.
    pub(super) fn exceeds(&self, bytes: u64, files: u64) -> bool {
        let (mut size, mut count) = (0_u64, 0_u64);
        let mut folders = vec![self.work(), self.tmp()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(data) = entry.metadata() else { continue };
                count += 1;
                size = size.saturating_add(data.len());
                if size > bytes || count > files {
                    return true;
                }
                if data.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        false
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Folders that the command has closed to itself are left, when that is also the caller.
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn private_folder() -> io::Result<PathBuf> {
    loop {
        let name = format!("octollm-sandbox-{:016x}", RandomState::new().build_hasher().finish());
        let path = std::env::temp_dir().join(name);
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| path),
        }
    }
}

fn make_folder(path: &Path, owner: Option<u32>) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    chown(path, owner, owner)
}
