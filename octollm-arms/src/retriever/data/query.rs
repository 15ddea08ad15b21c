//! One statement over the tables.

use std::collections::BTreeSet;

use octollm_core::{Error, ErrorKind, Fault};
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection, ErrorCode, Row, Statement};
use serde_json::{Number, Value};

use super::DataLimits;
use super::growth;
use super::guard::{self, Guard};
use super::table::Tables;

/// What a statement answered.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Value>>,
    /// Whether there are more.
    pub(super) truncated: bool,
    /// The tables that it reads.
    pub(super) read: BTreeSet<String>,
}

/// Why a statement was not answered.
#[derive(Debug)]
pub(super) struct Failed {
    kind: ErrorKind,
    /// The database's own words, which repeat names out of the statement.
    message: String,
    reason: &'static str,
    hint: String,
}

impl Failed {
    /// Whether another statement may be answered.
    pub(super) fn can_be_mended(&self) -> bool {
        self.kind == ErrorKind::InvalidInput
    }

    /// The database's own words: for the model that wrote the statement.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// As an error, without the statement's own words.
    pub(super) fn into_error(self) -> Error {
        let error = match self.kind {
            ErrorKind::InvalidInput => {
                Error::invalid("the statement was not run", vec![Fault::new("/sql", self.reason)])
            }
            kind => Error::new(kind, self.reason),
        };
        error.with_hint(self.hint)
    }
}

/// Runs one statement that reads.
///
/// # Errors
/// Why it was not allowed, wrong, or too much.
pub(super) fn run(tables: &Tables, sql: &str, limits: DataLimits, guard: &Guard) -> Result<Rows, Failed> {
    if !growth::fits(sql) {
        return Err(grows());
    }
    let connection = tables.connection();
    let read = guard::read_only(&connection, guard).map_err(|error| failed(&error, tables))?;
    let outcome = select(&connection, sql, limits);
    let lifted = guard::lift(&connection);
    lifted.map_err(|error| failed(&error, tables))?;
    if read.grows() {
        return Err(grows());
    }
    let (columns, rows, truncated) = outcome.map_err(|error| failed(&error, tables))?;
    Ok(Rows { columns, rows, truncated, read: read.tables() })
}

/// The rows of a statement of our own.
pub(super) fn sample(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<Vec<Value>>> {
    let limits = DataLimits { answer_bytes: 4 << 10, ..DataLimits::default() };
    select(connection, sql, limits).map(|(_, rows, _)| rows)
}

type Answer = (Vec<String>, Vec<Vec<Value>>, bool);

fn select(connection: &Connection, sql: &str, limits: DataLimits) -> rusqlite::Result<Answer> {
    let mut statement = single(connection, sql)?;
    // The authorizer has refused everything else already; this is the second lock on the same door.
    if !statement.readonly() || statement.column_count() == 0 {
        return Err(rusqlite::Error::InvalidQuery);
    }
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut found = statement.query([])?;
    let (mut rows, mut room) = (Vec::new(), limits.answer_bytes);
    while let Some(row) = found.next()? {
        let (values, bytes) = values(row, columns.len())?;
        if rows.len() == limits.rows || bytes > room {
            return Ok((columns, rows, true));
        }
        room -= bytes;
        rows.push(values);
    }
    Ok((columns, rows, false))
}

/// The only statement of a text. The connection's own `prepare` would go down a level of the stack for each statement
/// that follows.
fn single<'a>(connection: &'a Connection, sql: &str) -> rusqlite::Result<Statement<'a>> {
    let mut statements = Batch::new(connection, sql);
    let first = statements.next()?.ok_or(rusqlite::Error::InvalidQuery)?;
    match statements.next()? {
        None => Ok(first),
        Some(_) => Err(rusqlite::Error::MultipleStatement),
    }
}

/// A row and about how many bytes its values take.
fn values(row: &Row<'_>, columns: usize) -> rusqlite::Result<(Vec<Value>, usize)> {
    let mut bytes = 0;
    let value = |at| {
        let value = row.get_ref(at)?;
        bytes += match value {
            ValueRef::Text(text) => text.len(),
            _ => 8,
        };
        Ok(json(value))
    };
    Ok(((0..columns).map(value).collect::<rusqlite::Result<_>>()?, bytes))
}

fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        ValueRef::Blob(bytes) => format!("({} bytes)", bytes.len()).into(),
    }
}

fn failed(error: &rusqlite::Error, tables: &Tables) -> Failed {
    let message = error.to_string();
    let only = "give one SELECT statement; data is read here and never changed".to_owned();
    let failed = |kind, reason, hint| Failed { kind, message: message.clone(), reason, hint };
    if matches!(error, rusqlite::Error::MultipleStatement | rusqlite::Error::InvalidQuery) {
        return failed(ErrorKind::InvalidInput, "must be one SELECT statement", only);
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::AuthorizationForStatementDenied) => {
            failed(ErrorKind::InvalidInput, "does something else than reading the tables", only)
        }
        Some(ErrorCode::OperationInterrupted) => failed(
            ErrorKind::Timeout,
            "the statement took longer than it may",
            "narrow it down: fewer rows, no join without a condition, a LIMIT in a recursion".to_owned(),
        ),
        Some(ErrorCode::DiskFull | ErrorCode::OutOfMemory | ErrorCode::TooBig) => failed(
            ErrorKind::TooLarge,
            "the statement makes more than fits",
            "group or filter before you join, sort or concatenate".to_owned(),
        ),
        _ => failed(ErrorKind::InvalidInput, fault(&message), known(tables)),
    }
}

/// What is said of a statement that would take all memory before its first row.
fn grows() -> Failed {
    Failed {
        kind: ErrorKind::InvalidInput,
        message: "the statement is too complex".to_owned(),
        reason: "grows too large before it runs",
        hint: "nest fewer queries, and name the tables of WITH and their columns less often".to_owned(),
    }
}

/// What is wrong with a statement, in words of our own: SQLite's repeat what it was given.
fn fault(message: &str) -> &'static str {
    let known = [
        ("no such table", "names a table that is not there"),
        ("no such column", "names a column that is not there"),
        ("no such function", "calls a function that SQLite does not have"),
        ("ambiguous column name", "names a column that several tables have; put the table's name before it"),
        ("misuse of aggregate", "uses an aggregate where there can be none"),
        ("wrong number of arguments", "calls a function with another number of arguments than it takes"),
        ("incomplete input", "ends too early"),
        ("syntax error", "has a syntax error"),
        ("unrecognized token", "has a character that has no meaning there"),
    ];
    let found = known.iter().find(|(sign, _)| message.contains(sign));
    found.map_or("is not a statement that SQLite can run", |(_, fault)| fault)
}

fn known(tables: &Tables) -> String {
    let table = |table: &super::table::Table| {
        let columns: Vec<_> = table.columns.iter().take(40).map(|column| column.name.as_str()).collect();
        format!("{}({})", table.name, columns.join(", "))
    };
    let tables: Vec<_> = tables.all().iter().take(10).map(table).collect();
    format!("the statement is in SQLite's SQL over {}", tables.join("; "))
}
