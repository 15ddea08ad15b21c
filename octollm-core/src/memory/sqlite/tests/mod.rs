//! What is true of the SQLite journal beyond the contract of every journal.

mod crash;
mod events;
mod faults;
mod migration;
mod throughput;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use tempfile::TempDir;

use super::{SqliteMemory, SqliteOptions, Synchronous};
use crate::error::ErrorKind;
use crate::memory::{Append, Journal, StatsStore, TaskFilter};
use crate::task::{Event, EventKind, TaskId, TaskRequest};
use crate::testing::journal::{JournalBackend, Script, journal_suite, stats_suite};

/// A database in a directory of its own.
struct Backend(TempDir);

impl Backend {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn options(&self) -> SqliteOptions {
        SqliteOptions {
            synchronous: Synchronous::Normal,
            ..SqliteOptions::new(self.0.path().join("deeper/octollm.db"))
        }
    }

    async fn memory(&self) -> SqliteMemory {
        SqliteMemory::open(self.options()).await.unwrap()
    }
}

#[async_trait]
impl JournalBackend for Backend {
    async fn open(&self) -> Arc<dyn Journal> {
        Arc::new(self.memory().await)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_a_journal() {
    journal_suite(async || Backend::new()).await;
}

#[tokio::test]
async fn keeps_the_contract_of_a_stats_store() {
    stats_suite(&SqliteMemory::in_memory().await.unwrap()).await;
    let backend = Backend::new();
    stats_suite(&backend.memory().await).await;
    assert_eq!(backend.memory().await.load_stats().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_database_in_memory_reads_what_it_wrote() {
    let memory = SqliteMemory::in_memory().await.unwrap();
    let mut task = Script::new();
    task.run(&memory).await;
    assert_eq!(memory.read(task.id(), 0, 10).await.unwrap(), task.events());
    assert!(memory.claim().await.unwrap().is_empty());
    memory.close().await.unwrap();
}

#[tokio::test]
async fn opening_again_finds_everything() {
    let backend = Backend::new();
    let memory = backend.memory().await;
    let (mut ended, mut running) = (Script::with_key([1; 32]), Script::new());
    ended.run(&memory).await;
    running.start(&memory).await;
    memory.close().await.unwrap();

    let log = backend.options().path.with_extension("db-wal");
    assert!(!log.exists(), "closing carries the write-ahead log over");
    let memory = backend.memory().await;
    for task in [&ended, &running] {
        assert_eq!(memory.read(task.id(), 0, 10).await.unwrap(), task.events());
        assert_eq!(memory.record(task.id()).await.unwrap(), Some(task.summary()));
    }
    assert_eq!(memory.task_for_key([1; 32]).await.unwrap(), Some(ended.id()));
    let claimed = memory.claim().await.unwrap();
    assert_eq!(claimed.iter().map(|claimed| claimed.task_id).collect::<Vec<_>>(), [running.id()]);
}

#[tokio::test]
async fn a_closed_database_says_so() {
    let backend = Backend::new();
    let memory = backend.memory().await;
    let mut task = Script::new();
    task.start(&memory).await;
    memory.close().await.unwrap();
    memory.close().await.unwrap();
    let append = task.append(vec![EventKind::TaskCancelled {
        reason: "closed".into(),
        usage: crate::task::Usage::default(),
    }]);
    assert_eq!(memory.append(&append).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(memory.read(task.id(), 0, 10).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(memory.claim().await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn closing_writes_what_has_entered_the_queue() {
    let backend = Backend::new();
    let memory = backend.memory().await;
    let mut tasks: Vec<Script> = (0..50).map(|_| Script::new()).collect();
    let appends: Vec<_> = tasks.iter_mut().map(|task| task.append(vec![accepted()])).collect();
    let (appended, closed) =
        futures_util::join!(join_all(appends.iter().map(|append| memory.append(append))), async {
            tokio::task::yield_now().await;
            memory.close().await
        });
    closed.unwrap();
    let memory = backend.memory().await;
    for (task, appended) in tasks.iter().zip(appended) {
        let events = memory.read(task.id(), 0, 10).await.unwrap();
        assert_eq!(events.len(), usize::from(appended.is_ok()), "acknowledged and kept are the same");
    }
}

/// Appends that wait while something else writes end up in one transaction.
#[tokio::test]
async fn a_conflict_fails_only_the_append_that_brought_it() {
    let memory = SqliteMemory::in_memory().await.unwrap();
    let (mut first, mut taken) = (Script::with_key([3; 32]), Script::new());
    first.run(&memory).await;
    taken.start(&memory).await;
    let mut rival = taken.clone();
    memory
        .append(&taken.append(vec![EventKind::TaskCancelled {
            reason: "first".into(),
            usage: crate::task::Usage::default(),
        }]))
        .await
        .unwrap();

    let mut good: Vec<Script> = (0..20).map(|_| Script::new()).collect();
    let mut appends: Vec<_> = good.iter_mut().map(|task| task.append(vec![accepted()])).collect();
    appends.insert(
        5,
        rival.append(vec![EventKind::TaskCancelled {
            reason: "second".into(),
            usage: crate::task::Usage::default(),
        }]),
    );
    appends.insert(11, Script::with_key([3; 32]).append(vec![accepted()]));
    appends.insert(13, Script::with_key([4; 32]).append(vec![accepted()]));
    appends.insert(17, Script::with_key([4; 32]).append(vec![accepted()]));

    let busy = memory.writer().await.unwrap();
    let appending = join_all(appends.iter().map(|append| memory.append(append)));
    let (answers, ()) = futures_util::join!(appending, async {
        tokio::task::yield_now().await;
        drop(busy);
    });
    let conflicts: Vec<usize> = (0..answers.len()).filter(|index| answers[*index].is_err()).collect();
    assert_eq!(conflicts, [5, 11, 17]);
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert!(refused.into_iter().all(|error| error.kind() == ErrorKind::Conflict));
    for task in &good {
        assert_eq!(memory.read(task.id(), 0, 10).await.unwrap(), task.events());
    }
    assert_eq!(memory.read(rival.id(), 0, 10).await.unwrap(), taken.events());
}

/// A caller that goes away after its append entered the queue leaves it there whole.
#[tokio::test]
async fn an_abandoned_append_is_written_whole() {
    let memory = SqliteMemory::in_memory().await.unwrap();
    let mut task = Script::new();
    let append = task.append(vec![
        accepted(),
        EventKind::TaskCancelled { reason: "abandoned".into(), usage: crate::task::Usage::default() },
    ]);
    let busy = memory.writer().await.unwrap();
    let waited = tokio::time::timeout(std::time::Duration::from_millis(20), memory.append(&append)).await;
    assert!(waited.is_err(), "the append must still wait for the writer");
    drop(busy);
    let mut after = Script::new();
    after.accept(&memory, TaskRequest::new("Appended after the abandoned one")).await;
    assert_eq!(memory.read(task.id(), 0, 10).await.unwrap(), task.events());
    assert_eq!(memory.record(task.id()).await.unwrap(), Some(task.summary()));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_handles_write_one_file_at_once() {
    let backend = Backend::new();
    let (one, two) = futures_util::join!(backend.memory(), backend.memory());
    let lives = (0..40).map(|number| {
        let memory = if number % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move {
            let mut task = Script::new();
            task.run(&memory).await;
            task
        })
    });
    for task in join_all(lives).await {
        let task = task.unwrap();
        assert_eq!(two.read(task.id(), 0, 10).await.unwrap(), task.events());
    }
    assert_eq!(one.list(&TaskFilter::default()).await.unwrap().tasks.len(), 40);
}

/// Every column of `task_history`, as whoever looks into the file finds it.
async fn history(memory: &SqliteMemory) -> Vec<String> {
    let sql = "SELECT json_array(hex(task_id), goal, request, status, plan, results, success, error, duration_ms, \
               confidence, cost_tokens, cost_usd, priority, hex(parent_task_id), metadata, hex(owner), \
               created_at, updated_at, completed_at) FROM task_history ORDER BY task_id";
    sqlx::query_scalar(sql).fetch_all(&mut *memory.reader().await.unwrap()).await.unwrap()
}

/// Rebuilding restores every column, also of rows that are gone, and drops rows that the log does not know.
#[tokio::test]
async fn rebuilding_restores_every_column() {
    let memory = SqliteMemory::in_memory().await.unwrap();
    let (mut ended, mut running) = (Script::new(), Script::new());
    ended.run(&memory).await;
    running.start(&memory).await;
    let rows = async || history(&memory).await;
    let live = rows().await;
    assert_eq!(live.len(), 2);
    let damage = "UPDATE tasks SET goal = 'lost', cost_usd = 9, success = NULL, \
                  status = 'accepted', completed_at = NULL; \
                  DELETE FROM tasks WHERE owner IS NULL; \
                  INSERT INTO tasks SELECT zeroblob(16), goal, status, success, error, \
                  duration_ms, confidence, cost_tokens, cost_usd, priority, parent_task_id, metadata, NULL, NULL, \
                  created_at, updated_at, completed_at FROM tasks";
    sqlx::raw_sql(damage).execute(memory.writer().await.unwrap().connection()).await.unwrap();
    assert_ne!(rows().await, live);
    assert_eq!(memory.rebuild().await.unwrap(), 2);
    assert_eq!(rows().await, live);
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_created_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let backend = Backend::new();
    let memory = backend.memory().await;
    Script::new().run(&memory).await;
    let path = backend.options().path;
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&path.with_extension("db-wal")), 0o600);
    assert_eq!(mode(&path.with_extension("db.engines")), 0o700);
}

#[tokio::test]
async fn dead_engines_locks_are_removed() {
    let backend = Backend::new();
    let memory = backend.memory().await;
    Script::new().start(&memory).await;
    let locks = || {
        let directory = backend.options().path.with_extension("db.engines");
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let [lock] = locks().try_into().unwrap();
    drop(memory);
    assert!(locks().is_empty());
    // As a killed process leaves it: there, and unlocked.
    std::fs::write(&lock, "").unwrap();
    let memory = backend.memory().await;
    assert_eq!(memory.claim().await.unwrap().len(), 1);
    assert!(!lock.exists());
    assert_eq!(locks().len(), 1);
}

/// Statements have some numbers of rows only; what fills them up must neither be written nor change the order.
#[tokio::test]
async fn appends_of_every_size_are_written_whole_and_in_order() {
    let backend = Backend::new();
    let memory = backend.memory().await;
    for events in (1..=70).chain([95, 96, 97, 129, 192, 255, 256, 257, 300, 530]) {
        let (alone, one, other) = (append(events), append(events), append(3));
        memory.append(&alone).await.unwrap();
        // These two share a transaction.
        let (first, second) = tokio::join!(memory.append(&one), memory.append(&other));
        first.and(second).unwrap();
        for written in [&alone, &one, &other] {
            let found = memory.read(written.task_id().unwrap(), 0, 1000).await.unwrap();
            assert_eq!(found, written.events, "{events} events");
        }
    }
    let mut reader = memory.reader().await.unwrap();
    let sql = "SELECT count(*) FROM (SELECT seq - lag(seq) OVER (PARTITION BY task_id ORDER BY position) AS on_by \
               FROM action_log) WHERE on_by <> 1";
    let out_of_order: i64 = sqlx::query_scalar(sql).fetch_one(&mut *reader).await.unwrap();
    assert_eq!(out_of_order, 0);
}

fn accepted() -> EventKind {
    let request = Arc::new(TaskRequest::new("A goal of the SQLite tests"));
    EventKind::TaskAccepted { request, deadline_at: crate::task::now() }
}

/// So many events of one task.
fn append(events: u64) -> Append {
    let (task_id, at) = (TaskId::new(), crate::task::now());
    let kind = |step| EventKind::StepSkipped { step, reason: format!("because of {step}") };
    let event = |seq| Arc::new(Event { task_id, seq, at, kind: kind(u32::try_from(seq).unwrap()) });
    Append { events: (1..=events).map(event).collect(), record: None, vault: None }
}
