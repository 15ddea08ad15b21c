//! What a step costs. `make bench` prints these figures; nothing here asserts a time.
//!
//! - step overhead over the in-process journal: a chain of 5 and a fan of 10, one task at a time;
//! - 10,000 tasks in flight on an arm that takes a second, and what they take of memory;
//! - what a parked task takes of memory.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints and may fail loudly"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use octollm_core::orchestrator::{Builder, EngineConfig, LocalOrchestrator, Orchestrator};
use octollm_core::task::{Approval, SubTask, TaskRequest, TaskStatus};
use octollm_core::testing::arms;
use octollm_core::testing::orchestrator::{echo, planned};
use serde_json::json;

/// Names the part that a child process runs: each has a process of its own, so that memory is counted right.
const PART: &str = "OCTOLLM_BENCH_PART";

fn main() {
    let Ok(part) = std::env::var(PART) else {
        for part in ["chain", "fan", "parked", "in_flight"] {
            let me = std::env::current_exe().unwrap();
            assert!(std::process::Command::new(me).env(PART, part).status().unwrap().success());
        }
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // On a worker, as tasks of a server are: the thread that blocks on a runtime is woken through the kernel.
    let part = runtime.spawn(async move {
        match part.as_str() {
            "chain" => step_overhead("5-chain", chain(5)).await,
            "fan" => {
                step_overhead("10-wide fan-out", (1..=10).map(|step| echo(step, json!({}))).collect()).await
            }
            "parked" => parked().await,
            _ => in_flight().await,
        }
    });
    runtime.block_on(part).unwrap();
}

fn chain(length: u32) -> Vec<SubTask> {
    (1..=length).map(|step| echo(step, json!({})).after((1..step).last())).collect()
}

async fn engine(config: EngineConfig) -> Arc<LocalOrchestrator> {
    let builder = LocalOrchestrator::builder().config(config);
    arms::standard_arms().into_iter().fold(builder, Builder::arm).start().await.unwrap()
}

async fn step_overhead(name: &str, steps: Vec<SubTask>) {
    let octo = engine(EngineConfig::default()).await;
    let count = steps.len() as f64;
    let request = planned(steps);
    let mut samples = Vec::new();
    for round in 0..6_000 {
        let started = Instant::now();
        let result = octo.run(request.clone().into()).await.unwrap();
        assert_eq!(result.status, TaskStatus::Completed);
        if round >= 1_000 {
            samples.push(started.elapsed().as_secs_f64() * 1e6 / count);
        }
    }
    samples.sort_by(f64::total_cmp);
    let at = |share: f64| samples[(samples.len() as f64 * share) as usize];
    println!("{name}, in-process journal: {:.1} us a step (p50), {:.1} (p99)", at(0.5), at(0.99));
}

/// Resident memory in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<usize>().ok());
    kib.unwrap_or_default() * 1024
}

async fn parked() {
    const TASKS: usize = 20_000;
    let octo = engine(EngineConfig::default()).await;
    let request = TaskRequest { approval: Approval::Plan, ..planned(chain(5)) };
    let before = resident();
    for _ in 0..TASKS {
        octo.submit(request.clone().into()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let each = (resident() - before) as f64 / TASKS as f64 / 1024.0;
    println!("parked task (in-process journal, its events included): {each:.1} KiB");
}

async fn in_flight() {
    const TASKS: usize = 10_000;
    let octo = engine(EngineConfig { max_concurrent_tasks: TASKS, ..EngineConfig::default() }).await;
    let sleep = SubTask::new(1, "sleep", "slow").with_input(json!({"ms": 1000}));
    let request = planned(vec![sleep]);
    let (before, started) = (resident(), Instant::now());
    let mut runs = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let (octo, request) = (octo.clone(), request.clone());
        runs.spawn(async move { octo.run(request.into()).await.unwrap().status });
    }
    let mut most = 0;
    while let Some(status) = runs.join_next().await {
        assert_eq!(status.unwrap(), TaskStatus::Completed);
        most = most.max(resident());
    }
    let (took, mib) = (started.elapsed().as_secs_f64(), (most - before) as f64 / 1_048_576.0);
    println!(
        "{TASKS} tasks in flight, 1 s each: {took:.2} s, {mib:.0} MiB more memory ({:.0} MiB in all)",
        most as f64 / 1_048_576.0
    );
}
