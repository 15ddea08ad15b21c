//! Files as tables of a database in memory.

mod cell;
mod names;
mod records;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use octollm_core::{Error, ErrorKind, Fault, Result};
use rusqlite::{Connection, Statement, params_from_iter};
use serde_json::{Value, json};

use super::DataLimits;
use super::guard::Guard;
use super::query;
use crate::retriever::extract;
use cell::ColumnType;
use names::Names;
pub(super) use records::Form;
use records::Record;

/// Columns that a table may have.
const MOST_COLUMNS: usize = 1_000;
/// Rows that a model is shown of each table.
const SAMPLE: usize = 3;
/// Bytes of a page of the database.
const PAGE: u64 = 4_096;

/// A database with one table for each file.
pub(super) struct Tables {
    connection: Mutex<Connection>,
    tables: Vec<Table>,
}

/// A table and the file that it came from.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    /// As the request named it.
    pub(super) file: String,
    pub(super) columns: Vec<Column>,
    pub(super) rows: u64,
    pub(super) form: Form,
    /// What is unusual about the file, for a person.
    pub(super) notes: Vec<String>,
    text: String,
}

/// A column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: ColumnType,
    /// What the file calls it.
    raw: String,
}

impl Table {
    /// The line of the file with this number, from 1.
    pub(super) fn line(&self, number: u32) -> Option<&str> {
        self.text.lines().nth(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// How many lines the file has.
    pub(super) fn lines(&self) -> u32 {
        u32::try_from(self.text.lines().count()).unwrap_or(u32::MAX)
    }
}

impl Tables {
    /// Reads these files, each by what the request calls it and where it is.
    ///
    /// # Errors
    /// `invalid_input` for a file that is no table; `too_large`; `timeout`.
    pub(super) fn load(files: &[(String, PathBuf)], limits: DataLimits, guard: &Guard) -> Result<Self> {
        let connection = Connection::open_in_memory().map_err(broken)?;
        let pages = limits.table_bytes / PAGE;
        let settings = format!("PRAGMA page_size = {PAGE}; PRAGMA max_page_count = {pages}");
        connection.execute_batch(&settings).map_err(broken)?;
        let mut names = Names::of_tables();
        let mut room = limits.file_bytes;
        let mut tables = Vec::new();
        for (place, (file, path)) in files.iter().enumerate() {
            let refused = |reason: String| unreadable(place, reason);
            let text = read(path, &mut room).map_err(refused)?;
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let mut table =
                describe(names.take(&stem), file, path, text, guard).map_err(|stop| stop.at(place))?;
            fill(&connection, &mut table, guard).map_err(|stop| stop.at(place))?;
            tables.push(table);
        }
        Ok(Self { connection: Mutex::new(connection), tables })
    }

    /// All tables, in the order of the request.
    pub(super) fn all(&self) -> &[Table] {
        &self.tables
    }

    /// The database.
    pub(super) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tables as a model is shown them: names, types, and the first rows.
    ///
    /// # Errors
    /// `internal` if they cannot be read back.
    pub(super) fn shown(&self) -> Result<Value> {
        let connection = self.connection();
        let shown = |table: &Table| {
            let sql = format!("SELECT * FROM {} LIMIT {SAMPLE}", names::quoted(&table.name));
            let sample = query::sample(&connection, &sql).map_err(broken)?;
            let columns: Vec<_> = table
                .columns
                .iter()
                .map(|column| json!({"name": column.name, "type": column.kind}))
                .collect();
            Ok(json!({"table": table.name, "columns": columns, "rows": table.rows, "first_rows": sample}))
        };
        self.tables.iter().map(shown).collect()
    }
}

/// Why a file is not taken in.
pub(super) enum Stop {
    /// It is no table that can be read.
    Unfit(String),
    /// It takes too long, or nobody waits any more.
    Over,
    /// The database refuses it.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl Stop {
    fn at(self, place: usize) -> Error {
        match self {
            Self::Unfit(reason) => unreadable(place, reason),
            Self::Over => Error::new(ErrorKind::Timeout, "reading the tables took longer than it may")
                .with_hint("ask for fewer or smaller files"),
            Self::Database(error) => match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::DiskFull | rusqlite::ErrorCode::OutOfMemory) => {
                    Error::new(ErrorKind::TooLarge, "the tables need more memory than they may take")
                        .with_hint("ask for fewer or smaller files")
                }
                _ => broken(error),
            },
        }
    }
}

fn broken(error: rusqlite::Error) -> Error {
    Error::new(ErrorKind::Internal, "the tables could not be loaded").with_source(error)
}

fn unreadable(place: usize, reason: String) -> Error {
    Error::invalid("a table cannot be read", vec![Fault::new(format!("/tables/{place}"), reason)])
        .with_hint("tables are CSV, TSV, JSON (an array of objects) and JSON Lines files in UTF-8 or UTF-16")
}

/// The text of a file, which takes its bytes out of the room that is left.
fn read(path: &Path, room: &mut u64) -> Result<String, String> {
    let bytes = extract::read_at_most(path, *room).map_err(|error| extract::io_reason(&error))?;
    let bytes = bytes.ok_or_else(|| "is larger than what may be analysed at once".to_owned())?;
    *room -= bytes.len() as u64;
    extract::decode(bytes)
}

/// First pass: what the columns are called and what is in them.
fn describe(name: String, file: &str, path: &Path, text: String, guard: &Guard) -> Result<Table, Stop> {
    let form = Form::of(path, &text).map_err(Stop::Unfit)?;
    let mut raw: Vec<String> = form.header(&text).map_err(Stop::Unfit)?;
    let named = raw.len();
    let (mut kinds, mut rows, mut ragged) = (Vec::new(), 0_u64, 0_u64);
    records::each(&text, form, guard, &mut |_, record: &Record<'_>| {
        rows += 1;
        record.add_columns(&mut raw);
        if raw.len() > MOST_COLUMNS {
            return Err(Stop::Unfit(format!("has more than {MOST_COLUMNS} columns")));
        }
        kinds.resize(raw.len(), ColumnType::Empty);
        ragged += u64::from(record.is_ragged(named));
        for (at, kind) in kinds.iter_mut().enumerate() {
            *kind = kind.with(&record.cell(at, &raw));
        }
        Ok(())
    })?;
    if raw.is_empty() {
        return Err(Stop::Unfit("has no columns".to_owned()));
    }
    kinds.resize(raw.len(), ColumnType::Empty);
    let mut names = Names::of_columns();
    let columns = raw.into_iter().zip(kinds);
    let columns = columns.map(|(raw, kind)| Column { name: names.take(&raw), kind, raw }).collect();
    let notes =
        (ragged > 0).then(|| format!("{ragged} rows have more or fewer values than the header has names"));
    let notes = notes.into_iter().collect();
    Ok(Table { name, file: file.to_owned(), columns, rows, form, notes, text })
}

/// Second pass: the rows.
fn fill(connection: &Connection, table: &mut Table, guard: &Guard) -> Result<(), Stop> {
    let columns: Vec<_> = table
        .columns
        .iter()
        .map(|column| format!("{} {}", names::quoted(&column.name), column.kind.declared()))
        .collect();
    let name = names::quoted(&table.name);
    connection.execute_batch(&format!("CREATE TABLE {name} ({})", columns.join(", ")))?;
    let names: Vec<_> = table.columns.iter().map(|column| names::quoted(&column.name)).collect();
    let marks = vec!["?"; names.len() + 1].join(", ");
    let sql = format!("INSERT INTO {name} (rowid, {}) VALUES ({marks})", names.join(", "));
    let transaction = connection.unchecked_transaction()?;
    let mut insert = transaction.prepare(&sql)?;
    let raw: Vec<String> = table.columns.iter().map(|column| column.raw.clone()).collect();
    records::each(&table.text, table.form, guard, &mut |line, record: &Record<'_>| {
        insert_row(&mut insert, table, line, record, &raw)
    })?;
    drop(insert);
    Ok(transaction.commit()?)
}

fn insert_row(
    insert: &mut Statement<'_>,
    table: &Table,
    line: u32,
    record: &Record<'_>,
    raw: &[String],
) -> Result<(), Stop> {
    let cells = table.columns.iter().enumerate().map(|(at, column)| record.cell(at, raw).as_a(column.kind));
    let values = std::iter::once(cell::Cell::Integer(i64::from(line))).chain(cells);
    insert.execute(params_from_iter(values))?;
    Ok(())
}
