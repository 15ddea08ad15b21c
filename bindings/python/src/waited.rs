//! Tasks that are for whoever waits for them: when nobody does any more, they are cancelled.

use std::sync::Arc;

use octollm_core::orchestrator::{EventStream, Orchestrator as Core, Submission};
use octollm_core::task::TaskResponse;
use octollm_core::{Error, ErrorKind, Result, TaskId};
use tokio::task::JoinHandle;

use crate::runtime::runtime;

/// A task that is cancelled unless its end was seen.
pub(crate) struct CancelOnDrop {
    core: Arc<dyn Core>,
    task: Waited,
}

enum Waited {
    /// It is being submitted: it may be durable already.
    Submitting(JoinHandle<Result<(TaskResponse, EventStream)>>),
    Running(TaskId),
    Ended,
}

impl CancelOnDrop {
    pub(crate) fn submit(core: Arc<dyn Core>, submission: Submission) -> Self {
        let submitting = core.clone();
        let submitting = tokio::spawn(async move { submitting.stream(submission).await });
        Self { core, task: Waited::Submitting(submitting) }
    }

    /// The task's events, once it is accepted.
    pub(crate) async fn accepted(&mut self) -> Result<(TaskId, EventStream)> {
        let Waited::Submitting(submitting) = &mut self.task else {
            return Err(Error::new(ErrorKind::Internal, "the task was submitted already"));
        };
        let submitted = submitting.await;
        // One that was refused is nobody's to cancel, and what was awaited must not be awaited again.
        self.task = Waited::Ended;
        let (response, events) = submitted.map_err(|cause| {
            Error::new(ErrorKind::Internal, "the task could not be submitted").with_source(cause)
        })??;
        self.task = Waited::Running(response.task_id);
        Ok((response.task_id, events))
    }

    /// There is nothing to cancel any more.
    pub(crate) fn has_ended(&mut self) {
        self.task = Waited::Ended;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let (core, task) = (self.core.clone(), std::mem::replace(&mut self.task, Waited::Ended));
        // Dropped on a thread of the runtime, or by Python while the runtime still is there.
        let Ok(runtime) = runtime() else { return };
        match task {
            Waited::Submitting(submitting) => drop(runtime.spawn(async move {
                if let Ok(Ok((response, _))) = submitting.await {
                    give_up(core, response.task_id).await;
                }
            })),
            Waited::Running(id) => drop(runtime.spawn(give_up(core, id))),
            Waited::Ended => {}
        }
    }
}

async fn give_up(core: Arc<dyn Core>, id: TaskId) {
    // Nobody is there to hear of a failure; the task's deadline ends it.
    drop(core.cancel(id, "the caller does not wait any more").await);
}
