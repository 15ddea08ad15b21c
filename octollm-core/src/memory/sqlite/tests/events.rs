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
    ParsedIntent, PlanSource, Routing, SideEffects, SubTask, TaskError, TaskId, TaskRequest, Then, Usage,
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

/// One event of every kind that is kept, around arbitrary values.
fn kinds(value: &Value, text: &str, number: f64, count: u64) -> Vec<EventKind> {
    // JSON cannot tell an optional value that is null from one that is absent, and means the same by both.
    let given = Some(value.clone()).filter(|value| !value.is_null());
    let value = Arc::new(value.clone());
    let text = text.to_owned();
    let arm: Arc<str> = text.as_str().into();
    let usage = Usage { input_tokens: count, cost_usd: number, reflex_us: count, ..Usage::default() };
    let error =
        TaskError { code: text.clone(), message: text.clone(), hint: Some(text.clone()), step: Some(3) };
    let at = task::now() + SignedDuration::from_nanos(7);
    let mut request = TaskRequest::new(text.clone());
    request.context.insert(text.clone(), (*value).clone());
    request.budget =
        Some(Budget { max_cost_usd: Some(number), max_tokens: Some(count), ..Budget::default() });
    let plan = ExecutionPlan {
        confidence: Some(number),
        ..ExecutionPlan::new(
            PlanSource::Model,
            vec![
                SubTask { input: given.clone(), ..SubTask::new(1, text.clone(), "arm") },
                SubTask::new(2, "b", "c").after([1]),
            ],
        )
    };
    request.plan = Some(plan.clone());
    let score = ArmScore {
        arm_id: arm.clone(),
        capability_match: number,
        availability: -number,
        historical_success: number / 3.0,
        cost_efficiency: 0.1,
        total: number * 0.7,
        excluded: Some(text.clone()),
    };
    let intent = ParsedIntent {
        goal: text.clone(),
        required_capabilities: vec![text.clone()],
        constraints: vec![],
        context: request.context.clone(),
        complexity: Complexity::Complex,
        confidence: Some(number),
        source: IntentSource::Model,
    };
    let (input, some_step) = (given.map(Arc::new), Some(2));
    let started = |grant, routing| EventKind::StepStarted {
        step: 1,
        arm_id: arm.clone(),
        attempt: 2,
        side_effects: SideEffects::Unsafe,
        grant,
        routing,
    };
    let failed = |then| EventKind::StepFailed {
        step: 1,
        arm_id: Some(arm.clone()),
        error: error.clone(),
        usage: usage.clone(),
        duration_ms: count,
        then,
    };
    vec![
        EventKind::TaskAccepted { request: Arc::new(request), deadline_at: at },
        EventKind::IntentParsed { intent: Arc::new(intent) },
        EventKind::PlanCreated { plan: Arc::new(plan) },
        EventKind::ApprovalRequested {
            step: some_step,
            reason: ApprovalReason::InDoubt,
            arm_id: Some(arm.clone()),
            input,
        },
        EventKind::ApprovalRequested { step: None, reason: ApprovalReason::Plan, arm_id: None, input: None },
        EventKind::ApprovalDecided { step: some_step, approved: true, note: Some(text.clone()) },
        started(
            Grant { tokens: Some(count), cost_usd: Some(number) },
            Some(Arc::new(Routing { candidates: vec![score] })),
        ),
        started(Grant::default(), None),
        EventKind::StepCompleted {
            step: 1,
            arm_id: arm.clone(),
            output: value.clone(),
            confidence: Some(number),
            usage: usage.clone(),
            duration_ms: count,
        },
        failed(Then::Retry { at }),
        failed(Then::Reroute),
        failed(Then::GiveUp),
        EventKind::StepSkipped { step: 2, reason: text.clone() },
        EventKind::TaskCompleted { result: value, confidence: Some(number) },
        EventKind::TaskFailed { error: error.clone() },
        EventKind::TaskCancelled { reason: text },
    ]
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
        let events: Vec<_> = kinds(&value, &text, number, count)
            .into_iter()
            .zip(1..)
            .map(|(kind, seq)| Arc::new(Event { task_id, seq, at: task::now(), kind }))
            .collect();
        let append = Append { events, record: None };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(async {
            let memory = SqliteMemory::in_memory().await.unwrap();
            round_trip(&memory, &append).await
        });
        prop_assert_eq!(found, append.events);
    }
}

/// A new kind of event must be added to [`kinds`], which a name that is missing there shows.
#[test]
fn every_kind_is_tried() {
    let mut names: Vec<_> = kinds(&json!(1), "text", 0.5, 1).iter().map(EventKind::name).collect();
    names.dedup();
    let schema = crate::schema::schema_of::<EventKind>();
    let all: Vec<_> =
        schema["oneOf"].as_array().unwrap().iter().map(|kind| &kind["properties"]["type"]["const"]).collect();
    let kept: Vec<_> =
        all.into_iter().filter_map(Value::as_str).filter(|name| *name != "step.progress").collect();
    let missing: Vec<_> = kept.iter().filter(|name| !names.contains(name)).collect();
    assert!(missing.is_empty(), "not tried: {missing:?}");
    assert!(kept.len() >= 12, "the schema's shape changed: {kept:?}");
}
