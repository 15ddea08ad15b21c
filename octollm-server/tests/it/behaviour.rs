//! The behaviour cases that all faces share, from Rust: in memory, over SQLite, and over HTTP.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use octollm_core::arm::ArmDescriptor;
use octollm_core::memory::{SharedMemory, SqliteMemory, SqliteOptions};
use octollm_core::orchestrator::{
    Builder, Decision, LocalOrchestrator, Orchestrator, RemoteOrchestrator, Submission,
};
use octollm_core::task::EventKind;
use octollm_core::testing::arms::ScriptedArm;
use octollm_core::{Error, ErrorKind, Result, Status};
use serde_json::{Value, json};

use crate::support::serve;

fn cases() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/behaviour");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let mut cases: Vec<_> = files
        .map(|path| {
            let case = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), case)
        })
        .collect();
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(cases.len() >= 24, "cases are missing");
    cases
}

/// Held by every call that is never answered, until it is given up.
type Waiting = Arc<()>;

fn scripted(arm: &Value, waiting: &Waiting) -> ScriptedArm {
    let mut descriptor = arm.clone();
    let answers = descriptor.as_object_mut().unwrap().remove("answers").unwrap();
    let descriptor: ArmDescriptor = serde_json::from_value(descriptor).unwrap();
    let (answers, calls) = (answers.as_array().unwrap().clone(), AtomicUsize::new(0));
    let waiting = Arc::downgrade(waiting);
    ScriptedArm::new(descriptor, move |call| {
        let number = calls.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
        let answer = answered(&answers[number], &call.input);
        let held = answers[number].get("wait").and_then(|_| waiting.upgrade());
        async move { if held.is_some() { std::future::pending().await } else { answer } }
    })
}

fn answered(answer: &Value, input: &Value) -> Result<Value> {
    if let Some(failure) = answer.get("fail") {
        let message = failure["message"].as_str().unwrap().to_owned();
        let status =
            if failure["temporary"].as_bool().unwrap() { Status::Temporary } else { Status::Permanent };
        return Err(Error::new(ErrorKind::ArmFailed, message).with_status(status));
    }
    if let Some(pointer) = answer.get("length_of") {
        let text = input.pointer(pointer.as_str().unwrap()).unwrap().as_str().unwrap();
        return Ok(json!({"length": text.chars().count()}));
    }
    Ok(answer.get("output").cloned().unwrap_or_else(|| json!({"echo": input})))
}

fn with_arms(case: &Value, waiting: &Waiting) -> Builder {
    let arms = case["arms"].as_array().unwrap();
    arms.iter().fold(LocalOrchestrator::builder(), |builder, arm| builder.arm(scripted(arm, waiting)))
}

/// No call waits on when the task is over.
async fn let_go(waiting: &Waiting, name: &str) {
    for _ in 0..500 {
        if Arc::strong_count(waiting) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{name}: an arm was never told to stop");
}

async fn drive(octo: &dyn Orchestrator, name: &str, case: &Value) {
    let submission = Submission {
        request: serde_json::from_value(case["request"].clone()).unwrap(),
        idempotency_key: case.get("key").map(|key| key.as_str().unwrap().to_owned()),
        ..Submission::default()
    };
    let streamed = octo.stream(submission.clone()).await;
    if let Some(refused) = case.get("refused") {
        let error = streamed.err().unwrap_or_else(|| panic!("{name} is accepted"));
        assert_eq!(error.kind().code(), refused["code"], "{name}");
        for pointer in refused["pointers"].as_array().unwrap() {
            let named = error.faults().iter().any(|fault| *pointer == fault.pointer);
            assert!(named, "{name}: {pointer} is missing: {error}");
        }
        return;
    }
    let (response, mut events) = streamed.unwrap();
    if submission.idempotency_key.is_some() {
        assert_eq!(octo.submit(submission).await.unwrap().task_id, response.task_id, "{name}");
    }
    let mut cancel = case.get("cancel");
    let mut decisions = case.get("decisions").and_then(Value::as_array).into_iter().flatten();
    let mut types = Vec::new();
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        if event.seq > 0 {
            types.push(event.kind.name());
        }
        if let Some(cancel) = cancel.take_if(|cancel| cancel["at"] == event.kind.name()) {
            octo.cancel(response.task_id, cancel["reason"].as_str().unwrap()).await.unwrap();
        } else if matches!(event.kind, EventKind::ApprovalRequested { .. }) {
            let decision: Decision = serde_json::from_value(decisions.next().unwrap().clone()).unwrap();
            octo.decide(response.task_id, decision).await.unwrap();
        }
    }
    if let Some(wanted) = case.get("events") {
        assert_eq!(json!(types), *wanted, "{name}");
    }
    let result = serde_json::to_value(octo.task(response.task_id).await.unwrap()).unwrap();
    if let Err(place) = holds(&case["result"], &result, "") {
        panic!("{name}: the result differs at {place}: {result:#}");
    }
}

/// Whether everything that is wanted is there: objects may have more, lists may not, and null is the same as absent.
fn holds(wanted: &Value, found: &Value, place: &str) -> std::result::Result<(), String> {
    match (wanted, found) {
        (Value::Object(wanted), found) => wanted.iter().try_for_each(|(name, wanted)| {
            holds(wanted, found.get(name).unwrap_or(&Value::Null), &format!("{place}/{name}"))
        }),
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            let pairs = wanted.iter().zip(found).enumerate();
            pairs
                .into_iter()
                .try_for_each(|(index, (wanted, found))| holds(wanted, found, &format!("{place}/{index}")))
        }
        _ if wanted == found => Ok(()),
        _ => Err(place.to_owned()),
    }
}

#[tokio::test]
async fn in_memory() {
    for (name, case) in cases() {
        let waiting = Waiting::default();
        let octo = with_arms(&case, &waiting).start().await.unwrap();
        drive(&*octo, &name, &case).await;
        let_go(&waiting, &name).await;
    }
}

#[tokio::test]
async fn over_sqlite() {
    for (name, case) in cases() {
        let waiting = Waiting::default();
        let home = tempfile::TempDir::new().unwrap();
        let sqlite = SqliteMemory::open(SqliteOptions::new(home.path().join("octollm.db"))).await.unwrap();
        let octo = with_arms(&case, &waiting).memory(SharedMemory::sqlite(sqlite)).start().await.unwrap();
        drive(&*octo, &name, &case).await;
        let_go(&waiting, &name).await;
    }
}

#[tokio::test]
async fn over_http() {
    for (name, case) in cases() {
        let waiting = Waiting::default();
        let server = serve(with_arms(&case, &waiting).start().await.unwrap()).await;
        let remote = RemoteOrchestrator::connect(&server.url("")).await.unwrap();
        drive(&remote, &name, &case).await;
        let_go(&waiting, &name).await;
        server.stop().await;
    }
}
