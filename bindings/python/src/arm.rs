//! What is written in Python, arms first of all, and how it is called.
//!
//! What is synchronous is called on a thread of its own ([`workers`]), what is asynchronous by its event loop, which is told
//! through a [`Bridge`]. Either answers the [`Call`] from there. When nobody waits for an answer any more, because the task
//! was cancelled or its time is up, the loop is told so, and cancels the coroutine: dropping the future alone would not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use octollm_core::arm::{Arm, ArmCall, ArmDescriptor, ArmReply, Health, HealthStatus, Peer};
use octollm_core::schema::from_value;
use octollm_core::{Error, ErrorKind, Result, Status};
use pyo3::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::bridge::{Bridge, Item, Queue};
use crate::errors::{not_json, raise};
use crate::orchestrator::json;
use crate::pending::Pending;
use crate::returns::{self, Asker};
use crate::workers;

/// Bytes of JSON from which on other threads of Python may run while it is read: giving the lock away has its price.
const LARGE: usize = 64 * 1024;

/// An arm, or another part, as the package describes it.
#[derive(FromPyObject)]
pub(crate) struct Registration {
    /// Its descriptor, as JSON; an arm's ArmDescriptor.
    descriptor: String,
    /// What the package knows it by.
    key: usize,
    /// Whether it can say how it is.
    has_health: bool,
    /// The loop that it runs on; none for a thread.
    bridge: Option<Py<Bridge>>,
}

impl Registration {
    /// Who it is.
    pub(crate) fn describes<T: DeserializeOwned>(&self) -> Result<T> {
        from_value(serde_json::from_str(&self.descriptor).map_err(not_json)?, "the descriptor")
    }
}

/// Checks an ArmDescriptor, given as JSON.
#[pyfunction]
pub(crate) fn check_arm(descriptor: &str) -> PyResult<()> {
    let read = serde_json::from_str(descriptor).map_err(not_json);
    let read = read.and_then(|value| from_value::<ArmDescriptor>(value, "the arm's descriptor"));
    read.and_then(|descriptor| descriptor.validate()).map_err(|error| raise(&error))
}

/// Something in Python that answers.
pub(crate) struct Answerer {
    key: usize,
    queue: Option<Arc<Queue>>,
}

impl Answerer {
    pub(crate) fn new(of: Registration) -> Self {
        Self { key: of.key, queue: of.bridge.map(|bridge| bridge.get().queue().clone()) }
    }

    /// Has it called, and waits for its answer.
    pub(crate) async fn ask(&self, call: ArmCall, asks_health: bool) -> Result<Value> {
        let (job, answered) = Job::new(self, call, asks_health);
        let _end = End { job: job.clone(), queue: self.queue.as_ref() };
        match &self.queue {
            Some(queue) => queue.push(Item::Called(job))?,
            None => workers::push(job)?,
        }
        answered.await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::ArmFailed, "the call was given up without an answer")
                .with_status(Status::Permanent))
        })
    }
}

/// An arm in Python.
pub(crate) struct PythonArm {
    descriptor: ArmDescriptor,
    has_health: bool,
    arm: Answerer,
}

impl PythonArm {
    pub(crate) fn new(arm: Registration) -> Result<Self> {
        let descriptor: ArmDescriptor = arm.describes()?;
        descriptor.validate()?;
        Ok(Self { descriptor, has_health: arm.has_health, arm: Answerer::new(arm) })
    }
}

#[async_trait]
impl Arm for PythonArm {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.descriptor
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        self.arm.ask(call, false).await.map(ArmReply::new)
    }

    async fn health(&self) -> Health {
        if !self.has_health {
            return Health::healthy();
        }
        let said = self.arm.ask(ArmCall::new(Value::Null), true).await;
        let status = said.ok().and_then(|status| serde_json::from_value(status).ok());
        Health { status: status.unwrap_or(HealthStatus::Unhealthy), ..Health::healthy() }
    }
}

/// The end of a call: sees to it that a coroutine for which nobody waits any more is cancelled.
struct End<'a> {
    job: Arc<Job>,
    queue: Option<&'a Arc<Queue>>,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.job.over.cancel();
        let answered = self.job.answer.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        if let (false, Some(queue)) = (answered, self.queue) {
            // A loop that is closed has cancelled its coroutines itself.
            drop(queue.push(Item::Over(self.job.key)));
        }
    }
}

/// A call on its way to an arm.
pub(crate) struct Job {
    /// Which call this is.
    pub(crate) key: u64,
    /// What the package knows the arm by.
    pub(crate) arm: usize,
    call: ArmCall,
    asks_health: bool,
    /// Whether it runs on a thread of its own.
    blocks: bool,
    over: CancellationToken,
    answer: Mutex<Option<Asker>>,
}

impl Job {
    fn new(of: &Answerer, call: ArmCall, asks_health: bool) -> (Arc<Self>, oneshot::Receiver<Result<Value>>) {
        static KEYS: AtomicU64 = AtomicU64::new(1);
        let (sender, answered) = oneshot::channel();
        let (over, answer) = (CancellationToken::new(), Mutex::new(Some(sender)));
        let key = KEYS.fetch_add(1, Ordering::Relaxed);
        let (arm, blocks) = (of.key, of.queue.is_none());
        (Arc::new(Self { key, arm, call, asks_health, blocks, over, answer }), answered)
    }

    /// The call that it is about.
    pub(crate) fn call(&self) -> &ArmCall {
        &self.call
    }

    /// Answers, unless somebody did already. False if nobody waits.
    fn send(&self, answer: Result<Value>) -> bool {
        let asker = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        asker.is_some_and(|asker| returns::push(asker, answer, self.blocks && workers::call_waits()))
    }
}

/// One call of an arm. Dropped without an answer, it fails.
#[pyclass(frozen, module = "octollm._native")]
pub(crate) struct Call {
    job: Arc<Job>,
}

impl Call {
    pub(crate) fn new(job: Arc<Job>) -> Self {
        Self { job }
    }

    pub(crate) fn job(&self) -> &Job {
        &self.job
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        drop(self.job.answer.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

#[pymethods]
impl Call {
    /// The input, as JSON.
    #[getter]
    fn input(&self) -> String {
        self.job.call.input.to_string()
    }

    /// Whether the arm is asked how it is, and not to work.
    #[getter]
    fn asks_health(&self) -> bool {
        self.job.asks_health
    }

    #[getter]
    fn task_id(&self) -> String {
        self.job.call.task_id.to_string()
    }

    #[getter]
    fn request_id(&self) -> String {
        self.job.call.request_id.to_string()
    }

    #[getter]
    fn step(&self) -> u32 {
        self.job.call.step
    }

    #[getter]
    fn attempt(&self) -> u32 {
        self.job.call.attempt
    }

    /// Seconds until the answer is of no more use.
    #[getter]
    fn remaining(&self) -> f64 {
        self.job.call.deadline.saturating_duration_since(Instant::now()).as_secs_f64()
    }

    #[getter]
    fn cancelled(&self) -> bool {
        self.job.over.is_cancelled() || self.job.call.cancelled.is_cancelled()
    }

    #[pyo3(signature = (message, fraction=None))]
    fn progress(&self, message: &str, fraction: Option<f32>) {
        self.job.call.progress.report(message, fraction.filter(|part| (0.0..=1.0).contains(part)));
    }

    /// Asks another arm, by its id or by a capability: its output, as JSON. It ends when this call does.
    fn ask(&self, whom: String, input: &str) -> PyResult<Pending> {
        let input = serde_json::from_str(input).map_err(|error| raise(&not_json(error)))?;
        let (call, over) = (self.job.call.clone(), self.job.over.clone());
        Pending::start(async move {
            let arm = Peer::arm(&whom);
            let whom = if call.has(&arm) { arm } else { Peer::capability(whom) };
            let reply = tokio::select! {
                reply = call.ask(&whom, input) => reply?,
                () = over.cancelled() => {
                    return Err(Error::new(ErrorKind::Cancelled, "nobody waits for the arm that asks any more"));
                }
            };
            json(&reply.output)
        })
    }

    /// Answers with this JSON. False if nobody waits any more.
    fn complete(&self, py: Python<'_>, output: &str) -> bool {
        let read = || serde_json::from_str(output).map_err(not_json);
        self.job.send(if output.len() < LARGE { read() } else { py.detach(read) })
    }

    /// Answers with a failure of this code. False if nobody waits any more.
    #[pyo3(signature = (code, message, *, temporary, retry_after=None, hint=None, trace=None))]
    fn fail(
        &self,
        code: &str,
        message: String,
        temporary: bool,
        retry_after: Option<f64>,
        hint: Option<String>,
        trace: Option<String>,
    ) -> bool {
        let status = if temporary { Status::Temporary } else { Status::Permanent };
        let kind = ErrorKind::from_code(code).unwrap_or(ErrorKind::ArmFailed);
        let mut error = Error::new(kind, message).with_status(status);
        let after = retry_after.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        if let (true, Some(after)) = (temporary, after) {
            error = error.with_retry_after(after);
        }
        if let Some(hint) = hint {
            error = error.with_hint(hint);
        }
        if let Some(trace) = trace {
            error = error.with_trace(trace);
        }
        self.job.send(Err(error))
    }
}
