//! How fast it is; run by hand, in release.
#![allow(clippy::print_stderr, reason = "figures for whoever runs it")]

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use serde_json::json;

use super::super::{SqliteMemory, SqliteOptions, statements};
use super::accepted;
use crate::memory::{Append, Journal, MemoryJournal};
use crate::task::{self, Event, EventKind, TaskId, Usage};
use crate::testing::journal::Script;

const TASKS: usize = 256;
const EVENTS_EACH: u64 = 1000;

fn step_completed(task_id: TaskId, seq: u64) -> Append {
    let kind = EventKind::StepCompleted {
        step: 1,
        arm_id: "retriever".into(),
        output: Arc::new(json!({"text": "x".repeat(90)})),
        confidence: Some(0.5),
        usage: Usage::default(),
        duration_ms: 5,
    };
    Append {
        events: vec![Arc::new(Event { task_id, seq, at: task::now(), kind })],
        record: None,
        vault: None,
    }
}

async fn append_many(journal: Arc<dyn Journal>) -> f64 {
    let started = Instant::now();
    let tasks = (0..TASKS).map(|_| {
        let journal = journal.clone();
        tokio::spawn(async move {
            let task = TaskId::new();
            for seq in 1..=EVENTS_EACH {
                journal.append(&step_completed(task, seq)).await.unwrap();
            }
        })
    });
    join_all(tasks).await;
    (TASKS as u64 * EVENTS_EACH) as f64 / started.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn measure() {
    let directory = tempfile::tempdir_in(".").unwrap();
    let memory = SqliteMemory::open(SqliteOptions::new(directory.path().join("octollm.db"))).await.unwrap();

    let each = |started: Instant, count: u32| started.elapsed() / count;
    let mut task = Script::new();
    memory.append(&task.append(vec![accepted()])).await.unwrap();
    let (started, id) = (Instant::now(), TaskId::new());
    for seq in 1..=500 {
        memory.append(&step_completed(id, seq)).await.unwrap();
    }
    eprintln!("an append alone: {:?}", each(started, 500));

    let mut writer = memory.writer().await.unwrap();
    let started = Instant::now();
    for _ in 0..500 {
        let sql = "INSERT INTO arm_stats VALUES (hex(randomblob(8)), 1, 1, 1, 1)";
        statements::run(writer.connection(), sql).await.unwrap();
    }
    eprintln!("a bare commit: {:?}", each(started, 500));
    drop(writer);

    eprintln!("SQLite, {TASKS} at once: {:.0} events/s", append_many(Arc::new(memory.clone())).await);
    eprintln!(
        "in memory, {TASKS} at once: {:.0} events/s",
        append_many(Arc::new(MemoryJournal::new())).await
    );
    memory.close().await.unwrap();
}
