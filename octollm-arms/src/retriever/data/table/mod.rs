//! Files as tables of a database in memory.

mod cell;
#[cfg(feature = "parquet")]
mod columnar;
mod names;
mod records;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use octollm_core::{Error, ErrorKind, Fault, Result};
use rusqlite::{Connection, Statement, params_from_iter};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::DataLimits;
use super::folders::Source;
use super::guard::{self, Guard};
use super::query;
use crate::retriever::extract;
use cell::ColumnType;
use names::Names;
pub(super) use records::Form;
use records::{Header, Record};

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
    /// Given back when the memory is.
    _place: OwnedSemaphorePermit,
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
    /// The file's first line.
    pub(super) fn first_line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// The lines of the file with these numbers, from 1, in one walk.
    pub(super) fn lines_at(&self, numbers: &HashSet<u32>) -> HashMap<u32, &str> {
        let last = numbers.iter().max().copied().unwrap_or_default();
        (1..=last).zip(self.text.lines()).filter(|(number, _)| numbers.contains(number)).collect()
    }

    /// How many lines the file has.
    pub(super) fn lines(&self) -> u32 {
        u32::try_from(self.text.lines().count()).unwrap_or(u32::MAX)
    }
}

impl Tables {
    /// Reads these files. `place` is theirs among those that are in
    /// memory at once.
    ///
    /// # Errors
    /// `invalid_input` for a file that is no table; `too_large`; `timeout`.
    pub(super) fn load(
        sources: Vec<Source>,
        limits: DataLimits,
        guard: &Guard,
        place: OwnedSemaphorePermit,
    ) -> Result<Self> {
        let connection = open(limits).map_err(broken)?;
        let mut names = Names::of_tables();
        let mut room = limits.file_bytes;
        let mut tables = Vec::new();
        for (at, Source { name, path, file }) in sources.into_iter().enumerate() {
            let text = text_of(file, &path, &mut room, guard).map_err(|stop| stop.at(at))?;
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let mut table =
                describe(names.take(&stem), &name, &path, text, guard).map_err(|stop| stop.at(at))?;
            fill(&connection, &mut table, guard).map_err(|stop| stop.at(at))?;
            tables.push(table);
        }
        Ok(Self { connection: Mutex::new(connection), tables, _place: place })
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

fn open(limits: DataLimits) -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    let pages = limits.table_bytes / PAGE;
    connection.execute_batch(&format!("PRAGMA page_size = {PAGE}; PRAGMA max_page_count = {pages}"))?;
    guard::bound(&connection)?;
    Ok(connection)
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
                Some(rusqlite::ErrorCode::TooBig) => {
                    unreadable(place, "has a row that is longer than 512 KiB".to_owned())
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
        .with_hint(
            "tables are CSV, TSV, JSON (an array of objects) and JSON Lines files in UTF-8 or UTF-16, and Parquet files \
             where the program has the feature `parquet`",
        )
}

/// What stands in a file, as text.
fn text_of(file: File, path: &Path, room: &mut u64, guard: &Guard) -> Result<String, Stop> {
    if !Form::is_columnar(path) {
        return read(file, room).map_err(Stop::Unfit);
    }
    #[cfg(feature = "parquet")]
    return columnar::lines(file, room, guard);
    #[cfg(not(feature = "parquet"))]
    {
        let _ = guard;
        Err(Stop::Unfit(
            "is a Parquet file, which this program reads if it is built with the feature `parquet`"
                .to_owned(),
        ))
    }
}

/// The text of a file, which takes its bytes out of the room that is left.
fn read(file: File, room: &mut u64) -> Result<String, String> {
    let bytes = extract::read_open(file, *room).map_err(|error| extract::io_reason(&error))?;
    let bytes = bytes.ok_or_else(|| "is larger than what may be analysed at once".to_owned())?;
    *room -= bytes.len() as u64;
    let text = extract::decode(bytes)?;
    // Lines as they ended on old Macs: the parser takes them, but counts only the other ones.
    if text.contains('\r') && !text.contains('\n') { Ok(text.replace('\r', "\n")) } else { Ok(text) }
}

/// First pass: what the columns are called and what is in them.
fn describe(name: String, file: &str, path: &Path, text: String, guard: &Guard) -> Result<Table, Stop> {
    let form = Form::of(path, &text).map_err(Stop::Unfit)?;
    let mut header = Header::new(form.header(&text).map_err(Stop::Unfit)?);
    let named = header.names().len();
    let wide = || Stop::Unfit(format!("has more than {MOST_COLUMNS} columns"));
    if named > MOST_COLUMNS {
        return Err(wide());
    }
    let (mut kinds, mut rows, mut ragged) = (Vec::new(), 0_u64, 0_u64);
    records::each(&text, form, guard, &mut |_, record: &Record<'_>| {
        rows += 1;
        if !header.widen(record, MOST_COLUMNS) {
            return Err(wide());
        }
        kinds.resize(header.names().len(), ColumnType::Empty);
        ragged += u64::from(record.is_ragged(named));
        for (at, kind) in kinds.iter_mut().enumerate() {
            *kind = kind.with(&record.cell(at, header.names()));
        }
        Ok(())
    })?;
    let raw = header.into_names();
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
    let cells = table.columns.iter().enumerate().map(|(at, column)| record.cell(at, raw).fitted(column.kind));
    let values = std::iter::once(cell::Cell::Integer(i64::from(line))).chain(cells);
    insert.execute(params_from_iter(values))?;
    Ok(())
}
