//! The engine: takes tasks in, gives each a driver, wakes those that wait, and goes on with those that were left.

mod accept;
mod acceptance;
mod answer;
mod attempt;
mod driver;
mod fill;
mod follow;
mod hub;
mod peers;
mod perform;
mod recovery;
mod think;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use accept::Caller;
use acceptance::Acceptances;
pub(crate) use follow::Follower;
use hub::Hub;

use super::answers::Answers;
use super::builder::EngineConfig;
use super::input_filler::InputFiller;
use super::plan_memory::PlanMemory;
use super::playbook::Playbooks;
use super::router::Router;
use super::veil::Reflexes;
use super::{Decision, IntentParser, ResultIntegrator, TaskPlanner};
use crate::arm::{CapabilityToken, RegisteredArm, Registry};
use crate::error::{Error, ErrorKind, Result};
use crate::memory::SharedMemory;
use crate::model::Screen;
use crate::resilience::Gate;
use crate::task::{SideEffects, TaskId, TaskResult};

/// Commands that may wait for one driver.
const COMMAND_CAPACITY: usize = 8;

/// Who thinks.
pub(crate) struct Brain {
    pub(crate) intent_parser: Arc<dyn IntentParser>,
    pub(crate) task_planner: Arc<dyn TaskPlanner>,
    pub(crate) result_integrator: Arc<dyn ResultIntegrator>,
    /// Who is asked for what a step's input lacks; absent where there is no model.
    pub(crate) input_filler: Option<InputFiller>,
    /// Plans that worked; absent where no model plans, or they are not to be used again.
    pub(crate) plan_memory: Option<PlanMemory>,
    pub(crate) playbooks: Arc<Playbooks>,
}

/// Everything that drivers share.
pub(crate) struct Engine {
    pub(crate) memory: SharedMemory,
    pub(crate) registry: Arc<Registry>,
    pub(crate) router: Router,
    pub(crate) brain: Brain,
    pub(crate) reflexes: Reflexes,
    /// Answers that are given again, where that is wanted.
    pub(crate) answers: Option<Answers>,
    pub(crate) config: EngineConfig,
    pub(crate) hub: Hub,
    /// What is asked before a model's words are shown.
    pub(crate) screen: Arc<dyn Screen>,
    /// Who may run: the most urgent first.
    gate: Gate,
    /// Tasks that may be here at all, running or waiting.
    room: Arc<Semaphore>,
    /// Tasks whose acceptance is on its way to disk.
    acceptances: Acceptances,
    /// How to reach each driver.
    drivers: Mutex<HashMap<TaskId, mpsc::Sender<Box<Command>>>>,
    /// Set when nothing new is to begin.
    stopping: CancellationToken,
    /// Set when what still runs is to be left.
    leaving: CancellationToken,
    tracker: TaskTracker,
}

/// Something that a person asks of a running or parked task.
pub(crate) struct Command {
    pub(crate) ask: Ask,
    pub(crate) reply: oneshot::Sender<Result<TaskResult>>,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Cancel(String),
    Decide(Decision),
    /// Go on where it stopped.
    Resume,
}

impl Engine {
    pub(crate) fn new(
        memory: SharedMemory,
        registry: Arc<Registry>,
        router: Router,
        brain: Brain,
        (reflexes, screen, answers): (Reflexes, Arc<dyn Screen>, Option<Answers>),
        config: EngineConfig,
    ) -> Self {
        let (running, queued) = (config.max_concurrent_tasks, config.max_queued_tasks);
        Self {
            memory,
            registry,
            router,
            brain,
            reflexes,
            answers,
            hub: Hub::default(),
            screen,
            // Who is let in is decided by `room`; recovered tasks wait here in any number, each as an id.
            gate: Gate::new(running, usize::MAX),
            room: Arc::new(Semaphore::new(running.saturating_add(queued).min(Semaphore::MAX_PERMITS))),
            acceptances: Acceptances::default(),
            drivers: Mutex::default(),
            stopping: CancellationToken::new(),
            leaving: CancellationToken::new(),
            tracker: TaskTracker::new(),
            config,
        }
    }

    /// Asks something of a task, waking its driver if it has none.
    pub(crate) async fn ask(self: &Arc<Self>, task: TaskId, ask: Ask) -> Result<TaskResult> {
        self.settled(task).await;
        if self.memory.journal.record(task).await?.is_none() {
            return Err(unknown(task));
        }
        loop {
            let (reply, answer) = oneshot::channel();
            let command = Box::new(Command { ask: ask.clone(), reply });
            // A driver that is just ending drops the command unanswered: ask its successor.
            if self.driver_of(task)?.send(command).await.is_ok()
                && let Ok(answer) = answer.await
            {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    }

    fn driver_of(self: &Arc<Self>, task: TaskId) -> Result<mpsc::Sender<Box<Command>>> {
        let mut drivers = self.drivers();
        if let Some(sender) = drivers.get(&task).filter(|sender| !sender.is_closed()) {
            return Ok(sender.clone());
        }
        if self.stopping.is_cancelled() {
            return Err(stopping());
        }
        let (sender, commands) = mpsc::channel(COMMAND_CAPACITY);
        drivers.insert(task, sender.clone());
        drop(drivers);
        self.spawn(driver::Start::Woken(task), commands);
        Ok(sender)
    }

    fn spawn(self: &Arc<Self>, start: driver::Start, commands: mpsc::Receiver<Box<Command>>) {
        self.tracker.spawn(driver::drive(self.clone(), start, commands));
    }

    /// Returns once the journal has the task, where it is one that has just begun here.
    pub(crate) async fn settled(&self, task: TaskId) {
        self.acceptances.settled(task).await;
    }

    /// Drives a task that has just begun and whose caller waits for its end: right here as long as nothing has to be
    /// waited for, which spares two changes of thread, then by itself.
    async fn drive_here(self: &Arc<Self>, fresh: driver::Fresh, commands: mpsc::Receiver<Box<Command>>) {
        let driving = driver::drive(self.clone(), driver::Start::Fresh(fresh), commands);
        let mut driving = Box::pin(self.tracker.track_future(driving));
        if futures_util::poll!(&mut driving).is_pending() {
            tokio::spawn(driving);
        }
    }

    /// Awaits a future that goes on to its end even if nobody waits for it any more.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        future: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let mut future = Box::pin(future);
        if let Poll::Ready(done) = futures_util::poll!(&mut future) {
            return done;
        }
        let broke_off = |error| Err(Error::new(ErrorKind::Internal, "the work broke off").with_source(error));
        self.tracker.spawn(future).await.unwrap_or_else(broke_off)
    }

    fn drivers(&self) -> MutexGuard<'_, HashMap<TaskId, mpsc::Sender<Box<Command>>>> {
        self.drivers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything can still happen to a task here.
    ///
    /// # Errors
    /// `unavailable` once the engine has stopped.
    pub(crate) fn still_works(&self, task: TaskId) -> Result<()> {
        if self.stopping.is_cancelled() && self.tracker.is_empty() {
            return Err(stopping()
                .with_context("task", task.to_string())
                .with_hint("the task goes on at the next start"));
        }
        Ok(())
    }

    /// A token for the call of an arm that can do what cannot be undone, where there is a key.
    pub(crate) fn mint(&self, task: TaskId, arm: &RegisteredArm) -> Option<CapabilityToken> {
        let key = self.config.capability_key.as_ref();
        key.filter(|_| arm.descriptor.side_effects == SideEffects::Unsafe).map(|key| key.mint(task))
    }

    /// Tasks that run or wait for their turn.
    pub(crate) fn active(&self) -> usize {
        self.drivers().len()
    }
}

pub(crate) fn unknown(task: TaskId) -> Error {
    Error::new(ErrorKind::NotFound, "there is no such task")
        .with_context("task", task.to_string())
        .with_hint("it may have been pruned; `tasks list` shows what there is")
}

fn stopping() -> Error {
    Error::new(ErrorKind::Unavailable, "the orchestrator is shutting down")
        .with_retry_after(std::time::Duration::from_secs(5))
}
