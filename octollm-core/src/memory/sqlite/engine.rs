//! Which engines are alive.
//!
//! Every open handle is an engine with a name of its own and holds an advisory lock on `<database>.engines/<name>.lock`.
//! The kernel releases the lock when the process dies, however it dies: so whoever can take the lock knows that the
//! engine is dead, without clocks, heartbeats or process ids that are used again.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// This handle's engine.
pub(super) struct Engine {
    id: [u8; 16],
    lock: Option<Lock>,
}

struct Lock {
    /// Holds the lock until it is closed.
    _file: File,
    path: PathBuf,
}

impl Engine {
    /// An engine of its own, for a database that nobody else can open.
    pub(super) fn alone() -> Self {
        Self { id: *Uuid::now_v7().as_bytes(), lock: None }
    }

    /// An engine that others can tell to be alive by its lock in `directory`. Blocks on the file system.
    pub(super) fn start(directory: &Path) -> io::Result<Self> {
        super::open::create_private_directory(directory)?;
        loop {
            let id = *Uuid::now_v7().as_bytes();
            let path = lock_path(directory, &id);
            let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
            // Between the two calls another engine may have taken this file for a dead one's and removed it.
            if file.try_lock().is_ok() && path.exists() {
                return Ok(Self { id, lock: Some(Lock { _file: file, path }) });
            }
        }
    }

    /// The name, as it stands in `tasks.owner`.
    pub(super) fn id(&self) -> &[u8; 16] {
        &self.id
    }

    /// Whether the engine of this name is dead; removes what it left behind. Blocks on the file system.
    ///
    /// An answer of `true` is final: a dead engine never comes back under its name.
    pub(super) fn is_dead(&self, id: &[u8]) -> io::Result<bool> {
        let Some(directory) = self.lock.as_ref().and_then(|lock| lock.path.parent()) else {
            return Ok(id != self.id);
        };
        let Ok(id) = <&[u8; 16]>::try_from(id) else { return Ok(true) };
        let path = lock_path(directory, id);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(true),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(lock) = &self.lock {
            // A file that stays is found unlocked, and removed, by whoever looks for dead engines next.
            drop(fs::remove_file(&lock.path));
        }
    }
}

fn lock_path(directory: &Path, id: &[u8; 16]) -> PathBuf {
    directory.join(format!("{}.lock", Uuid::from_bytes(*id).simple()))
}
