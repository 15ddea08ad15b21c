//! What durability costs. `make bench` prints these figures; nothing here asserts a time.
//!
//! - a chain of 5 steps, one task alone, over SQLite with fsync: commits, and time beside as many bare commits;
//! - durable steps per second with 256 tasks at once.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints and may fail loudly"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use octollm_core::memory::{SharedMemory, SqliteMemory, SqliteOptions};
use octollm_core::orchestrator::{Builder, EngineConfig, LocalOrchestrator, Orchestrator};
use octollm_core::task::{SubTask, TaskStatus};
use octollm_core::testing::arms;
use octollm_core::testing::faulty::FaultyJournal;
use octollm_core::testing::orchestrator::{echo, planned};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

fn main() {
    // On the disk that the sources are on: a temporary folder may be memory.
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/target");
    std::fs::create_dir_all(target).unwrap();
    let folder = tempfile::tempdir_in(target).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // On a worker, as tasks of a server are: the thread that blocks on a runtime is woken through the kernel.
    let path = folder.path().to_owned();
    let measured = runtime.spawn(async move {
        alone(&path).await;
        together(&path).await;
    });
    runtime.block_on(measured).unwrap();
}

fn chain() -> Vec<SubTask> {
    (1..=5).map(|step| echo(step, json!({})).after((1..step).last())).collect()
}

async fn engine(database: &Path) -> (Arc<LocalOrchestrator>, Arc<FaultyJournal>) {
    let mut memory = SharedMemory::sqlite(SqliteMemory::open(SqliteOptions::new(database)).await.unwrap());
    let journal = Arc::new(FaultyJournal::new(memory.journal.clone()));
    memory.journal = journal.clone();
    let config = EngineConfig { max_concurrent_tasks: 1000, ..EngineConfig::default() };
    let builder = LocalOrchestrator::builder().memory(memory).config(config);
    let octo = arms::standard_arms().into_iter().fold(builder, Builder::arm).start().await.unwrap();
    (octo, journal)
}

async fn alone(folder: &Path) {
    const ROUNDS: usize = 300;
    let (octo, journal) = engine(&folder.join("alone.db")).await;
    let request = planned(chain());
    octo.run(request.clone().into()).await.unwrap();
    let before = journal.appends();
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        assert_eq!(octo.run(request.clone().into()).await.unwrap().status, TaskStatus::Completed);
        samples.push(started.elapsed());
    }
    let commits = (journal.appends() - before) as usize / ROUNDS;
    let bare = bare_commits(&folder.join("bare.db"), commits * ROUNDS).await * commits as u32;
    samples.sort_unstable();
    let median = samples[ROUNDS / 2];
    println!(
        "durable 5-chain alone: {commits} commits, {:.2} ms (p50); {commits} bare commits: {:.2} ms; ratio {:.2}",
        median.as_secs_f64() * 1e3,
        bare.as_secs_f64() * 1e3,
        median.as_secs_f64() / bare.as_secs_f64()
    );
    octo.shutdown(Duration::from_secs(5)).await;
}

/// The time of one commit of one row, without anything around it.
async fn bare_commits(database: &Path, count: usize) -> Duration {
    let mut connection = SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await
        .unwrap();
    sqlx::raw_sql("CREATE TABLE log (position INTEGER PRIMARY KEY, body TEXT)")
        .execute(&mut connection)
        .await
        .unwrap();
    let body = "x".repeat(500);
    let mut samples = Vec::new();
    for _ in 0..count {
        let started = Instant::now();
        sqlx::query("INSERT INTO log (body) VALUES (?)").bind(&body).execute(&mut connection).await.unwrap();
        samples.push(started.elapsed());
    }
    connection.close().await.unwrap();
    samples.sort_unstable();
    samples[count / 2]
}

async fn together(folder: &Path) {
    const AT_ONCE: usize = 256;
    const EACH: usize = 60;
    let (octo, _) = engine(&folder.join("together.db")).await;
    let request = planned(chain());
    let started = Instant::now();
    let mut runs = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let (octo, request) = (octo.clone(), request.clone());
        runs.spawn(async move {
            for _ in 0..EACH {
                assert_eq!(octo.run(request.clone().into()).await.unwrap().status, TaskStatus::Completed);
            }
        });
    }
    while let Some(done) = runs.join_next().await {
        done.unwrap();
    }
    let steps = (AT_ONCE * EACH * 5) as f64;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{AT_ONCE} tasks at once, SQLite with fsync: {:.0} durable steps/s ({steps} steps in {seconds:.2} s)",
        steps / seconds
    );
    octo.shutdown(Duration::from_secs(5)).await;
}
