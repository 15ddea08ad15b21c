//! Runs tasks in this process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::sync::oneshot;

use super::builder::Builder;
use super::engine::{Ask, Caller, Engine, Follower, unknown};
use super::veil::Veil;
use super::{Decision, EventStream, Orchestrator, Submission};
use crate::arm::{ArmInfo, Health, HealthStatus, Registry};
use crate::error::Result;
use crate::memory::{SharedMemory, TaskFilter, TaskPage};
use crate::task::{Event, TaskId, TaskResponse, TaskResult, TaskState, TaskSummary};

/// Events that are read at once when a task is looked at.
const PAGE: usize = 512;
/// How often a task that runs here is looked at in the journal.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Runs tasks in this process. Clone the `Arc`; call [`shutdown`](Self::shutdown) before the process ends, so that what
/// runs can come to a good place. A process that dies without it loses nothing that was acknowledged.
pub struct LocalOrchestrator {
    engine: Arc<Engine>,
}

impl LocalOrchestrator {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// Begins to put one together.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The arms; they may be added and removed while tasks run.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.engine.registry
    }

    /// The memory that tasks share.
    pub fn memory(&self) -> &SharedMemory {
        &self.engine.memory
    }

    /// Goes on with a task that is not running here: one whose process died after this one started.
    ///
    /// # Errors
    /// `not_found`; `conflict` if a living process works on it.
    pub async fn resume(&self, id: TaskId) -> Result<TaskResult> {
        self.engine.ask(id, Ask::Resume).await
    }

    /// Stops: no new task is taken and no new step begins; running steps may end within `grace`; what is left goes on
    /// at the next start.
    pub async fn shutdown(&self, grace: Duration) {
        self.engine.shutdown(grace).await;
    }

    /// A page of tasks, restored.
    async fn page(&self, filter: &TaskFilter) -> Result<TaskPage> {
        let mut page = self.engine.memory.journal.list(filter).await?;
        for task in page.tasks.iter_mut().filter(|task| may_hold_placeholders(task)) {
            *task = self.veil(task.task_id).await?.restored(task.clone());
        }
        Ok(page)
    }

    /// Tasks with labels that are kept as placeholders: the store cannot compare them.
    async fn search(&self, mut filter: TaskFilter, labels: &BTreeMap<String, String>) -> Result<TaskPage> {
        let size = filter.page_size()?;
        filter.limit = Some(1000);
        let mut found = Vec::new();
        loop {
            let page = self.page(&filter).await?;
            let has_all = |task: &TaskSummary| {
                labels.iter().all(|(name, value)| task.metadata.get(name) == Some(value))
            };
            found.extend(page.tasks.into_iter().filter(has_all));
            match page.next {
                Some(next) if found.len() <= size => filter.cursor = Some(next),
                _ => return Ok(TaskPage::cut(found, size)),
            }
        }
    }

    /// What turns the task's placeholders back.
    async fn veil(&self, id: TaskId) -> Result<Veil> {
        self.engine.reflexes.look(&*self.engine.memory.journal, id).await
    }

    /// The result of a task that may have ended already, or run elsewhere.
    async fn end_of(&self, id: TaskId) -> Result<TaskResult> {
        let mut events = self.events(id, 0).await?;
        while let Some(event) = events.next().await {
            event?;
        }
        self.task(id).await
    }
}

#[async_trait]
impl Orchestrator for LocalOrchestrator {
    async fn submit(&self, submission: Submission) -> Result<TaskResponse> {
        Ok(self.engine.accept(TaskId::new(), submission, Caller::GoesOn).await?.response)
    }

    async fn task(&self, id: TaskId) -> Result<TaskResult> {
        self.engine.settled(id).await;
        let result = read_state(&self.engine.memory, id, PAGE).await?.result();
        Ok(self.veil(id).await?.restored(result))
    }

    async fn list(&self, mut filter: TaskFilter) -> Result<TaskPage> {
        let reflexes = &self.engine.reflexes;
        let (kept, hidden) =
            std::mem::take(&mut filter.metadata).into_iter().partition(|(_, value)| reflexes.keeps(value));
        filter.metadata = kept;
        if hidden.is_empty() { self.page(&filter).await } else { self.search(filter, &hidden).await }
    }

    async fn events(&self, id: TaskId, after: u64) -> Result<EventStream> {
        self.engine.settled(id).await;
        let journal = &self.engine.memory.journal;
        let record = journal.record(id).await?.ok_or_else(|| unknown(id))?;
        if record.status.is_terminal() && journal.read(id, after, 1).await?.is_empty() {
            return Ok(stream::empty().boxed());
        }
        Ok(Follower::new(self.engine.clone(), id, after).into_stream())
    }

    async fn journal(&self, id: TaskId, after: u64, limit: usize) -> Result<Vec<Arc<Event>>> {
        self.engine.settled(id).await;
        let events = self.engine.memory.journal.read(id, after, limit).await?;
        if events.is_empty() && self.engine.memory.journal.record(id).await?.is_none() {
            return Err(unknown(id));
        }
        let veil = self.veil(id).await?;
        Ok(events.into_iter().map(|event| veil.event(event)).collect())
    }

    async fn cancel(&self, id: TaskId, reason: &str) -> Result<TaskResult> {
        let (engine, reason) = (self.engine.clone(), reason.to_owned());
        let cancelling = async move {
            let result = engine.ask(id, Ask::Cancel(reason)).await?;
            cancel_children(&engine, id, "the task that it is part of was cancelled").await?;
            Ok(result)
        };
        // Children must not outlive their parent because the caller went away.
        self.engine.to_the_end(cancelling).await
    }

    async fn decide(&self, id: TaskId, decision: Decision) -> Result<TaskResult> {
        self.engine.ask(id, Ask::Decide(decision)).await
    }

    async fn arms(&self) -> Result<Vec<ArmInfo>> {
        Ok(self.engine.registry.infos())
    }

    async fn health(&self) -> Result<Health> {
        let mut health = Health { version: env!("CARGO_PKG_VERSION").into(), ..Health::healthy() };
        if let Err(error) = self.engine.memory.journal.ping().await {
            health.status = HealthStatus::Unhealthy;
            health.dependencies.insert("journal".into(), json!(error.to_string()));
        } else {
            health.dependencies.insert("journal".into(), json!("healthy"));
        }
        for arm in self.engine.registry.infos() {
            health.dependencies.insert(format!("arm:{}", arm.descriptor.arm_id), json!(arm.health));
        }
        health.dependencies.insert("active_tasks".into(), json!(self.engine.active()));
        Ok(health)
    }

    /// Waits for the end alone: the state that the driver has folded is the same as the stream's.
    async fn run(&self, submission: Submission) -> Result<TaskResult> {
        let id = TaskId::new();
        let ending = Ending { engine: &self.engine, task: id, receiver: self.engine.hub.watch_end(id) };
        let taken = self.engine.accept(id, submission, Caller::Waits).await?;
        match taken.response.task_id {
            known if known != id => self.end_of(known).await,
            _ => ending.result(self).await,
        }
    }

    /// Watches the task from before its first event on, so that nothing is read back from the journal.
    async fn stream(&self, submission: Submission) -> Result<(TaskResponse, EventStream)> {
        let id = TaskId::new();
        let follower = Follower::from_the_start(self.engine.clone(), id);
        let taken = self.engine.accept(id, submission, Caller::GoesOn).await?;
        let events = match taken.response.task_id {
            known if known != id => self.events(known, 0).await?,
            _ => follower.behind(taken.veil).into_stream(),
        };
        Ok((taken.response, events))
    }
}

/// Whether there is anything in it that could be restored: most tasks have no vault to be looked for.
fn may_hold_placeholders(task: &TaskSummary) -> bool {
    let error =
        task.error.iter().flat_map(|error| [Some(&error.message), error.hint.as_ref(), error.trace.as_ref()]);
    let texts = [&task.goal].into_iter().chain(task.metadata.values()).chain(error.flatten());
    texts.into_iter().any(|text| text.contains('<'))
}

/// Cancels every task below this one.
async fn cancel_children(engine: &Arc<Engine>, id: TaskId, reason: &str) -> Result<()> {
    let mut parents = vec![id];
    while let Some(parent) = parents.pop() {
        let mut filter =
            TaskFilter { parent_task_id: Some(parent), limit: Some(1000), ..TaskFilter::default() };
        loop {
            let page = engine.memory.journal.list(&filter).await?;
            for child in page.tasks.iter().filter(|child| !child.status.is_terminal()) {
                engine.ask(child.task_id, Ask::Cancel(reason.to_owned())).await?;
                parents.push(child.task_id);
            }
            match page.next {
                Some(cursor) => filter.cursor = Some(cursor),
                None => break,
            }
        }
    }
    Ok(())
}

/// Waits for a task's end, and is forgotten when dropped.
struct Ending<'a> {
    engine: &'a Engine,
    task: TaskId,
    receiver: oneshot::Receiver<TaskResult>,
}

impl Ending<'_> {
    async fn result(mut self, octo: &LocalOrchestrator) -> Result<TaskResult> {
        loop {
            tokio::select! {
                biased;
                ended = &mut self.receiver => match ended {
                    Ok(result) => return Ok(result),
                    Err(_) => return octo.end_of(self.task).await,
                },
                // Another process may have taken the task over: only the journal says so.
                () = tokio::time::sleep(LOOK_AGAIN) => {
                    let record = self.engine.memory.journal.record(self.task).await?;
                    if record.is_none_or(|record| record.status.is_terminal()) {
                        return octo.task(self.task).await;
                    }
                    self.engine.still_works(self.task)?;
                }
            }
        }
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.receiver.close();
        self.engine.hub.forget_end(self.task);
    }
}

/// The state that the journal folds to.
pub(super) async fn read_state(memory: &SharedMemory, id: TaskId, page: usize) -> Result<TaskState> {
    let first = memory.journal.read(id, 0, page).await?;
    if first.is_empty() {
        return Err(unknown(id));
    }
    let mut full = first.len() == page;
    let mut state = TaskState::fold(&first)?;
    while full {
        let more = memory.journal.read(id, state.seq(), page).await?;
        full = more.len() == page;
        for event in &more {
            state.apply(event)?;
        }
    }
    Ok(state)
}
