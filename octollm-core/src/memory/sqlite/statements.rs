//! The statements that append to the journal.
//!
//! sqlx runs every call on a thread of the connection's own, and each statement's end wakes whoever waits for it, which
//! costs more than inserting a row. So many rows go into one statement, and an append that stands alone goes there once,
//! with its `BEGIN` and `COMMIT`. A statement of many rows takes longer to parse than to run, so each is prepared once and
//! kept; to have few of them, only some numbers of rows have one, and what is missing to the next is filled with rows that
//! the statement leaves out.

use std::sync::LazyLock;

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::rows::{Bind, Bound, EventRow, KeyRow, RecordRow, Rows, VaultRow};

/// The numbers of rows that there are statements for: at most a third of one is rows that are left out.
const SIZES: [usize; 16] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, MOST_ROWS];

/// Rows of the largest statement, and so the events that [`insert_one`] is kept prepared for.
pub(super) const MOST_ROWS: usize = 256;

/// A table's statements, by the number of their rows.
struct Shapes {
    sql: [String; SIZES.len()],
    columns: usize,
}

static EVENTS: LazyLock<Shapes> =
    LazyLock::new(|| shapes("action_log", EventRow::COLUMNS, EventRow::PLACES, ""));
static RECORDS: LazyLock<Shapes> =
    LazyLock::new(|| shapes("tasks", RecordRow::COLUMNS, RecordRow::PLACES, RecordRow::ON_CONFLICT));
static KEYS: LazyLock<Shapes> = LazyLock::new(|| shapes("idempotency_keys", "key, task_id", "(?,?)", ""));
static VAULT: LazyLock<Shapes> =
    LazyLock::new(|| shapes("vault_parts", "task_id, number, sealed", "(?,?,?)", ""));

/// No table's first column is ever null, so a row of nulls is one to leave out.
fn shapes(table: &str, columns: &str, places: &str, on_conflict: &str) -> Shapes {
    let sql = SIZES.map(|rows| {
        let values = vec![places; rows].join(",");
        let from = if rows == 1 {
            format!("VALUES {values}")
        } else {
            format!("SELECT * FROM (VALUES {values}) WHERE column1 IS NOT NULL")
        };
        format!("INSERT INTO {table} ({columns}) {from} {on_conflict};")
    });
    Shapes { sql, columns: places.matches('?').count() }
}

/// Rows that go into one statement.
struct Piece<'a, T> {
    sql: &'static str,
    rows: &'a [T],
    /// Places that stay null.
    nulls: usize,
}

impl<T: Bind> Piece<'_, T> {
    fn bind<'q>(&self, query: Bound<'q>) -> Bound<'q> {
        let query = self.rows.iter().fold(query, |query, row| row.bind(query));
        (0..self.nulls).fold(query, |query, _| query.bind(None::<i64>))
    }
}

/// Splits rows into pieces that there are statements for.
fn pieces<'a, T>(shapes: &'static Shapes, mut left: &'a [T]) -> impl Iterator<Item = Piece<'a, T>> {
    std::iter::from_fn(move || {
        let (rows, rest) = left.split_at_checked(left.len().min(MOST_ROWS))?;
        let size = SIZES.iter().position(|size| *size >= rows.len()).filter(|_| !rows.is_empty())?;
        left = rest;
        let nulls = (SIZES.get(size)? - rows.len()) * shapes.columns;
        Some(Piece { sql: shapes.sql.get(size)?, rows, nulls })
    })
}

/// Runs a statement without rows.
pub(super) async fn run(connection: &mut SqliteConnection, sql: &'static str) -> sqlx::Result<()> {
    sqlx::query(sql).execute(connection).await.map(drop)
}

/// Appends the rows of many appends, in order, inside the transaction that is open.
pub(super) async fn insert_all(connection: &mut SqliteConnection, all: &[&Rows]) -> sqlx::Result<()> {
    let events: Vec<&EventRow> = all.iter().flat_map(|rows| &rows.events).collect();
    insert(connection, &EVENTS, &events).await?;
    let records: Vec<&RecordRow> = all.iter().filter_map(|rows| rows.record.as_ref()).collect();
    insert(connection, &RECORDS, &records).await?;
    let keys: Vec<&KeyRow> = all.iter().filter_map(|rows| rows.key.as_ref()).collect();
    insert(connection, &KEYS, &keys).await?;
    let parts: Vec<&VaultRow> = all.iter().filter_map(|rows| rows.vault.as_ref()).collect();
    insert(connection, &VAULT, &parts).await
}

async fn insert<T: Bind>(
    connection: &mut SqliteConnection,
    shapes: &'static Shapes,
    rows: &[T],
) -> sqlx::Result<()> {
    for piece in pieces(shapes, rows) {
        piece.bind(sqlx::query(piece.sql)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Appends the rows of one append in one call, between the statements `before` and `after`.
pub(super) async fn insert_one(
    connection: &mut SqliteConnection,
    rows: &Rows,
    before: &'static str,
    after: &'static str,
) -> sqlx::Result<()> {
    let events = || pieces(&EVENTS, &rows.events);
    let record = || pieces(&RECORDS, rows.record.as_slice());
    let key = || pieces(&KEYS, rows.key.as_slice());
    let vault = || pieces(&VAULT, rows.vault.as_slice());

    let mut sql = before.to_owned();
    events().for_each(|piece| sql.push_str(piece.sql));
    record().for_each(|piece| sql.push_str(piece.sql));
    key().for_each(|piece| sql.push_str(piece.sql));
    vault().for_each(|piece| sql.push_str(piece.sql));
    sql.push_str(after);

    let query = sqlx::query(AssertSqlSafe(sql)).persistent(rows.events.len() <= MOST_ROWS);
    let query = events().fold(query, |query, piece| piece.bind(query));
    let query = record().fold(query, |query, piece| piece.bind(query));
    let query = key().fold(query, |query, piece| piece.bind(query));
    let query = vault().fold(query, |query, piece| piece.bind(query));
    query.execute(connection).await.map(drop)
}

/// Adds or replaces one row of the list of tasks, inside the transaction that is open.
pub(super) async fn insert_record(connection: &mut SqliteConnection, row: &RecordRow) -> sqlx::Result<()> {
    insert(connection, &RECORDS, std::slice::from_ref(row)).await
}
