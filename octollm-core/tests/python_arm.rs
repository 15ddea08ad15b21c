//! A real arm in Python, over real HTTP: found, asked, killed, and found again.
//!
//! Needs an interpreter with FastAPI and uvicorn in `OCTOLLM_PYTHON` (see `examples/weather_arm/README.md`).
//! `OCTOLLM_ARM_DIR` and `OCTOLLM_ARM_APP` (`arm:app`) put another weather arm of the same shape in its place.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use octollm_core::arm::{Arm, ArmCall, HealthStatus, HttpArm, HttpArmOptions};
use octollm_core::{Error, ErrorKind};
use serde_json::{Value, json};
use tokio::time::sleep;

/// The arm's process; killed when dropped.
struct PythonArm(Child);

impl PythonArm {
    fn start(port: u16) -> Self {
        let python = std::env::var("OCTOLLM_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/weather_arm");
        let directory = std::env::var("OCTOLLM_ARM_DIR").unwrap_or_else(|_| own.to_owned());
        let app = std::env::var("OCTOLLM_ARM_APP").unwrap_or_else(|_| "arm:app".to_owned());
        let process = Command::new(python)
            .args(["-m", "uvicorn", &app, "--log-level", "warning", "--port", &port.to_string()])
            .current_dir(directory)
            .stdout(Stdio::null())
            .spawn();
        Self(process.expect("no Python in OCTOLLM_PYTHON"))
    }
}

impl Drop for PythonArm {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn call(input: Value) -> ArmCall {
    ArmCall::new(input)
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Tries for half a minute: Python takes its time to start.
async fn connect(url: &str) -> HttpArm {
    for _ in 0..300 {
        match HttpArm::connect(url, HttpArmOptions::default()).await {
            Ok(arm) => return arm,
            Err(error) => assert!(error.is_temporary(), "{error:?}"),
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("the arm does not start: are FastAPI and uvicorn installed in OCTOLLM_PYTHON?");
}

fn assert_unreachable(error: &Error) {
    assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unavailable, true), "{error:?}");
}

#[tokio::test]
#[ignore = "needs Python with FastAPI: set OCTOLLM_PYTHON"]
async fn a_python_arm_is_found_asked_killed_and_found_again() {
    let port = free_port();
    let process = PythonArm::start(port);
    let arm = connect(&format!("http://127.0.0.1:{port}")).await;
    assert_eq!(arm.descriptor().arm_id, "weather");
    assert!(arm.descriptor().has_all(&["weather_forecast".to_owned()]));
    assert_eq!(arm.health().await.status, HealthStatus::Healthy);

    let reply = arm.execute(call(json!({"location": "Paris", "days": 5}))).await.unwrap();
    assert_eq!(reply.output["forecast"].as_array().unwrap().len(), 40);
    assert!(reply.output["analysis"].is_string());
    assert_eq!(reply.confidence, reply.output["confidence"].as_f64());
    assert!(reply.confidence.is_some());

    let refused = arm.execute(call(json!({"location": "Paris", "days": 99}))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused:?}");
    assert_eq!(refused.faults().iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), ["/days"]);

    drop(process);
    assert_unreachable(&arm.execute(call(json!({"location": "Paris"}))).await.unwrap_err());
    assert_eq!(arm.health().await.status, HealthStatus::Unhealthy);

    let _process = PythonArm::start(port);
    connect(&format!("http://127.0.0.1:{port}")).await;
    let again = arm.execute(call(json!({"location": "Oslo", "days": 3}))).await.unwrap();
    assert_eq!(again.output["forecast"].as_array().unwrap().len(), 24);
}
