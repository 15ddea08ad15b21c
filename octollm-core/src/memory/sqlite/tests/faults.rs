//! Everything that can be wrong with the file, and what is said about it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use super::super::{SqliteMemory, SqliteOptions};
use super::{Backend, accepted};
use crate::error::{Error, ErrorKind};
use crate::memory::Journal;
use crate::testing::journal::Script;

/// Opens a file that must be refused, and checks that it is left as it is.
async fn refused(path: &Path) -> Error {
    let before = fs::read(path).ok();
    let error = open(path).await.err().expect("the file must be refused");
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.hint().is_some(), "no advice: {error}");
    assert_eq!(fs::read(path).ok(), before, "the file was changed");
    error
}

async fn open(path: &Path) -> crate::Result<SqliteMemory> {
    SqliteMemory::open(SqliteOptions { busy_timeout: Duration::from_millis(50), ..SqliteOptions::new(path) })
        .await
}

/// A closed database with a task in it.
async fn filled() -> Backend {
    let backend = Backend::new();
    let memory = backend.memory().await;
    for _ in 0..50 {
        Script::new().run(&memory).await;
    }
    memory.close().await.unwrap();
    backend
}

async fn plain(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

async fn change(path: &Path, sql: &'static str) {
    let mut connection = plain(path).await;
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_directory_is_no_database() {
    let directory = tempfile::tempdir().unwrap();
    let error = refused(directory.path()).await;
    assert_eq!(error.message(), "the database's path is not a file");
}

#[tokio::test]
async fn a_file_in_the_way_of_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "text").unwrap();
    refused(&directory.path().join("file/octollm.db")).await;
}

#[tokio::test]
async fn another_kind_of_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    fs::write(&path, "Not a database at all. ".repeat(100)).unwrap();
    let error = refused(&path).await;
    assert!(error.to_string().contains("not a SQLite database"), "{error}");
}

#[tokio::test]
async fn another_programs_database() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.db");
    change(&path, "CREATE TABLE bookmarks (url TEXT)").await;
    let error = refused(&path).await;
    assert_eq!(error.message(), "the file is another program's database");
}

#[tokio::test]
async fn a_newer_version() {
    let backend = filled().await;
    let path = backend.options().path;
    change(&path, "PRAGMA user_version = 1000").await;
    let error = refused(&path).await;
    assert!(error.to_string().contains("its version: 1000"), "{error}");
}

#[tokio::test]
async fn damage_is_found_when_a_small_database_is_opened() {
    let backend = filled().await;
    let path = backend.options().path;
    let mut bytes = fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0x5a);
    fs::write(&path, &bytes).unwrap();
    let error = refused(&path).await;
    assert!(error.to_string().contains("damaged"), "{error}");
    assert!(!error.is_temporary());
}

#[tokio::test]
async fn a_locked_database_is_a_temporary_error() {
    let backend = filled().await;
    let path = backend.options().path;
    let memory = open(&path).await.unwrap();
    let mut other = plain(&path).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();

    let mut task = Script::new();
    let append = task.append(vec![accepted()]);
    for error in [memory.append(&append.clone()).await.unwrap_err(), open(&path).await.err().unwrap()] {
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert!(error.is_temporary(), "{error:?}");
        assert!(error.to_string().contains("locked"), "{error}");
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    memory.append(&append).await.unwrap();
    assert_eq!(memory.read(task.id(), 0, 10).await.unwrap(), task.events());
}

#[tokio::test]
async fn a_full_disk_fails_appends_until_there_is_room() {
    let backend = filled().await;
    let memory = backend.memory().await;
    let limit = async |sql: &'static str| {
        sqlx::raw_sql(sql).execute(memory.writer().await.unwrap().connection()).await.unwrap();
    };
    // SQLite answers as it does on a full disk when the file may not grow. The lowest limit is the present size.
    limit("PRAGMA max_page_count = 1").await;
    let mut failed = None;
    let mut kept = Vec::new();
    for _ in 0..2000 {
        let mut task = Script::new();
        match memory.append(&task.append(vec![accepted()])).await {
            Ok(()) => kept.push(task),
            Err(error) => {
                failed = Some((task, error));
                break;
            }
        }
    }
    let (task, error) = failed.expect("the file must become full");
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains("full"), "{error}");
    assert!(memory.read(task.id(), 0, 10).await.unwrap().is_empty());
    assert!(memory.record(task.id()).await.unwrap().is_none());

    limit("PRAGMA max_page_count = 1000000").await;
    let mut after = Script::new();
    after.run(&memory).await;
    kept.push(after);
    for task in &kept {
        assert_eq!(memory.read(task.id(), 0, 10).await.unwrap(), task.events());
    }
    memory.check_integrity().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_may_not_be_written() {
    use std::os::unix::fs::PermissionsExt;
    let backend = filled().await;
    let path = backend.options().path;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    if fs::OpenOptions::new().write(true).open(&path).is_ok() {
        // Permissions do not bind the superuser, who can write any file: so the database opens.
        open(&path).await.unwrap();
        return;
    }
    let error = refused(&path).await;
    assert!(error.to_string().contains("read-only"), "{error}");
}
