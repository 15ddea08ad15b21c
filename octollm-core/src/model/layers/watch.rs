//! What most layers share: looking at a stream that passes through, and learning how it ended.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt, stream};

use crate::error::{Error, Result};
use crate::model::{Delta, LanguageModel, ModelRequest, ModelStream, Reason};

/// Somebody who looks on.
pub(super) trait Watcher: Send + Unpin + 'static {
    /// A piece passes by.
    fn delta(&mut self, _: &Delta) {}

    /// It is over. Called once, and nothing after it.
    fn end(self, ending: Ending<'_>);
}

/// How a stream ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending<'a> {
    /// The model said that it had finished.
    Complete,
    /// With this error, or without a word (then the error says so).
    Failed(&'a Error),
    /// Whoever asked went away.
    Abandoned,
}

/// The same stream under the eyes of `watcher`. The watcher is let go as soon as the stream has ended, even if the
/// stream itself is kept.
pub(super) fn watched<W: Watcher>(stream: ModelStream, watcher: W) -> ModelStream {
    Box::pin(Watched { stream: Some(stream), watcher: Some(watcher), finished: false })
}

struct Watched<W: Watcher> {
    /// `None` once it has ended, so that its connection is gone too.
    stream: Option<ModelStream>,
    watcher: Option<W>,
    finished: bool,
}

impl<W: Watcher> Watched<W> {
    fn end(&mut self, ending: Ending<'_>) {
        self.stream = None;
        if let Some(watcher) = self.watcher.take() {
            watcher.end(ending);
        }
    }
}

impl<W: Watcher> Stream for Watched<W> {
    type Item = Result<Delta>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
        let Poll::Ready(item) = stream.as_mut().poll_next(cx) else { return Poll::Pending };
        match &item {
            Some(Ok(delta)) => {
                self.finished |= matches!(delta, Delta::Finished(_));
                if let Some(watcher) = &mut self.watcher {
                    watcher.delta(delta);
                }
            }
            Some(Err(error)) => self.end(Ending::Failed(error)),
            None if self.finished => self.end(Ending::Complete),
            None => self.end(Ending::Failed(&Reason::CutOff.error("the model's answer has no end"))),
        }
        Poll::Ready(item)
    }
}

impl<W: Watcher> Drop for Watched<W> {
    fn drop(&mut self) {
        let ending = if self.finished { Ending::Complete } else { Ending::Abandoned };
        self.end(ending);
    }
}

/// Asks `model`, and waits as [`opened`] does.
pub(super) async fn begun(model: &dyn LanguageModel, request: &ModelRequest) -> Result<ModelStream> {
    opened(model.stream(request).await?).await
}

/// Waits until a stream says something of its own, so that what fails before can be tried elsewhere: that somebody
/// [started](Delta::Started) to answer is no part of the answer yet.
///
/// # Errors
/// What the stream fails with before it says anything.
pub(super) async fn opened(mut stream: ModelStream) -> Result<ModelStream> {
    let mut head = Vec::new();
    loop {
        match stream.next().await {
            Some(Ok(delta @ Delta::Started { .. })) => head.push(Ok(delta)),
            Some(Ok(delta)) => {
                head.push(Ok(delta));
                return Ok(Box::pin(stream::iter(head).chain(stream)));
            }
            Some(Err(error)) => return Err(error),
            None => return Err(Reason::CutOff.error("the model ended its answer before it began")),
        }
    }
}
