//! The weather arm in Python, as a user meets it: found, asked, killed in the middle of a task, and started again.
//!
//! `make test` runs it; by hand: `OCTOLLM_PYTHON=.venv/bin/python cargo test --test weather -- --ignored`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use octollm_core::arm::{Discovery, DiscoveryOptions};
use octollm_core::orchestrator::{Builder, LocalOrchestrator, Orchestrator};
use octollm_core::task::{EventKind, SubTask, TaskStatus};
use octollm_core::testing::arms;
use octollm_core::testing::orchestrator::planned;
use octollm_core::{TaskId, TaskRequest};
use serde_json::json;

/// The arm's process; killed when dropped.
struct WeatherArm(Child);

impl WeatherArm {
    fn start(port: u16) -> Self {
        let python = std::env::var("OCTOLLM_PYTHON").expect("set OCTOLLM_PYTHON, or run `make test`");
        let process = Command::new(python)
            .args(["-m", "uvicorn", "arm:app", "--log-level", "warning", "--port", &port.to_string()])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/weather_arm"))
            .stdout(Stdio::null())
            .spawn();
        Self(process.expect("OCTOLLM_PYTHON is not a Python"))
    }
}

impl Drop for WeatherArm {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn engine_that_looks_for(port: u16) -> (Arc<LocalOrchestrator>, Discovery) {
    let octo = arms::standard_arms()
        .into_iter()
        .fold(LocalOrchestrator::builder(), Builder::arm)
        .start()
        .await
        .unwrap();
    let options = DiscoveryOptions {
        urls: vec![format!("http://127.0.0.1:{port}")],
        interval: Duration::from_millis(500),
        health_interval: Duration::from_millis(200),
        ..DiscoveryOptions::default()
    };
    let discovery = Discovery::start(options, octo.registry().clone()).unwrap();
    (octo, discovery)
}

async fn arm_is_there(octo: &LocalOrchestrator) {
    for _ in 0..600 {
        if octo.arms().await.unwrap().iter().any(|arm| arm.descriptor.arm_id == "weather") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the arm is not found: are FastAPI and uvicorn installed in OCTOLLM_PYTHON?");
}

#[tokio::test]
#[ignore = "needs Python with FastAPI: run by `make test`"]
async fn a_goal_finds_an_arm_that_came_late() {
    let port = free_port();
    let (octo, _discovery) = engine_that_looks_for(port).await;
    let _arm = WeatherArm::start(port);
    arm_is_there(&octo).await;
    let mut request = TaskRequest::new("Get the weather forecast for Paris for the next 5 days");
    request.context.insert("location".into(), "Paris".into());
    request.context.insert("days".into(), 5.into());
    let result = octo.run(request.into()).await.unwrap();
    assert_eq!(result.status, TaskStatus::Completed, "{result:?}");
    let forecast = result.result.unwrap();
    assert_eq!(forecast["location"], "Paris");
    assert_eq!(forecast["forecast"].as_array().unwrap().len(), 40);
    assert_eq!(result.confidence, forecast["confidence"].as_f64(), "the arm's own confidence, nothing else");
}

#[tokio::test]
#[ignore = "needs Python with FastAPI: run by `make test`"]
async fn a_task_outlives_the_death_of_its_arm() {
    let port = free_port();
    let (octo, _discovery) = engine_that_looks_for(port).await;
    let arm = WeatherArm::start(port);
    arm_is_there(&octo).await;
    let wait = SubTask::new(1, "wait", "slow").with_input(json!({"ms": 500}));
    let forecast = SubTask::new(2, "forecast", "weather").with_input(json!({"location": "Lyon"})).after([1]);
    let id = octo.submit(planned(vec![wait, forecast]).into()).await.unwrap().task_id;
    drop(arm);
    failed_once(&octo, id).await;
    let _again = WeatherArm::start(port);
    for _ in 0..1200 {
        let result = octo.task(id).await.unwrap();
        if result.status.is_terminal() {
            assert_eq!(result.status, TaskStatus::Completed, "{result:?}");
            assert_eq!(result.result.unwrap()["location"], "Lyon");
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the task does not end: {:?}", octo.task(id).await);
}

async fn failed_once(octo: &LocalOrchestrator, id: TaskId) {
    for _ in 0..600 {
        let events = octo.journal(id, 0, 100).await.unwrap();
        if events.iter().any(|event| matches!(event.kind, EventKind::StepFailed { step: 2, .. })) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("step 2 does not fail: {:?}", octo.task(id).await);
}
