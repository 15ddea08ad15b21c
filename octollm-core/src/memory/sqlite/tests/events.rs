//! Every event comes back exactly as it was.

use std::sync::Arc;

use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::rows::{self, Rows};
use super::super::{SqliteMemory, statements};
use crate::memory::Append;
use crate::task::{
    self, ApprovalReason, ArmScore, Budget, Complexity, Event, EventKind, ExecutionPlan, Grant, IntentSource,
    ParsedIntent, PlanSource, Routing, SideEffects, SubTask, TaskError, TaskId, TaskRequest, Then, Timestamp,
    Usage,
};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        finite().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn finite() -> impl Strategy<Value = f64> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO
}

/// Arbitrary values to fill events with.
struct Filling {
    value: Arc<Value>,
    text: String,
    number: f64,
    count: u64,
    at: Timestamp,
}

impl Filling {
    fn new(value: Value, text: String, number: f64, count: u64) -> Self {
        let at = task::now() + SignedDuration::from_nanos(7);
        Self { value: Arc::new(value), text, number, count, at }
    }

    /// JSON cannot tell an optional value that is null from one that is absent, and means the same by both.
    fn optional(&self) -> Option<Value> {
        Some((*self.value).clone()).filter(|value| !value.is_null())
    }

    fn arm(&self) -> Arc<str> {
        self.text.as_str().into()
    }

    fn usage(&self) -> Usage {
        Usage { input_tokens: self.count, cost_usd: self.number, reflex_us: self.count, ..Usage::default() }
    }

    fn error(&self) -> TaskError {
        let text = self.text.clone();
        TaskError { code: text.clone(), message: text.clone(), hint: Some(text), step: Some(3), trace: None }
    }

    fn plan(&self) -> ExecutionPlan {
        let first = SubTask { input: self.optional(), ..SubTask::new(1, self.text.clone(), "arm") };
        let second = SubTask::new(2, "b", "c").after([1]);
        let plan = ExecutionPlan::new(PlanSource::Model, vec![first, second]);
        ExecutionPlan { confidence: Some(self.number), ..plan }
    }

    fn request(&self) -> TaskRequest {
        let (max_cost_usd, max_tokens) = (Some(self.number), Some(self.count));
        let mut request = TaskRequest::new(self.text.clone());
        request.context.insert(self.text.clone(), (*self.value).clone());
        request.budget = Some(Budget { max_cost_usd, max_tokens, ..Budget::default() });
        request.plan = Some(Arc::new(self.plan()));
        request
    }

    fn intent(&self) -> ParsedIntent {
        ParsedIntent {
            goal: self.text.clone(),
            required_capabilities: vec![self.text.clone()],
            constraints: vec![],
            context: self.request().context,
            complexity: Complexity::Complex,
            confidence: Some(self.number),
            source: IntentSource::Model,
        }
    }

    fn routing(&self) -> Routing {
        let score = ArmScore {
            arm_id: self.arm(),
            capability_match: self.number,
            availability: -self.number,
            historical_success: self.number / 3.0,
            cost_efficiency: 0.1,
            total: self.number * 0.7,
            excluded: Some(self.text.clone()),
        };
        Routing { candidates: vec![score] }
    }

    /// One event of every kind that is kept.
    fn kinds(&self) -> Vec<EventKind> {
        [self.of_the_task(), self.of_approval(), self.of_steps()].concat()
    }

    fn of_the_task(&self) -> Vec<EventKind> {
        vec![
            EventKind::TaskAccepted { request: Arc::new(self.request()), deadline_at: self.at },
            EventKind::ReflexReacted {
                step: None,
                verdict: self.text.clone(),
                found: [(self.text.clone(), 7)].into(),
                usage: self.usage(),
            },
            EventKind::IntentParsed { intent: Arc::new(self.intent()), usage: self.usage() },
            EventKind::PlanCreated { plan: Arc::new(self.plan()), usage: self.usage() },
            EventKind::PlanRevised {
                plan: Arc::new(self.plan()),
                reason: self.text.clone(),
                usage: self.usage(),
            },
            EventKind::TaskCompleted {
                result: self.value.clone(),
                confidence: Some(self.number),
                usage: self.usage(),
            },
            EventKind::TaskFailed { error: self.error(), usage: self.usage() },
            EventKind::TaskCancelled { reason: self.text.clone(), usage: self.usage() },
        ]
    }

    fn of_approval(&self) -> Vec<EventKind> {
        let requested = |step, reason, arm_id: Option<Arc<str>>, input| {
            let shown = arm_id.as_ref().map(|_| self.text.as_str().into());
            EventKind::ApprovalRequested { step, reason, arm_id, input, shown }
        };
        let input = self.optional().map(Arc::new);
        vec![
            requested(Some(2), ApprovalReason::InDoubt, Some(self.arm()), input),
            requested(None, ApprovalReason::Plan, None, None),
            EventKind::ApprovalDecided { step: Some(2), approved: true, note: Some(self.text.clone()) },
        ]
    }

    fn of_steps(&self) -> Vec<EventKind> {
        let (step, side_effects) = (1, SideEffects::Unsafe);
        let (arm_id, usage, duration_ms) = (self.arm(), self.usage(), self.count);
        let started = |grant, routing| {
            let arm_id = self.arm();
            EventKind::StepStarted { step, arm_id, attempt: 2, side_effects, grant, routing }
        };
        let failed = |then| {
            let (arm_id, error, usage) = (Some(self.arm()), self.error(), self.usage());
            EventKind::StepFailed { step, arm_id, error, usage, duration_ms, then }
        };
        let (output, confidence) = (self.value.clone(), Some(self.number));
        let grant = Grant { tokens: Some(self.count), cost_usd: Some(self.number) };
        vec![
            started(grant, Some(Arc::new(self.routing()))),
            started(Grant::default(), None),
            EventKind::StepFilled { step, values: Arc::new(self.request().context), usage: self.usage() },
            EventKind::StepCompleted { step, arm_id, output, confidence, usage, duration_ms },
            failed(Then::Retry { at: self.at }),
            failed(Then::Reroute),
            failed(Then::GiveUp),
            EventKind::StepSkipped { step, reason: self.text.clone() },
        ]
    }
}

/// Writes events as the journal does and reads them back, without the rule that numbers follow each other in a life.
async fn round_trip(memory: &SqliteMemory, append: &Append) -> Vec<Arc<Event>> {
    let task = append.task_id().unwrap();
    let mut writer = memory.writer().await.unwrap();
    let rows = Rows::of(append, &[0; 16]).unwrap();
    statements::insert_one(writer.connection(), &rows, "BEGIN;", "COMMIT;").await.unwrap();
    let sql = "SELECT seq, at, action_details FROM action_log WHERE task_id = ? ORDER BY seq";
    let query = sqlx::query(sql).bind(&task.as_bytes()[..]);
    let found = query.fetch_all(writer.connection()).await.unwrap();
    found.iter().map(|row| rows::event(task, row).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_kind_of_event_comes_back(value in value(), text in any::<String>(), number in finite(), count in any::<u64>()) {
        let task_id = TaskId::new();
        let events: Vec<_> = Filling::new(value, text, number, count).kinds()
            .into_iter()
            .zip(1..)
            .map(|(kind, seq)| Arc::new(Event { task_id, seq, at: task::now(), kind }))
            .collect();
        let append = Append { events, record: None, vault: None };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(async {
            let memory = SqliteMemory::in_memory().await.unwrap();
            round_trip(&memory, &append).await
        });
        prop_assert_eq!(found, append.events);
    }
}

/// These are not kept.
const LIVE_ONLY: [&str; 2] = ["step.progress", "model.delta"];

/// A new kind of event must be added to [`Filling`], which a name that is missing there shows.
#[test]
fn every_kind_is_tried() {
    let mut names: Vec<_> =
        Filling::new(json!(1), "text".into(), 0.5, 1).kinds().iter().map(EventKind::name).collect();
    names.dedup();
    let schema = crate::schema::schema_of::<EventKind>();
    let all: Vec<_> =
        schema["oneOf"].as_array().unwrap().iter().map(|kind| &kind["properties"]["type"]["const"]).collect();
    let kept: Vec<_> =
        all.into_iter().filter_map(Value::as_str).filter(|name| !LIVE_ONLY.contains(name)).collect();
    let missing: Vec<_> = kept.iter().filter(|name| !names.contains(name)).collect();
    assert!(missing.is_empty(), "not tried: {missing:?}");
    assert!(kept.len() >= 12, "the schema's shape changed: {kept:?}");
}
