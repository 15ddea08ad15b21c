//! Takes a task in: checks it, makes it durable, gives it a driver.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::acceptance::Settling;
use super::{COMMAND_CAPACITY, Engine, driver, stopping};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::memory::{Append, TaskRecord};
use crate::orchestrator::Submission;
use crate::orchestrator::answers::Question;
use crate::orchestrator::veil::{Veil, Veiled};
use crate::task::{
    Event, EventKind, ExecutionPlan, TaskId, TaskRequest, TaskResponse, TaskState, TaskStatus, now,
};

/// What the caller does once its task is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Something else.
    GoesOn,
    /// Wait for the end.
    Waits,
}

/// What the caller is told of a task.
pub(crate) struct Taken {
    pub(crate) response: TaskResponse,
    /// What stands between it and the outside, unless it was there before.
    pub(crate) veil: Option<Veil>,
}

/// A task that nothing speaks against, not durable yet.
struct Accepted {
    id: TaskId,
    /// As it is kept: with placeholders.
    request: TaskRequest,
    /// What the reflexes found in it.
    reacted: Option<EventKind>,
    veil: Veil,
    /// What another task may have answered.
    question: Option<Question>,
    key: Option<[u8; 32]>,
}

impl Engine {
    /// Accepts a task under this id, or answers the one that the idempotency key already stands for.
    pub(crate) async fn accept(
        self: &Arc<Self>,
        id: TaskId,
        submission: Submission,
        caller: Caller,
    ) -> Result<Taken> {
        let Submission { mut request, idempotency_key, tenant, fresh } = submission;
        request.validate()?;
        self.check_names(&request)?;
        self.narrow_to_the_parent(&mut request).await?;
        if let Some(plan) = request.plan.take() {
            request.plan = Some(ExecutionPlan::from_caller(plan));
        }
        let key = idempotency_key.as_deref().map(digest).transpose()?;
        if let Some(known) = self.known(key).await? {
            return Ok(Taken { response: known, veil: None });
        }
        if self.stopping.is_cancelled() {
            return Err(stopping());
        }
        let room = self.room.clone().try_acquire_owned().map_err(|_| self.full())?;
        let (veil, veiled) = self.reflexes.veil_request(id, request).await?;
        let Veiled { what: request, reacted } = veiled;
        let question = if fresh { None } else { self.question(&request, &veil, tenant).await };
        let accepted = Accepted { id, request, reacted, veil: veil.clone(), question, key };
        // A caller who goes away now must not leave a durable task without a driver.
        let engine = self.clone();
        match self.to_the_end(async move { engine.take_in(accepted, room, caller).await }).await {
            // Somebody else was a moment earlier with the same key.
            Err(error) if error.kind() == ErrorKind::Conflict && key.is_some() => {
                let response = self.known(key).await?.ok_or(error)?;
                Ok(Taken { response, veil: None })
            }
            taken => Ok(Taken { response: taken?, veil: Some(veil) }),
        }
    }

    /// Makes the task durable and gives it a driver, which begins meanwhile unless there is a key: see
    /// [`acceptance`](super::acceptance).
    async fn take_in(
        self: &Arc<Self>,
        mut accepted: Accepted,
        room: OwnedSemaphorePermit,
        caller: Caller,
    ) -> Result<TaskResponse> {
        let (id, veil, question) = (accepted.id, accepted.veil.clone(), accepted.question.take());
        let waits = accepted.key.is_some() || question.is_some();
        let (state, first) = self.first_append(accepted)?;
        // Known before it is durable, so that nobody who finds it in the journal wakes a second driver.
        let (sender, commands) = mpsc::channel(COMMAND_CAPACITY);
        self.drivers().insert(id, sender);
        let mut writing = pin!(self.write_first(&first));
        let written = match futures_util::poll!(&mut writing) {
            Poll::Pending if waits => Poll::Ready(writing.as_mut().await),
            written => written,
        };
        if let Poll::Ready(Err(error)) = written {
            self.drivers().remove(&id);
            return Err(error);
        }
        let settling = written.is_pending().then(|| self.acceptances.open(id));
        let acceptance = settling.as_ref().map(Settling::acceptance);
        let response = response(&state);
        let fresh = driver::Fresh { state: Box::new(state), room, veil, question, acceptance };
        match caller {
            Caller::GoesOn => self.spawn(driver::Start::Fresh(fresh), commands),
            Caller::Waits => self.drive_here(fresh, commands).await,
        }
        if let Some(settling) = settling {
            writing.await?;
            settling.accept();
        }
        Ok(response)
    }

    async fn write_first(&self, first: &Append) -> Result<()> {
        self.memory.journal.append(first).await?;
        self.hub.publish(first.task_id()?, &first.events);
        Ok(())
    }

    /// The state that a task begins with, and what makes it durable.
    fn first_append(&self, accepted: Accepted) -> Result<(TaskState, Append)> {
        let Accepted { id, request, reacted, veil, key, .. } = accepted;
        let at = now();
        let timeout =
            request.deadline_seconds.map_or(self.config.task_timeout, |s| Duration::from_secs(s.into()));
        let deadline_at = at.checked_add(timeout).unwrap_or(at);
        let kind = EventKind::TaskAccepted { request: Arc::new(request), deadline_at };
        let kinds = [kind].into_iter().chain(reacted).zip(1..);
        let events: Vec<_> =
            kinds.map(|(kind, seq)| Arc::new(Event { task_id: id, seq, at, kind })).collect();
        let state = TaskState::fold(&events)?;
        let mut record = TaskRecord::of(&state);
        record.idempotency_key = key;
        let append = Append { events, record: Some(Box::new(record)), vault: veil.seal(1)? };
        Ok((state, append))
    }

    async fn known(&self, key: Option<[u8; 32]>) -> Result<Option<TaskResponse>> {
        let Some(key) = key else { return Ok(None) };
        let Some(task_id) = self.memory.journal.task_for_key(key).await? else { return Ok(None) };
        let record = self.memory.journal.record(task_id).await?;
        Ok(record.map(|record| TaskResponse {
            task_id,
            status: record.status,
            estimated_duration_seconds: None,
            message: "This task was submitted before under the same key".into(),
        }))
    }

    /// Names that only this engine can know to be wrong: playbooks, arms, capabilities.
    fn check_names(&self, request: &TaskRequest) -> Result<()> {
        if let Some(name) = &request.playbook {
            let playbook = self.brain.playbooks.get(name)?;
            self.check_arms(&playbook.fill(request)?, Some("/playbook"))?;
        }
        match &request.plan {
            Some(plan) => self.check_arms(plan, None),
            None => Ok(()),
        }
    }

    /// `place` stands for the whole plan where the caller did not write it.
    fn check_arms(&self, plan: &ExecutionPlan, place: Option<&str>) -> Result<()> {
        let arms = self.registry.snapshot();
        let names = || arms.keys().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
        let there_are =
            || if arms.is_empty() { "there is none".into() } else { format!("there are {}", names()) };
        let mut faults = Vec::new();
        for (index, subtask) in plan.subtasks.iter().enumerate() {
            let capabilities = &subtask.required_capabilities;
            let (can_be_done, field, what) = if capabilities.is_empty() {
                (arms.contains_key(&subtask.required_arm), "required_arm", "there is no such arm")
            } else {
                let able = arms.values().any(|arm| arm.descriptor.has_all(capabilities));
                (able, "required_capabilities", "no arm has them all")
            };
            if !can_be_done {
                let place = place.map_or_else(|| format!("/plan/subtasks/{index}/{field}"), str::to_owned);
                faults.push(Fault::new(place, format!("{what}; {}", there_are())));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::invalid("the task is invalid", faults)) }
    }

    /// A sub-task may do what its parent may, or less.
    async fn narrow_to_the_parent(&self, request: &mut TaskRequest) -> Result<()> {
        let Some(parent) = request.parent_task_id else { return Ok(()) };
        self.settled(parent).await;
        let fault = match self.memory.journal.record(parent).await? {
            None => Fault::new("/parent_task_id", "there is no such task"),
            Some(record) if record.status.is_terminal() => {
                Fault::new("/parent_task_id", "that task has ended and takes no sub-tasks")
            }
            Some(_) => {
                let first = self.memory.journal.read(parent, 0, 1).await?;
                let parents = first.first().map_or(&[][..], |event| match &event.kind {
                    EventKind::TaskAccepted { request, .. } => &request.required_capabilities,
                    _ => &[],
                });
                match narrow(&mut request.required_capabilities, parents) {
                    Ok(()) => return Ok(()),
                    Err(fault) => fault,
                }
            }
        };
        Err(Error::invalid("the task is invalid", vec![fault]))
    }

    fn full(&self) -> Error {
        let (running, queued) = (self.config.max_concurrent_tasks, self.config.max_queued_tasks);
        Error::new(
            ErrorKind::Unavailable,
            format!("the queue is full: {running} tasks run and {queued} wait"),
        )
        .with_retry_after(Duration::from_secs(5))
        .with_hint("come back later, or raise MAX_CONCURRENT_TASKS")
    }
}

/// The capabilities of a sub-task, within those of its parent; none means all.
fn narrow(own: &mut Vec<String>, parents: &[String]) -> std::result::Result<(), Fault> {
    if own.is_empty() {
        own.extend_from_slice(parents);
    }
    match own.iter().position(|name| !parents.is_empty() && !parents.contains(name)) {
        None => Ok(()),
        Some(place) => {
            let pointer = format!("/required_capabilities/{place}");
            Err(Fault::new(pointer, format!("is more than the parent task may do: {}", parents.join(", "))))
        }
    }
}

fn response(state: &TaskState) -> TaskResponse {
    let estimated = state.request().plan.as_ref().map(|plan| plan.estimated_duration_seconds);
    TaskResponse {
        task_id: state.task_id(),
        status: TaskStatus::Accepted,
        estimated_duration_seconds: estimated.filter(|seconds| *seconds > 0),
        message: "Task submitted successfully".into(),
    }
}

fn digest(key: &str) -> Result<[u8; 32]> {
    if key.is_empty() || key.len() > 255 {
        return Err(Error::new(ErrorKind::InvalidInput, "an idempotency key must have 1 to 255 bytes"));
    }
    Ok(Sha256::digest(key.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sub_task_may_do_what_its_parent_may_or_less() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let narrowed = |own: &[&str], parents: &[&str]| {
            let mut own = names(own);
            narrow(&mut own, &names(parents)).map(|()| own)
        };
        assert_eq!(narrowed(&[], &["a", "b"]).unwrap(), ["a", "b"]);
        assert_eq!(narrowed(&["b"], &["a", "b"]).unwrap(), ["b"]);
        assert_eq!(narrowed(&["c"], &[]).unwrap(), ["c"]);
        assert!(narrowed(&[], &[]).unwrap().is_empty());
        assert_eq!(narrowed(&["a", "c"], &["a"]).unwrap_err().pointer, "/required_capabilities/1");
    }
}
