//! A model that answers from a script: for tests, for examples that need no key, for trying a pipeline out.
//!
//! It is no imitation of a model's mind, only of a provider's manners: it streams in pieces of a chosen size, counts
//! tokens, refuses, waits, stalls and is cut off, and it remembers what it was asked.

mod reply;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures_util::{Stream, stream};

pub use reply::ScriptedReply;

use self::reply::Step;
use super::{Delta, Features, LanguageModel, ModelDescriptor, ModelRequest, ModelStream, Price};
use crate::error::{Error, ErrorKind, Result};

type Matcher = dyn Fn(&ModelRequest) -> ScriptedReply + Send + Sync;

/// A model that answers from a script. Clones share the script and what it remembers.
///
/// ```
/// # use octollm_core::model::{LanguageModel, Message, ModelRequest, ScriptedModel, ScriptedReply};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> octollm_core::Result<()> {
/// let model = ScriptedModel::in_order([ScriptedReply::text("Bonjour").chunked(3)]);
/// let reply = model.complete(&ModelRequest::new(vec![Message::user("Hello in French?")])).await?;
/// assert_eq!(reply.text, "Bonjour");
/// assert_eq!(model.requests()[0].messages[0].text(), "Hello in French?");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ScriptedModel {
    descriptor: ModelDescriptor,
    shared: Arc<Shared>,
}

struct Shared {
    script: Script,
    requests: Mutex<Vec<ModelRequest>>,
    open: AtomicUsize,
}

enum Script {
    InOrder(Mutex<VecDeque<ScriptedReply>>),
    Matching(Box<Matcher>),
}

impl ScriptedModel {
    /// Gives these answers one after the other; asked once more, it fails for good.
    pub fn in_order(replies: impl IntoIterator<Item = ScriptedReply>) -> Self {
        Self::new(Script::InOrder(Mutex::new(replies.into_iter().collect())))
    }

    /// Gives the answer that `matcher` finds for a request.
    pub fn matching(matcher: impl Fn(&ModelRequest) -> ScriptedReply + Send + Sync + 'static) -> Self {
        Self::new(Script::Matching(Box::new(matcher)))
    }

    fn new(script: Script) -> Self {
        let all =
            Features { json_schema: true, json_object: true, tools: true, images: true, prompt_cache: false };
        let descriptor = ModelDescriptor {
            vendor: "scripted".to_owned(),
            model: "script".to_owned(),
            features: all,
            price: Some(Price::FREE),
            ..ModelDescriptor::default()
        };
        let shared = Shared { script, requests: Mutex::default(), open: AtomicUsize::new(0) };
        Self { descriptor, shared: Arc::new(shared) }
    }

    /// The same model under another description. By default it is `scripted/script`, can do everything but keep
    /// prompts, and is free.
    #[must_use]
    pub fn described(mut self, describe: impl FnOnce(&mut ModelDescriptor)) -> Self {
        describe(&mut self.descriptor);
        self
    }

    /// What it was asked so far.
    pub fn requests(&self) -> Vec<ModelRequest> {
        lock(&self.shared.requests).clone()
    }

    /// How often it was asked.
    pub fn calls(&self) -> usize {
        lock(&self.shared.requests).len()
    }

    /// Streams that are neither at their end nor dropped: connections that would be open.
    pub fn open_streams(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn next(&self, request: &ModelRequest) -> Option<ScriptedReply> {
        match &self.script {
            Script::InOrder(replies) => lock(replies).pop_front(),
            Script::Matching(matcher) => Some(matcher(request)),
        }
    }
}

#[async_trait]
impl LanguageModel for ScriptedModel {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream> {
        lock(&self.shared.requests).push(request.clone());
        let reply = self.shared.next(request).ok_or_else(no_more)?;
        let connection = Connection::open(&self.shared);
        let steps = reply.begin(&self.descriptor.model).await?;
        let deltas = stream::unfold(steps, |mut steps| async move {
            let item = play(&mut steps).await?;
            Some((item, steps))
        });
        Ok(Box::pin(Connected { deltas: Box::pin(deltas), connection: Some(connection) }))
    }
}

/// The next delta or error; what follows an error is never reached.
async fn play(steps: &mut VecDeque<Step>) -> Option<Result<Delta>> {
    loop {
        match steps.pop_front()? {
            Step::Say(delta) => return Some(Ok(delta)),
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::Stall => std::future::pending().await,
            Step::Fail(error) => {
                steps.clear();
                return Some(Err(error));
            }
        }
    }
}

fn no_more() -> Error {
    Error::new(ErrorKind::Internal, "the scripted model has no more answers")
        .with_hint("give it one answer for each call that is made")
}

/// Counts as open until it is dropped.
struct Connection(Arc<Shared>);

impl Connection {
    fn open(shared: &Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::SeqCst);
        Self(shared.clone())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A stream that closes its connection at its end.
struct Connected {
    deltas: ModelStream,
    connection: Option<Connection>,
}

impl Stream for Connected {
    type Item = Result<Delta>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = self.deltas.as_mut().poll_next(cx);
        if matches!(item, Poll::Ready(None | Some(Err(_)))) {
            self.connection = None;
        }
        item
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for ScriptedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedModel")
            .field("name", &self.descriptor.name())
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}
