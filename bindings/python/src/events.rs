//! The events of one task, many at a crossing.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::ReadyChunks;
use octollm_core::Result;
use octollm_core::orchestrator::EventStream;
use pyo3::prelude::*;
use tokio::sync::Mutex;

use crate::errors::raise;
use crate::orchestrator::json;
use crate::pending::{Answer, Pending};
use crate::runtime::runtime;
use crate::waited::CancelOnDrop;

/// Events that cross to Python together at most.
const AT_ONCE: usize = 256;

/// The events, and the task if it is cancelled when nobody follows it any more.
type Opened = (Option<CancelOnDrop>, EventStream);

/// The events of one task, opened by the first that asks.
#[pyclass(frozen, module = "octollm._native")]
pub(crate) struct Events {
    source: Arc<Mutex<Source>>,
}

enum Source {
    Opening(BoxFuture<'static, Result<Opened>>),
    Open(Option<CancelOnDrop>, Box<ReadyChunks<EventStream>>),
    Closed,
}

impl Events {
    pub(crate) fn opened_by(opening: BoxFuture<'static, Result<Opened>>) -> Self {
        Self { source: Arc::new(Mutex::new(Source::Opening(opening))) }
    }
}

#[pymethods]
impl Events {
    /// The next events, as a JSON array of all that have come; none after the last.
    fn next(&self) -> PyResult<Pending> {
        let source = self.source.clone();
        Pending::start(async move { source.lock().await.next().await })
    }

    /// Nobody follows them any more.
    fn close(&self) -> PyResult<()> {
        let source = self.source.clone();
        let runtime = runtime().map_err(|error| raise(&error))?;
        runtime.spawn(async move { *source.lock().await = Source::Closed });
        Ok(())
    }
}

impl Source {
    async fn next(&mut self) -> Answer {
        if let Self::Opening(opening) = self {
            let (task, events) = opening.as_mut().await.inspect_err(|_| *self = Self::Closed)?;
            *self = Self::Open(task, Box::new(events.ready_chunks(AT_ONCE)));
        }
        let Self::Open(task, events) = self else { return Ok(None) };
        let Some(events) = events.next().await else {
            *self = Self::Closed;
            return Ok(None);
        };
        let events = events.into_iter().collect::<Result<Vec<_>>>()?;
        if let (Some(task), true) = (task, events.iter().any(|event| event.kind.is_terminal())) {
            task.has_ended();
        }
        json(&events)
    }
}
