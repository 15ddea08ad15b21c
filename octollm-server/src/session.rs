//! An orchestrator to work with, here or on a server, behind one face.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use octollm_arms::retriever::{
    DEFAULT_COLLECTION, IngestOptions, IngestReport, Ingestor, Retriever, SearchRequest, SearchResponse,
};
use octollm_core::arm::{
    Arm, CapabilityKey, Discovery, DiscoveryOptions, HttpArm, HttpArmOptions, Progress, Registry,
};
use octollm_core::config::Config;
use octollm_core::memory::{Cache, HashedEmbedder};
use octollm_core::model::layers::{Around, CacheOptions};
use octollm_core::model::{ModelReply, ModelRequest, Models, Screen};
use octollm_core::orchestrator::{
    AnswerCache, Builder, EngineConfig, LocalOrchestrator, Orchestrator, PlanReuse, Reflexes,
    RemoteOrchestrator, key_of,
};
use octollm_core::reflex::{ReflexChain, ReflexScreen, VaultKey};
use octollm_core::{Error, ErrorKind, Result, TaskId, TaskResult};

use serde_json::Value;

use crate::arms::{self, Shelf};
use crate::embedder;
use crate::memory::MemoryCall;
use crate::parts::OwnParts;
use crate::settings::Settings;
use crate::store::{self, Store};

/// How long running steps may take to end when a session is closed.
const GRACE: Duration = Duration::from_secs(5);

/// How often a session that others still use is looked at again, to be closed.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How long the first look for arms may take before work begins without those that have not answered.
const FIRST_LOOK: Duration = Duration::from_secs(3);

/// What a local session does besides its own tasks.
#[derive(Clone, Default)]
pub struct LocalOptions {
    /// Addresses of arms besides those of the configuration; `None` where no arm is needed, and none is looked for.
    pub arms: Option<Vec<String>>,
    /// Arms of the program that opens the session.
    pub own_arms: Vec<Arc<dyn Arm>>,
    /// Other parts of the program's own, instead of those that the settings describe.
    pub own_parts: OwnParts,
    /// Whether to go on with unfinished tasks of processes that are gone.
    pub take_over: bool,
}

/// An orchestrator as the settings describe it, and what must be closed with it. The command line works with one, and so
/// do the bindings of other languages.
pub struct Session {
    orchestrator: Arc<dyn Orchestrator>,
    local: Option<Local>,
}

struct Local {
    orchestrator: Arc<LocalOrchestrator>,
    store: Store,
    models: Models,
    /// Looks for arms as long as the session lives; `None` where no address is known.
    _discovery: Option<Discovery>,
}

impl Session {
    /// Works in this process, on this computer's store, with the arms that come with OctoLLM.
    ///
    /// # Errors
    /// `storage` if the store cannot be opened; `not_configured` for a setting that does not work; `invalid_input` for an
    /// arm that cannot be registered; `unavailable` for an address in `options` where no arm answers.
    pub async fn local(settings: &Settings, options: &LocalOptions) -> Result<Self> {
        let config = &settings.config;
        let parts = &options.own_parts;
        let embedder = match (&parts.embedder, &options.arms) {
            (Some(embedder), _) => embedder.clone(),
            (None, Some(_)) => embedder::open(config).await?,
            // Without arms nothing is embedded, and nobody has to wait for a model.
            (None, None) => Arc::new(HashedEmbedder),
        };
        let store = Store::with(config, embedder, parts).await?;
        let key = CapabilityKey::random()?;
        let engine = EngineConfig {
            capability_key: Some(key.clone()),
            max_concurrent_tasks: config.max_concurrent_tasks as usize,
            task_timeout: config.task_timeout(),
            take_over: options.take_over,
            answers: config.answers().map(|(ttl, max_bytes)| AnswerCache { ttl, max_bytes }),
            plan_reuse: PlanReuse { enabled: config.plan_reuse, ..PlanReuse::default() },
            ..EngineConfig::default()
        };
        let registry = Arc::new(Registry::new(engine.limits.clone()));
        let (discovery, models) = match &options.arms {
            Some(named) => {
                let around = Around { cache: answers(config, &store), ..Around::default() };
                let models = parts.models(&settings.models, &around).await?;
                (find_arms(config, named, &registry).await?, models)
            }
            None => (None, Models::none()),
        };
        let builder = LocalOrchestrator::builder()
            .memory(store.memory.clone())
            .reflexes(reflexes(config, &store).await?)
            .config(engine)
            .registry(registry.clone());
        let prompts = arms::prompts(config).await?;
        let builder = builder.models(models.clone()).prompts(prompts.brain.clone()).screen(screen(config)?);
        let shelf =
            Shelf { config, models: &models, prompts, store: &store, registry: &registry, key: Some(key) };
        let shipped = match &options.arms {
            Some(_) => shelf.arms().await?,
            None => vec![Arc::new(Retriever::new(store.index.clone()).checking_files()) as Arc<dyn Arm>],
        };
        let builder = shipped.into_iter().fold(builder, Builder::shared_arm);
        let builder = parts.enter(builder);
        let builder = options.own_arms.iter().fold(builder, |builder, arm| builder.shared_arm(arm.clone()));
        let orchestrator = builder.start().await?;
        let local = Local { orchestrator: orchestrator.clone(), store, models, _discovery: discovery };
        Ok(Self { orchestrator, local: Some(local) })
    }

    /// Works on the server at this address.
    ///
    /// # Errors
    /// `invalid_input` for what is no address; `unavailable` where no server answers.
    pub async fn remote(address: &str) -> Result<Self> {
        let remote = RemoteOrchestrator::connect(address).await?;
        Ok(Self { orchestrator: Arc::new(remote), local: None })
    }

    /// Works on this server, or here.
    ///
    /// # Errors
    /// As [`local`](Self::local), and `unavailable` where no server answers.
    pub async fn at(server: Option<&str>, settings: &Settings, options: &LocalOptions) -> Result<Self> {
        match server {
            Some(address) => Self::remote(address).await,
            None => Self::local(settings, options).await,
        }
    }

    /// The orchestrator.
    pub fn orchestrator(&self) -> &Arc<dyn Orchestrator> {
        &self.orchestrator
    }

    /// The store of this computer, if that is where the work is done.
    pub(crate) fn store(&self) -> Option<&Store> {
        self.local.as_ref().map(|local| &local.store)
    }

    /// The models that this computer's brain asks.
    pub(crate) fn models(&self) -> Option<&Models> {
        self.local.as_ref().map(|local| &local.models)
    }

    /// Takes these files and folders into the index; their paths may be relative to the working directory.
    ///
    /// # Errors
    /// `not_found` if a path does not exist; `storage`; `not_configured` where a server does the work.
    pub async fn index(&self, paths: &[PathBuf], progress: &Progress) -> Result<IngestReport> {
        let store = self.documents()?;
        let paths = paths.to_vec();
        let paths =
            tokio::task::spawn_blocking(move || store::absolute(&paths)).await.map_err(|error| {
                Error::new(ErrorKind::Internal, "the paths could not be looked up").with_source(error)
            })??;
        let ingestor = Ingestor::new(store.index.clone());
        ingestor.ingest(DEFAULT_COLLECTION, &paths, &IngestOptions::default(), progress).await
    }

    /// Searches the index. `request` is a [`SearchRequest`] as JSON: `{"query": "..."}`.
    ///
    /// # Errors
    /// `invalid_input` with every fault; `storage`; `not_configured` where a server does the work.
    pub async fn search(&self, request: Value) -> Result<SearchResponse> {
        let request = SearchRequest::from_value(request)?;
        Retriever::new(self.documents()?.index.clone()).checking_files().search(&request).await
    }

    fn documents(&self) -> Result<&Store> {
        self.store().ok_or_else(|| {
            Error::new(ErrorKind::NotConfigured, "a server's documents cannot be reached from here yet")
                .with_hint("index and search on the server's machine: `octollm-server index DIR`")
        })
    }

    /// Asks the brain's own model. What `request.context` allows is kept, and counted there.
    ///
    /// # Errors
    /// `not_configured` without a model, and where a server does the work; those of the model.
    pub async fn complete(&self, request: &ModelRequest) -> Result<ModelReply> {
        let models = self.models().ok_or_else(|| {
            Error::new(ErrorKind::NotConfigured, "a server's models cannot be asked from here")
                .with_hint("configure a model here, or put the question into a task")
        })?;
        models.require(request.purpose)?.complete(request).await
    }

    /// Reads or writes memory. `call` is a call of [`memory`](crate::memory) as JSON: `{"call": "entities_named", ...}`.
    ///
    /// # Errors
    /// `invalid_input` for what is no such call; those of the store; `not_configured` where a server does the work.
    pub async fn memory(&self, call: Value) -> Result<Value> {
        let store = self.store().ok_or_else(|| {
            Error::new(ErrorKind::NotConfigured, "a server's memory cannot be reached from here yet")
                .with_hint("open the store itself on the server's machine")
        })?;
        MemoryCall::from_value(call)?.on(&store.memory).await
    }

    /// Goes on with a task that no living process works on.
    ///
    /// # Errors
    /// `not_found`; `conflict` if somebody works on it; `invalid_input` where a server does the work.
    pub async fn resume(&self, id: TaskId) -> Result<TaskResult> {
        match &self.local {
            Some(local) => local.orchestrator.resume(id).await,
            None => Err(Error::new(ErrorKind::InvalidInput, "a server goes on with its tasks by itself")),
        }
    }

    /// Takes no new task and begins no new step; running steps may end within `grace`, and the rest stays in the journal.
    /// What is open stays open: [`close`](Self::close) comes next.
    pub async fn shutdown(&self, grace: Duration) {
        if let Some(local) = &self.local {
            local.orchestrator.shutdown(grace).await;
        }
    }

    /// Lets running steps end, for 5 seconds at most, and leaves the rest in the journal.
    ///
    /// # Errors
    /// `storage` if the store cannot be closed in order.
    pub async fn close(self) -> Result<()> {
        let Some(local) = self.local else { return Ok(()) };
        local.orchestrator.shutdown(GRACE).await;
        local.store.close().await
    }

    /// Lets running steps end within `grace`, and closes the session once nobody else has it: a search or an ingest that
    /// began before ends first.
    ///
    /// # Errors
    /// As [`close`](Self::close).
    pub async fn close_shared(self: Arc<Self>, grace: Duration) -> Result<()> {
        self.shutdown(grace).await;
        let mut session = self;
        loop {
            match Arc::try_unwrap(session) {
                Ok(session) => return session.close().await,
                Err(shared) => session = shared,
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// The reflexes as the settings describe them, with the key that they name or the one beside the store.
async fn reflexes(config: &Config, store: &Store) -> Result<Reflexes> {
    let key = match &config.octollm_vault_key {
        Some(key) => VaultKey::from_hex(key)?,
        None => key_of(&store.memory).await?,
    };
    Reflexes::under(config.policy()?, key)
}

/// What looks at a model's words before they are shown.
fn screen(config: &Config) -> Result<Arc<dyn Screen>> {
    Ok(Arc::new(ReflexScreen::new(&ReflexChain::new(config.policy()?)?)?))
}

/// Where answers of models are kept, where they are.
pub(crate) fn answers(config: &Config, store: &Store) -> Option<(Arc<dyn Cache>, CacheOptions)> {
    let options = CacheOptions { ttl: config.llm_cache_time(), ..CacheOptions::default() };
    config.llm_cache.then(|| (store.memory.cache.clone(), options))
}

/// Enters the arms behind HTTP that answer now, and keeps looking for the others.
pub(crate) async fn find_arms(
    config: &Config,
    named: &[String],
    registry: &Arc<Registry>,
) -> Result<Option<Discovery>> {
    let arm = HttpArmOptions::default();
    // Who names an arm wants that one: here it is an error that it does not answer.
    for address in named {
        HttpArm::connect(address, arm.clone()).await?;
    }
    let options = DiscoveryOptions {
        urls: config.arm_registry.iter().chain(named).cloned().collect(),
        registry_url: config.arm_registry_url.clone(),
        interval: config.arm_discovery_interval(),
        arm,
        ..DiscoveryOptions::default()
    };
    if options.urls.is_empty() && options.registry_url.is_none() {
        return Ok(None);
    }
    let discovery = Discovery::start(options, registry.clone())?;
    // An address where nobody answers must not keep the others from working.
    let _ = tokio::time::timeout(FIRST_LOOK, discovery.first_scan()).await;
    Ok(Some(discovery))
}
