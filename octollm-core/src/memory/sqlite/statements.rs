//! The statements that append to the journal.
//!
//! sqlx runs every call on a thread of the connection's own, and going there and back costs more than inserting a row.
//! So many rows go into one statement, and an append that stands alone goes there once, with its `BEGIN` and `COMMIT`.
//! Row counts are powers of two: few shapes, each prepared once and kept.

use std::sync::LazyLock;

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::rows::{Bound, EventRow, KeyRow, RecordRow, Rows, VaultRow};

/// Rows of the largest statement.
const MOST_ROWS: usize = 64;

/// Events up to which the shape of an append is worth keeping prepared.
const FEW_EVENTS: usize = 16;

/// Statements for 1, 2, 4, .. rows.
type Shapes = [String; MOST_ROWS.ilog2() as usize + 1];

static EVENTS: LazyLock<Shapes> =
    LazyLock::new(|| shapes("action_log", EventRow::COLUMNS, EventRow::PLACES, ""));
static RECORDS: LazyLock<Shapes> =
    LazyLock::new(|| shapes("task_history", RecordRow::COLUMNS, RecordRow::PLACES, RecordRow::ON_CONFLICT));
static KEYS: LazyLock<Shapes> = LazyLock::new(|| shapes("idempotency_keys", "key, task_id", "(?,?)", ""));
static VAULT: LazyLock<Shapes> =
    LazyLock::new(|| shapes("vault_parts", "task_id, number, sealed", "(?,?,?)", ""));

fn shapes(table: &str, columns: &str, places: &str, on_conflict: &str) -> Shapes {
    std::array::from_fn(|power| {
        let values = vec![places; 1 << power].join(",");
        format!("INSERT INTO {table} ({columns}) VALUES {values} {on_conflict};")
    })
}

/// Splits rows into pieces of the sizes that there are statements for, largest first.
fn pieces<'a, T>(
    shapes: &'static Shapes,
    mut rows: &'a [T],
) -> impl Iterator<Item = (&'static str, &'a [T])> {
    std::iter::from_fn(move || {
        let power = rows.len().min(MOST_ROWS).checked_ilog2()?;
        let (piece, rest) = rows.split_at_checked(1 << power)?;
        rows = rest;
        Some((shapes.get(power as usize)?.as_str(), piece))
    })
}

/// Runs a statement without rows.
pub(super) async fn run(connection: &mut SqliteConnection, sql: &'static str) -> sqlx::Result<()> {
    sqlx::query(sql).execute(connection).await.map(drop)
}

/// Appends the rows of many appends, in order, inside the transaction that is open.
pub(super) async fn insert_all(connection: &mut SqliteConnection, all: &[&Rows]) -> sqlx::Result<()> {
    let events: Vec<&EventRow> = all.iter().flat_map(|rows| &rows.events).collect();
    for (sql, piece) in pieces(&EVENTS, &events) {
        let query = piece.iter().fold(sqlx::query(sql), |query, row| row.bind(query));
        query.execute(&mut *connection).await?;
    }
    let records: Vec<&RecordRow> = all.iter().filter_map(|rows| rows.record.as_ref()).collect();
    for (sql, piece) in pieces(&RECORDS, &records) {
        let query = piece.iter().fold(sqlx::query(sql), |query, row| row.bind(query));
        query.execute(&mut *connection).await?;
    }
    let keys: Vec<&KeyRow> = all.iter().filter_map(|rows| rows.key.as_ref()).collect();
    for (sql, piece) in pieces(&KEYS, &keys) {
        let query = piece.iter().fold(sqlx::query(sql), |query, row| row.bind(query));
        query.execute(&mut *connection).await?;
    }
    let parts: Vec<&VaultRow> = all.iter().filter_map(|rows| rows.vault.as_ref()).collect();
    for (sql, piece) in pieces(&VAULT, &parts) {
        let query = piece.iter().fold(sqlx::query(sql), |query, row| row.bind(query));
        query.execute(&mut *connection).await?;
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
    let mut sql = before.to_owned();
    pieces(&EVENTS, &rows.events).for_each(|(statement, _)| sql.push_str(statement));
    pieces(&RECORDS, rows.record.as_slice()).for_each(|(statement, _)| sql.push_str(statement));
    pieces(&KEYS, rows.key.as_slice()).for_each(|(statement, _)| sql.push_str(statement));
    pieces(&VAULT, rows.vault.as_slice()).for_each(|(statement, _)| sql.push_str(statement));
    sql.push_str(after);

    let query = sqlx::query(AssertSqlSafe(sql)).persistent(rows.events.len() <= FEW_EVENTS);
    let query = rows.events.iter().fold(query, |query: Bound<'_>, row| row.bind(query));
    let query = rows.record.iter().fold(query, |query, row| row.bind(query));
    let query = rows.key.iter().fold(query, |query, row| row.bind(query));
    let query = rows.vault.iter().fold(query, |query, row| row.bind(query));
    query.execute(connection).await.map(drop)
}

/// Adds or replaces one row of the list of tasks, inside the transaction that is open.
pub(super) async fn insert_record(connection: &mut SqliteConnection, row: &RecordRow) -> sqlx::Result<()> {
    for (sql, _) in pieces(&RECORDS, std::slice::from_ref(row)) {
        row.bind(sqlx::query(sql)).execute(&mut *connection).await?;
    }
    Ok(())
}
