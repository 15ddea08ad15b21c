//! A journal in memory.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;

use crate::error::Result;
use crate::memory::journal::{
    Append, ArmStats, Claimed, Journal, PrunePolicy, Pruned, StatsStore, TaskFilter, TaskPage, TaskRecord,
    VaultPart, no_such_task, owned_elsewhere, taken,
};
use crate::task::{self, Event, TaskId, TaskState, TaskStatus, TaskSummary, Timestamp};

/// A journal in memory, gone with its last handle.
///
/// A handle is an engine, and alive until it is dropped. [`another_engine`](Self::another_engine) opens the same journal
/// the way another process would open the same database: that is how a restart is tested without one.
pub struct MemoryJournal {
    store: Arc<Mutex<Store>>,
    /// Alive as long as this handle is; the tasks that it owns hold a weak one.
    engine: Arc<()>,
}

#[derive(Default)]
struct Store {
    tasks: HashMap<TaskId, Task>,
    /// The ids, which is by age.
    by_age: BTreeSet<TaskId>,
    keys: HashMap<[u8; 32], TaskId>,
    stats: BTreeMap<String, ArmStats>,
}

#[derive(Default)]
struct Task {
    events: Vec<Arc<Event>>,
    vault: Vec<VaultPart>,
    summary: Option<TaskSummary>,
    key: Option<[u8; 32]>,
    owner: Weak<()>,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> Self {
        Self { store: Arc::default(), engine: Arc::new(()) }
    }

    /// Another engine's handle on the same journal.
    #[must_use]
    pub fn another_engine(&self) -> Self {
        Self { store: self.store.clone(), engine: Arc::new(()) }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl Task {
    fn status(&self) -> Option<TaskStatus> {
        self.summary.as_ref().map(|summary| summary.status)
    }

    /// When it ended, if it has.
    fn ended_at(&self) -> Option<Timestamp> {
        self.summary.as_ref().filter(|summary| summary.status.is_terminal())?.completed_at
    }

    fn is_owned(&self) -> bool {
        self.owner.strong_count() > 0
    }
}

impl Store {
    fn append(&mut self, task: TaskId, append: &Append, engine: &Arc<()>) -> Result<()> {
        let key = append.claimed_key();
        if key.is_some_and(|key| self.keys.contains_key(&key)) {
            return Err(taken());
        }
        let mut entry = self.tasks.entry(task);
        let held = match &mut entry {
            Entry::Occupied(held) => held.get().events.len(),
            Entry::Vacant(_) => 0,
        };
        if append.events.first().is_none_or(|first| first.seq != held as u64 + 1) {
            return Err(taken());
        }
        if let Some(key) = key {
            self.keys.insert(key, task);
        }
        if held == 0 {
            self.by_age.insert(task);
        }
        let entry = entry.or_default();
        entry.key = entry.key.or(key);
        entry.events.extend_from_slice(&append.events);
        entry.vault.extend(append.vault_part());
        if let Some(record) = &append.record {
            let status = record.summary.status;
            let at_rest = status.is_terminal() || status == TaskStatus::AwaitingApproval;
            entry.owner = if at_rest { Weak::new() } else { Arc::downgrade(engine) };
            entry.summary = Some(record.summary.clone());
        }
        Ok(())
    }

    fn remove(&mut self, task: TaskId) -> u64 {
        let Some(removed) = self.tasks.remove(&task) else { return 0 };
        self.by_age.remove(&task);
        if let Some(key) = removed.key {
            self.keys.remove(&key);
        }
        removed.events.len() as u64
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(&self, append: &Append) -> Result<()> {
        let task = append.task_id()?;
        self.store().append(task, append, &self.engine)
    }

    async fn read(&self, task: TaskId, after: u64, limit: usize) -> Result<Vec<Arc<Event>>> {
        let store = self.store();
        let events = store.tasks.get(&task).map(|task| task.events.iter()).unwrap_or_default();
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        Ok(events.skip(skip).take(limit).cloned().collect())
    }

    async fn vault(&self, task: TaskId) -> Result<Vec<VaultPart>> {
        Ok(self.store().tasks.get(&task).map(|task| task.vault.clone()).unwrap_or_default())
    }

    async fn record(&self, task: TaskId) -> Result<Option<TaskSummary>> {
        Ok(self.store().tasks.get(&task).and_then(|task| task.summary.clone()))
    }

    async fn list(&self, filter: &TaskFilter) -> Result<TaskPage> {
        let size = filter.page_size()?;
        let before = filter.before()?;
        let store = self.store();
        let newest_first = store.by_age.iter().rev().skip_while(|id| before.is_some_and(|end| **id >= end));
        let listed = newest_first.filter_map(|id| store.tasks.get(id)?.summary.as_ref());
        let found = listed.filter(|summary| filter.matches(summary)).take(size + 1).cloned().collect();
        Ok(TaskPage::cut(found, size))
    }

    async fn task_for_key(&self, key: [u8; 32]) -> Result<Option<TaskId>> {
        Ok(self.store().keys.get(&key).copied())
    }

    async fn claim(&self) -> Result<Vec<Claimed>> {
        let mut claimed = Vec::new();
        let mut store = self.store();
        let Store { tasks, by_age, .. } = &mut *store;
        for id in by_age.iter() {
            let Some(task) = tasks.get_mut(id) else { continue };
            let Some(summary) = &task.summary else { continue };
            let at_work =
                matches!(summary.status, TaskStatus::Accepted | TaskStatus::Planning | TaskStatus::Executing);
            if at_work && !task.is_owned() {
                claimed.push(Claimed { task_id: *id, priority: summary.priority });
                task.owner = Arc::downgrade(&self.engine);
            }
        }
        Ok(claimed)
    }

    async fn claim_task(&self, id: TaskId) -> Result<()> {
        let mut store = self.store();
        let task = store.tasks.get_mut(&id).ok_or_else(|| no_such_task(id))?;
        if task.status().is_some_and(TaskStatus::is_terminal) {
            return Ok(());
        }
        if task.is_owned() && task.owner.as_ptr() != Arc::as_ptr(&self.engine) {
            return Err(owned_elsewhere(id));
        }
        task.owner = Arc::downgrade(&self.engine);
        Ok(())
    }

    async fn rebuild(&self) -> Result<u64> {
        let mut store = self.store();
        for (id, task) in &mut store.tasks {
            let state =
                TaskState::fold(&task.events).map_err(|error| error.with_context("task", id.to_string()))?;
            task.summary = Some(TaskRecord::of(&state).summary);
        }
        Ok(store.tasks.len() as u64)
    }

    async fn prune(&self, policy: &PrunePolicy) -> Result<Pruned> {
        let mut store = self.store();
        let mut ended: Vec<_> =
            store.tasks.iter().filter_map(|(id, task)| Some((task.ended_at()?, *id))).collect();
        ended.sort_unstable();
        let too_many = policy
            .keep_newest
            .map_or(0, |keep| ended.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX)));
        let too_old = policy.older_than.map_or(0, |age| {
            let limit = task::now().checked_sub(age).unwrap_or(Timestamp::MIN);
            ended.partition_point(|(at, _)| *at <= limit)
        });
        ended.truncate(too_many.max(too_old));
        let tasks = ended.len() as u64;
        let events = ended.into_iter().map(|(_, task)| store.remove(task)).sum();
        Ok(Pruned { tasks, events })
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl StatsStore for MemoryJournal {
    async fn load_stats(&self) -> Result<BTreeMap<String, ArmStats>> {
        Ok(self.store().stats.clone())
    }

    async fn save_stats(&self, stats: BTreeMap<String, ArmStats>) -> Result<()> {
        self.store().stats.extend(stats);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::journal::{JournalBackend, journal_suite, stats_suite};

    struct Backend(MemoryJournal);

    #[async_trait]
    impl JournalBackend for Backend {
        async fn open(&self) -> Arc<dyn Journal> {
            Arc::new(self.0.another_engine())
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn keeps_the_contract_of_a_journal() {
        journal_suite(async || Backend(MemoryJournal::new())).await;
    }

    #[tokio::test]
    async fn keeps_the_contract_of_a_stats_store() {
        stats_suite(&MemoryJournal::new()).await;
    }
}
