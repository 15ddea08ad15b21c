//! The journal: the log of what happened to every task, and the list of tasks that is folded from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Fault, Result};
use crate::task::{Event, Priority, TaskId, TaskState, TaskStatus, TaskSummary};

/// Events of one task that become durable together, and the task's row in the list if that changes.
#[derive(Debug, Clone)]
pub struct Append {
    /// One task's events, with `seq` going up by one.
    pub events: Vec<Arc<Event>>,
    /// The task's row after them; absent where it stays as it is.
    pub record: Option<Box<TaskRecord>>,
    /// What the task's vault has new, sealed; its number is the `seq` of the first event.
    pub vault: Option<Vec<u8>>,
}

/// A sealed part of a task's vault. Nobody can read it without the key, which is kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultPart {
    /// The `seq` of the first event of the append that it came with.
    pub number: u64,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
}

/// A task's row in the list. Request, plan and result are in the log, and nowhere else.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRecord {
    /// What a list shows.
    pub summary: TaskSummary,
    /// SHA-256 of the caller's idempotency key. The first append of a task claims it for that task.
    pub idempotency_key: Option<[u8; 32]>,
}

impl Append {
    /// The task that all of it is about.
    ///
    /// # Errors
    /// `internal` if it is not what [`Append`] promises; every backend refuses that before it writes anything.
    pub(crate) fn task_id(&self) -> Result<TaskId> {
        let first = self.events.first().ok_or_else(|| malformed("it is empty"))?;
        for (event, seq) in self.events.iter().zip(first.seq..) {
            if event.task_id != first.task_id || event.seq != seq {
                return Err(malformed("its events are not one task's, in order"));
            }
        }
        if first.seq == 0 || self.events.iter().any(|event| event.kind.is_live_only()) {
            return Err(malformed("it has events that are live only"));
        }
        if self.record.as_ref().is_some_and(|record| record.summary.task_id != first.task_id) {
            return Err(malformed("its row is another task's"));
        }
        Ok(first.task_id)
    }

    /// The sealed part that comes with it.
    pub(crate) fn vault_part(&self) -> Option<VaultPart> {
        let number = self.events.first()?.seq;
        Some(VaultPart { number, sealed: self.vault.clone()? })
    }

    /// The key that this append claims: only a task's first one does.
    pub(crate) fn claimed_key(&self) -> Option<[u8; 32]> {
        self.events.first().filter(|event| event.seq == 1)?;
        self.record.as_ref()?.idempotency_key
    }
}

fn malformed(detail: &'static str) -> Error {
    Error::new(ErrorKind::Internal, format!("an append to the journal is malformed: {detail}"))
}

/// A task has other events than an append expected, or its idempotency key is another task's.
pub(crate) fn taken() -> Error {
    Error::new(ErrorKind::Conflict, "somebody else wrote to the task, or its idempotency key is taken")
        .with_hint("read the task again and go on from there")
}

/// There is no such task.
pub(crate) fn no_such_task(task: TaskId) -> Error {
    Error::new(ErrorKind::NotFound, "there is no such task").with_context("task", task.to_string())
}

/// A living engine works on the task.
pub(crate) fn owned_elsewhere(task: TaskId) -> Error {
    Error::new(ErrorKind::Conflict, "another engine works on the task")
        .with_context("task", task.to_string())
        .with_hint("ask the engine that works on it")
}

/// An unfinished task that an engine took over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// The task.
    pub task_id: TaskId,
    /// Who waits when not everybody can run.
    pub priority: Priority,
}

impl TaskRecord {
    /// The row of a task in this state.
    pub fn of(state: &TaskState) -> Self {
        Self { summary: state.summary(), idempotency_key: None }
    }
}

/// The append-only log of all tasks.
///
/// One *engine* is one running orchestrator that executes tasks. A journal belongs to one engine at a time per handle:
/// tasks that are appended through a handle are owned by that handle's engine until they end or wait for a person, and
/// [`claim`](Self::claim) hands over what dead engines left behind, never what a living one works on.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends events and returns once they are durable. All of `append` is kept, or nothing.
    ///
    /// # Errors
    /// `conflict` if a `(task_id, seq)` or an idempotency key is taken: somebody else wrote to the task. `storage` if
    /// the store cannot take it.
    async fn append(&self, append: &Append) -> Result<()>;

    /// A task's events with `seq > after`, in order, `limit` at most. Empty for an unknown task.
    ///
    /// # Errors
    /// `storage`.
    async fn read(&self, task: TaskId, after: u64, limit: usize) -> Result<Vec<Arc<Event>>>;

    /// The sealed parts of the task's vault, in order; dropped with the task. None for an unknown task.
    ///
    /// # Errors
    /// `storage`.
    async fn vault(&self, task: TaskId) -> Result<Vec<VaultPart>>;

    /// The task's row, if there is such a task.
    ///
    /// # Errors
    /// `storage`.
    async fn record(&self, task: TaskId) -> Result<Option<TaskSummary>>;

    /// Tasks, newest first.
    ///
    /// # Errors
    /// `invalid_input` for a bad cursor.
    async fn list(&self, filter: &TaskFilter) -> Result<TaskPage>;

    /// The task that a key was claimed for.
    ///
    /// # Errors
    /// `storage`.
    async fn task_for_key(&self, key: [u8; 32]) -> Result<Option<TaskId>>;

    /// Takes over every unfinished task that no living engine owns, except those that wait for a person. A second call
    /// answers only what has become free since.
    ///
    /// # Errors
    /// `storage`.
    async fn claim(&self) -> Result<Vec<Claimed>>;

    /// Takes over this one task, for a person's decision or a cancellation. Claiming what is already owned by this
    /// engine succeeds.
    ///
    /// # Errors
    /// `not_found`; `conflict` if a living engine owns it.
    async fn claim_task(&self, task: TaskId) -> Result<()>;

    /// Recreates the list of tasks from the log; answers how many tasks that were.
    ///
    /// # Errors
    /// `storage`.
    async fn rebuild(&self) -> Result<u64>;

    /// Drops ended tasks, their events and their rows, as the policy says.
    ///
    /// # Errors
    /// `storage`.
    async fn prune(&self, policy: &PrunePolicy) -> Result<Pruned>;

    /// Whether the store answers.
    ///
    /// # Errors
    /// `storage`.
    async fn ping(&self) -> Result<()>;
}

/// What an arm has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArmStats {
    /// Calls that ended.
    pub total: u64,
    /// Calls that ended well.
    pub success: u64,
    /// Moving average of a call's duration, in milliseconds.
    pub avg_duration_ms: f64,
}

/// Keeps arms' statistics over restarts.
#[async_trait]
pub trait StatsStore: Send + Sync {
    /// All statistics by arm id.
    ///
    /// # Errors
    /// `storage`.
    async fn load_stats(&self) -> Result<BTreeMap<String, ArmStats>>;

    /// Replaces the statistics of these arms.
    ///
    /// # Errors
    /// `storage`.
    async fn save_stats(&self, stats: BTreeMap<String, ArmStats>) -> Result<()>;
}

/// Which tasks are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaskFilter {
    /// Only tasks in this status.
    pub status: Option<TaskStatus>,
    /// Only tasks of this priority.
    pub priority: Option<Priority>,
    /// Only sub-tasks of this task.
    pub parent_task_id: Option<TaskId>,
    /// Only tasks with all of these labels.
    pub metadata: BTreeMap<String, String>,
    /// 1..=1000; 50 where absent.
    pub limit: Option<usize>,
    /// Where the page before ended: [`TaskPage::next`].
    pub cursor: Option<String>,
}

impl TaskFilter {
    const DEFAULT_LIMIT: usize = 50;
    const MAX_LIMIT: usize = 1000;

    /// How many tasks a page has at most.
    pub(crate) fn page_size(&self) -> Result<usize> {
        let limit = self.limit.unwrap_or(Self::DEFAULT_LIMIT);
        if (1..=Self::MAX_LIMIT).contains(&limit) {
            return Ok(limit);
        }
        let fault = Fault::new("/limit", format!("must be 1 to {}", Self::MAX_LIMIT));
        Err(Error::invalid("the filter is invalid", vec![fault]))
    }

    /// The last task of the page before.
    pub(crate) fn before(&self) -> Result<Option<TaskId>> {
        let invalid = |_| {
            let fault = Fault::new("/cursor", "must be the `next` of an earlier page");
            Error::invalid("the filter is invalid", vec![fault])
        };
        self.cursor.as_deref().map(str::parse).transpose().map_err(invalid)
    }

    /// Whether the task is listed, apart from limit and cursor.
    pub(crate) fn matches(&self, task: &TaskSummary) -> bool {
        self.status.is_none_or(|status| task.status == status)
            && self.priority.is_none_or(|priority| task.priority == priority)
            && self.parent_task_id.is_none_or(|parent| task.parent_task_id == Some(parent))
            && self.metadata.iter().all(|(key, value)| task.metadata.get(key) == Some(value))
    }
}

impl TaskPage {
    /// The page out of up to one task more than it may have, which tells that there is another page.
    pub(crate) fn cut(mut tasks: Vec<TaskSummary>, size: usize) -> Self {
        let more = tasks.len() > size;
        tasks.truncate(size);
        let next = tasks.last().filter(|_| more).map(|task| task.task_id.to_string());
        Self { tasks, next }
    }
}

/// A page of tasks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskPage {
    /// Newest first.
    pub tasks: Vec<TaskSummary>,
    /// The cursor of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which ended tasks are dropped. Unfinished tasks never are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrunePolicy {
    /// Drop what ended longer ago than this.
    pub older_than: Option<Duration>,
    /// Keep at most this many ended tasks, the newest.
    pub keep_newest: Option<u64>,
}

/// What was dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Tasks.
    pub tasks: u64,
    /// Their events.
    pub events: u64,
}
