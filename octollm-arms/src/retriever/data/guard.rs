//! What a statement may do, and for how long.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, Result};

/// Steps of SQLite's machine between two looks at the clock: a fraction of a millisecond, unless each step handles a value
/// of the greatest length.
const STEPS: i32 = 200;

/// The longest value and the longest row, in bytes. One step cannot be interrupted, and some (`instr`, `replace`, `LIKE`)
/// take time that grows with the square of a value's length: with this much it is a second or two.
const LONGEST_VALUE: i32 = 512 << 10;

/// Queries that a statement may be made of. A join of unions is taken apart into one for each combination of their members.
const MOST_QUERIES: u32 = 5_000;

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

/// What a statement does while it is compiled.
#[derive(Debug, Clone, Default)]
pub(super) struct Read(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    /// The names of the tables that it reads.
    tables: BTreeSet<String>,
    /// How many queries it is made of by now.
    queries: u32,
}

impl Read {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn query(&self) -> Authorization {
        let mut seen = self.seen();
        seen.queries = seen.queries.saturating_add(1);
        if seen.queries > MOST_QUERIES { Authorization::Deny } else { Authorization::Allow }
    }

    pub(super) fn tables(&self) -> BTreeSet<String> {
        self.seen().tables.clone()
    }

    /// Whether it was stopped because it came to be made of too many queries.
    pub(super) fn grows(&self) -> bool {
        self.seen().queries > MOST_QUERIES
    }
}

/// Bounds what a connection holds, for as long as it lives.
pub(super) fn bound(connection: &Connection) -> Result<()> {
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, most)?;
    }
    Ok(())
}

/// Narrows a connection to reading: everything that is compiled from now on passes the authorizer. Answers where the
/// tables are noted that are read.
pub(super) fn read_only(connection: &Connection, guard: &Guard) -> Result<Read> {
    narrow(connection)?;
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
        AuthAction::Recursive => Authorization::Allow,
        AuthAction::Select => read.query(),
        AuthAction::Read { table_name, .. } => {
            read.seen().tables.insert(table_name.to_owned());
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

fn narrow(connection: &Connection) -> Result<()> {
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 64 << 10),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 100),
        (Limit::SQLITE_LIMIT_VDBE_OP, 500_000),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200),
    ] {
        connection.set_limit(limit, most)?;
    }
    Ok(())
}
