//! The arms that come with OctoLLM: all that can work here, or one of them alone.

use std::path::PathBuf;
use std::sync::Arc;

use octollm_arms::coder::{Coder, CoderOptions};
use octollm_arms::guardian::{GuardPolicy, Guardian, GuardianOptions};
use octollm_arms::judge::Judge;
use octollm_arms::planner::Planner;
use octollm_core::arm::{Arm, CapabilityKey, Discovery, Registry};
use octollm_core::config::Config;
use octollm_core::model::layers::Around;
use octollm_core::model::prompts::Prompts;
use octollm_core::model::{Models, Purpose};
use octollm_core::orchestrator::{EngineConfig, ModelTaskPlanner, RulesTaskPlanner};
use octollm_core::{Error, ErrorKind, Result};

use crate::settings::Settings;
use crate::store::Store;
use crate::{executor, retriever, session};

/// Arms that are there only with a model.
const THINKING: [&str; 2] = ["coder", "planner"];

/// What models are told.
pub(crate) struct AllPrompts {
    pub(crate) brain: Prompts,
    /// The folder where arms look for their own.
    folder: Option<PathBuf>,
}

/// The prompts of the library, or of the folder that the settings name.
pub(crate) async fn prompts(config: &Config) -> Result<AllPrompts> {
    let folder = config.octollm_prompts_dir.clone();
    let read = move || {
        let brain = folder.as_deref().map_or_else(Prompts::embedded, Prompts::from_folder)?;
        Ok(AllPrompts { brain, folder })
    };
    tokio::task::spawn_blocking(read).await.map_err(|error| {
        Error::new(ErrorKind::Internal, "the prompts could not be read").with_source(error)
    })?
}

/// What the arms are made of.
pub(crate) struct Shelf<'a> {
    pub(crate) config: &'a Config,
    pub(crate) models: &'a Models,
    pub(crate) prompts: AllPrompts,
    pub(crate) store: &'a Store,
    pub(crate) registry: &'a Arc<Registry>,
    /// The engine's, where the arms are to take calls from it alone.
    pub(crate) key: Option<CapabilityKey>,
}

impl Shelf<'_> {
    /// Every arm that can work here.
    pub(crate) async fn arms(self) -> Result<Vec<Arc<dyn Arm>>> {
        let executor = executor::open(self.config).await?;
        let executor = match self.key.clone() {
            Some(key) => executor.guarded_by(key),
            None => executor,
        };
        let guardian = guardian(self.config).await?;
        let retriever = retriever::open(self.config, self.store, self.models).await?;
        let mut arms: Vec<Arc<dyn Arm>> =
            vec![Arc::new(retriever), Arc::new(executor), Arc::new(guardian), Arc::new(self.judge()?)];
        self.add_thinking(&mut arms)?;
        Ok(arms)
    }

    /// The judge, who asks a model what no rule decides, where there is one.
    fn judge(&self) -> Result<Judge> {
        let judge = Judge::new().with_embedder(self.store.memory.embedder.clone());
        if self.models.for_purpose(Purpose::Judging).is_none() {
            return Ok(judge);
        }
        let judge = judge.with_models(self.models.clone())?;
        match &self.prompts.folder {
            Some(folder) => judge.with_prompts_in(folder),
            None => Ok(judge),
        }
    }

    /// Adds the arms that need a model, where there is one.
    fn add_thinking(self, arms: &mut Vec<Arc<dyn Arm>>) -> Result<()> {
        let models = self.models;
        if models.for_purpose(Purpose::Coding).is_some() {
            let coder = Coder::new(models.clone(), CoderOptions::default())?.with_memory(&self.store.memory);
            arms.push(Arc::new(match &self.prompts.folder {
                Some(folder) => coder.with_prompts_in(folder)?,
                None => coder,
            }));
        }
        if models.for_purpose(Purpose::Planning).is_some() {
            let planner =
                ModelTaskPlanner::new(models.clone(), self.prompts.brain, RulesTaskPlanner::default());
            arms.push(Arc::new(Planner::new(Arc::new(planner), self.registry)));
        }
        Ok(())
    }
}

/// The guardian, with the reflexes' policy and the operator's own.
async fn guardian(config: &Config) -> Result<Guardian> {
    let policy = match config.guardian_policy.clone() {
        None => None,
        Some(file) => {
            let read = tokio::task::spawn_blocking(move || GuardPolicy::from_file(&file)).await;
            let broken =
                |cause| Error::new(ErrorKind::Internal, "the policy file was not read").with_source(cause);
            Some(read.map_err(broken)??)
        }
    };
    Ok(Guardian::new(GuardianOptions { reflex: config.policy()?, policy }))
}

/// One of OctoLLM's own arms, to be served alone, and the store that it works on.
pub(crate) struct OwnArm {
    pub(crate) arm: Arc<dyn Arm>,
    pub(crate) store: Store,
    /// The arms that a planner plans with, which does not keep them itself.
    _registry: Arc<Registry>,
    /// Looks for further ones.
    _discovery: Option<Discovery>,
}

impl OwnArm {
    /// Opens the store and makes the arm of this id.
    ///
    /// # Errors
    /// `invalid_input` for an arm that there is not, with those that there are; `not_configured` for one that takes a
    /// model where there is none; as [`session::Session::local`].
    pub(crate) async fn open(settings: &Settings, id: &str) -> Result<Self> {
        let config = &settings.config;
        let store = Store::open(config).await?;
        let registry = Arc::new(Registry::new(EngineConfig::default().limits));
        let discovery = session::find_arms(config, &[], &registry).await?;
        let around = Around { cache: session::answers(config, &store), ..Around::default() };
        let models = Models::from_variables_within(&settings.models, &around).await?;
        let prompts = prompts(config).await?;
        let shelf = Shelf { config, models: &models, prompts, store: &store, registry: &registry, key: None };
        let mut arms = shelf.arms().await?;
        for arm in &arms {
            registry.add(arm.clone(), None)?;
        }
        match arms.iter().position(|arm| arm.descriptor().arm_id == id) {
            Some(place) => {
                Ok(Self { arm: arms.swap_remove(place), store, _registry: registry, _discovery: discovery })
            }
            None => Err(no_such_arm(id, &arms)),
        }
    }
}

fn no_such_arm(id: &str, arms: &[Arc<dyn Arm>]) -> Error {
    if THINKING.contains(&id) {
        return Error::new(ErrorKind::NotConfigured, "this arm needs a model, and there is none")
            .with_context("arm", id.to_owned())
            .with_hint("set OPENAI_API_KEY, ANTHROPIC_API_KEY or OLLAMA_HOST; see docs/models.md");
    }
    let names: Vec<_> = arms.iter().map(|arm| format!("`{}`", arm.descriptor().arm_id)).collect();
    Error::new(ErrorKind::InvalidInput, "there is no such arm")
        .with_context("arm", id.to_owned())
        .with_hint(format!("there are {}", names.join(", ")))
}
