//! A build without the feature `reflex` has no veil: everything stays as it is.

use std::sync::Arc;

use serde_json::Value;

use crate::arm::{ArmCall, ArmDescriptor, ArmReply, Rule};
use crate::error::Result;
use crate::memory::{Journal, SharedMemory};
use crate::model::layers::CallRedactor;
use crate::task::{Event, EventKind, TaskError, TaskId, TaskRequest, TaskState};

#[derive(Clone, Default)]
pub(crate) struct Reflexes;

#[derive(Clone, Default)]
pub(crate) struct Veil;

pub(crate) struct Given;

pub(crate) struct Veiled<T> {
    pub(crate) what: T,
    pub(crate) reacted: Option<EventKind>,
}

impl<T> Veiled<T> {
    const fn same(what: T) -> Self {
        Self { what, reacted: None }
    }
}

#[allow(clippy::unused_async, clippy::unused_self, clippy::unnecessary_wraps, reason = "as with the feature")]
impl Reflexes {
    pub(crate) async fn of(_: &SharedMemory) -> Result<Self> {
        Ok(Self)
    }

    pub(crate) async fn resume(&self, _: &dyn Journal, _: &TaskState) -> Result<Veil> {
        Ok(Veil)
    }

    pub(crate) async fn look(&self, _: &dyn Journal, _: TaskId) -> Result<Veil> {
        Ok(Veil)
    }

    pub(crate) fn keeps(&self, _: &str) -> bool {
        true
    }

    /// Nothing is veiled, so an arm may need what it likes.
    pub(crate) fn rule_for_arms(&self) -> Rule {
        Box::new(|_| Ok(()))
    }

    pub(crate) async fn veil_request(
        &self,
        _: TaskId,
        request: TaskRequest,
    ) -> Result<(Veil, Veiled<TaskRequest>)> {
        Ok((Veil, Veiled::same(request)))
    }
}

#[allow(clippy::unused_async, clippy::unused_self, clippy::unnecessary_wraps, reason = "as with the feature")]
impl Veil {
    pub(crate) fn values(&self) -> Vec<(String, crate::orchestrator::answers::Hidden)> {
        Vec::new()
    }

    pub(crate) fn is_tight(&self, _: usize) -> bool {
        true
    }

    pub(crate) fn lift(&self, _: &mut ArmCall, _: &ArmDescriptor) -> Given {
        Given
    }

    pub(crate) fn widened(&self, given: Given) -> Given {
        given
    }

    pub(crate) fn hide(&self, _: &mut Value) {}

    pub(crate) async fn drop_over(
        &self,
        reply: ArmReply,
        _: Given,
        _: u32,
        _: &ArmDescriptor,
    ) -> Result<Veiled<ArmReply>> {
        Ok(Veiled::same(reply))
    }

    pub(crate) fn answer<T>(&self, answer: T) -> Result<Veiled<T>> {
        Ok(Veiled::same(answer))
    }

    pub(crate) fn result(&self, result: Arc<Value>) -> Result<Veiled<Arc<Value>>> {
        Ok(Veiled::same(result))
    }

    pub(crate) fn words(&self, text: String) -> Result<String> {
        Ok(text)
    }

    pub(crate) fn error(&self, error: TaskError) -> TaskError {
        error
    }

    pub(crate) fn redactor(&self) -> Option<CallRedactor> {
        None
    }

    pub(crate) fn seal(&self, _: u64) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    pub(crate) fn untold(&self) -> Option<EventKind> {
        None
    }

    pub(crate) fn tell(&self) {}

    pub(crate) fn restored<T>(&self, what: T) -> T {
        what
    }

    pub(crate) fn event(&self, event: Arc<Event>) -> Arc<Event> {
        event
    }
}
