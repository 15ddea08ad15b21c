//! A task's life, written down event by event.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;

use crate::memory::{Append, Journal, TaskRecord};
use crate::task::{
    self, Event, EventKind, ExecutionPlan, Grant, PlanSource, SideEffects, SubTask, TaskId, TaskRequest,
    TaskState, TaskStatus, TaskSummary, Usage,
};

/// A task whose events are made up one after the other and appended by hand.
#[derive(Debug, Clone)]
pub struct Script {
    id: TaskId,
    events: Vec<Arc<Event>>,
    key: Option<[u8; 32]>,
}

impl Script {
    /// A task that nothing has happened to yet.
    pub fn new() -> Self {
        Self { id: TaskId::new(), events: Vec::new(), key: None }
    }

    /// A task with an idempotency key.
    pub fn with_key(key: [u8; 32]) -> Self {
        Self { key: Some(key), ..Self::new() }
    }

    /// The task.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// What has happened so far.
    pub fn events(&self) -> &[Arc<Event>] {
        &self.events
    }

    /// The task's row as it must be now.
    pub fn summary(&self) -> TaskSummary {
        TaskState::fold(&self.events).unwrap().summary()
    }

    /// These things happen next, and become durable together.
    pub fn append(&mut self, kinds: Vec<EventKind>) -> Append {
        let first = self.events.len();
        for kind in kinds {
            let seq = self.events.len() as u64 + 1;
            self.events.push(Arc::new(Event { task_id: self.id, seq, at: task::now(), kind }));
        }
        let mut record = TaskRecord::of(&TaskState::fold(&self.events).unwrap());
        record.idempotency_key = self.key;
        Append { events: self.events.split_at(first).1.to_vec(), record: Some(Box::new(record)), vault: None }
    }

    /// The task is accepted.
    pub async fn accept(&mut self, journal: &dyn Journal, request: TaskRequest) {
        let append = self.append(vec![accepted(request)]);
        journal.append(&append).await.unwrap();
    }

    /// The task is accepted and its first step starts.
    pub async fn start(&mut self, journal: &dyn Journal) {
        self.accept(journal, TaskRequest::new("A goal of the contract suite")).await;
        let append = self.append(vec![planned(), started()]);
        journal.append(&append).await.unwrap();
    }

    /// The task runs from acceptance to its end.
    pub async fn run(&mut self, journal: &dyn Journal) {
        self.start(journal).await;
        let append = self.append(vec![step_completed(), completed()]);
        journal.append(&append).await.unwrap();
        assert_eq!(self.summary().status, TaskStatus::Completed);
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

/// The task is accepted.
pub(super) fn accepted(request: TaskRequest) -> EventKind {
    let deadline_at = task::now() + SignedDuration::from_secs(300);
    EventKind::TaskAccepted { request: Arc::new(request), deadline_at }
}

/// There is a plan of one step.
pub(super) fn planned() -> EventKind {
    let step = SubTask::new(1, "look it up", "retriever").with_input(json!({"query": "tentacles"}));
    let plan = Arc::new(ExecutionPlan::new(PlanSource::Rules, vec![step]));
    EventKind::PlanCreated { plan, usage: Usage::default() }
}

/// The step starts.
pub(super) fn started() -> EventKind {
    EventKind::StepStarted {
        step: 1,
        arm_id: "retriever".into(),
        attempt: 1,
        side_effects: SideEffects::None,
        grant: Grant::default(),
        routing: None,
    }
}

/// The step is done.
pub(super) fn step_completed() -> EventKind {
    EventKind::StepCompleted {
        step: 1,
        arm_id: "retriever".into(),
        // Values whose text is easily changed on the way: 0.1 + 0.2, the largest integer, quotes and a null byte.
        output: Arc::new(json!({"sum": 0.1 + 0.2, "most": u64::MAX, "text": "\u{1f419} \"quoted\" \\ \0"})),
        confidence: Some(0.7 + 0.1),
        usage: Usage { input_tokens: 12, output_tokens: 3, cost_usd: 0.1 + 0.2, ..Usage::default() },
        duration_ms: 5,
    }
}

/// The task is done.
pub(super) fn completed() -> EventKind {
    EventKind::TaskCompleted {
        result: Arc::new(json!({"answer": 42})),
        confidence: Some(0.7 + 0.1),
        usage: Usage::default(),
    }
}
