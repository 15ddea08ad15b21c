//! A private temporary folder, for the levels that have no root of their own. Gone when dropped; what a process left that was
//! killed is swept away by the next one.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown,
};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use libc::pid_t;

use super::inside::NOBODY;
use super::spawn::os;
use super::tree;
use crate::{Command, Layer, Level, SandboxError};

/// What the folders' names begin with.
const PREFIX: &str = "octollm-sandbox-";
/// Folders within folders. What is deeper may have paths that are too long to be looked at.
const DEPTH: usize = 64;
/// A folder that is younger may be one that is just being made.
const SWEPT_AFTER: Duration = Duration::from_secs(60);

pub(super) struct Scratch {
    root: PathBuf,
    /// Locked as long as this lives: nobody sweeps it away.
    _lock: File,
}

impl Scratch {
    /// Makes the folder with the command's files in it, owned by the user that the command will run as.
    pub(super) fn new(level: Level, command: &Command, as_root: bool) -> Result<Self, SandboxError> {
        let owner = (as_root && level == Level::Landlock).then_some(NOBODY);
        let failed = |error: io::Error| os(Layer::Mounts, &error);
        sweep();
        let scratch = Self::make().map_err(failed)?;
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

    fn make() -> io::Result<Self> {
        let root = private_folder()?;
        let lock = File::open(&root)?;
        lock.try_lock()?;
        Ok(Self { root, _lock: lock })
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

    /// Whether more lies in it than this, or is held open by the tree below `pid` without a name. Looks no further than the
    /// answer needs; what cannot be looked at is too much.
    pub(super) fn exceeds(&self, bytes: u64, files: u64, pid: pid_t) -> bool {
        let mut sum = Sum { bytes: 0, files: 0, most: (bytes, files) };
        self.add_named(&mut sum).is_err() || sum.add_nameless(pid, &self.root).is_err()
    }

    fn add_named(&self, sum: &mut Sum) -> io::Result<()> {
        let mut folders = vec![(self.work(), 0), (self.tmp(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            if depth > DEPTH {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            let Some(entries) = tree::unless_gone(fs::read_dir(&folder))? else { continue };
            for entry in entries {
                let entry = entry?;
                let Some(data) = tree::unless_gone(entry.metadata())? else { continue };
                sum.add(&data)?;
                if data.is_dir() {
                    folders.push((entry.path(), depth + 1));
                }
            }
        }
        Ok(())
    }
}

/// What was found so far.
struct Sum {
    bytes: u64,
    files: u64,
    most: (u64, u64),
}

impl Sum {
    /// Fails where it is more than may be. A file takes its length, or the room that it was given without one.
    fn add(&mut self, data: &Metadata) -> io::Result<()> {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(data.len().max(data.blocks().saturating_mul(512)));
        let (bytes, files) = self.most;
        if self.bytes > bytes || self.files > files {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        Ok(())
    }

    /// Files that have no name any more and are open. Whose descriptors may not be seen is passed over.
    fn add_nameless(&mut self, pid: pid_t, root: &Path) -> io::Result<()> {
        let device = fs::metadata(root)?.dev();
        let (mut pids, mut seen) = (Vec::new(), HashSet::new());
        tree::descendants(pid, &mut pids)?;
        for pid in pids {
            for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
                let Ok(data) = fs::metadata(entry.path()) else { continue };
                if data.is_file() && data.nlink() == 0 && data.dev() == device && seen.insert(data.ino()) {
                    self.add(&data)?;
                }
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = remove(&self.root);
    }
}

/// Removes folders that processes left which were killed. Once for each process.
fn sweep() {
    static SWEPT: Once = Once::new();
    SWEPT.call_once(|| {
        for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)) {
                let _ = remove_if_left(&entry.path());
            }
        }
    });
}

fn remove_if_left(path: &Path) -> io::Result<()> {
    let data = fs::symlink_metadata(path)?;
    // SAFETY: no memory is passed; cannot fail.
    let own = data.uid() == unsafe { libc::geteuid() };
    let old = data.modified()?.elapsed().is_ok_and(|age| age > SWEPT_AFTER);
    if data.is_dir() && own && old {
        let lock = File::open(path)?;
        lock.try_lock()?;
        remove(path)?;
    }
    Ok(())
}

/// Removes a folder with everything in it, however deep that is: folders within are moved up first. No link is followed.
fn remove(root: &Path) -> io::Result<()> {
    let mut moved = 0_u64;
    loop {
        let mut empty = true;
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            empty = false;
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
                continue;
            }
            // The command may have closed it to itself.
            fs::set_permissions(entry.path(), Permissions::from_mode(0o700))?;
            for inner in fs::read_dir(entry.path())? {
                let inner = inner?;
                if inner.file_type()?.is_dir() {
                    fs::set_permissions(inner.path(), Permissions::from_mode(0o700))?;
                    fs::rename(inner.path(), root.join(format!(".moved-{moved}")))?;
                    moved += 1;
                } else {
                    fs::remove_file(inner.path())?;
                }
            }
            fs::remove_dir(entry.path())?;
        }
        if empty {
            return fs::remove_dir(root);
        }
    }
}

fn private_folder() -> io::Result<PathBuf> {
    loop {
        let name = format!("{PREFIX}{:016x}", RandomState::new().build_hasher().finish());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deep_or_closed_is_removed_all_the_same() {
        let scratch = Scratch::new(Level::None, &Command::new("x").file("a/b", "x"), false).unwrap();
        let root = scratch.root.clone();
        // Made from within, as the command does it: the path is longer than any that could be named.
        let deep = "d=$(printf %0250d 0); i=0; while [ $i -lt 60 ]; do mkdir $d && cd $d; i=$((i+1)); done; echo x > f; chmod 0 .";
        let made = std::process::Command::new("sh").args(["-c", deep]).current_dir(scratch.work()).status();
        assert!(made.unwrap().success() && root.is_dir());
        std::os::unix::fs::symlink("/usr", scratch.tmp().join("link")).unwrap();
        assert!(scratch.exceeds(1 << 30, 1 << 20, pid_t::MAX), "what cannot be looked at is too much");
        drop(scratch);
        assert!(!root.exists() && Path::new("/usr/bin").is_dir());
    }

    #[test]
    fn what_has_no_name_counts_as_well_as_room_without_a_length() {
        let scratch = Scratch::new(Level::None, &Command::new("x"), false).unwrap();
        let me = std::process::id() as pid_t;
        assert!(!scratch.exceeds(1 << 20, 100, me));
        let code = "import os, time\nf = open('x', 'wb'); f.write(bytes(3 << 20)); f.flush(); os.unlink('x')\nprint(flush=True)\ntime.sleep(60)";
        let mut child = std::process::Command::new("/usr/bin/python3")
            .args(["-c", code])
            .current_dir(scratch.work())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        io::Read::read(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        assert!(scratch.exceeds(1 << 20, 100, me));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!scratch.exceeds(1 << 20, 100, me));
    }

    #[test]
    fn only_what_nobody_holds_is_swept() {
        let scratch = Scratch::make().unwrap();
        let past = std::time::SystemTime::now() - 2 * SWEPT_AFTER;
        let age = |path: &Path| File::open(path).unwrap().set_modified(past).unwrap();
        age(&scratch.root);
        assert!(remove_if_left(&scratch.root).is_err() && scratch.root.exists());
        let left = private_folder().unwrap();
        remove_if_left(&left).unwrap();
        assert!(left.exists(), "it may be just being made");
        age(&left);
        remove_if_left(&left).unwrap();
        assert!(!left.exists());
    }
}
