//! Opens the file: finds out everything that is wrong with it before the first task depends on it.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection, SqlitePool};
use tokio::time::{Instant, sleep};

use super::error::{is_busy, storage};
use super::{SqliteOptions, Synchronous, schema};
use crate::error::{Error, ErrorKind, Result};

const OPENING: &str = "cannot open the database";

/// Statements that a connection keeps prepared: more than the journal has shapes of.
const PREPARED_STATEMENTS: usize = 128;

/// Pages that the log may have before a commit carries them over into the database: 16 MiB. Larger than SQLite's
/// default, because a checkpoint costs two more flushes.
const CHECKPOINT_PAGES: &str = "4000";

/// Bytes of log that are kept for reuse after a checkpoint.
const LOG_LIMIT: &str = "67108864";

/// What a reading connection keeps of the file at most, in KiB (negative numbers are that, others are pages). A search
/// looks up the length of every chunk that has a word of it; out of SQLite's usual 2 MiB most of that is read from the
/// file again.
const READER_CACHE: &str = "-16384";

/// The database file at its absolute path, made if it is missing. Blocks on the file system.
pub(super) fn prepare_file(path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path).map_err(|error| cannot_make(&error))?;
    if fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
        return Err(Error::new(ErrorKind::Storage, "the database's path is not a file")
            .with_hint("give the path of a file, such as DIRECTORY/octollm.db"));
    }
    if let Some(directory) = path.parent() {
        create_private_directory(directory).map_err(|error| cannot_make(&error))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(cannot_make(&error)),
        _ => Ok(path),
    }
}

/// Makes a directory, and those above it, that only this user may enter.
pub(super) fn create_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn cannot_make(error: &io::Error) -> Error {
    Error::new(ErrorKind::Storage, "cannot create the database file")
        .with_context("why", error.kind().to_string())
        .with_hint("check that the user of this process may write the directory, or give another path")
}

/// The one connection that writes, with the schema brought up to date.
pub(super) async fn connect_writer(path: &Path, options: &SqliteOptions) -> Result<SqliteConnection> {
    let settings = settings(options).filename(path);
    let mut connection = settings.connect().await.map_err(|error| storage(OPENING, &error))?;
    schema::check(&mut connection).await?;
    enter_wal(&mut connection, options.busy_timeout).await?;
    schema::migrate(&mut connection).await?;
    Ok(connection)
}

/// A database that is gone when its connection is.
pub(super) async fn connect_in_memory() -> Result<SqliteConnection> {
    let settings = settings(&SqliteOptions::new(""));
    let mut connection = settings.connect().await.map_err(|error| storage(OPENING, &error))?;
    schema::migrate(&mut connection).await?;
    Ok(connection)
}

/// Connections that only read. None is made before it is needed.
pub(super) fn reader_pool(path: &Path, options: &SqliteOptions) -> SqlitePool {
    let settings = settings(options)
        .filename(path)
        .pragma("query_only", "ON")
        .pragma("cache_size", READER_CACHE)
        .journal_mode(SqliteJournalMode::Wal);
    SqlitePoolOptions::new()
        .max_connections(options.max_readers.max(1))
        .test_before_acquire(false)
        .connect_lazy_with(settings)
}

fn settings(options: &SqliteOptions) -> SqliteConnectOptions {
    let synchronous = match options.synchronous {
        Synchronous::Full => SqliteSynchronous::Full,
        Synchronous::Normal => SqliteSynchronous::Normal,
    };
    SqliteConnectOptions::new()
        .busy_timeout(options.busy_timeout.min(Duration::from_secs(3600)))
        .synchronous(synchronous)
        .foreign_keys(true)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("journal_size_limit", LOG_LIMIT)
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(PREPARED_STATEMENTS)
        .thread_name(|id| format!("octollm-sqlite-{id}"))
        .disable_statement_logging()
}

/// Switches to the write-ahead log. SQLite's busy timeout does not cover the switch, so two processes that make the
/// same file at the same time need this loop.
async fn enter_wal(connection: &mut SqliteConnection, timeout: Duration) -> Result<()> {
    let deadline = Instant::now() + timeout;
    loop {
        let switch = sqlx::query_scalar("PRAGMA journal_mode = WAL").fetch_one(&mut *connection).await;
        match switch {
            Ok::<String, _>(mode) if mode == "wal" => return Ok(()),
            Ok(_) => {
                return Err(Error::new(
                    ErrorKind::Storage,
                    "the database's file system has no shared memory",
                )
                .with_hint("put the database on a local disk"));
            }
            Err(error) if is_busy(&error) && Instant::now() < deadline => {
                sleep(Duration::from_millis(5)).await
            }
            Err(error) => return Err(storage(OPENING, &error)),
        }
    }
}
