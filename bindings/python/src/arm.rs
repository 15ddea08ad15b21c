//! Arms that are written in Python.
//!
//! A synchronous arm is called on a thread that may block. An asynchronous one is told to its event loop through the
//! [`Bridge`], and answers the [`Call`] from there. When nobody waits for an answer any more, because the task was
//! cancelled or its time is up, the loop is told so, and cancels the coroutine: dropping the future alone would not.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use octollm_core::arm::{Arm, ArmCall, ArmDescriptor, ArmReply, Health, HealthStatus};
use octollm_core::schema::from_value;
use octollm_core::{Error, ErrorKind, Result, Status};
use pyo3::prelude::*;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::bridge::Bridge;
use crate::errors::not_json;

/// An arm as the package describes it.
#[derive(FromPyObject)]
pub(crate) struct Registration {
    /// Its ArmDescriptor, as JSON.
    descriptor: String,
    /// Takes a [`Call`] and answers it.
    execute: Py<PyAny>,
    /// Answers `healthy`, `degraded` or `unhealthy`; none for an arm that is always well.
    health: Option<Py<PyAny>>,
    /// Where `execute` is called: on this loop, or on a thread.
    bridge: Option<Py<Bridge>>,
}

/// An arm in Python.
pub(crate) struct PythonArm {
    descriptor: ArmDescriptor,
    work: Arc<Work>,
}

struct Work {
    execute: Py<PyAny>,
    health: Option<Py<PyAny>>,
    bridge: Option<Py<Bridge>>,
}

impl PythonArm {
    pub(crate) fn new(arm: Registration) -> Result<Self> {
        let descriptor: Value = serde_json::from_str(&arm.descriptor).map_err(not_json)?;
        let descriptor: ArmDescriptor = from_value(descriptor, "the descriptor")?;
        descriptor.validate()?;
        let work = Work { execute: arm.execute, health: arm.health, bridge: arm.bridge };
        Ok(Self { descriptor, work: Arc::new(work) })
    }
}

#[async_trait]
impl Arm for PythonArm {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.descriptor
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        let (sender, answered) = oneshot::channel();
        let shared =
            Arc::new(Shared { call, over: CancellationToken::new(), answer: Mutex::new(Some(sender)) });
        let _end = End { shared: shared.clone(), work: self.work.clone() };
        let work = self.work.clone();
        let begin = move || work.begin(shared);
        // Taking the interpreter's lock may wait: never on a thread that others' work depends on.
        tokio::task::spawn_blocking(begin);
        answered.await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::ArmFailed, "the arm gave the call up without an answer")
                .with_status(Status::Permanent))
        })
    }

    async fn health(&self) -> Health {
        if self.work.health.is_none() {
            return Health::healthy();
        }
        let work = self.work.clone();
        let status = tokio::task::spawn_blocking(move || work.ask_health()).await;
        Health { status: status.unwrap_or(HealthStatus::Unhealthy), ..Health::healthy() }
    }
}

impl Work {
    /// Calls the arm, or has its loop call it.
    fn begin(&self, shared: Arc<Shared>) {
        Python::try_attach(|py| {
            let called = Py::new(py, Call { shared: shared.clone() }).and_then(|call| match &self.bridge {
                Some(bridge) => {
                    let item = (self.execute.clone_ref(py), call).into_pyobject(py)?;
                    if !bridge.get().push(py, item.into_any().unbind()) {
                        shared.send(Err(Error::new(ErrorKind::ArmFailed, "the arm's event loop is closed")));
                    }
                    Ok(())
                }
                None => self.execute.call1(py, (call,)).map(|_| ()),
            });
            if let Err(error) = called {
                shared.send(Err(Error::new(ErrorKind::ArmFailed, "the arm could not be called")
                    .with_context("reason", error.get_type(py).to_string())));
            }
        });
    }

    fn ask_health(&self) -> HealthStatus {
        let asked = Python::try_attach(|py| {
            let health = self.health.as_ref()?;
            health.call0(py).ok()?.extract::<String>(py).ok()
        });
        match asked.flatten().as_deref() {
            Some("healthy") => HealthStatus::Healthy,
            Some("degraded") => HealthStatus::Degraded,
            _ => HealthStatus::Unhealthy,
        }
    }
}

/// The end of a call: sees to it that a coroutine for which nobody waits any more is cancelled.
struct End {
    shared: Arc<Shared>,
    work: Arc<Work>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.shared.over.cancel();
        let answered = self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        if answered || self.work.bridge.is_none() {
            return;
        }
        let (shared, work) = (self.shared.clone(), self.work.clone());
        let tell = move || {
            Python::try_attach(|py| {
                // (None, call): the call is over.
                let Some(bridge) = &work.bridge else { return };
                if let Ok(item) =
                    Py::new(py, Call { shared }).and_then(|call| (py.None(), call).into_pyobject(py))
                {
                    bridge.get().push(py, item.into_any().unbind());
                }
            });
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(tell)),
            Err(_) => tell(),
        }
    }
}

struct Shared {
    call: ArmCall,
    over: CancellationToken,
    answer: Mutex<Option<oneshot::Sender<Result<ArmReply>>>>,
}

impl Shared {
    /// Answers, unless somebody did already. False if nobody waits.
    fn send(&self, answer: Result<ArmReply>) -> bool {
        let sender = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        sender.is_some_and(|sender| sender.send(answer).is_ok())
    }
}

/// One call of an arm.
#[pyclass(frozen, module = "octollm._native")]
pub(crate) struct Call {
    shared: Arc<Shared>,
}

#[pymethods]
impl Call {
    /// The input, as JSON.
    #[getter]
    fn input(&self) -> String {
        self.shared.call.input.to_string()
    }

    /// The same for the two objects that stand for one call.
    #[getter]
    fn key(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }

    #[getter]
    fn task_id(&self) -> String {
        self.shared.call.task_id.to_string()
    }

    #[getter]
    fn request_id(&self) -> String {
        self.shared.call.request_id.to_string()
    }

    #[getter]
    fn step(&self) -> u32 {
        self.shared.call.step
    }

    #[getter]
    fn attempt(&self) -> u32 {
        self.shared.call.attempt
    }

    /// Seconds until the answer is of no more use.
    #[getter]
    fn remaining(&self) -> f64 {
        self.shared.call.deadline.saturating_duration_since(Instant::now()).as_secs_f64()
    }

    #[getter]
    fn cancelled(&self) -> bool {
        self.shared.over.is_cancelled() || self.shared.call.cancelled.is_cancelled()
    }

    #[pyo3(signature = (message, fraction=None))]
    fn progress(&self, message: &str, fraction: Option<f32>) {
        self.shared.call.progress.report(message, fraction.filter(|part| (0.0..=1.0).contains(part)));
    }

    /// Answers with this JSON. False if nobody waits any more.
    fn complete(&self, output: &str) -> bool {
        match serde_json::from_str(output) {
            Ok(output) => self.shared.send(Ok(ArmReply::new(output))),
            Err(error) => self.shared.send(Err(not_json(error))),
        }
    }

    /// Answers with a failure. False if nobody waits any more.
    #[pyo3(signature = (message, temporary, retry_after=None))]
    fn fail(&self, message: String, temporary: bool, retry_after: Option<f64>) -> bool {
        let status = if temporary { Status::Temporary } else { Status::Permanent };
        let mut error = Error::new(ErrorKind::ArmFailed, message).with_status(status);
        let after = retry_after.and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
        if let (true, Some(after)) = (temporary, after) {
            error = error.with_retry_after(after);
        }
        self.shared.send(Err(error))
    }
}
