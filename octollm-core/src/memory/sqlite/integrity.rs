//! Whether the file is whole.
//!
//! `PRAGMA quick_check` reads every page. A small database is checked before it is used. A large one would make
//! starting slow, so it is checked while it is used already, and [`ping`](crate::memory::Journal::ping) says what came
//! out. Damage that a task runs into before that is an error of its own; SQLite notices what it reads.

use std::sync::{Arc, OnceLock};

use sqlx::{SqliteConnection, SqlitePool};

use super::SqliteMemory;
use super::error::storage;
use crate::error::{Error, ErrorKind, Result};

/// Bytes up to which a database is checked before it is used: a few milliseconds.
const SMALL: i64 = 8 * 1024 * 1024;

/// What came out of the check in the background; empty while it runs and where all is well.
pub(super) type Verdict = Arc<OnceLock<()>>;

/// Checks the database now if it is small, and says whether it did.
pub(super) async fn check_if_small(connection: &mut SqliteConnection) -> Result<bool> {
    let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    let bytes: i64 = sqlx::query_scalar(sql)
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| storage("cannot open the database", &error))?;
    if bytes > SMALL {
        return Ok(false);
    }
    check(connection).await.map(|()| true)
}

/// Checks the database in the background, as long as its connections are open.
pub(super) fn check_later(readers: SqlitePool, verdict: Verdict) {
    tokio::spawn(async move {
        let Ok(mut connection) = readers.acquire().await else { return };
        let checked = tokio::select! {
            checked = check(&mut connection) => checked,
            () = readers.close_event() => return,
        };
        if let Err(error) = checked {
            tracing::error!(%error, hint = error.hint(), "the database is damaged");
            let _ = verdict.set(());
        }
    });
}

async fn check(connection: &mut SqliteConnection) -> Result<()> {
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(connection)
        .await
        .map_err(|error| storage("cannot check the database", &error))?;
    if found == "ok" { Ok(()) } else { Err(damaged()) }
}

fn damaged() -> Error {
    Error::new(ErrorKind::Storage, "the database is damaged")
        .with_hint("keep a copy, then restore a backup or recover what is left with `sqlite3 FILE .recover`")
}

impl SqliteMemory {
    /// Reads every page of the database and says whether it is whole. Takes about a second per GB.
    ///
    /// # Errors
    /// `storage` if it is damaged or cannot be read.
    pub async fn check_integrity(&self) -> Result<()> {
        let mut reader = self.reader().await?;
        check(&mut reader).await
    }

    /// Whether the database answers and is not known to be damaged.
    pub(super) async fn check_alive(&self) -> Result<()> {
        if self.shared.verdict.get().is_some() {
            return Err(damaged());
        }
        let mut reader = self.reader().await?;
        sqlx::query("SELECT 1 FROM tasks LIMIT 1")
            .fetch_optional(&mut *reader)
            .await
            .map(drop)
            .map_err(|error| storage("cannot read the database", &error))
    }
}
