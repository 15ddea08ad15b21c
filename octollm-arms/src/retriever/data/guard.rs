//! What a statement may do, and for how long.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, Result};

/// Steps of SQLite's machine between two looks at the clock: well below a millisecond.
const STEPS: i32 = 2_000;

/// The longest value that a statement may make, in bytes.
pub(super) const LONGEST_VALUE: i32 = 4 << 20;

/// Functions that reach outside of the tables, whatever SQLite was built with.
const REFUSED: [&str; 3] = ["load_extension", "fts3_tokenizer", "sqlite_offset"];

/// Ends work that takes too long or that nobody waits for any more.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    pub(super) stopped: Arc<AtomicBool>,
    pub(super) deadline: Instant,
}

impl Guard {
    /// Whether to stop now.
    pub(super) fn is_over(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }
}

/// The tables that a statement reads, by their names.
#[derive(Debug, Clone, Default)]
pub(super) struct Read(Arc<Mutex<BTreeSet<String>>>);

impl Read {
    fn note(&self, table: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(table.to_owned());
    }

    pub(super) fn tables(&self) -> BTreeSet<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Narrows a connection to reading: everything that is compiled from now on passes the authorizer. Answers where the
/// tables are noted that are read.
pub(super) fn read_only(connection: &Connection, guard: &Guard) -> Result<Read> {
    limit(connection)?;
    let read = Read::default();
    let noted = read.clone();
    connection.authorizer(Some(move |context: AuthContext<'_>| judge(&context, &noted)))?;
    let guard = guard.clone();
    connection.progress_handler(STEPS, Some(move || guard.is_over()))?;
    Ok(read)
}

/// Lets everything through again, for the connection's next statement of our own.
pub(super) fn lift(connection: &Connection) -> Result<()> {
    connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
    connection.progress_handler(0, None::<fn() -> bool>)
}

fn judge(context: &AuthContext<'_>, read: &Read) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Read { table_name, .. } => {
            read.note(table_name);
            Authorization::Allow
        }
        AuthAction::Function { function_name }
            if !REFUSED.iter().any(|refused| refused.eq_ignore_ascii_case(function_name)) =>
        {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

fn limit(connection: &Connection) -> Result<()> {
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 64 << 10),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 100),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 500),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, most)?;
    }
    Ok(())
}
