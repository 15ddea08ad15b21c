//! The outside: counts what arms do, and reads what is on disk.

use std::collections::{BTreeSet, HashMap};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use octollm_core::TaskId;
use octollm_core::memory::{SharedMemory, SqliteMemory, SqliteOptions, TaskFilter};
use octollm_core::orchestrator::{LocalOrchestrator, Orchestrator};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

type Step = (String, u32);

/// What was heard.
#[derive(Default)]
struct Heard {
    accepted: BTreeSet<String>,
    /// How often each step was done.
    done: HashMap<Step, u32>,
    /// Connections that are open.
    open: usize,
    lines: usize,
}

pub(crate) struct World {
    folder: TempDir,
    address: String,
    heard: Arc<Mutex<Heard>>,
    /// How often each step had been done when it was first seen as completed.
    completed: HashMap<Step, u32>,
    random: u64,
}

impl World {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::<Mutex<Heard>>::default();
        tokio::spawn(listen(listener, heard.clone()));
        let seed =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
        let folder = tempfile::tempdir().unwrap();
        Self { folder, address, heard, completed: HashMap::new(), random: seed | 1 }
    }

    /// A fresh number (xorshift): where to kill need not be secret, only different.
    pub(crate) fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    pub(crate) fn start_child(&self, submit: bool) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "child::crash_child", "--nocapture"])
            .env("OCTOLLM_CRASH_DATABASE", self.folder.path().join("octollm.db"))
            .env("OCTOLLM_CRASH_WORLD", &self.address)
            .stdout(Stdio::null())
            .kill_on_drop(true);
        if submit {
            command.env("OCTOLLM_CRASH_SUBMIT", "1");
        }
        command.spawn().unwrap()
    }

    /// Waits until the child has said something.
    pub(crate) async fn hear_something(&self, child: &mut Child) {
        let before = self.heard.lock().unwrap().lines;
        for _ in 0..3000 {
            if self.heard.lock().unwrap().lines > before {
                return;
            }
            assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the child says nothing");
    }

    /// Waits until everything that a dead child said has been heard.
    pub(crate) async fn hear_all(&self) {
        while self.heard.lock().unwrap().open > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// How many steps that were completed before have been done again since.
    pub(crate) async fn check_completed(&mut self, round: u32) -> usize {
        let on_disk = self.completed_steps().await;
        let heard = self.heard.lock().unwrap();
        let mut redone = 0;
        for step in on_disk {
            let done = heard.done.get(&step).copied().unwrap_or_default();
            assert!(done > 0, "{step:?} is completed, but nobody did it");
            let before = *self.completed.entry(step.clone()).or_insert(done);
            if done > before {
                println!("round {round}: {step:?} was completed and done again");
                redone += 1;
            }
        }
        redone
    }

    /// Whatever was killed when: the caller gets back what was said, and no file holds it.
    pub(crate) async fn check_restored(&self, tasks: usize) {
        let database = self.folder.path().join("octollm.db");
        let memory = SqliteMemory::open(SqliteOptions::new(&database)).await.unwrap();
        let builder = LocalOrchestrator::builder().memory(SharedMemory::sqlite(memory.clone()));
        let octo = builder.start().await.unwrap();
        let (mut seen, mut filter) = (0, TaskFilter { limit: Some(1000), ..TaskFilter::default() });
        loop {
            let page = octo.list(filter.clone()).await.unwrap();
            for task in &page.tasks {
                let said = task.goal.strip_prefix("Count every step for n").unwrap();
                assert!(said.ends_with("@example.com from outside"), "{}", task.goal);
            }
            seen += page.tasks.len();
            let Some(next) = page.next else { break };
            filter.cursor = Some(next);
        }
        assert!(seen >= tasks);
        for entry in std::fs::read_dir(self.folder.path()).unwrap().map(Result::unwrap) {
            if entry.path().is_file() {
                let bytes = std::fs::read(entry.path()).unwrap();
                assert!(!bytes.windows(12).any(|part| part == b"@example.com"), "{:?}", entry.file_name());
            }
        }
        memory.close().await.unwrap();
    }

    async fn completed_steps(&self) -> Vec<Step> {
        let rows: Vec<(Vec<u8>, i64)> =
            sqlx::query_as("SELECT task_id, step FROM action_log WHERE action_type = 'step.completed'")
                .fetch_all(&self.database().await)
                .await
                .unwrap();
        rows.into_iter().map(|(id, step)| (task_name(&id), u32::try_from(step).unwrap())).collect()
    }

    pub(crate) async fn completed_tasks(&self) -> BTreeSet<String> {
        let rows: Vec<(Vec<u8>,)> =
            sqlx::query_as("SELECT task_id FROM task_history WHERE status = 'completed'")
                .fetch_all(&self.database().await)
                .await
                .unwrap();
        rows.into_iter().map(|(id,)| task_name(&id)).collect()
    }

    pub(crate) async fn is_everything_finished(&self) -> bool {
        self.accepted().is_subset(&self.completed_tasks().await)
    }

    async fn database(&self) -> SqlitePool {
        let options = SqliteConnectOptions::new()
            .filename(self.folder.path().join("octollm.db"))
            .busy_timeout(Duration::from_secs(10))
            .read_only(true);
        SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap()
    }

    pub(crate) fn accepted(&self) -> BTreeSet<String> {
        self.heard.lock().unwrap().accepted.clone()
    }

    pub(crate) fn done(&self) -> u32 {
        self.heard.lock().unwrap().done.values().sum()
    }
}

fn task_name(id: &[u8]) -> String {
    TaskId::from_bytes(id.try_into().unwrap()).to_string()
}

async fn listen(listener: TcpListener, heard: Arc<Mutex<Heard>>) {
    while let Ok((stream, _)) = listener.accept().await {
        heard.lock().unwrap().open += 1;
        tokio::spawn(hear(stream, heard.clone()));
    }
}

async fn hear(stream: TcpStream, heard: Arc<Mutex<Heard>>) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let words: Vec<_> = line.split(' ').collect();
        let mut heard = heard.lock().unwrap();
        heard.lines += 1;
        match words[..] {
            ["accepted", id] => {
                heard.accepted.insert(id.to_owned());
            }
            ["did", id, step] => *heard.done.entry((id.to_owned(), step.parse().unwrap())).or_default() += 1,
            // The last line of a child that was killed while it spoke.
            _ => {}
        }
    }
    heard.lock().unwrap().open -= 1;
}
