//! Durable memory in one SQLite file.
//!
//! One connection writes and a few read. In WAL mode readers never wait for the writer nor it for them, and one writer
//! is all that SQLite allows: a queue in front of it, instead of a lock inside it, lets many tasks share a commit.
//!
//! Nothing here builds SQL out of values; what is put together at run time are placeholders.

mod claim;
mod documents;
mod engine;
mod error;
mod graph;
mod group_commit;
mod history;
mod integrity;
mod journal;
mod json;
mod open;
mod options;
mod prune;
mod rebuild;
mod rows;
mod schema;
mod size;
mod statements;
mod stats;
#[cfg(test)]
mod tests;
mod vectors;

use std::ffi::OsString;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use sqlx::pool::PoolConnection;
use sqlx::{Connection, Sqlite, SqliteConnection, SqlitePool, Transaction};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use crate::error::{Error, ErrorKind, Result};
pub use documents::SqliteDocuments;
use engine::Engine;
use error::{closed, storage};
pub use graph::SqliteGraph;
use group_commit::CommitQueue;
use integrity::Verdict;
pub use options::{SqliteOptions, Synchronous};
pub use vectors::SqliteVectors;

/// Journal, statistics, documents, vectors and knowledge in one SQLite file. Clones share the file and the engine.
///
/// Closing it with [`close`](Self::close) waits until everything is written. Merely dropping it writes what was
/// acknowledged, no more; nothing that was acknowledged is lost either way.
#[derive(Clone)]
pub struct SqliteMemory {
    shared: Arc<Shared>,
}

struct Shared {
    /// The connection that writes; `None` once closed.
    writer: Arc<Mutex<Option<SqliteConnection>>>,
    /// Connections that read. A database in memory has none: there, its only connection reads too.
    readers: Option<SqlitePool>,
    /// Who owns the tasks that are appended through this handle; dropped, and so given free, when it is closed.
    engine: std::sync::Mutex<Option<Arc<Engine>>>,
    /// Where appends wait for the connection that writes.
    queue: CommitQueue,
    /// What a check in the background found.
    verdict: Verdict,
    /// The file; none in memory.
    path: Option<PathBuf>,
}

impl SqliteMemory {
    /// Opens the database, makes it if it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// `storage`, with what to do about it: the path is no file, cannot be written, is no database, is damaged, belongs
    /// to another program or to a newer version, or stays locked for longer than the busy timeout (temporary). A file
    /// that is refused is left as it is.
    pub async fn open(options: SqliteOptions) -> Result<Self> {
        let path = options.path.clone();
        let path = blocking(move || open::prepare_file(&path)).await?;
        let mut writer = open::connect_writer(&path, &options).await?;
        let checked = integrity::check_if_small(&mut writer).await?;
        let engines = engines_directory(&path);
        let engine = blocking(move || Engine::start(&engines).map_err(|error| cannot_lock(&error))).await?;
        let readers = open::reader_pool(&path, &options);
        let memory = Self::new(writer, Some(readers.clone()), engine, Some(path));
        if !checked {
            integrity::check_later(readers, memory.shared.verdict.clone());
        }
        Ok(memory)
    }

    /// A database in memory, gone with its last clone.
    ///
    /// # Errors
    /// `storage` if there is no memory for it.
    pub async fn in_memory() -> Result<Self> {
        Ok(Self::new(open::connect_in_memory().await?, None, Engine::alone(), None))
    }

    /// Writes what was appended, carries it over from the write-ahead log into the database, and gives up the tasks
    /// that this engine works on. Every later call fails.
    ///
    /// # Errors
    /// `storage` if the database cannot be closed cleanly; nothing that was acknowledged is lost even so.
    pub async fn close(&self) -> Result<()> {
        self.shared.queue.close().await;
        if let Some(readers) = &self.shared.readers {
            readers.close().await;
        }
        let connection = self.shared.writer.lock().await.take();
        let closed = match connection {
            Some(connection) => {
                connection.close().await.map_err(|error| storage("cannot close the database", &error))
            }
            None => Ok(()),
        };
        drop(self.shared.engine.lock().unwrap_or_else(PoisonError::into_inner).take());
        closed
    }

    /// The file, with the folders above it; none for a database in memory.
    pub fn path(&self) -> Option<&Path> {
        self.shared.path.as_deref()
    }

    fn new(
        writer: SqliteConnection,
        readers: Option<SqlitePool>,
        engine: Engine,
        path: Option<PathBuf>,
    ) -> Self {
        let writer = Arc::new(Mutex::new(Some(writer)));
        let engine = std::sync::Mutex::new(Some(Arc::new(engine)));
        let queue = CommitQueue::start(writer.clone());
        let verdict = Verdict::default();
        Self { shared: Arc::new(Shared { writer, readers, engine, queue, verdict, path }) }
    }

    fn engine(&self) -> Result<Arc<Engine>> {
        self.shared.engine.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(closed)
    }

    /// A connection to read with. What was committed before is seen.
    async fn reader(&self) -> Result<Reader<'_>> {
        match &self.shared.readers {
            Some(pool) => {
                let connection =
                    pool.acquire().await.map_err(|error| storage("cannot read the database", &error))?;
                Ok(Reader::Pooled(connection))
            }
            None => Ok(Reader::Only(self.writer().await?)),
        }
    }

    /// The connection that writes, after everybody who asked before. While it is held no task's event is committed, so
    /// hold it for one short transaction at a time.
    async fn writer(&self) -> Result<Writer<'_>> {
        lock(&self.shared.writer).await.map(Writer)
    }
}

/// A connection to read with.
enum Reader<'a> {
    Pooled(PoolConnection<Sqlite>),
    Only(Writer<'a>),
}

impl Deref for Reader<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        match self {
            Self::Pooled(connection) => connection,
            Self::Only(writer) => &writer.0,
        }
    }
}

impl DerefMut for Reader<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Pooled(connection) => connection,
            Self::Only(writer) => &mut writer.0,
        }
    }
}

/// The connection that writes, for as long as this is held.
struct Writer<'a>(MappedMutexGuard<'a, SqliteConnection>);

impl Writer<'_> {
    /// For one statement, which is a transaction of its own.
    fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }

    /// Begins a transaction that is rolled back unless it is committed.
    async fn begin(&mut self) -> Result<Transaction<'_, Sqlite>> {
        self.0
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(|error| storage("cannot write to the database", &error))
    }
}

async fn lock(
    connection: &Mutex<Option<SqliteConnection>>,
) -> Result<MappedMutexGuard<'_, SqliteConnection>> {
    MutexGuard::try_map(connection.lock().await, Option::as_mut).map_err(|_| closed())
}

/// Runs what blocks on the file system away from the tasks.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::new(ErrorKind::Internal, "a background job ended early").with_source(error))?
}

fn engines_directory(database: &Path) -> PathBuf {
    let mut path = OsString::from(database);
    path.push(".engines");
    path.into()
}

fn cannot_lock(error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, "cannot create a lock file beside the database")
        .with_context("why", error.kind().to_string())
        .with_hint("give the user of this process the right to write the database's directory")
}
