//! A journal that fails when it is told to, and counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::memory::{Append, Claimed, Journal, PrunePolicy, Pruned, TaskFilter, TaskPage, VaultPart};
use crate::task::{Event, TaskId, TaskSummary};

/// Hands everything on to another journal, except for the appends that are to fail.
pub struct FaultyJournal {
    inner: Arc<dyn Journal>,
    failing: AtomicU32,
    fenced: AtomicBool,
    unanswered: AtomicBool,
    appends: AtomicU64,
    delay_ms: AtomicU64,
}

impl FaultyJournal {
    /// A journal in front of `inner`.
    pub fn new(inner: Arc<dyn Journal>) -> Self {
        Self {
            inner,
            failing: AtomicU32::new(0),
            fenced: AtomicBool::new(false),
            unanswered: AtomicBool::new(false),
            appends: AtomicU64::new(0),
            delay_ms: AtomicU64::new(0),
        }
    }

    /// The next `count` appends fail as if the disk were full.
    pub fn fail_next(&self, count: u32) {
        self.failing.store(count, Ordering::SeqCst);
    }

    /// Every append takes this long from now on.
    pub fn delay(&self, delay: Duration) {
        self.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Appends that were asked for so far.
    pub fn appends(&self) -> u64 {
        self.appends.load(Ordering::SeqCst)
    }

    /// The next append finds that somebody else has written to the task.
    pub fn fence_next(&self) {
        self.fenced.store(true, Ordering::SeqCst);
    }

    /// The next append is written, and fails as if the answer had been lost.
    pub fn lose_the_next_answer(&self) {
        self.unanswered.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl Journal for FaultyJournal {
    async fn append(&self, append: &Append) -> Result<()> {
        self.appends.fetch_add(1, Ordering::SeqCst);
        let delay_ms = self.delay_ms.load(Ordering::SeqCst);
        if delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
        let less = |left: u32| left.checked_sub(1);
        if self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            return Err(Error::new(ErrorKind::Storage, "the disk is full"));
        }
        if self.fenced.swap(false, Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Conflict, "somebody else wrote to the task"));
        }
        self.inner.append(append).await?;
        if self.unanswered.swap(false, Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Storage, "the connection is gone"));
        }
        Ok(())
    }

    async fn read(&self, task: TaskId, after: u64, limit: usize) -> Result<Vec<Arc<Event>>> {
        self.inner.read(task, after, limit).await
    }

    async fn vault(&self, task: TaskId) -> Result<Vec<VaultPart>> {
        self.inner.vault(task).await
    }

    async fn record(&self, task: TaskId) -> Result<Option<TaskSummary>> {
        self.inner.record(task).await
    }

    async fn list(&self, filter: &TaskFilter) -> Result<TaskPage> {
        self.inner.list(filter).await
    }

    async fn task_for_key(&self, key: [u8; 32]) -> Result<Option<TaskId>> {
        self.inner.task_for_key(key).await
    }

    async fn claim(&self) -> Result<Vec<Claimed>> {
        self.inner.claim().await
    }

    async fn claim_task(&self, task: TaskId) -> Result<()> {
        self.inner.claim_task(task).await
    }

    async fn rebuild(&self) -> Result<u64> {
        self.inner.rebuild().await
    }

    async fn prune(&self, policy: &PrunePolicy) -> Result<Pruned> {
        self.inner.prune(policy).await
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }
}
