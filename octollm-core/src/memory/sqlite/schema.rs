//! The schema and its versions.
//!
//! `PRAGMA user_version` counts the migrations that a file has had. Each runs in one transaction that also raises the
//! version, so that a crash leaves a file between two versions, never inside one.

use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

use super::error::storage;
use crate::error::{Error, ErrorKind, Result};

/// What the file has to go through, in order. Only ever add to the end.
const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema_documents.sql"),
    include_str!("schema_vault.sql"),
    include_str!("schema_documents_version.sql"),
    include_str!("schema_tasks.sql"),
];

/// `OCTO` in ASCII: tells a file of ours from another program's, see `PRAGMA application_id`.
const APPLICATION_ID: i32 = 0x4f43_544f;

const OPENING: &str = "cannot open the database";

/// Refuses another program's database and one of a newer version, without writing to it.
pub(super) async fn check(connection: &mut SqliteConnection) -> Result<()> {
    let version = version(connection).await?;
    let known = MIGRATIONS.len();
    if version > known {
        return Err(Error::new(ErrorKind::Storage, "the database is from a newer version of OctoLLM")
            .with_context("its version", version.to_string())
            .with_context("known here", known.to_string())
            .with_hint("use the newer program; the file was left as it is"));
    }
    let foreign =
        "SELECT (SELECT application_id FROM pragma_application_id), EXISTS (SELECT 1 FROM sqlite_schema)";
    let row =
        sqlx::query(foreign).fetch_one(&mut *connection).await.map_err(|error| storage(OPENING, &error))?;
    let (application, has_tables): (i32, bool) = (row.get(0), row.get(1));
    if has_tables && application != APPLICATION_ID {
        return Err(Error::new(ErrorKind::Storage, "the file is another program's database")
            .with_hint("give another path; the file was left as it is"));
    }
    Ok(())
}

/// Brings the file up to the newest version.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<()> {
    run_migrations(connection).await.map_err(|error| storage("cannot bring the database up to date", &error))
}

async fn run_migrations(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    loop {
        // Taken even where nothing is to do: it finds out here, not at the first task, that the file cannot be written.
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await?;
        let index = usize::try_from(version).unwrap_or(usize::MAX);
        let Some(migration) = MIGRATIONS.get(index) else {
            return transaction.rollback().await;
        };
        sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
        // A pragma takes no bound values; both numbers are ours.
        let stamp = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {}", index + 1);
        sqlx::raw_sql(AssertSqlSafe(stamp)).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
}

async fn version(connection: &mut SqliteConnection) -> Result<usize> {
    let version: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(connection)
        .await
        .map_err(|error| storage(OPENING, &error))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}
