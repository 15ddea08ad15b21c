//! What a driver does where the brain is to think: read a goal, plan, revise a plan, integrate.
//!
//! A thought may call models. What it spends comes out of the task's budget and is journaled with what it led to, also
//! where it led to nothing.

use std::future::Future;
use std::sync::Arc;
use std::task::Poll;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Ask;
use super::driver::Driver;
use crate::error::Result;
use crate::model::{Allowance, CallContext};
use crate::orchestrator::Thought;
use crate::orchestrator::plan_memory::Recalled;
use crate::orchestrator::result_integrator::check_output;
use crate::orchestrator::veil::Veiled;
use crate::task::{EventKind, ExecutionPlan, Grant, IntentSource, PlanSource, StepState, TaskError, Usage};

/// What came of a thought, and what it used; `None` if the task ended meanwhile, its time is over, or the engine stops.
pub(super) type Came<T> = Option<(Result<T>, Usage)>;

impl Driver {
    pub(super) async fn fail(&mut self, error: TaskError, mut usage: Usage) -> Result<()> {
        usage.add(&self.break_off().await);
        let error = self.veil.error(error);
        self.append(EventKind::TaskFailed { error, usage })
    }

    /// What a model said, screened before it becomes part of the task.
    pub(super) fn screened<T: Serialize + DeserializeOwned>(&mut self, said: T) -> Result<Result<T>> {
        let veiled = self.veil.answer(said);
        self.take_veiled(veiled)
    }

    fn take_veiled<T>(&mut self, veiled: Result<Veiled<T>>) -> Result<Result<T>> {
        match veiled {
            Ok(Veiled { what, reacted }) => {
                reacted.map(|reacted| self.append(reacted)).transpose()?;
                Ok(Ok(what))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// Reads the goal, unless a plan is remembered for it.
    pub(super) async fn parse_intent(&mut self) -> Result<()> {
        let (engine, request) = (self.engine.clone(), self.state.request().clone());
        let thought = self.thought(true);
        if let Some(memory) = &engine.brain.plan_memory {
            let recall = async { Ok(memory.recall(&request, &thought).await) };
            match self.think(&thought, recall).await? {
                Some((Ok(Some(Recalled { intent, plan })), usage)) => {
                    let intent = Arc::new(intent);
                    self.append(EventKind::IntentParsed { intent, usage: Usage::default() })?;
                    let plan = Arc::new(plan.normalised());
                    return self.append(EventKind::PlanCreated { plan, usage });
                }
                Some(_) => {}
                None => return Ok(()),
            }
        }
        let parse = async { engine.brain.intent_parser.parse(&request, &thought).await };
        match self.think(&thought, parse).await? {
            Some((Ok(intent), usage)) if intent.source == IntentSource::Model => {
                match self.screened(intent)? {
                    Ok(intent) => self.append(EventKind::IntentParsed { intent: Arc::new(intent), usage }),
                    Err(error) => self.fail(TaskError::from(&error), usage).await,
                }
            }
            Some((Ok(intent), usage)) => {
                self.append(EventKind::IntentParsed { intent: Arc::new(intent), usage })
            }
            Some((Err(error), usage)) => self.fail(TaskError::from(&error), usage).await,
            None => Ok(()),
        }
    }

    pub(super) async fn plan(&mut self) -> Result<()> {
        match self.make_plan().await? {
            Some((Ok(plan), usage)) if plan.source == PlanSource::Model => match self.screened(plan)? {
                Ok(plan) => self.append(EventKind::PlanCreated { plan, usage }),
                Err(error) => self.fail(TaskError::from(&error), usage).await,
            },
            Some((Ok(plan), usage)) => self.append(EventKind::PlanCreated { plan, usage }),
            Some((Err(error), usage)) => self.fail(TaskError::from(&error), usage).await,
            None => Ok(()),
        }
    }

    async fn make_plan(&mut self) -> Result<Came<Arc<ExecutionPlan>>> {
        let request = self.state.request().clone();
        if let Some(plan) = &request.plan {
            // It was validated and normalised when the task was accepted.
            return Ok(Some((Ok(plan.clone()), Usage::default())));
        }
        let engine = self.engine.clone();
        if let Some(name) = &request.playbook {
            let filled = engine.brain.playbooks.get(name).and_then(|playbook| playbook.fill(&request));
            return Ok(Some((filled.map(|plan| Arc::new(plan.normalised())), Usage::default())));
        }
        let Some(intent) = self.state.intent().cloned() else { return Ok(None) };
        let thought = self.thought(true);
        let plan = async {
            let plan = engine.brain.task_planner.plan(&request, &intent, &thought).await?;
            plan.validate()?;
            Ok(Arc::new(plan.normalised()))
        };
        self.think(&thought, plan).await
    }

    /// Asks for another plan. Where there is none to be had, the task fails for the reason that it would have failed for.
    pub(super) async fn revise(&mut self) -> Result<()> {
        let (engine, state) = (self.engine.clone(), self.state.clone());
        let thought = self.thought(true);
        let revise = async {
            let plan = engine.brain.task_planner.revise(&state, &thought).await?.normalised();
            state.check_revision(&plan)?;
            let revision = state.plan().map_or(0, |plan| plan.revision) + 1;
            Ok(Arc::new(ExecutionPlan { revision, ..plan }))
        };
        let failure = state.first_failure();
        match self.think(&thought, revise).await? {
            Some((Ok(plan), usage)) => match self.screened(plan)? {
                Ok(plan) => self.append(EventKind::PlanRevised { plan, reason: failure.message, usage }),
                Err(error) => self.fail(TaskError::from(&error), usage).await,
            },
            Some((Err(error), usage)) => {
                let why = format!("the plan could not be revised: {error}");
                let hint = failure.hint.as_ref().map_or_else(|| why.clone(), |hint| format!("{hint}; {why}"));
                self.fail(failure.with_hint(hint), usage).await
            }
            None => Ok(()),
        }
    }

    pub(super) async fn integrate(&mut self) -> Result<()> {
        let (engine, state) = (self.engine.clone(), self.state.clone());
        let thought = self.thought(false);
        let integrate = async {
            let integrated = engine.brain.result_integrator.integrate(&state, &thought).await?;
            check_output(&state, &integrated.result)?;
            Ok(integrated)
        };
        match self.think(&thought, integrate).await? {
            Some((Ok(made), usage)) => {
                let confidence = made.confidence;
                match self.result(made.result)? {
                    Ok(result) => self.append(EventKind::TaskCompleted { result, confidence, usage }),
                    Err(error) => self.fail(TaskError::from(&error), usage).await,
                }
            }
            Some((Err(error), usage)) => self.fail(TaskError::from(&error), usage).await,
            None => Ok(()),
        }
    }

    /// The result, screened unless it is a step's output as it is, which has been.
    fn result(&mut self, result: Arc<Value>) -> Result<Result<Arc<Value>>> {
        let mut outputs = self.state.steps().iter().filter_map(StepState::output);
        if outputs.any(|output| Arc::ptr_eq(output, &result)) {
            return Ok(Ok(result));
        }
        let veiled = self.veil.result(result);
        self.take_veiled(veiled)
    }

    /// Remembers a plan that worked. Nobody waits for it.
    pub(super) fn remember(&self) {
        let Some(memory) = self.engine.brain.plan_memory.clone() else { return };
        let state = self.state.clone();
        self.engine.tracker.spawn(async move { memory.remember(&state).await });
    }

    /// What the brain has at hand now: nothing runs beside it, so it may spend all that is left.
    fn thought(&self, about_arms: bool) -> Thought {
        self.thought_within(self.state.left_to_spend(), about_arms)
    }

    /// What the brain has at hand for a thought that may spend this much.
    pub(super) fn thought_within(&self, grant: Grant, about_arms: bool) -> Thought {
        let arms = if about_arms { self.engine.registry.infos().into() } else { Arc::default() };
        let call = CallContext {
            task_id: Some(self.state.task_id()),
            step: None,
            priority: self.state.request().priority,
            deadline: Some(self.instant(self.state.deadline_at())),
            allowance: Some(Allowance::new(grant)),
            live: Some(self.live.clone()),
            redactor: self.veil.redactor(),
        };
        Thought { arms, call }
    }

    /// Awaits a thought, obeying commands meanwhile.
    pub(super) async fn think<T>(
        &mut self,
        thought: &Thought,
        thinking: impl Future<Output = Result<T>>,
    ) -> Result<Came<T>> {
        let used = || thought.call.allowance.as_ref().map(|allowance| allowance.used()).unwrap_or_default();
        let mut thinking = Box::pin(thinking);
        // What takes no time needs none of what follows.
        if let Poll::Ready(done) = futures_util::poll!(&mut thinking) {
            return Ok(Some((done, used())));
        }
        self.flush().await?;
        let deadline = self.instant(self.state.deadline_at());
        let engine = self.engine.clone();
        loop {
            tokio::select! {
                done = &mut thinking => return Ok(Some((done, used()))),
                command = self.commands.recv() => {
                    if command.as_ref().is_some_and(|command| matches!(command.ask, Ask::Cancel(_))) {
                        // A call that is dropped settles: what it used stands in the end of the task.
                        drop(thinking);
                        self.unsettled.add(&used());
                        self.obey(command).await?;
                        return Ok(None);
                    }
                    self.obey(command).await?;
                    if self.is_over() {
                        return Ok(None);
                    }
                }
                () = tokio::time::sleep_until(deadline) => {
                    drop(thinking);
                    self.unsettled.add(&used());
                    return Ok(None);
                }
                () = engine.stopping.cancelled() => {
                    self.stopping = true;
                    return Ok(None);
                }
            }
        }
    }
}
