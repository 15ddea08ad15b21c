//! A process that is killed while it appends loses nothing that was acknowledged, and what it worked on becomes free.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::super::{SqliteMemory, SqliteOptions};
use crate::memory::Journal;
use crate::task::{EventKind, TaskId, TaskRequest};
use crate::testing::journal::Script;

/// Where the child finds the database; without it, the child's test does nothing.
const DATABASE: &str = "OCTOLLM_CRASH_TEST_DATABASE";

/// Runs in the child: appends without end and names on stdout what was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn child_that_appends_until_it_is_killed() {
    let Some(path) = std::env::var_os(DATABASE) else { return };
    let memory = SqliteMemory::open(SqliteOptions::new(path)).await.unwrap();
    let lives = (0..16).map(|_| tokio::spawn(append_without_end(memory.clone())));
    futures_util::future::join_all(lives).await;
}

async fn append_without_end(memory: SqliteMemory) {
    loop {
        let mut task = Script::new();
        task.start(&memory).await;
        acknowledge(task.id(), 3);
        let cancelled =
            EventKind::TaskCancelled { reason: "x".repeat(500), usage: crate::task::Usage::default() };
        memory.append(&task.append(vec![cancelled])).await.unwrap();
        acknowledge(task.id(), 4);
    }
}

fn acknowledge(task: TaskId, events: usize) {
    let line = format!("acknowledged {task} {events}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("octollm.db");
    let mut acknowledged = BTreeMap::new();
    for lines in [40, 400, 1500] {
        acknowledged.extend(kill_after(&path, lines));
    }
    let memory = SqliteMemory::open(SqliteOptions::new(&path)).await.unwrap();
    memory.check_integrity().await.unwrap();
    for (task, count) in &acknowledged {
        let events = memory.read(*task, 0, 10).await.unwrap();
        assert!(events.len() >= *count, "{task} has {} of {count} events", events.len());
        assert_eq!(memory.record(*task).await.unwrap().unwrap().status.is_terminal(), events.len() == 4);
        // An append is kept whole or not at all: the second one brings events 2 and 3.
        assert_ne!(events.len(), 2);
    }
    let unfinished = memory.claim().await.unwrap();
    assert!(!unfinished.is_empty(), "sixteen tasks at a time were cut off");
    for claimed in unfinished {
        assert!(memory.read(claimed.task_id, 0, 10).await.unwrap().len() < 4);
    }
    Script::new().accept(&memory, TaskRequest::new("The database still takes tasks")).await;
}

/// Kills the child once it has acknowledged so often; answers how many events of which tasks were acknowledged.
fn kill_after(path: &std::path::Path, lines: usize) -> BTreeMap<TaskId, usize> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "memory::sqlite::tests::crash::child_that_appends_until_it_is_killed",
            "--nocapture",
        ])
        .env(DATABASE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = BTreeMap::new();
    let mut killed = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        // The last line may be cut off in the middle.
        let Ok(line) = line else { break };
        let mut words = line.split(' ').skip_while(|word| *word != "acknowledged").skip(1);
        let (Some(Ok(task)), Some(Ok(events))) = (words.next().map(str::parse), words.next().map(str::parse))
        else {
            continue;
        };
        acknowledged.insert(task, events);
        if acknowledged.len() * 2 >= lines && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(killed, "the child ended by itself");
    acknowledged
}
