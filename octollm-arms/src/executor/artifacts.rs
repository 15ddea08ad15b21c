//! Files that an action left: named by what they hold.
//!
//! A file's name in the folder of artifacts is the SHA-256 of its content, so that the same content is kept once, and what
//! is read there can be checked. The folder has a size that it does not outgrow: what does not fit is named and left out. A
//! file counts as the blocks that it takes on a disk, so that a great many small ones fill the folder as they fill the disk.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use octollm_sandbox::{Work, WorkFile};
use sha2::{Digest, Sha256};

use super::output::{self, hex};
use super::request::Artifact;

/// Bytes of a text that stands in the answer itself.
const INLINE: usize = 64 << 10;
/// Bytes of all such texts together.
const INLINE_TOGETHER: usize = 256 << 10;

/// Bytes that a file takes at least, and by which it grows: a block of the usual file systems.
const BLOCK: u64 = 4096;
/// After which the folder is counted again: other processes keep artifacts there, and people take some away.
const STALE: Duration = Duration::from_secs(60);

/// A folder in which artifacts are kept. Clones share its size.
#[derive(Debug, Clone)]
pub struct ArtifactFolder {
    folder: PathBuf,
    most: u64,
    /// What it holds; unknown until it is first used.
    held: Arc<Mutex<Option<Held>>>,
}

/// What the folder holds, as far as this process knows.
#[derive(Debug, Clone, Copy)]
struct Held {
    bytes: u64,
    /// Of these, what came since it was counted.
    since: u64,
    counted: Instant,
}

impl Held {
    fn count(folder: &Path) -> Self {
        Self { bytes: size_of(folder), since: 0, counted: Instant::now() }
    }
}

impl ArtifactFolder {
    /// This folder, which is made when the first artifact comes, with room for `most` bytes in blocks of 4096. Several
    /// processes that use it at once may each go beyond that by a sixteenth.
    pub fn new(folder: impl Into<PathBuf>, most: u64) -> Self {
        Self { folder: folder.into(), most, held: Arc::default() }
    }

    /// Where the content with this hash is, or would be.
    pub fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(sha256.get(..2).unwrap_or("__")).join(sha256)
    }

    /// Keeps this content. Blocks.
    fn keep(&self, sha256: &str, bytes: &[u8]) -> Result<(), String> {
        let path = self.path(sha256);
        if path.is_file() {
            return Ok(());
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |held: &Held| held.since <= self.most / 16 && held.counted.elapsed() < STALE;
        let before = held.filter(fresh).unwrap_or_else(|| Held::count(&self.folder));
        let room = room_of(bytes.len() as u64);
        *held = Some(before);
        if before.bytes.saturating_add(room) > self.most {
            return Err(format!("the folder of artifacts has room for {} MiB and is full", self.most >> 20));
        }
        write(&path, bytes).map_err(|error| format!("it cannot be kept: {}", error.kind()))?;
        *held = Some(Held { bytes: before.bytes + room, since: before.since + room, ..before });
        Ok(())
    }
}

/// What a file of so many bytes takes.
fn room_of(bytes: u64) -> u64 {
    bytes.max(1).div_ceil(BLOCK).saturating_mul(BLOCK)
}

/// Writes a file so that it is there whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let unfinished = folder.join(format!(".{}-{:?}", std::process::id(), std::thread::current().id()));
    let written = fs::File::create(&unfinished).and_then(|mut file| file.write_all(bytes));
    written.and_then(|()| fs::rename(&unfinished, path)).inspect_err(|_| {
        let _ = fs::remove_file(&unfinished);
    })
}

fn size_of(folder: &Path) -> u64 {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().collect::<Vec<_>>();
    let files = entries(folder).into_iter().flat_map(|below| entries(&below.path()));
    files.filter_map(|file| file.metadata().ok()).map(|file| room_of(file.len())).sum()
}

/// The artifacts of a run: each named and hashed, kept where there is a folder, and in the answer where it is short text.
/// Blocks.
pub(super) fn collect(work: Work, folder: Option<&ArtifactFolder>) -> Vec<Artifact> {
    let mut room = INLINE_TOGETHER;
    work.files.into_iter().map(|file| artifact(file, folder, &mut room)).collect()
}

fn artifact(file: WorkFile, folder: Option<&ArtifactFolder>, room: &mut usize) -> Artifact {
    let sha256 = hex(&Sha256::digest(&file.bytes));
    let kept = folder.map(|folder| folder.keep(&sha256, &file.bytes));
    let bytes = file.bytes.len() as u64;
    let short = file.bytes.len() <= INLINE.min(*room);
    let text =
        short.then(|| String::from_utf8(file.bytes).ok()).flatten().filter(|text| !text.contains('\0'));
    *room -= text.as_ref().map_or(0, String::len);
    let left_out = match (&text, &kept) {
        (None, Some(Err(reason))) => Some(reason.clone()),
        (None, None) => Some("it is not short text, and there is no folder of artifacts".to_owned()),
        _ => None,
    };
    let name = output::name(file.path.as_os_str().as_encoded_bytes());
    Artifact { name, bytes, sha256, text, kept: kept.is_some_and(|kept| kept.is_ok()), left_out }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(files: &[(&str, &[u8])]) -> Work {
        let files =
            files.iter().map(|(path, bytes)| WorkFile { path: (*path).into(), bytes: bytes.to_vec() });
        Work { files: files.collect(), incomplete: false }
    }

    #[test]
    fn an_artifact_is_kept_once_under_the_hash_of_its_content() {
        let home = tempfile::tempdir().unwrap();
        let folder = ArtifactFolder::new(home.path().join("artifacts"), 2 * BLOCK);
        let found = collect(
            work(&[("a.txt", b"hello\n"), ("b/c.txt", b"hello\n"), ("d.bin", b"\0\xff")]),
            Some(&folder),
        );
        let hash = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        assert!(found.iter().all(|artifact| artifact.kept && artifact.left_out.is_none()));
        assert_eq!((found[0].sha256.as_str(), found[1].sha256.as_str()), (hash, hash));
        assert_eq!((found[0].text.as_deref(), found[2].text.as_deref()), (Some("hello\n"), None));
        assert_eq!(fs::read(folder.path(hash)).unwrap(), b"hello\n");
        assert_eq!(size_of(&home.path().join("artifacts")), 2 * BLOCK);
    }

    #[test]
    fn a_folder_does_not_outgrow_its_size_not_even_across_processes() {
        let home = tempfile::tempdir().unwrap();
        let first = ArtifactFolder::new(home.path(), BLOCK);
        assert!(collect(work(&[("a", b"12345\0")]), Some(&first))[0].kept);
        let second = ArtifactFolder::new(home.path(), BLOCK);
        let found = collect(work(&[("b", b"67890\0"), ("c", b"text")]), Some(&second));
        assert!(found[0].left_out.as_ref().is_some_and(|why| why.contains("full")));
        assert_eq!((found[0].kept, found[1].kept, found[1].text.as_deref()), (false, false, Some("text")));
    }

    /// 1280 files of 4 bytes were 5 KB to it and 6.3 MB to the disk.
    #[test]
    fn many_small_files_fill_it_as_they_fill_a_disk() {
        let home = tempfile::tempdir().unwrap();
        let most = 32 * BLOCK;
        let folders = [ArtifactFolder::new(home.path(), most), ArtifactFolder::new(home.path(), most)];
        let mut kept = 0;
        for number in 0..100_u32 {
            let bytes = number.to_le_bytes();
            // Two processes in turn, of which neither asks the other.
            let folder = &folders[number as usize % 2];
            kept += u64::from(collect(work(&[("x", &bytes)]), Some(folder))[0].kept);
        }
        assert!((32..=36).contains(&kept), "{kept}");
        assert_eq!(size_of(home.path()), kept * BLOCK);
        // Somebody makes room, and the next who counts sees it.
        for entry in fs::read_dir(home.path()).unwrap().flatten() {
            fs::remove_dir_all(entry.path()).unwrap();
        }
        folders[0].held.lock().unwrap().as_mut().unwrap().since = most;
        assert!(collect(work(&[("x", b"new\0")]), Some(&folders[0]))[0].kept);
    }

    #[test]
    fn without_a_folder_only_short_text_comes_back() {
        let long = vec![b'x'; INLINE + 1];
        let found = collect(work(&[("short\u{1b}.txt", b"ok"), ("long.txt", &long)]), None);
        assert_eq!((found[0].text.as_deref(), found[0].name.as_str()), (Some("ok"), "short\\x1b.txt"));
        assert!(found[1].text.is_none() && found[1].left_out.is_some());
        let many: Vec<(&str, &[u8])> = vec![("x", &long[..INLINE]); 5];
        let inline = collect(work(&many), None).iter().filter(|artifact| artifact.text.is_some()).count();
        assert_eq!(inline, 4);
    }
}
