//! One call for many who ask the same at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::mpsc;

use super::{Cached, decode, encode, hit, is_whole, replay};
use crate::error::{Error, ErrorKind, Result};
use crate::memory::{Cache, CacheKey};
use crate::model::layers::watch;
use crate::model::{Delta, Fold, LanguageModel, ModelReply, ModelRequest, ModelStream};

/// Pieces that may wait for a slow reader.
const WAITING: usize = 64;

/// The whole answer, of a call of our own or of somebody else's.
pub(super) async fn whole(cached: &Cached, key: &CacheKey, request: &ModelRequest) -> Result<ModelReply> {
    let (mut own, mut asked) = (None, false);
    let compute = async {
        asked = true;
        let reply = cached.model.complete(request).await?;
        Ok(encode(own.insert(reply)))
    };
    let shared = cached.cache.get_or_compute(key, cached.options.ttl, compute.boxed()).await;
    match (own, shared) {
        (Some(reply), _) => {
            forget_unless_whole(&*cached.cache, key, &reply).await;
            Ok(reply)
        }
        (None, Ok(bytes)) => match decode(&bytes) {
            Some(reply) => Ok(hit(reply, request)),
            None => cached.model.complete(request).await,
        },
        (None, Err(error)) if !asked && concerns_another(&error) => cached.model.complete(request).await,
        (None, Err(error)) => Err(error),
    }
}

/// As [`whole`], streamed: piece by piece if the call is our own, at once if it is somebody else's.
pub(super) async fn streamed(cached: &Cached, key: CacheKey, request: &ModelRequest) -> Result<ModelStream> {
    let (sender, pieces) = mpsc::channel(WAITING);
    let own = Arc::new(Own::default());
    let (model, request) = (cached.model.clone(), request.clone());
    let call = {
        let (model, request, own) = (model.clone(), request.clone(), own.clone());
        async move {
            own.asked.store(true, Ordering::Release);
            let answer = collect(&*model, &request, sender).await?;
            own.answered.store(true, Ordering::Release);
            Ok(answer)
        }
    };
    let (cache, ttl) = (cached.cache.clone(), cached.options.ttl);
    let answer = async move {
        let bytes = cache.get_or_compute(&key, ttl, call.boxed()).await?;
        let reply = decode(&bytes).ok_or_else(unreadable)?;
        forget_unless_whole(&*cache, &key, &reply).await;
        Ok(reply)
    };
    let flight = Flight { answer: answer.boxed(), pieces, own, model, request };
    watch::opened(Box::pin(stream::unfold(Stage::Flying(Box::new(flight)), Stage::next))).await
}

/// Asks the model; what it says goes to the reader at once and into the whole answer.
async fn collect(
    model: &dyn LanguageModel,
    request: &ModelRequest,
    reader: mpsc::Sender<Delta>,
) -> Result<Bytes> {
    let mut deltas = model.stream(request).await?;
    let mut fold = Fold::default();
    while let Some(delta) = deltas.next().await {
        let delta = delta?;
        fold.push(delta.clone());
        // The reader owns this future: it cannot be gone.
        reader.send(delta).await.ok();
    }
    fold.finish(model.descriptor()).map(|reply| encode(&reply))
}

struct Flight {
    answer: BoxFuture<'static, Result<ModelReply>>,
    /// What our own call says; ends with it, and at once if the call is somebody else's.
    pieces: mpsc::Receiver<Delta>,
    own: Arc<Own>,
    model: Arc<dyn LanguageModel>,
    request: ModelRequest,
}

/// How far a call of our own has come.
#[derive(Default)]
struct Own {
    /// There is one: nobody else has asked.
    asked: AtomicBool,
    /// It ended well. What fails after that is the store, which the reader need not know.
    answered: AtomicBool,
}

enum Stage {
    /// The call runs.
    Flying(Box<Flight>),
    /// It is over, and its last pieces are not read yet.
    Emptying(mpsc::Receiver<Delta>, Option<Error>),
    /// The answer comes from elsewhere.
    Following(ModelStream),
    Over,
}

impl Stage {
    async fn next(self) -> Option<(Result<Delta>, Self)> {
        let mut stage = self;
        loop {
            stage = match stage {
                Self::Flying(mut flight) => match flight.piece().await {
                    Ok(delta) => return Some((Ok(delta), Self::Flying(flight))),
                    Err(answer) => flight.land(answer).await,
                },
                Self::Emptying(mut pieces, error) => match (pieces.recv().await, error) {
                    (Some(delta), error) => return Some((Ok(delta), Self::Emptying(pieces, error))),
                    (None, Some(error)) => return Some((Err(error), Self::Over)),
                    (None, None) => return None,
                },
                Self::Following(mut stream) => {
                    return stream.next().await.map(|item| (item, Self::Following(stream)));
                }
                Self::Over => return None,
            };
        }
    }
}

impl Flight {
    /// The next piece, or how the call ended.
    async fn piece(&mut self) -> Result<Delta, Result<ModelReply>> {
        tokio::select! {
            biased;
            Some(delta) = self.pieces.recv() => Ok(delta),
            answer = &mut self.answer => Err(answer),
        }
    }

    async fn land(self: Box<Self>, answer: Result<ModelReply>) -> Stage {
        if self.own.asked.load(Ordering::Acquire) {
            let answered = self.own.answered.load(Ordering::Acquire);
            return Stage::Emptying(self.pieces, answer.err().filter(|_| !answered));
        }
        let stream = match answer {
            Ok(reply) => Ok(replay(hit(reply, &self.request))),
            Err(error) if concerns_another(&error) => self.model.stream(&self.request).await,
            Err(error) => Err(error),
        };
        match stream {
            Ok(stream) => Stage::Following(stream),
            Err(error) => Stage::Emptying(self.pieces, Some(error)),
        }
    }
}

/// Whether the error is that of whoever asked for us (its budget, its deadline) or of the store, so that a call of our
/// own may succeed.
fn concerns_another(error: &Error) -> bool {
    use ErrorKind::{BudgetExceeded, Cancelled, Storage, Timeout};
    matches!(error.kind(), BudgetExceeded | Timeout | Cancelled | Storage)
}

async fn forget_unless_whole(cache: &dyn Cache, key: &CacheKey, reply: &ModelReply) {
    if !is_whole(reply) {
        cache.remove(key).await.ok();
    }
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Storage, "the cache of answers holds something that is no answer")
}
