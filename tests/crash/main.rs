//! Kills the process for real, at random points, and counts from outside what its arms did.
//!
//! The parent listens; the child is this same binary, run again, with an engine over SQLite. Every arm of the child tells
//! the parent what it does before it answers, and the child tells which tasks it has accepted. After each `SIGKILL` the
//! parent reads the database: a step that is on disk as completed may never be done again, and at the end every accepted
//! task has completed.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![cfg(unix)]

mod child;
mod world;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_accepted_is_lost_and_nothing_completed_runs_again() {
    kill_at_random_points(20).await;
}

/// `make soak`: the same, far longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; run by `make soak`"]
async fn soak_kill_at_random_points() {
    let rounds = std::env::var("OCTOLLM_SOAK_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    kill_at_random_points(rounds.unwrap_or(200)).await;
}

async fn kill_at_random_points(rounds: u32) {
    let mut world = World::new().await;
    let mut redone = 0;
    for round in 0..rounds {
        let mut child = world.start_child(true);
        world.hear_something(&mut child).await;
        tokio::time::sleep(Duration::from_micros(world.random() % 60_000)).await;
        child.kill().await.unwrap();
        world.hear_all().await;
        redone += world.check_completed(round).await;
    }
    assert_eq!(redone, 0, "completed steps were done again");
    finish(&mut world).await;
    let (accepted, completed) = (world.accepted(), world.completed_tasks().await);
    world.check_restored(accepted.len()).await;
    let lost: BTreeSet<_> = accepted.difference(&completed).collect();
    assert!(lost.is_empty(), "accepted, but not completed: {lost:?}");
    assert!(accepted.len() >= rounds as usize, "the test must have accepted something in every round");
    println!(
        "{rounds} kills, {} tasks, {} steps done, 0 completed steps done again",
        accepted.len(),
        world.done()
    );
}

/// Lets a last child go on until nothing is unfinished.
async fn finish(world: &mut World) {
    let mut child = world.start_child(false);
    let started = Instant::now();
    while !world.is_everything_finished().await {
        assert!(started.elapsed() < Duration::from_secs(60), "the tasks do not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    child.kill().await.unwrap();
    world.hear_all().await;
    assert_eq!(world.check_completed(u32::MAX).await, 0);
}
