//! One task's driver: performs what its state says, appends what came of it.
//!
//! What must be on disk before what: a task's [acceptance](super::acceptance) before anything else of it, and before an arm
//! that changes the world is asked; a step's completion before a step that builds on it starts and before anybody sees it;
//! a step's start before the call only where the arm is `unsafe`. Everything else rides with the next commit, or goes by
//! itself when nothing happens for a moment, so that those who watch see it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, Sleep};

use super::acceptance::{Acceptance, settled};
use super::attempt::Outcome;
use super::perform::InFlight;
use super::{Ask, Command, Engine};
use crate::error::{Error, ErrorKind, Result};
use crate::memory::{Append, Claimed, TaskRecord};
use crate::model::Live;
use crate::orchestrator::Decision;
use crate::orchestrator::answers::Question;
use crate::orchestrator::veil::Veil;
use crate::task::{Action, Event, EventKind, Priority, TaskId, TaskState, TaskStatus, Timestamp, Usage, now};

/// How long events that nothing waits for may stay in memory.
const LINGER: Duration = Duration::from_millis(20);
/// How often other calls are looked for in vain when one has ended: some 50 us, where a commit to disk takes 200 and more.
const LOOKS: u32 = 32;
/// How long calls that are broken off may take to let go.
const LETTING_GO: Duration = Duration::from_millis(250);
/// Events that are read at once when a task is loaded.
const PAGE: usize = 512;

/// How a task comes to its driver.
pub(super) enum Start {
    /// Just accepted.
    Fresh(Fresh),
    /// Left unfinished by an earlier process.
    Left(Claimed),
    /// Parked, and asked for something.
    Woken(TaskId),
}

/// A task that was just accepted.
pub(super) struct Fresh {
    pub(super) state: Box<TaskState>,
    /// Its place among the tasks that may be here at all.
    pub(super) room: OwnedSemaphorePermit,
    pub(super) veil: Veil,
    pub(super) question: Option<Question>,
    /// What says whether it is accepted, where it begins before that.
    pub(super) acceptance: Option<Acceptance>,
}

pub(super) struct Driver {
    pub(super) engine: Arc<Engine>,
    pub(super) state: TaskState,
    /// What stands between the task and the outside.
    pub(super) veil: Veil,
    /// What the task asks, while another one may answer it or waits for its answer.
    pub(super) question: Option<Question>,
    /// What says whether the task is accepted; absent once it is known to be.
    pub(super) acceptance: Option<Acceptance>,
    /// Whether an arm asked another one whose answers vary.
    pub(super) varied: Arc<AtomicBool>,
    pub(super) commands: mpsc::Receiver<Box<Command>>,
    /// Where the words of this task's models are shown; numbers their calls.
    pub(super) live: Live,
    /// Applied, but not yet durable.
    pending: Vec<Arc<Event>>,
    /// What a dependent step or a caller may not see before it is durable is among `pending`.
    pub(super) must_flush: bool,
    /// The status that the task's row has.
    recorded: TaskStatus,
    pub(super) running: JoinSet<Outcome>,
    /// Which step each running call is for.
    pub(super) calls: Vec<InFlight>,
    /// What thoughts used that led to nothing.
    pub(super) unsettled: Usage,
    /// Nothing new may begin.
    pub(super) stopping: bool,
    /// Armed no later than the next look is due. Firing early costs a look, arming for every step costs more.
    timer: Pin<Box<Sleep>>,
}

/// Sees a task through until it ends, parks, or the engine stops.
pub(super) async fn drive(engine: Arc<Engine>, start: Start, commands: mpsc::Receiver<Box<Command>>) {
    let id = start.task_id();
    let outcome = Box::pin(begin(&engine, start, commands)).await;
    // Only this driver's own entry: its channel is closed by now, a successor's is not.
    let mut drivers = engine.drivers();
    if drivers.get(&id).is_some_and(mpsc::Sender::is_closed) {
        drivers.remove(&id);
    }
    drop(drivers);
    match outcome {
        Err(error) if error.kind() == ErrorKind::Conflict => {
            tracing::warn!(task = %id, %error, "somebody else works on the task; leaving it to them");
        }
        // Whoever submitted it hears why.
        Err(error) if error.kind() == ErrorKind::Cancelled => {
            tracing::debug!(task = %id, "a task that had begun was not accepted");
        }
        Err(error) => tracing::error!(task = %id, %error, "the task stopped; it goes on at the next start"),
        Ok(()) => {}
    }
}

async fn begin(engine: &Arc<Engine>, start: Start, mut commands: mpsc::Receiver<Box<Command>>) -> Result<()> {
    match start {
        Start::Fresh(Fresh { state, room, veil, question, acceptance }) => {
            let mut driver = Driver::new(engine.clone(), (*state, veil), commands);
            (driver.question, driver.acceptance) = (question, acceptance);
            driver.hear().await?;
            let done = driver.wait_for_a_turn().await;
            drop(room);
            done
        }
        Start::Left(Claimed { task_id, priority }) => {
            // Loaded when it is its turn, so that a long queue is a list of ids.
            let turn = tokio::select! {
                turn = engine.gate.acquire(priority) => Some(turn?),
                () = engine.stopping.cancelled() => return Ok(()),
                command = commands.recv() => {
                    let mut driver = Driver::new(engine.clone(), load(engine, task_id).await?, commands);
                    driver.obey(command).await?;
                    return driver.wait_for_a_turn().await;
                }
            };
            let driver = Driver::new(engine.clone(), load(engine, task_id).await?, commands);
            let done = driver.run().await;
            drop(turn);
            done
        }
        Start::Woken(task_id) => {
            let Some(command) = commands.recv().await else { return Ok(()) };
            match wake(engine, task_id).await {
                Ok(loaded) => {
                    let mut driver = Driver::new(engine.clone(), loaded, commands);
                    driver.obey(Some(command)).await?;
                    driver.wait_for_a_turn().await
                }
                Err(error) => {
                    command.reply.send(Err(error)).ok();
                    Ok(())
                }
            }
        }
    }
}

async fn wake(engine: &Engine, id: TaskId) -> Result<(TaskState, Veil)> {
    engine.memory.journal.claim_task(id).await?;
    load(engine, id).await
}

/// The task as the journal has it, and its veil. Whoever ran its steps is gone.
pub(super) async fn load(engine: &Engine, id: TaskId) -> Result<(TaskState, Veil)> {
    let mut state = super::super::local::read_state(&engine.memory, id, PAGE).await?;
    state.interrupt();
    let veil = engine.reflexes.resume(&*engine.memory.journal, &state).await?;
    Ok((state, veil))
}

impl Start {
    fn task_id(&self) -> TaskId {
        match self {
            Self::Fresh(fresh) => fresh.state.task_id(),
            Self::Left(claimed) => claimed.task_id,
            Self::Woken(id) => *id,
        }
    }
}

/// What ended a wait.
#[allow(
    clippy::large_enum_variant,
    reason = "it is taken apart at once: a box would cost more than the copy"
)]
enum Woke {
    Command(Option<Box<Command>>),
    Call(std::result::Result<(Id, Outcome), JoinError>),
    Time,
    Stopping,
    Leaving,
}

impl Driver {
    fn new(
        engine: Arc<Engine>,
        (mut state, veil): (TaskState, Veil),
        commands: mpsc::Receiver<Box<Command>>,
    ) -> Self {
        if engine.brain.task_planner.can_revise() {
            state.allow_revisions(engine.config.max_revisions);
        }
        let recorded = state.status();
        let live = Live::new(engine.clone(), engine.screen.clone());
        Self {
            engine,
            live,
            state,
            veil,
            question: None,
            acceptance: None,
            varied: Arc::default(),
            commands,
            pending: Vec::new(),
            must_flush: false,
            recorded,
            running: JoinSet::new(),
            calls: Vec::new(),
            unsettled: Usage::default(),
            stopping: false,
            timer: Box::pin(tokio::time::sleep(LINGER)),
        }
    }

    /// Runs as soon as there is a free place; a command or the deadline needs none.
    async fn wait_for_a_turn(mut self) -> Result<()> {
        // A command in between costs nobody his place.
        let since = Instant::now();
        while !self.is_over() {
            let priority: Priority = self.state.request().priority;
            let deadline = self.instant(self.state.deadline_at());
            let (engine, acceptance) = (self.engine.clone(), self.acceptance.clone());
            tokio::select! {
                biased;
                command = self.commands.recv() => self.obey(command).await?,
                () = engine.stopping.cancelled() => return Ok(()),
                turn = engine.gate.acquire_since(priority, since) => {
                    let turn = turn?;
                    let done = self.run().await;
                    drop(turn);
                    return done;
                }
                _ = settled(acceptance.as_ref()), if acceptance.is_some() => self.be_accepted().await?,
                () = tokio::time::sleep_until(deadline) => return self.run().await,
            }
        }
        Ok(())
    }

    async fn run(mut self) -> Result<()> {
        loop {
            let wake_at = self.perform_all().await?;
            if self.is_over() || (self.stopping && self.running.is_empty()) {
                return self.flush().await;
            }
            if self.must_flush {
                self.flush().await?;
            }
            match self.wait(wake_at).await {
                Woke::Command(command) => self.obey(command).await?,
                Woke::Call(ended) => self.take_ended(ended).await?,
                Woke::Time => self.flush().await?,
                Woke::Stopping => self.stopping = true,
                Woke::Leaving => {
                    self.running.abort_all();
                    return self.flush().await;
                }
            }
        }
    }

    /// Performs actions until there is nothing to do but wait; answers until when.
    async fn perform_all(&mut self) -> Result<Timestamp> {
        let mut at = now();
        loop {
            let mut wake_at = None;
            let mut acted = false;
            let actions = self.state.next(at);
            let starts = actions.iter().filter(|action| matches!(action, Action::Start { .. })).count();
            // What completed must be on disk before a step that may build on it starts.
            if starts > 0 && self.must_flush {
                self.flush().await?;
            }
            for action in actions {
                match action {
                    Action::WaitUntil(at) => wake_at = Some(at),
                    // A step's start may have thought, and the task ended meanwhile.
                    _ if self.stopping || self.state.status().is_terminal() => {}
                    action => {
                        acted = true;
                        self.perform(action, at, starts == 1).await?;
                    }
                }
            }
            if !acted {
                return Ok(wake_at.unwrap_or_else(|| self.state.deadline_at()));
            }
            // What was done has been dated: no need to look at the clock again.
            at = at.max(self.state.updated_at());
        }
    }

    async fn wait(&mut self, wake_at: Timestamp) -> Woke {
        let mut until = self.instant(wake_at);
        if !self.pending.is_empty() {
            until = until.min(Instant::now() + LINGER);
        }
        if self.timer.is_elapsed() || until < self.timer.deadline() {
            self.timer.as_mut().reset(until);
        }
        tokio::select! {
            biased;
            command = self.commands.recv() => Woke::Command(command),
            Some(ended) = self.running.join_next_with_id() => Woke::Call(ended),
            () = self.engine.stopping.cancelled(), if !self.stopping => Woke::Stopping,
            () = self.engine.leaving.cancelled() => Woke::Leaving,
            () = self.timer.as_mut() => Woke::Time,
        }
    }

    /// Takes a call that ended, and every other that is about to end: they share a commit, which takes longer than looking
    /// for them. The first of many wakes this driver before the rest have come, so those that are ready are let go on.
    async fn take_ended(&mut self, ended: std::result::Result<(Id, Outcome), JoinError>) -> Result<()> {
        self.settle(ended)?;
        let mut in_vain = 0;
        while !self.running.is_empty() && in_vain < LOOKS {
            match self.running.try_join_next_with_id() {
                Some(ended) => {
                    in_vain = 0;
                    self.settle(ended)?;
                }
                None => {
                    in_vain += 1;
                    tokio::task::yield_now().await;
                }
            }
        }
        Ok(())
    }

    /// Whether this driver has nothing more to do.
    pub(super) fn is_over(&self) -> bool {
        self.state.status().is_terminal() || self.state.status() == TaskStatus::AwaitingApproval
    }

    /// Takes what happened; durable with the next flush.
    pub(super) fn append(&mut self, kind: EventKind) -> Result<()> {
        self.append_at(now(), kind)
    }

    /// Takes what happened at this moment, or with the last event if that was later.
    pub(super) fn append_at(&mut self, at: Timestamp, kind: EventKind) -> Result<()> {
        // Whoever reads the events knows by this one that the vault grew, before it needs what is new there.
        if let Some(reacted) = self.veil.untold() {
            self.veil.tell();
            if !matches!(kind, EventKind::ReflexReacted { .. }) {
                self.push(at, reacted)?;
            }
        }
        self.push(at, kind)
    }

    fn push(&mut self, at: Timestamp, kind: EventKind) -> Result<()> {
        let at = at.max(self.state.updated_at());
        let event = Event { task_id: self.state.task_id(), seq: self.state.seq() + 1, at, kind };
        self.state.apply(&event)?;
        self.pending.push(Arc::new(event));
        Ok(())
    }

    /// Makes what happened durable, then shows it. A store that cannot take it is asked again until it can, or the
    /// engine stops.
    pub(super) async fn flush(&mut self) -> Result<()> {
        self.be_accepted().await?;
        if self.pending.is_empty() {
            return Ok(());
        }
        let changed = self.recorded != self.state.status();
        let record = changed.then(|| Box::new(TaskRecord::of(&self.state)));
        let vault = self.veil.seal(self.pending.first().map_or(0, |first| first.seq))?;
        let append = Append { events: std::mem::take(&mut self.pending), record, vault };
        let mut tries = 1;
        while let Err(error) = self.engine.memory.journal.append(&append).await {
            if error.kind() == ErrorKind::Conflict {
                // A store can fail after it has written: then what stands there is this very append.
                if tries > 1 && self.is_written(&append.events).await {
                    break;
                }
                self.running.abort_all();
                return Err(error);
            }
            let wait = self.engine.config.backoff.delay(tries, None, self.state.seq());
            tracing::error!(task = %self.state.task_id(), %error, wait_ms = wait.as_millis(), "the journal cannot take it");
            tries = tries.saturating_add(1);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.engine.stopping.cancelled() => return Err(error),
            }
        }
        self.recorded = self.state.status();
        self.must_flush = false;
        self.engine.hub.publish(self.state.task_id(), &append.events);
        if self.state.status().is_terminal() {
            self.engine.hub.publish_end(self.state.task_id(), || self.veil.restored(self.state.result()));
            self.remember();
        }
        if self.is_over() {
            self.tell_the_answer().await;
        }
        Ok(())
    }

    /// Whether the journal has these events.
    async fn is_written(&mut self, events: &[Arc<Event>]) -> bool {
        let after = events.first().map_or(0, |first| first.seq - 1);
        let found = self.engine.memory.journal.read(self.state.task_id(), after, events.len()).await;
        found.is_ok_and(|found| found == events)
    }

    /// Ends what still runs, and says what it has used: what is broken off has been paid for as far as it went.
    pub(super) async fn break_off(&mut self) -> Usage {
        if !self.running.is_empty() {
            // A call settles when it is dropped. One that does not let go is not waited for.
            tokio::time::timeout(LETTING_GO, self.running.shutdown()).await.ok();
        }
        let mut usage = std::mem::take(&mut self.unsettled);
        for call in self.calls.drain(..) {
            usage.add(&call.used());
        }
        usage
    }

    /// Does what a person asks for.
    pub(super) async fn obey(&mut self, command: Option<Box<Command>>) -> Result<()> {
        let Some(command) = command else { return Ok(()) };
        let Command { ask, reply } = *command;
        let answer = match ask {
            Ask::Resume => Ok(()),
            Ask::Cancel(_) if self.state.status().is_terminal() => Ok(()),
            Ask::Cancel(reason) => match self.veil.words(reason) {
                Ok(reason) => {
                    let usage = self.break_off().await;
                    self.append(EventKind::TaskCancelled { reason, usage })
                }
                Err(error) => Err(error),
            },
            Ask::Decide(Decision { step, approved, note }) => {
                match (self.question(step), note.map(|note| self.veil.words(note)).transpose()) {
                    (Ok(step), Ok(note)) => self.append(EventKind::ApprovalDecided { step, approved, note }),
                    (Err(error), _) | (_, Err(error)) => Err(error),
                }
            }
        };
        self.flush().await?;
        reply.send(answer.map(|()| self.veil.restored(self.state.result()))).ok();
        Ok(())
    }

    /// What a decision is about.
    fn question(&self, about: Option<u32>) -> Result<Option<u32>> {
        let open: Vec<_> = self.state.open_questions().into_iter().map(|(step, _)| step).collect();
        match (about, open.as_slice()) {
            (None, [only]) => Ok(*only),
            (step, open) if open.contains(&step) => Ok(step),
            (_, []) => Err(Error::new(ErrorKind::Conflict, "the task does not wait for a decision")),
            (_, open) => {
                let name = |step: &Option<u32>| step.map_or("the plan".into(), |step| format!("step {step}"));
                let names = open.iter().map(name).collect::<Vec<_>>().join(", ");
                Err(Error::new(ErrorKind::Conflict, "the task does not wait for this decision")
                    .with_hint(format!("it waits for a decision about {names}")))
            }
        }
    }

    pub(super) fn instant(&self, at: Timestamp) -> Instant {
        let wait = Duration::try_from(at.duration_since(now())).unwrap_or(Duration::ZERO);
        Instant::now() + wait
    }
}
