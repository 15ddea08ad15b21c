//! Puts an orchestrator together.

use std::sync::Arc;
use std::time::Duration;

use super::answers::{AnswerCache, Answers};
use super::engine::{Brain, Engine};
use super::input_filler::InputFiller;
use super::local::LocalOrchestrator;
use super::plan_memory::{PlanMemory, PlanReuse};
use super::playbook::{Playbook, Playbooks};
use super::router::{Router, RouterWeights};
use super::veil::Reflexes;
use super::{
    IntentParser, ModelIntentParser, ModelResultIntegrator, ModelTaskPlanner, ResultIntegrator,
    RulesIntentParser, RulesResultIntegrator, RulesTaskPlanner, TaskPlanner,
};
use crate::arm::{Arm, CapabilityKey, Limits, Registry};
use crate::error::{Error, ErrorKind, Result};
use crate::memory::SharedMemory;
use crate::model::prompts::Prompts;
use crate::model::{Models, Screen, WholePlaceholders};
use crate::resilience::Backoff;

/// What an engine may do at once, and for how long.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Tasks that run at once, 1..=100000.
    pub max_concurrent_tasks: usize,
    /// Tasks that may wait for their turn; one more is refused with a time to come back.
    pub max_queued_tasks: usize,
    /// Time from acceptance to failure where the task does not say, 10 s..=1 h.
    pub task_timeout: Duration,
    /// Time that one attempt at a step may take where the step does not say.
    pub step_timeout: Duration,
    /// How often a temporary failure is retried where the step does not say.
    pub max_retries: u32,
    /// How long to wait before a retry.
    pub backoff: Backoff,
    /// What each part of an arm's score weighs.
    pub weights: RouterWeights,
    /// Limits that every arm gets.
    pub limits: Limits,
    /// How many plans may follow a task's first one, where the planner can revise plans.
    pub max_revisions: u32,
    /// Whether plans that worked are used again.
    pub plan_reuse: PlanReuse,
    /// Whether a task that asks what another one asked gets its answer, and for how long; never where absent.
    pub answers: Option<AnswerCache>,
    /// Signs what the calls of `unsafe` arms may do; the arm that checks it has the same. Without one no call carries a
    /// token.
    pub capability_key: Option<CapabilityKey>,
    /// Whether unfinished tasks of processes that are gone go on at the start; else they wait to be resumed.
    pub take_over: bool,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            max_concurrent_tasks: 100,
            max_queued_tasks: 10_000,
            task_timeout: Duration::from_secs(300),
            step_timeout: Duration::from_secs(120),
            max_retries: 4,
            max_revisions: 2,
            plan_reuse: PlanReuse::default(),
            answers: None,
            backoff: Backoff::default(),
            weights: RouterWeights::default(),
            limits: Limits::default(),
            capability_key: None,
            take_over: true,
        }
    }
}

/// Puts a [`LocalOrchestrator`] together. Everything has a default; without arms it can plan, but do nothing.
#[derive(Default)]
pub struct Builder {
    memory: Option<SharedMemory>,
    config: EngineConfig,
    arms: Vec<Arc<dyn Arm>>,
    registry: Option<Arc<Registry>>,
    playbooks: Playbooks,
    intent_parser: Option<Arc<dyn IntentParser>>,
    task_planner: Option<Arc<dyn TaskPlanner>>,
    result_integrator: Option<Arc<dyn ResultIntegrator>>,
    models: Models,
    prompts: Option<Prompts>,
    reflexes: Option<Reflexes>,
    screen: Option<Arc<dyn Screen>>,
}

impl Builder {
    /// Where tasks are kept; in this process only, and gone with it, where nothing is said.
    #[must_use]
    pub fn memory(mut self, memory: SharedMemory) -> Self {
        self.memory = Some(memory);
        self
    }

    /// Limits and times.
    #[must_use]
    pub fn config(mut self, config: EngineConfig) -> Self {
        self.config = config;
        self
    }

    /// Adds an arm.
    #[must_use]
    pub fn arm(mut self, arm: impl Arm + 'static) -> Self {
        self.arms.push(Arc::new(arm));
        self
    }

    /// Adds an arm that others hold, too.
    #[must_use]
    pub fn shared_arm(mut self, arm: Arc<dyn Arm>) -> Self {
        self.arms.push(arm);
        self
    }

    /// Uses this registry, so that arms can be added and removed from outside.
    #[must_use]
    pub fn registry(mut self, registry: Arc<Registry>) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Adds a playbook, replacing the one with the same name.
    #[must_use]
    pub fn playbook(mut self, playbook: Playbook) -> Self {
        self.playbooks.add(playbook);
        self
    }

    /// Reads goals with this parser instead of the rules.
    #[must_use]
    pub fn intent_parser(mut self, parser: impl IntentParser + 'static) -> Self {
        self.intent_parser = Some(Arc::new(parser));
        self
    }

    /// Plans with this planner instead of the rules.
    #[must_use]
    pub fn task_planner(mut self, planner: impl TaskPlanner + 'static) -> Self {
        self.task_planner = Some(Arc::new(planner));
        self
    }

    /// Integrates with this integrator instead of the rules.
    #[must_use]
    pub fn result_integrator(mut self, integrator: impl ResultIntegrator + 'static) -> Self {
        self.result_integrator = Some(Arc::new(integrator));
        self
    }

    /// Thinks with these models: goals are read, plans made and revised, inputs filled, and outputs integrated by
    /// them. The rules stand in where no model answers. What they spend is counted by their [layers](crate::model::layers):
    /// [`Models::layered`] and [`Models::from_variables`] have them.
    #[must_use]
    pub fn models(mut self, models: Models) -> Self {
        self.models = models;
        self
    }

    /// Tells the models this instead of what the library tells them.
    #[must_use]
    pub fn prompts(mut self, prompts: Prompts) -> Self {
        self.prompts = Some(prompts);
        self
    }

    /// Screens tasks with these reflexes, instead of those of the default policy under the key that belongs to the memory.
    #[cfg(feature = "reflex")]
    #[must_use]
    pub fn reflexes(mut self, reflexes: Reflexes) -> Self {
        self.reflexes = Some(reflexes);
        self
    }

    /// Lets a model's words be shown while they come (`model.delta`) only as this allows. Without it they are shown as the
    /// model says them, placeholders whole.
    #[must_use]
    pub fn screen(mut self, screen: Arc<dyn Screen>) -> Self {
        self.screen = Some(screen);
        self
    }

    /// Starts it: arms are registered, and tasks that an earlier process left unfinished go on.
    ///
    /// # Errors
    /// `invalid_input` for a bad arm or limit, or one that needs a type of personal data that there is not; `storage` if the journal cannot be read.
    pub async fn start(mut self) -> Result<Arc<LocalOrchestrator>> {
        if !(1..=100_000).contains(&self.config.max_concurrent_tasks) {
            return Err(Error::new(ErrorKind::InvalidInput, "max_concurrent_tasks must be 1 to 100000"));
        }
        let registry = self.registry.unwrap_or_else(|| Arc::new(Registry::new(self.config.limits.clone())));
        for arm in self.arms {
            registry.add(arm, None)?;
        }
        let playbooks = Arc::new(self.playbooks);
        let rules = RulesTaskPlanner::new(playbooks.clone());
        let mut input_filler = None;
        if !self.models.is_empty() {
            let prompts = self.prompts.map_or_else(Prompts::embedded, Ok)?;
            let models = || self.models.clone();
            self.intent_parser
                .get_or_insert_with(|| Arc::new(ModelIntentParser::new(models(), prompts.clone())));
            self.task_planner.get_or_insert_with(|| {
                Arc::new(ModelTaskPlanner::new(models(), prompts.clone(), rules.clone()))
            });
            self.result_integrator
                .get_or_insert_with(|| Arc::new(ModelResultIntegrator::new(models(), prompts.clone())));
            input_filler = Some(InputFiller::new(models(), prompts));
        }
        let memory = match self.memory {
            Some(memory) => memory,
            None => default_memory().await?,
        };
        let reuse = self.config.plan_reuse;
        let thinks = reuse.enabled && !self.models.is_empty();
        let brain = Brain {
            intent_parser: self.intent_parser.unwrap_or_else(|| Arc::new(RulesIntentParser)),
            task_planner: self.task_planner.unwrap_or_else(|| Arc::new(rules)),
            result_integrator: self.result_integrator.unwrap_or_else(|| Arc::new(RulesResultIntegrator)),
            input_filler,
            plan_memory: thinks.then(|| PlanMemory::new(memory.clone(), reuse)),
            playbooks,
        };
        let reflexes = match self.reflexes {
            Some(reflexes) => reflexes,
            None => Reflexes::of(&memory).await?,
        };
        registry.require(reflexes.rule_for_arms())?;
        let answers = self.config.answers.clone();
        let answers = answers.map(|options| Answers::new(memory.cache.clone(), options)).transpose()?;
        if answers.is_some() && matches!(memory.documents.version().await, Ok(None)) {
            tracing::warn!("no answer is given again: the store of documents does not count its changes");
        }
        let router = Router::new(self.config.weights);
        let screen = self.screen.unwrap_or_else(|| Arc::new(WholePlaceholders::default()));
        let engine =
            Arc::new(Engine::new(memory, registry, router, brain, (reflexes, screen, answers), self.config));
        engine.start().await?;
        Ok(Arc::new(LocalOrchestrator::new(engine)))
    }
}

#[cfg(feature = "sqlite")]
async fn default_memory() -> Result<SharedMemory> {
    SharedMemory::in_process().await
}

#[cfg(not(feature = "sqlite"))]
async fn default_memory() -> Result<SharedMemory> {
    Err(Error::new(ErrorKind::NotConfigured, "the orchestrator has no memory")
        .with_hint("give the builder a `memory`, or build with the feature `sqlite`"))
}
