//! Events and records as rows, and back.
//!
//! An append is turned into rows once, in the task that makes it; the queue behind it only binds them.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row, Sqlite};

use crate::error::{Error, ErrorKind, Result};
use crate::memory::journal::{Append, TaskRecord, VaultPart};
use crate::task::{Event, EventKind, Priority, TaskId, TaskStatus, TaskSummary, Timestamp};

pub(super) type Bound<'q> = Query<'q, Sqlite, SqliteArguments>;

/// A row whose columns go into a statement's places.
pub(super) trait Bind {
    fn bind<'q>(&self, query: Bound<'q>) -> Bound<'q>;
}

impl<T: Bind> Bind for &T {
    fn bind<'q>(&self, query: Bound<'q>) -> Bound<'q> {
        (**self).bind(query)
    }
}

/// An append, ready to be bound.
pub(super) struct Rows {
    pub(super) events: Vec<EventRow>,
    pub(super) record: Option<RecordRow>,
    pub(super) key: Option<KeyRow>,
    pub(super) vault: Option<VaultRow>,
}

impl Rows {
    /// The rows of an append through the engine `owner`.
    pub(super) fn of(append: &Append, owner: &[u8; 16]) -> Result<Self> {
        let task = append.task_id()?;
        let events = append.events.iter().map(|event| EventRow::of(event)).collect::<Result<_>>()?;
        let record = append.record.as_ref().map(|record| RecordRow::of(record, Some(*owner)));
        let key = append.claimed_key().map(|key| KeyRow { key, task });
        let vault = append.vault_part().map(|part| VaultRow { task, part });
        Ok(Self { events, record: record.transpose()?, key, vault })
    }
}

/// A row of `action_log`.
pub(super) struct EventRow {
    task: TaskId,
    seq: i64,
    at: i64,
    name: &'static str,
    arm_id: Option<Arc<str>>,
    step: Option<u32>,
    details: Arc<str>,
    success: Option<bool>,
    duration_ms: Option<i64>,
}

impl EventRow {
    pub(super) const COLUMNS: &'static str =
        "task_id, seq, at, action_type, arm_id, step, action_details, success, duration_ms";
    pub(super) const PLACES: &'static str = "(?,?,?,?,?,?,?,?,?)";

    fn of(event: &Event) -> Result<Self> {
        let (success, duration_ms) = match &event.kind {
            EventKind::StepCompleted { duration_ms, .. } => (Some(true), Some(clamp(*duration_ms))),
            EventKind::StepFailed { duration_ms, .. } => (Some(false), Some(clamp(*duration_ms))),
            EventKind::TaskCompleted { .. } => (Some(true), None),
            EventKind::TaskFailed { .. } | EventKind::TaskCancelled { .. } => (Some(false), None),
            _ => (None, None),
        };
        Ok(Self {
            task: event.task_id,
            seq: clamp(event.seq),
            at: event.at.as_microsecond(),
            name: event.kind.name(),
            arm_id: event.kind.arm_id().map(Arc::from),
            step: event.kind.step(),
            details: to_json(&event.kind)?,
            success,
            duration_ms,
        })
    }
}

impl Bind for EventRow {
    fn bind<'q>(&self, query: Bound<'q>) -> Bound<'q> {
        query
            .bind(self.task.as_bytes().to_vec())
            .bind(self.seq)
            .bind(self.at)
            .bind(self.name)
            .bind(self.arm_id.clone())
            .bind(self.step)
            .bind(self.details.clone())
            .bind(self.success)
            .bind(self.duration_ms)
    }
}

/// An event out of the columns `seq, at, action_details`.
pub(super) fn event(task: TaskId, row: &SqliteRow) -> Result<Arc<Event>> {
    let seq: i64 = column(row, 0)?;
    let damaged =
        |error: Error| error.with_context("task", task.to_string()).with_context("seq", seq.to_string());
    let kind: EventKind = from_json(column::<&str>(row, 2)?).map_err(damaged)?;
    let at = moment(column(row, 1)?).map_err(damaged)?;
    Ok(Arc::new(Event { task_id: task, seq: unsigned(seq), at, kind }))
}

/// Bytes of JSON that these rows of events have.
pub(super) fn details_len(rows: &[SqliteRow]) -> usize {
    rows.iter().map(|row| row.try_get::<&str, _>(2).map_or(0, str::len)).sum()
}

/// A row of `tasks`.
pub(super) struct RecordRow {
    summary: TaskSummary,
    error: Option<Arc<str>>,
    metadata: Arc<str>,
    owner: Option<[u8; 16]>,
}

impl RecordRow {
    pub(super) const COLUMNS: &'static str = "task_id, goal, status, success, error, \
         duration_ms, confidence, cost_tokens, cost_usd, priority, parent_task_id, metadata, owner, created_at, \
         updated_at, completed_at";
    pub(super) const PLACES: &'static str = "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
    /// What becomes of a row that is there already.
    pub(super) const ON_CONFLICT: &'static str = "ON CONFLICT (task_id) DO UPDATE SET goal = excluded.goal, \
         status = excluded.status, success = excluded.success, error = excluded.error, \
         duration_ms = excluded.duration_ms, confidence = excluded.confidence, cost_tokens = excluded.cost_tokens, \
         cost_usd = excluded.cost_usd, priority = excluded.priority, parent_task_id = excluded.parent_task_id, \
         metadata = excluded.metadata, owner = excluded.owner, created_at = excluded.created_at, \
         updated_at = excluded.updated_at, completed_at = excluded.completed_at";
    /// The columns that [`summary`] reads.
    pub(super) const SUMMARY: &'static str = "task_id, goal, status, priority, parent_task_id, error, duration_ms, \
         confidence, cost_tokens, cost_usd, metadata, created_at, updated_at, completed_at";

    /// The row of a record; nobody owns a task that has ended or waits for a person.
    pub(super) fn of(record: &TaskRecord, owner: Option<[u8; 16]>) -> Result<Self> {
        let summary = record.summary.clone();
        let at_rest = summary.status.is_terminal() || summary.status == TaskStatus::AwaitingApproval;
        Ok(Self {
            error: summary.error.as_ref().map(to_json).transpose()?,
            metadata: to_json(&summary.metadata)?,
            owner: owner.filter(|_| !at_rest),
            summary,
        })
    }
}

impl Bind for RecordRow {
    fn bind<'q>(&self, query: Bound<'q>) -> Bound<'q> {
        let summary = &self.summary;
        let success = summary.status.is_terminal().then_some(summary.status == TaskStatus::Completed);
        query
            .bind(summary.task_id.as_bytes().to_vec())
            .bind(summary.goal.clone())
            .bind(summary.status.as_str())
            .bind(success)
            .bind(self.error.clone())
            .bind(summary.duration_ms.map(clamp))
            .bind(summary.confidence)
            .bind(clamp(summary.cost_tokens))
            .bind(if summary.cost_usd.is_finite() { summary.cost_usd } else { 0.0 })
            .bind(summary.priority.as_str())
            .bind(summary.parent_task_id.map(|parent| parent.as_bytes().to_vec()))
            .bind(self.metadata.clone())
            .bind(self.owner.map(|owner| owner.to_vec()))
            .bind(summary.created_at.as_microsecond())
            .bind(summary.updated_at.as_microsecond())
            .bind(summary.completed_at.map(Timestamp::as_microsecond))
    }
}

/// A summary out of the columns [`RecordRow::SUMMARY`].
pub(super) fn summary(row: &SqliteRow) -> Result<TaskSummary> {
    let task_id = task_id(row, 0)?;
    let error: Option<String> = column(row, 5)?;
    let completed_at: Option<i64> = column(row, 13)?;
    let parent: Option<Vec<u8>> = column(row, 4)?;
    let status: &str = column(row, 2)?;
    Ok(TaskSummary {
        task_id,
        goal: column(row, 1)?,
        status: TaskStatus::from_name(status).ok_or_else(|| damaged("a status"))?,
        priority: priority(row, 3)?,
        parent_task_id: parent.as_deref().map(id_of).transpose()?,
        error: error.as_deref().map(from_json).transpose()?,
        duration_ms: column::<Option<i64>>(row, 6)?.map(unsigned),
        confidence: column(row, 7)?,
        cost_tokens: unsigned(column(row, 8)?),
        cost_usd: column(row, 9)?,
        metadata: from_json(column::<&str>(row, 10)?)?,
        created_at: moment(column(row, 11)?)?,
        updated_at: moment(column(row, 12)?)?,
        completed_at: completed_at.map(moment).transpose()?,
    })
}

/// A row of `idempotency_keys`.
pub(super) struct KeyRow {
    key: [u8; 32],
    task: TaskId,
}

impl Bind for KeyRow {
    fn bind<'q>(&self, query: Bound<'q>) -> Bound<'q> {
        query.bind(self.key.to_vec()).bind(self.task.as_bytes().to_vec())
    }
}

/// A row of `vault_parts`.
pub(super) struct VaultRow {
    task: TaskId,
    part: VaultPart,
}

impl Bind for VaultRow {
    fn bind<'q>(&self, query: Bound<'q>) -> Bound<'q> {
        query.bind(self.task.as_bytes().to_vec()).bind(clamp(self.part.number)).bind(self.part.sealed.clone())
    }
}

/// A sealed part out of the columns `number, sealed`.
pub(super) fn vault_part(row: &SqliteRow) -> Result<VaultPart> {
    Ok(VaultPart { number: unsigned(column(row, 0)?), sealed: column(row, 1)? })
}

/// A task's id out of a column.
pub(super) fn task_id(row: &SqliteRow, index: usize) -> Result<TaskId> {
    id_of(&column::<Vec<u8>>(row, index)?)
}

/// A priority out of a column.
pub(super) fn priority(row: &SqliteRow, index: usize) -> Result<Priority> {
    let name: String = column(row, index)?;
    serde_json::from_value(Value::String(name)).map_err(|_| damaged("a priority"))
}

/// A column that must be of this type.
pub(super) fn column<'r, T>(row: &'r SqliteRow, index: usize) -> Result<T>
where
    T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
{
    row.try_get(index).map_err(|_| damaged("a value of another type"))
}

fn id_of(bytes: &[u8]) -> Result<TaskId> {
    let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| damaged("an id"))?;
    Ok(TaskId::from_bytes(bytes))
}

fn moment(microseconds: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(microseconds).map_err(|_| damaged("a time"))
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| damaged("JSON"))
}

fn to_json<T: Serialize>(value: &T) -> Result<Arc<str>> {
    let text = serde_json::to_string(value).map_err(|error| {
        Error::new(ErrorKind::Internal, "an event cannot be written as JSON").with_source(error)
    })?;
    Ok(text.into())
}

fn damaged(what: &'static str) -> Error {
    Error::new(ErrorKind::Storage, "a stored row cannot be read")
        .with_context("it has", format!("{what} that does not belong there"))
        .with_hint("the database was changed by something else, or is damaged; restore it from a backup")
}

/// SQLite's integers are signed; what does not fit is far beyond anything that is counted here.
pub(super) fn clamp(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The other way round.
pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
