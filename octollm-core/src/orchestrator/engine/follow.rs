//! A task's events as one stream: first those of the journal, then those that come.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, Sleep};

use super::Engine;
use super::hub::Tap;
use crate::error::Result;
use crate::orchestrator::EventStream;
use crate::orchestrator::veil::Veil;
use crate::task::{Event, EventKind, TaskId};

/// Events that are read from the journal at once.
const PAGE: usize = 256;
/// How often the journal is looked at for what another process appended.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Follows one task.
pub(crate) struct Follower {
    engine: Arc<Engine>,
    task: TaskId,
    /// The last kept event that was handed on.
    after: u64,
    /// Events that were read but not handed on.
    read: VecDeque<Arc<Event>>,
    live: Option<Tap>,
    /// What turns placeholders back; looked up with the first event, and again where the task's vault grew.
    veil: Option<Veil>,
    ended: bool,
    /// When to look into the journal without having been told to.
    look_again: Pin<Box<Sleep>>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        if self.live.take().is_some() {
            self.engine.hub.forget_gone(self.task);
        }
    }
}

impl Follower {
    pub(crate) fn new(engine: Arc<Engine>, task: TaskId, after: u64) -> Self {
        Self {
            engine,
            task,
            after,
            read: VecDeque::new(),
            live: None,
            veil: None,
            ended: false,
            look_again: Box::pin(tokio::time::sleep(LOOK_AGAIN)),
        }
    }

    /// A follower that watches already, from before the task's first event on.
    pub(crate) fn from_the_start(engine: Arc<Engine>, task: TaskId) -> Self {
        let live = engine.hub.watch(task);
        let mut follower = Self::new(engine, task, 0);
        follower.live = Some(live);
        follower
    }

    /// The veil is known, and need not be looked up with the first event.
    pub(crate) fn behind(mut self, veil: Option<Veil>) -> Self {
        self.veil = veil;
        self
    }

    pub(crate) fn into_stream(self) -> EventStream {
        stream::unfold(self, |mut follower| async move {
            let next = follower.next().await.transpose()?;
            // Whoever reads on after an error would only read it again.
            follower.ended |= next.is_err();
            Some((next, follower))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<Arc<Event>>> {
        while !self.ended {
            let event = match self.read.pop_front() {
                Some(event) => Some(event),
                None => self.more().await?,
            };
            // A task that has begun may be heard before it is accepted: nobody shall know of it by that.
            let is_next = |event: &Arc<Event>| event.seq > self.after || (event.seq == 0 && self.after > 0);
            if let Some(event) = event.filter(is_next) {
                self.after = self.after.max(event.seq);
                self.ended = event.kind.is_terminal();
                return self.unveiled(event).await.map(Some);
            }
        }
        Ok(None)
    }

    /// The event as the caller sees it.
    async fn unveiled(&mut self, event: Arc<Event>) -> Result<Arc<Event>> {
        let grew = matches!(event.kind, EventKind::ReflexReacted { .. });
        let veil = match self.veil.take().filter(|_| !grew) {
            Some(veil) => veil,
            None => self.engine.reflexes.look(&*self.engine.memory.journal, self.task).await?,
        };
        Ok(self.veil.insert(veil).event(event))
    }

    /// The next live event, or `None` after having looked into the journal.
    async fn more(&mut self) -> Result<Option<Arc<Event>>> {
        let Some(live) = &mut self.live else {
            // Watch before reading, so that nothing falls between the two.
            self.live = Some(self.engine.hub.watch(self.task));
            return self.look().await;
        };
        let event = tokio::select! {
            biased;
            event = live.recv() => event,
            () = self.look_again.as_mut() => {
                self.look_again.as_mut().reset(Instant::now() + LOOK_AGAIN);
                self.engine.still_works(self.task)?;
                return self.look().await;
            }
        };
        if event.as_ref().is_none_or(|event| event.seq > self.after + 1) {
            // Something was missed: the journal has it.
            self.stop_watching();
            return Ok(None);
        }
        Ok(event)
    }

    fn stop_watching(&mut self) {
        self.live = None;
        self.engine.hub.forget_gone(self.task);
    }

    async fn look(&mut self) -> Result<Option<Arc<Event>>> {
        self.read.extend(self.engine.memory.journal.read(self.task, self.after, PAGE).await?);
        if self.read.len() == PAGE {
            // More may be there: the live channel will not bring it.
            self.stop_watching();
        }
        Ok(None)
    }
}
