//! `trait Orchestrator` for Python: every call is work under way ([`Pending`]) that answers JSON.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use octollm_core::arm::Arm;
use octollm_core::memory::TaskFilter;
use octollm_core::orchestrator::{Decision, EventStream, Orchestrator as Core, Submission};
use octollm_core::schema::from_value;
use octollm_core::{Error, ErrorKind, Fault, Result, TaskId, TaskRequest};
use octollm_server::settings::{Settings, Sources};
use octollm_server::{LocalOptions, Session};
use pyo3::prelude::*;
use serde::Serialize;
use serde_json::Value;

use crate::arm::{PythonArm, Registration};
use crate::errors::{not_json, raise};
use crate::pending::Pending;
use crate::runtime::runtime;

/// An orchestrator, here or on a server.
#[pyclass(frozen, module = "octollm._native")]
pub(crate) struct Orchestrator {
    core: Arc<dyn Core>,
    session: Mutex<Option<Session>>,
}

/// `value` as JSON.
fn json(value: &impl Serialize) -> Result<Option<String>> {
    serde_json::to_string(value).map(Some).map_err(|error| {
        Error::new(ErrorKind::Internal, "an answer cannot be written as JSON").with_source(error)
    })
}

fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(not_json)
}

fn task_id(text: &str) -> Result<TaskId> {
    let fault = Fault::new("task_id", "must be a task's id, as `submit` answered it");
    text.parse().map_err(|_| Error::invalid("the task's id is invalid", vec![fault]))
}

fn submission(request: &str, idempotency_key: Option<String>) -> Result<Submission> {
    Ok(Submission { request: TaskRequest::from_json(parse(request)?)?, idempotency_key })
}

/// Cancels a task unless it is told that the task has ended.
struct CancelOnDrop {
    core: Arc<dyn Core>,
    id: Option<TaskId>,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let core = self.core.clone();
        // Dropped on a thread of the runtime, or by Python while the runtime still is there.
        if let Ok(runtime) = runtime() {
            runtime.spawn(async move {
                let _ = core.cancel(id, "the caller does not wait any more").await;
            });
        }
    }
}

async fn run(core: Arc<dyn Core>, submission: Submission) -> Result<Option<String>> {
    let (response, mut events) = core.stream(submission).await?;
    let mut guard = CancelOnDrop { core: core.clone(), id: Some(response.task_id) };
    while let Some(event) = events.next().await {
        event?;
    }
    guard.id = None;
    json(&core.task(response.task_id).await?)
}

impl Orchestrator {
    /// Begins what `call` does with the orchestrator.
    fn begin<Work>(&self, call: impl FnOnce(Arc<dyn Core>) -> Result<Work>) -> PyResult<Pending>
    where
        Work: Future<Output = Result<Option<String>>> + Send + 'static,
    {
        Pending::start(call(self.core.clone()).map_err(|error| raise(&error))?)
    }
}

#[pymethods]
impl Orchestrator {
    /// Opens one in this process. `settings` are (name, JSON) pairs, `arms` what the program brings, `urls` arms behind
    /// HTTP. Blocks.
    #[staticmethod]
    fn start(
        py: Python<'_>,
        settings: Vec<(String, String)>,
        arms: Vec<Registration>,
        urls: Vec<String>,
    ) -> PyResult<Self> {
        let own_arms =
            arms.into_iter().map(|arm| PythonArm::new(arm).map(|arm| Arc::new(arm) as Arc<dyn Arm>));
        let own_arms = own_arms.collect::<Result<Vec<_>>>().map_err(|error| raise(&error))?;
        let open = move || -> Result<Session> {
            let program = settings.into_iter().map(|(name, value)| Ok((name, parse(&value)?)));
            let program = program.collect::<Result<Vec<_>>>()?;
            let settings = Settings::load(&Sources { program, ..Sources::of_process() })?;
            let options = LocalOptions { arms: Some(urls), own_arms, take_over: true };
            runtime()?.block_on(Session::local(&settings, &options))
        };
        Self::from_session(py.detach(open))
    }

    /// Speaks to the server at this address. Blocks.
    #[staticmethod]
    fn connect(py: Python<'_>, url: &str) -> PyResult<Self> {
        Self::from_session(py.detach(|| runtime()?.block_on(Session::remote(url))))
    }

    /// Submits and waits for the end; given up, the task is cancelled.
    #[pyo3(signature = (request, idempotency_key=None))]
    fn run(&self, request: &str, idempotency_key: Option<String>) -> PyResult<Pending> {
        self.begin(|core| Ok(run(core, submission(request, idempotency_key)?)))
    }

    #[pyo3(signature = (request, idempotency_key=None))]
    fn submit(&self, request: &str, idempotency_key: Option<String>) -> PyResult<Pending> {
        self.begin(|core| {
            let submission = submission(request, idempotency_key)?;
            Ok(async move { json(&core.submit(submission).await?) })
        })
    }

    fn task(&self, id: &str) -> PyResult<Pending> {
        self.begin(|core| {
            let id = task_id(id)?;
            Ok(async move { json(&core.task(id).await?) })
        })
    }

    /// Waits for a task's end.
    fn wait(&self, id: &str) -> PyResult<Pending> {
        self.begin(|core| {
            let id = task_id(id)?;
            Ok(async move {
                let mut events = core.events(id, 0).await?;
                while let Some(event) = events.next().await {
                    event?;
                }
                json(&core.task(id).await?)
            })
        })
    }

    fn list(&self, filter: &str) -> PyResult<Pending> {
        self.begin(|core| {
            let filter: TaskFilter = from_value(parse(filter)?, "the filter")?;
            Ok(async move { json(&core.list(filter).await?) })
        })
    }

    fn cancel(&self, id: &str, reason: String) -> PyResult<Pending> {
        self.begin(|core| {
            let id = task_id(id)?;
            Ok(async move { json(&core.cancel(id, &reason).await?) })
        })
    }

    fn decide(&self, id: &str, decision: &str) -> PyResult<Pending> {
        self.begin(|core| {
            let (id, decision): (_, Decision) = (task_id(id)?, from_value(parse(decision)?, "the decision")?);
            Ok(async move { json(&core.decide(id, decision).await?) })
        })
    }

    fn arms(&self) -> PyResult<Pending> {
        self.begin(|core| Ok(async move { json(&core.arms().await?) }))
    }

    fn health(&self) -> PyResult<Pending> {
        self.begin(|core| Ok(async move { json(&core.health().await?) }))
    }

    /// The events of a task after `after`.
    fn events(&self, id: &str, after: u64) -> PyResult<Events> {
        let id = task_id(id).map_err(|error| raise(&error))?;
        let (core, stream) = (self.core.clone(), tokio::sync::Mutex::new(None));
        Ok(Events { source: Arc::new(Source { core, id, after, stream }) })
    }

    /// Ends it: running steps may end for a while, the rest goes on at the next start. Answers nothing; a second time
    /// does nothing.
    fn close(&self) -> PyResult<Pending> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner).take();
        Pending::start(async move {
            if let Some(session) = session {
                session.close().await?;
            }
            Ok(None)
        })
    }
}

impl Orchestrator {
    fn from_session(session: Result<Session>) -> PyResult<Self> {
        let session = session.map_err(|error| raise(&error))?;
        Ok(Self { core: session.orchestrator().clone(), session: Mutex::new(Some(session)) })
    }
}

/// The events of one task, opened by the first that asks.
#[pyclass(frozen, module = "octollm._native")]
pub(crate) struct Events {
    source: Arc<Source>,
}

struct Source {
    core: Arc<dyn Core>,
    id: TaskId,
    after: u64,
    stream: tokio::sync::Mutex<Option<EventStream>>,
}

#[pymethods]
impl Events {
    /// The next event; none after the last.
    fn next(&self) -> PyResult<Pending> {
        let source = self.source.clone();
        Pending::start(async move {
            let mut stream = source.stream.lock().await;
            if stream.is_none() {
                *stream = Some(source.core.events(source.id, source.after).await?);
            }
            let Some(open) = stream.as_mut() else { return Ok(None) };
            match open.next().await {
                Some(event) => json(&*event?),
                None => Ok(None),
            }
        })
    }
}
