//! SQLite's result codes, as errors that say what to do.
//!
//! SQLite's own words are left out: a message of FTS5, for one, repeats the text that was searched for.

use sqlx::error::DatabaseError;

use crate::error::{Error, ErrorKind, Status};

// Primary result codes, https://www.sqlite.org/rescode.html
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const TOOBIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const NOTADB: i32 = 26;

// Extended result codes.
const CONSTRAINT_PRIMARYKEY: i32 = CONSTRAINT | (6 << 8);
const CONSTRAINT_UNIQUE: i32 = CONSTRAINT | (8 << 8);

/// What became of a call to SQLite: `doing` says what was tried, as in "cannot append to the journal".
pub(in crate::memory) fn storage(doing: &'static str, error: &sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(error) => {
            let code = extended_code(error.as_ref());
            from_code(doing, code).with_context("sqlite_code", code.to_string())
        }
        sqlx::Error::PoolTimedOut => Error::new(ErrorKind::Storage, doing)
            .with_context("why", "every reading connection is in use")
            .with_status(Status::Temporary),
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => closed(),
        sqlx::Error::ColumnDecode { index, .. } => Error::new(ErrorKind::Storage, doing)
            .with_context("column", index.clone())
            .with_hint("the stored row is damaged or from another program; restore it from a backup"),
        other => Error::new(ErrorKind::Storage, doing).with_context("why", variant_name(other)),
    }
}

/// The database was closed by this program.
pub(in crate::memory) fn closed() -> Error {
    Error::new(ErrorKind::Unavailable, "the database is closed")
        .with_status(Status::Permanent)
        .with_hint("open it again")
}

/// Whether a key that must be unique was taken.
pub(in crate::memory) fn is_taken(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().map(extended_code);
    matches!(code, Some(CONSTRAINT_PRIMARYKEY | CONSTRAINT_UNIQUE))
}

/// Whether the rows were refused, and not the store failed: other rows may be written.
pub(super) fn is_of_one_append(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().map(|error| extended_code(error) & 0xff);
    matches!(code, Some(CONSTRAINT | TOOBIG))
}

/// Whether another connection has the database locked.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().map(|error| extended_code(error) & 0xff);
    matches!(code, Some(BUSY | LOCKED))
}

fn extended_code(error: &dyn DatabaseError) -> i32 {
    error.code().and_then(|code| code.parse().ok()).unwrap_or(0)
}

fn from_code(doing: &'static str, code: i32) -> Error {
    let (why, hint) = match code & 0xff {
        BUSY | LOCKED => {
            ("another process has it locked", "wait for the other process, or raise the busy timeout")
        }
        READONLY => {
            ("it is read-only", "give the user of this process the right to write the file and its directory")
        }
        IOERR => ("the disk failed", "look into the system's log; check the disk and the file system"),
        CORRUPT => (
            "it is damaged",
            "keep a copy, then restore a backup or recover what is left with `sqlite3 FILE .recover`",
        ),
        FULL => ("the disk or the quota is full", "free some space; nothing of this was written"),
        CANTOPEN => (
            "it cannot be opened",
            "check that the path is a file in a directory which the user of this process may write",
        ),
        TOOBIG => ("a value is larger than SQLite's limit of 1 GB", "store it as a file and refer to it"),
        NOTADB => ("the file is not a SQLite database", "give another path; the file was left as it is"),
        CONSTRAINT => ("it breaks a rule of its table", "this is a defect; please report it"),
        _ => ("SQLite refused", "look up the code at https://www.sqlite.org/rescode.html"),
    };
    let status = match code & 0xff {
        BUSY | LOCKED => Status::Temporary,
        FULL | IOERR => Status::Unknown,
        _ => Status::Permanent,
    };
    Error::new(ErrorKind::Storage, doing).with_context("why", why).with_hint(hint).with_status(status)
}

fn variant_name(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) => error.kind().to_string(),
        sqlx::Error::RowNotFound => "a row is missing".to_owned(),
        _ => "the database driver failed".to_owned(),
    }
}
