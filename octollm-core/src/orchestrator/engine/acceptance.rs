//! Tasks that begin while their acceptance is still on its way to disk.
//!
//! A commit takes as long as dozens of quick steps do, so a task does not idle for its first one: it reads its goal, plans,
//! and asks arms that change nothing in the world. That can lose no accepted task and do no completed step twice, because
//!
//! - whoever submits is answered once the acceptance is durable, as ever, or hears why it could not become so;
//! - nothing else of the task is written or shown before that ([`Driver::flush`]);
//! - an arm that changes the world is asked after that ([`Driver::perform`]);
//! - whoever has the task's id already, from one of its arms, waits for it too ([`Acceptances::settled`]).
//!
//! So a process that dies in between loses a task that nobody was told of, and what its first steps answered. A task with
//! an idempotency key waits: the store may find that the key is another task's, and then nothing may have been done for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::SetOnce;

use super::driver::Driver;
use crate::error::{Error, ErrorKind, Result};
use crate::task::TaskId;

/// Tasks that have begun, and are not durable yet.
#[derive(Default)]
pub(super) struct Acceptances(Mutex<HashMap<TaskId, Acceptance>>);

/// Whether one task is durable: said once.
#[derive(Clone, Default)]
pub(super) struct Acceptance(Arc<SetOnce<bool>>);

impl Acceptances {
    /// For a task that begins now. Dropped without a word, the task is refused.
    pub(super) fn open(&self, task: TaskId) -> Settling<'_> {
        let acceptance = Acceptance::default();
        self.lock().insert(task, acceptance.clone());
        Settling { all: self, task, acceptance }
    }

    /// Returns once it is settled whether the task is accepted; at once for one of which that is known, or nothing is.
    pub(super) async fn settled(&self, task: TaskId) {
        let open = self.lock().get(&task).cloned();
        settled(open.as_ref()).await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, Acceptance>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the task is durable, once that is settled; one with nothing to wait for is.
pub(super) async fn settled(acceptance: Option<&Acceptance>) -> bool {
    match acceptance {
        Some(acceptance) => *acceptance.0.wait().await,
        None => true,
    }
}

impl Driver {
    /// Returns once the task is known to be durable.
    ///
    /// # Errors
    /// `cancelled` if it is refused: what has begun of it is to be dropped.
    pub(super) async fn be_accepted(&mut self) -> Result<()> {
        if !settled(self.acceptance.as_ref()).await {
            return Err(Error::new(ErrorKind::Cancelled, "the task was not accepted"));
        }
        self.acceptance = None;
        Ok(())
    }
}

/// Settles one task's acceptance.
pub(super) struct Settling<'a> {
    all: &'a Acceptances,
    task: TaskId,
    acceptance: Acceptance,
}

impl Settling<'_> {
    /// What the task's driver waits for.
    pub(super) fn acceptance(&self) -> Acceptance {
        self.acceptance.clone()
    }

    /// The task is durable.
    pub(super) fn accept(self) {
        self.acceptance.0.set(true).ok();
    }
}

impl Drop for Settling<'_> {
    fn drop(&mut self) {
        // Does nothing where it was accepted: that was said first.
        self.acceptance.0.set(false).ok();
        self.all.lock().remove(&self.task);
    }
}
