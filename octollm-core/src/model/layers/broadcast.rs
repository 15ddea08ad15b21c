//! Shows the words of an answer while they come, to whoever listens.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures_util::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::error::Result;
use crate::model::live::Speech;
use crate::model::{Delta, LanguageModel, ModelDescriptor, ModelRequest, ModelStream};

/// Hands the words of every answer to the [`Live`](crate::model::Live) of its call; a call without one passes. Nobody
/// waits for those who listen.
pub struct Broadcast {
    model: Arc<dyn LanguageModel>,
}

impl Broadcast {
    /// `model`, overheard.
    pub fn new(model: Arc<dyn LanguageModel>) -> Self {
        Self { model }
    }
}

#[async_trait]
impl LanguageModel for Broadcast {
    fn descriptor(&self) -> &ModelDescriptor {
        self.model.descriptor()
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream> {
        let stream = self.model.stream(request).await?;
        let Some(live) = &request.context.live else { return Ok(stream) };
        let timer = Box::pin(sleep_until(Instant::now()));
        Ok(Box::pin(Overheard { stream, speech: Some(live.call(request)), timer }))
    }
}

/// A stream whose words are shown. One that is dropped shows nothing more.
struct Overheard {
    stream: ModelStream,
    /// `None` once it has ended.
    speech: Option<Speech>,
    timer: Pin<Box<Sleep>>,
}

impl Stream for Overheard {
    type Item = Result<Delta>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { stream, speech, timer } = self.get_mut();
        let item = stream.as_mut().poll_next(cx);
        match &item {
            Poll::Ready(Some(Ok(delta))) => speech.iter_mut().for_each(|speech| speech.hear(delta)),
            Poll::Ready(_) => speech.take().iter_mut().for_each(|speech| speech.show(true)),
            Poll::Pending => speech.iter_mut().for_each(|speech| show_when_due(speech, timer.as_mut(), cx)),
        }
        item
    }
}

/// While the model pauses, what it has said is shown by the clock.
fn show_when_due(speech: &mut Speech, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) {
    let Some(due) = speech.due() else { return };
    if timer.deadline() != due {
        timer.as_mut().reset(due);
    }
    if timer.poll(cx).is_ready() {
        speech.show(false);
    }
}
