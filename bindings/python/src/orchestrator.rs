//! `trait Orchestrator` for Python: every call is work under way ([`Pending`]) that answers JSON.

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use octollm_core::arm::{Arm, Progress};
use octollm_core::memory::TaskFilter;
use octollm_core::model::ModelRequest;
use octollm_core::orchestrator::{Decision, Orchestrator as Core, Submission};
use octollm_core::schema::from_value;
use octollm_core::{Error, ErrorKind, Fault, Result, TaskId, TaskRequest};
use octollm_server::settings::{Settings, Sources};
use octollm_server::{LocalOptions, Session};
use pyo3::prelude::*;
use serde::Serialize;
use serde_json::Value;

use crate::arm::{Call, PythonArm, Registration};
use crate::errors::{not_json, raise};
use crate::events::Events;
use crate::parts::own_parts;
use crate::pending::Pending;
use crate::runtime::runtime;
use crate::waited::CancelOnDrop;

/// An orchestrator, here or on a server.
#[pyclass(frozen, module = "octollm._native")]
pub(crate) struct Orchestrator {
    core: Arc<dyn Core>,
    session: Mutex<Option<Arc<Session>>>,
}

/// `value` as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<Option<String>> {
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

/// What is submitted. Read as part of the work, not before it: a request may be large, and whoever calls holds Python's lock.
struct Asked {
    request: String,
    idempotency_key: Option<String>,
    fresh: bool,
}

impl Asked {
    fn read(self) -> Result<Submission> {
        let Self { request, idempotency_key, fresh } = self;
        let request = TaskRequest::from_json(parse(&request)?)?;
        Ok(Submission { request, idempotency_key, fresh, ..Submission::default() })
    }
}

async fn run(core: Arc<dyn Core>, submission: Submission) -> Result<Option<String>> {
    let mut task = CancelOnDrop::submit(core.clone(), submission);
    let (id, events) = task.accepted().await?;
    let result = core.follow(id, events).await?;
    task.has_ended();
    json(&result)
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
    /// HTTP, `parts` what else it brings, by what it is. Blocks.
    #[staticmethod]
    fn start(
        py: Python<'_>,
        settings: Vec<(String, String)>,
        arms: Vec<Registration>,
        urls: Vec<String>,
        parts: Vec<(String, Registration)>,
    ) -> PyResult<Self> {
        let own_arms =
            arms.into_iter().map(|arm| PythonArm::new(arm).map(|arm| Arc::new(arm) as Arc<dyn Arm>));
        let own_arms = own_arms.collect::<Result<Vec<_>>>().map_err(|error| raise(&error))?;
        let own_parts = own_parts(parts).map_err(|error| raise(&error))?;
        let open = move || -> Result<Session> {
            let program = settings.into_iter().map(|(name, value)| Ok((name, parse(&value)?)));
            let program = program.collect::<Result<Vec<_>>>()?;
            let settings = Settings::load(&Sources { program, ..Sources::of_process() })?;
            let options = LocalOptions { arms: Some(urls), own_arms, own_parts, take_over: true };
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
    #[pyo3(signature = (request, idempotency_key=None, fresh=false))]
    fn run(&self, request: String, idempotency_key: Option<String>, fresh: bool) -> PyResult<Pending> {
        let asked = Asked { request, idempotency_key, fresh };
        self.begin(|core| Ok(async move { run(core, asked.read()?).await }))
    }

    #[pyo3(signature = (request, idempotency_key=None, fresh=false))]
    fn submit(&self, request: String, idempotency_key: Option<String>, fresh: bool) -> PyResult<Pending> {
        let asked = Asked { request, idempotency_key, fresh };
        self.begin(|core| Ok(async move { json(&core.submit(asked.read()?).await?) }))
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
                let events = core.events(id, 0).await?;
                json(&core.follow(id, events).await?)
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

    /// Submits, and follows from the first event on, live ones included. Closed before its end, the task is cancelled.
    #[pyo3(signature = (request, idempotency_key=None, fresh=false))]
    fn stream(&self, request: String, idempotency_key: Option<String>, fresh: bool) -> PyResult<Events> {
        let asked = Asked { request, idempotency_key, fresh };
        let core = self.core.clone();
        Ok(Events::opened_by(Box::pin(async move {
            let mut task = CancelOnDrop::submit(core, asked.read()?);
            let (_, events) = task.accepted().await?;
            Ok((Some(task), events))
        })))
    }

    /// The events of a task after `after`.
    fn events(&self, id: &str, after: u64) -> PyResult<Events> {
        let id = task_id(id).map_err(|error| raise(&error))?;
        let core = self.core.clone();
        Ok(Events::opened_by(Box::pin(async move { Ok((None, core.events(id, after).await?)) })))
    }

    /// Takes files and folders into the index.
    fn index(&self, paths: Vec<PathBuf>) -> PyResult<Pending> {
        self.with_session(async move |session| json(&session.index(&paths, &Progress::default()).await?))
    }

    /// Searches the index.
    fn search(&self, request: &str) -> PyResult<Pending> {
        let request = parse(request).map_err(|error| raise(&error))?;
        self.with_session(async move |session| json(&session.search(request).await?))
    }

    /// Reads or writes memory.
    fn memory(&self, call: &str) -> PyResult<Pending> {
        let call = parse(call).map_err(|error| raise(&error))?;
        self.with_session(async move |session| json(&session.memory(call).await?))
    }

    /// Asks the model, on behalf of an arm's call if there is one: then it is within what that may spend.
    #[pyo3(signature = (request, call=None))]
    fn complete(&self, request: &str, call: Option<&Call>) -> PyResult<Pending> {
        let request = parse(request).and_then(|request| from_value(request, "the request to the model"));
        let mut request: ModelRequest = request.map_err(|error| raise(&error))?;
        if let Some(call) = call {
            request.context = call.job().call().model_context().0;
        }
        self.with_session(async move |session| json(&session.complete(&request).await?))
    }

    /// Goes on with a task that no living process works on.
    fn resume(&self, id: &str) -> PyResult<Pending> {
        let id = task_id(id).map_err(|error| raise(&error))?;
        self.with_session(async move |session| json(&session.resume(id).await?))
    }

    /// Ends it: running steps may end within `grace` seconds, the rest goes on at the next start. Answers nothing; a
    /// second time does nothing.
    fn close(&self, grace: f64) -> PyResult<Pending> {
        let grace = Duration::try_from_secs_f64(grace).unwrap_or_default();
        let session = self.take_session();
        Pending::start(async move {
            // Closing goes on if nobody waits for it.
            let closing = tokio::spawn(close(session, grace));
            closing.await.unwrap_or(Ok(()))?;
            Ok(None)
        })
    }
}

impl Orchestrator {
    /// Begins what `call` does with the session, if it is open.
    fn with_session<Work>(
        &self,
        call: impl FnOnce(Arc<Session>) -> Work + Send + 'static,
    ) -> PyResult<Pending>
    where
        Work: Future<Output = Result<Option<String>>> + Send + 'static,
    {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let session =
            session.ok_or_else(|| raise(&Error::new(ErrorKind::Conflict, "the orchestrator is closed")))?;
        Pending::start(call(session))
    }

    fn take_session(&self) -> Option<Arc<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn from_session(session: Result<Session>) -> PyResult<Self> {
        let session = session.map_err(|error| raise(&error))?;
        Ok(Self { core: session.orchestrator().clone(), session: Mutex::new(Some(Arc::new(session))) })
    }
}

/// One that nobody closed is closed when nobody has it any more.
impl Drop for Orchestrator {
    fn drop(&mut self) {
        if let (Some(session), Ok(runtime)) = (self.take_session(), runtime()) {
            runtime.spawn(close(Some(session), Duration::ZERO));
        }
    }
}

async fn close(session: Option<Arc<Session>>, grace: Duration) -> Result<()> {
    match session {
        Some(session) => session.close_shared(grace).await,
        None => Ok(()),
    }
}
