//! The executor as an arm, and as a library.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use octollm_core::arm::capability::Use;
use octollm_core::arm::{
    Arm, ArmCall, ArmDescriptor, ArmReply, CapabilityKey, Health, HealthStatus, Progress, SideEffects,
};
use octollm_core::schema::schema_of;
use octollm_core::task::{RequestId, TaskError, now};
use octollm_core::{Error, ErrorKind, Result};
use octollm_sandbox::{End, Level, Sandbox, Status};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::action::{Action, Fetch, Run};
use super::artifacts::{self, ArtifactFolder};
use super::http::{Fetched, Fetcher, Resolve, SystemResolver, Terms};
use super::once::{self, Claim, Once, Turn};
use super::output::{self, hex};
use super::policy::Policy;
use super::proxy::Proxy;
use super::request::{ActionRequest, ActionResponse, Provenance};
use super::run::{self, Runner};

/// What is left of a call's time for the answer, once the action has been ended.
const FOR_THE_ANSWER: Duration = Duration::from_millis(500);

/// Runs code and commands in a sandbox and sends HTTP requests, as a [`Policy`] allows.
pub struct Executor {
    policy: Arc<Policy>,
    runner: Runner,
    fetcher: Fetcher,
    once: Arc<Once>,
    folder: Option<ArtifactFolder>,
    key: Option<CapabilityKey>,
    descriptor: ArmDescriptor,
}

impl Executor {
    /// An executor under this policy, which keeps no artifacts.
    pub fn new(policy: Policy) -> Self {
        let mut sandbox = Sandbox::new(policy.sandbox());
        sandbox.readable = policy.readable().to_vec();
        Self {
            runner: Runner::new(sandbox, policy.limits().concurrent),
            fetcher: Fetcher::new(Arc::new(SystemResolver)),
            once: Arc::default(),
            folder: None,
            key: None,
            descriptor: descriptor(&policy),
            policy: Arc::new(policy),
        }
    }

    /// The same, with a folder for artifacts.
    #[must_use]
    pub fn with_artifacts(mut self, folder: ArtifactFolder) -> Self {
        self.folder = Some(folder);
        self
    }

    /// The same, with another way to look up names.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Arc<dyn Resolve>) -> Self {
        self.fetcher = Fetcher::new(resolver);
        self
    }

    /// The same, which as an arm takes only calls with a capability token of this key that holds for them.
    #[must_use]
    pub fn guarded_by(mut self, key: CapabilityKey) -> Self {
        self.key = Some(key);
        self
    }

    /// What it may do.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What a request would do: the exact command, and what it runs or sends.
    ///
    /// # Errors
    /// As [`act`](Self::act), before anything is done.
    pub fn show(&self, request: &ActionRequest) -> Result<String> {
        Action::of(request, &self.policy).map(|action| action.shown())
    }

    /// Carries out an action. The same `id` never does it twice: who comes second gets what came of the first. Dropping
    /// the future ends what runs.
    ///
    /// # Errors
    /// `invalid_input` and `unauthorized` for what may not be done, each with its place; `not_configured` with the layer of
    /// the sandbox that is missing; `conflict` for an id that stands for another action, or for one that was broken off.
    /// A program that fails is no error: its answer says so.
    pub async fn act(
        &self,
        request: &ActionRequest,
        id: &RequestId,
        progress: &Progress,
    ) -> Result<Arc<ActionResponse>> {
        let action = Action::of(request, &self.policy)?;
        self.carry_out(action, id, progress).await
    }

    async fn carry_out(
        &self,
        action: Action,
        id: &RequestId,
        progress: &Progress,
    ) -> Result<Arc<ActionResponse>> {
        let hash = action.hash();
        // Callers over HTTP choose their ids: by its hash each is as short as any other.
        let id = hex(&Sha256::digest(id.to_string().as_bytes()));
        match self.once.turn(&id, &hash)? {
            Turn::Second(receiver) => once::outcome(receiver).await.map_err(Error::from),
            Turn::First(claim) => match action {
                Action::Run(run) => self.run(run, hash, claim, progress).await,
                Action::Fetch(fetch) => self.fetch(fetch, hash, claim, progress).await,
            },
        }
    }

    async fn run(
        &self,
        run: Run,
        hash: String,
        claim: Claim,
        progress: &Progress,
    ) -> Result<Arc<ActionResponse>> {
        let command = run.command(&self.policy);
        progress.report("running", None);
        let outcome = match self.runner.run(command, self.proxy(&run), progress).await {
            Ok(outcome) => outcome,
            Err(error) => {
                claim.not_begun(TaskError::from(&error));
                return Err(error);
            }
        };
        let folder = self.folder.clone();
        let incomplete = outcome.work.incomplete;
        let work = outcome.work;
        let collected = tokio::task::spawn_blocking(move || artifacts::collect(work, folder.as_ref())).await;
        let artifacts = collected.map_err(|cause| {
            Error::new(ErrorKind::Internal, "the artifacts were not collected").with_source(cause)
        })?;
        let exit_code = match outcome.end {
            End::Exit(code) => Some(code),
            _ => None,
        };
        let response = Arc::new(ActionResponse {
            success: exit_code == Some(0),
            exit_code,
            stdout: output::text(&outcome.stdout.bytes),
            stderr: output::text(&outcome.stderr.bytes),
            truncated: outcome.stdout.truncated || outcome.stderr.truncated,
            duration_ms: millis(outcome.duration),
            artifacts,
            artifacts_incomplete: incomplete,
            provenance: self.provenance(hash, self.policy.sandbox().name()),
            error: run::cut_off(outcome.end, run.wall),
            http: None,
        });
        claim.finish(Ok(response.clone()));
        Ok(response)
    }

    /// The way out for a program that has one.
    fn proxy(&self, run: &Run) -> Option<Proxy> {
        let bytes = u64::from(self.policy.limits().network_mib) << 20;
        let hosts = || self.policy.hosts().only(&run.hosts);
        (!run.hosts.is_empty())
            .then(|| Proxy::new(hosts(), self.policy.label(), self.fetcher.resolver(), bytes))
    }

    async fn fetch(
        &self,
        fetch: Fetch,
        hash: String,
        claim: Claim,
        progress: &Progress,
    ) -> Result<Arc<ActionResponse>> {
        progress.report("asking", None);
        let began = Instant::now();
        let label = self.policy.label();
        let fetched = match self.fetcher.fetch(&fetch, &Terms::of(&self.policy, &label)).await {
            Ok(fetched) => fetched,
            // Nothing was sent.
            Err(error) if error.kind() == ErrorKind::Unauthorized => {
                claim.not_begun(TaskError::from(&error));
                return Err(error);
            }
            Err(error) => {
                claim.finish(Err(TaskError::from(&error)));
                return Err(error);
            }
        };
        let Fetched { answer, body, truncated, error } = fetched;
        let response = Arc::new(ActionResponse {
            success: error.is_none() && (200..300).contains(&answer.status),
            exit_code: None,
            stdout: output::text(&body),
            stderr: String::new(),
            truncated,
            duration_ms: millis(began.elapsed()),
            artifacts: Vec::new(),
            artifacts_incomplete: false,
            provenance: self.provenance(hash, "http"),
            error,
            http: Some(answer),
        });
        claim.finish(Ok(response.clone()));
        Ok(response)
    }

    /// Whether the call may do this. Checked before every action, whoever planned it.
    fn check_token(&self, call: &ArmCall, request: &ActionRequest) -> Result<()> {
        let Some(key) = &self.key else { return Ok(()) };
        let token = call.capability.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Unauthorized, "the call has no capability token")
                .with_hint("this executor takes calls of the engine that it belongs to, and of nobody else")
        })?;
        let capability = request.action_type.capability();
        key.check(token, &Use { task: call.task_id, step: call.step, capability, at: now() })
    }

    /// Whether what this asks for is a program with a way out. What is refused does nothing.
    fn reaches_hosts(&self, input: &Value) -> bool {
        let request = ActionRequest::from_value(input.clone());
        request
            .and_then(|request| Action::of(&request, &self.policy))
            .is_ok_and(|action| action.reaches_hosts())
    }

    fn provenance(&self, command_hash: String, sandbox: &str) -> Provenance {
        Provenance { command_hash, policy: self.policy.label(), sandbox: sandbox.to_owned() }
    }
}

#[async_trait]
impl Arm for Executor {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.descriptor
    }

    fn is_checked(&self) -> bool {
        true
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        let request = ActionRequest::from_value((*call.input).clone())?;
        self.check_token(&call, &request)?;
        let left = call.deadline.saturating_duration_since(tokio::time::Instant::now());
        let action = Action::of(&request, &self.policy)?.within(left.saturating_sub(FOR_THE_ANSWER));
        let response = self.carry_out(action, &call.request_id, &call.progress).await?;
        let output = serde_json::to_value(&*response)
            .map_err(|cause| Error::new(ErrorKind::Internal, "the answer is no JSON").with_source(cause))?;
        Ok(ArmReply::new(output))
    }

    /// A run that can reach nothing leaves nothing behind but its artifacts; what a request to a host does, its method says.
    fn side_effects(&self, input: &Value) -> SideEffects {
        let said = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default();
        match (said("action_type"), self.policy.sandbox()) {
            ("http", _) if matches!(said("method").to_ascii_uppercase().as_str(), "" | "GET" | "HEAD") => {
                SideEffects::Idempotent
            }
            ("python" | "shell", Level::Full | Level::Landlock) if !self.reaches_hosts(input) => {
                SideEffects::None
            }
            _ => SideEffects::Unsafe,
        }
    }

    fn preview(&self, input: &Value) -> Option<String> {
        let shown = ActionRequest::from_value(input.clone()).and_then(|request| self.show(&request));
        // With the rules by which it was decided: under other rules it is another action, and is asked about again.
        let (policy, sandbox) = (self.policy.label(), self.policy.sandbox().name());
        let shown = shown.map(|shown| format!("{shown}\n--- policy {policy}, sandbox {sandbox}"));
        Some(shown.unwrap_or_else(|error| format!("nothing: it will be refused, because {error}")))
    }

    /// Whether the sandbox that the policy asks for can be set up on this machine.
    async fn health(&self) -> Health {
        let sandbox = self.runner.sandbox().clone();
        let level = sandbox.level.name();
        let probed = tokio::task::spawn_blocking(move || sandbox.probe()).await.unwrap_or_default();
        let missing = probed.into_iter().find_map(|(_, status)| match status {
            Status::Missing(error) => Some(error),
            _ => None,
        });
        let (status, detail) = match missing {
            Some(error) => (HealthStatus::Unhealthy, format!("{level}: {error}")),
            None => (HealthStatus::Healthy, level.to_owned()),
        };
        let dependencies =
            [("sandbox".to_owned(), detail.into()), ("policy".to_owned(), self.policy.label().into())];
        Health { status, version: env!("CARGO_PKG_VERSION").to_owned(), dependencies: dependencies.into() }
    }
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

/// Announces what the policy lets it do, and no more.
fn descriptor(policy: &Policy) -> ArmDescriptor {
    let names = ["code_execution", "shell_command", "api_call"].into_iter().zip(policy.allows());
    let capabilities = names.filter_map(|(name, allowed)| allowed.then_some(name));
    ArmDescriptor {
        name: "Executor".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: Some(
            "Runs Python code and single commands in a sandbox, and sends HTTP requests; a policy says which, and whom they \
             reach. Answers exit code, output and the files that were left"
                .to_owned(),
        ),
        input_schema: schema_of::<ActionRequest>(),
        output_schema: schema_of::<ActionResponse>(),
        cost_tier: 1,
        average_latency_ms: 100,
        max_concurrent: policy.limits().concurrent,
        side_effects: SideEffects::Unsafe,
        needs_pii: policy.needs_pii().to_vec(),
        ..ArmDescriptor::new("executor", capabilities)
    }
}
