//! tmp
use super::super::*;
use crate::error::{Error, ErrorKind, Result};
use crate::task::{Event, TaskId, TaskSummary};
use async_trait::async_trait;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
/// tmp
#[derive(Default)]
pub struct MemoryJournal {
    inner: Mutex<HashMap<TaskId, (Vec<Arc<Event>>, Option<TaskRecord>)>>,
    keys: Mutex<HashMap<[u8; 32], TaskId>>,
}
#[async_trait]
impl Journal for MemoryJournal {
    async fn append(&self, append: Append) -> Result<()> {
        let mut inner = self.inner.lock().unwrap();
        let id = append.events[0].task_id;
        if let Some(key) = append.record.as_ref().and_then(|r| r.idempotency_key) {
            let mut keys = self.keys.lock().unwrap();
            if *keys.entry(key).or_insert(id) != id {
                return Err(Error::new(ErrorKind::Conflict, "key"));
            }
        }
        let e = inner.entry(id).or_default();
        if append.events[0].seq != e.0.len() as u64 + 1 {
            return Err(Error::new(ErrorKind::Conflict, "seq"));
        }
        e.0.extend(append.events);
        if let Some(r) = append.record {
            e.1 = Some(*r);
        }
        Ok(())
    }
    async fn read(&self, task: TaskId, after: u64, limit: usize) -> Result<Vec<Arc<Event>>> {
        Ok(self
            .inner
            .lock()
            .unwrap()
            .get(&task)
            .map(|e| e.0.iter().skip(after as usize).take(limit).cloned().collect())
            .unwrap_or_default())
    }
    async fn record(&self, task: TaskId) -> Result<Option<TaskSummary>> {
        Ok(self.inner.lock().unwrap().get(&task).and_then(|e| e.1.as_ref().map(|r| r.summary.clone())))
    }
    async fn list(&self, f: &TaskFilter) -> Result<TaskPage> {
        let mut tasks: Vec<_> = self
            .inner
            .lock()
            .unwrap()
            .values()
            .filter_map(|e| e.1.as_ref().map(|r| r.summary.clone()))
            .filter(|t| f.parent_task_id.is_none() || t.parent_task_id == f.parent_task_id)
            .collect();
        tasks.sort_by_key(|t| std::cmp::Reverse(t.task_id));
        Ok(TaskPage { tasks, next: None })
    }
    async fn task_for_key(&self, key: [u8; 32]) -> Result<Option<TaskId>> {
        Ok(self.keys.lock().unwrap().get(&key).copied())
    }
    async fn claim(&self) -> Result<Vec<Claimed>> {
        Ok(vec![])
    }
    async fn claim_task(&self, _: TaskId) -> Result<()> {
        Ok(())
    }
    async fn rebuild(&self) -> Result<u64> {
        Ok(0)
    }
    async fn prune(&self, _: &PrunePolicy) -> Result<Pruned> {
        Ok(Pruned::default())
    }
    async fn ping(&self) -> Result<()> {
        Ok(())
    }
}
#[async_trait]
impl StatsStore for MemoryJournal {
    async fn load_stats(&self) -> Result<BTreeMap<String, ArmStats>> {
        Ok(Default::default())
    }
    async fn save_stats(&self, _: BTreeMap<String, ArmStats>) -> Result<()> {
        Ok(())
    }
}
