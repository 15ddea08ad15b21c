//! Answers that are given again: a task that asks what another one asked gets its answer, and no arm or model is asked.
//! Opt-in ([`EngineConfig::answers`](super::EngineConfig::answers)).
//!
//! **What is the same question?** [`key`] covers everything that could change the answer and can change while an orchestrator
//! runs: the request as it is kept, what its placeholders stand for, the tenant, the arms that are there, the state of the
//! documents. What is fixed when an orchestrator starts (models, prompts, playbooks, the reflexes' policy) is covered by the
//! secret that the key is made with: it is a new one for each orchestrator, so that no answer ever passes from one
//! configuration to another, and nobody can find out what was asked by trying what a key would be.
//!
//! **Which answers?** Those of tasks that completed, whose steps only read, and about which no person was asked. An answer
//! keeps its placeholders. It is not kept where something personal was found on the way, which only its own task could turn
//! back, nor where an arm was shown a value, of which it may have said a part.
//!
//! **Many at once** share one task's work: [`Cache::get_or_compute`] lets one go on and has the others wait. They wait before
//! they take a place among those that run, so that they hold up nobody, least of all the one that they wait for.

mod key;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

pub(crate) use key::{Asked, Hidden};

use crate::error::{Error, ErrorKind, Result};
use crate::memory::{Cache, CacheKey};
use crate::task::{Approval, TaskRequest};

/// Which answers are given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerCache {
    /// How long. What a key cannot know of (the web, a clock, files that an arm reads) may have changed meanwhile.
    pub ttl: Duration,
    /// Bytes of JSON that an answer may have. How much is kept altogether is up to the memory's cache.
    pub max_bytes: usize,
}

impl Default for AnswerCache {
    /// Ten minutes; 1 MiB.
    fn default() -> Self {
        Self { ttl: Duration::from_secs(600), max_bytes: 1 << 20 }
    }
}

/// What is kept of a task that completed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) result: Arc<Value>,
    pub(crate) confidence: Option<f64>,
}

/// The answers of one orchestrator.
pub(crate) struct Answers {
    cache: Arc<dyn Cache>,
    options: AnswerCache,
    secret: [u8; 32],
}

/// What a task hears about its question.
pub(crate) enum Heard {
    /// It was answered.
    Answer(Answer),
    /// Nobody else works on it: it is this task's turn, and others may wait for it.
    Turn,
    /// Each of those who ask works for itself.
    Alone,
}

/// A task's question. Whoever drops it on his turn lets the next one have it.
pub(crate) struct Question {
    key: CacheKey,
    asked: Asked,
    shared: BoxFuture<'static, Result<Bytes>>,
    turn: oneshot::Receiver<()>,
    answer: oneshot::Sender<Result<Bytes>>,
}

impl Answers {
    /// # Errors
    /// `unavailable` where the system gives no randomness.
    pub(super) fn new(cache: Arc<dyn Cache>, options: AnswerCache) -> Result<Self> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "the system gives no randomness")
                .with_context("reason", error.to_string())
        })?;
        Ok(Self { cache, options, secret })
    }

    /// The question that this request is, as far as it may be answered by another task at all.
    pub(crate) fn question(&self, request: &TaskRequest, asked: Asked) -> Option<Question> {
        let key = Some(request).filter(|request| asks_nobody(request));
        let key = key.and_then(|request| key::of(&self.secret, request, &asked))?;
        let ((begin, turn), (answer, answered)) = (oneshot::channel(), oneshot::channel());
        let compute = async move {
            begin.send(()).ok();
            answered.await.unwrap_or_else(|_| Err(unanswered()))
        };
        let (cache, ttl, shared) = (self.cache.clone(), self.options.ttl, key.clone());
        let shared = async move { cache.get_or_compute(&shared, ttl, compute.boxed()).await }.boxed();
        Some(Question { key, asked, shared, turn, answer })
    }

    /// The answer as it is kept, if it answers this very question and is no larger than it may be.
    pub(crate) fn worth_keeping(
        &self,
        question: &Question,
        request: &TaskRequest,
        arms: u64,
        answer: &Answer,
    ) -> Option<Bytes> {
        // Arms may have come and gone meanwhile.
        let now = key::of(&self.secret, request, &Asked { arms, ..question.asked.clone() });
        let same = now.as_ref() == Some(&question.key);
        let kept = same.then(|| serde_json::to_vec(answer).ok()).flatten();
        kept.filter(|kept| kept.len() <= self.options.max_bytes).map(Bytes::from)
    }
}

impl Question {
    /// How many values its request's placeholders stood for.
    pub(crate) fn values(&self) -> usize {
        self.asked.values.len()
    }

    /// Waits for an answer or for the turn. The future may be dropped and another one awaited.
    pub(crate) async fn hear(&mut self) -> Heard {
        tokio::select! {
            biased;
            shared = &mut self.shared => match shared.ok().and_then(|kept| serde_json::from_slice(&kept).ok()) {
                Some(answer) => Heard::Answer(answer),
                None => Heard::Alone,
            },
            Ok(()) = &mut self.turn => Heard::Turn,
        }
    }

    /// Gives the answer to those who wait, and keeps it.
    pub(crate) async fn give(self, kept: Bytes) {
        self.end(Ok(kept)).await;
    }

    /// Tells those who wait that each must work for itself.
    pub(crate) async fn give_up(self) {
        self.end(Err(unanswered())).await;
    }

    async fn end(self, with: Result<Bytes>) {
        self.answer.send(with).ok();
        // Who waits hears of it either way; nobody but them knows this error.
        drop(self.shared.await);
    }
}

fn unanswered() -> Error {
    Error::new(ErrorKind::Unavailable, "the task has no answer that another one could be given")
}

/// Whether no person is to be asked about it.
fn asks_nobody(request: &TaskRequest) -> bool {
    let mut steps = request.plan.iter().flat_map(|plan| &plan.subtasks);
    request.approval == Approval::Never && !steps.any(|step| step.approval)
}
