//! Which files may be read.

use std::fs::File;
use std::path::{Path, PathBuf};

use octollm_core::{Error, ErrorKind, Fault, Result};

/// Folders whose files may be analysed; nothing outside of them, whatever links point there.
#[derive(Debug, Clone, Default)]
pub struct DataFolders(Vec<PathBuf>);

impl DataFolders {
    /// These folders, with their own links followed now. Blocks for a moment.
    ///
    /// # Errors
    /// `not_configured` for one that is no folder.
    pub fn open(folders: &[PathBuf]) -> Result<Self> {
        let open = |folder: &PathBuf| match std::fs::canonicalize(folder) {
            Ok(path) if path.is_dir() => Ok(path),
            _ => Err(Error::new(ErrorKind::NotConfigured, "a folder of data is not there")
                .with_context("folder", folder.display().to_string())
                .with_hint("make the folder, or take it out of RETRIEVER_DATA_FOLDERS")),
        };
        folders.iter().map(open).collect::<Result<_>>().map(Self)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Opens the file that this is, links followed. A path that is not absolute is looked for in each folder.
    ///
    /// # Errors
    /// `not_found`, the same for what is not there and for what is elsewhere: what is outside is nobody's business.
    pub(super) fn source(&self, place: usize, file: &str) -> Result<Source> {
        let found = self.0.iter().find_map(|folder| self.open_below(folder, file));
        found.ok_or_else(|| {
            let fault = Fault::new(format!("/tables/{place}"), "is no file in a folder of data");
            Error::new(ErrorKind::NotFound, "a table is not there").with_faults(vec![fault]).with_hint(
                "name a file below one of RETRIEVER_DATA_FOLDERS, by its absolute path or from that folder",
            )
        })
    }

    fn open_below(&self, folder: &Path, name: &str) -> Option<Source> {
        let path = std::fs::canonicalize(folder.join(name)).ok()?;
        // A pipe would be waited for, so it is not even opened.
        if !self.holds(&path) || !path.is_file() {
            return None;
        }
        let file = File::open(&path).ok()?;
        // A folder on the way may have become a link since it was looked at.
        let inside = self.holds(&place_of(&file).unwrap_or_else(|| path.clone()));
        (inside && file.metadata().ok()?.is_file()).then(|| Source { name: name.to_owned(), path, file })
    }

    fn holds(&self, path: &Path) -> bool {
        self.0.iter().any(|folder| path.starts_with(folder))
    }
}

/// A file that may be read.
#[derive(Debug)]
pub(super) struct Source {
    /// What the request calls it.
    pub(super) name: String,
    /// Where it is, without links.
    pub(super) path: PathBuf,
    pub(super) file: File,
}

/// Where an open file is, where the system can say it.
#[cfg(target_os = "linux")]
fn place_of(file: &File) -> Option<PathBuf> {
    use std::os::fd::AsRawFd;
    std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()
}

#[cfg(not(target_os = "linux"))]
fn place_of(_: &File) -> Option<PathBuf> {
    None
}
