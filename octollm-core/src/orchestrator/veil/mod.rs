//! What the reflexes do to a task: everything inside works with placeholders, and what they stand for is in the task's vault.
//!
//! A text is screened once, where it comes in: the request before it is accepted, an arm's output before it is journaled, a
//! model's answer before it becomes part of the task, a person's note before it is kept. What is found becomes a
//! placeholder, so that journal, history, memories, models and arms never see it. Values come back in two places only: in
//! the input of an arm that declares that it needs them, and in what the caller gets.
//!
//! A vault's new values are sealed and written in the same transaction as the events that hold their placeholders: no
//! crash comes between the two.

mod redactor;
mod request;
mod task;

use std::sync::{Arc, OnceLock};

use crate::arm::Rule;
use crate::error::{Error, Result};
use crate::memory::{Journal, SharedMemory};
use crate::reflex::{
    Action, Detectors, Levels, Needs, Origin, Policy, Preset, ReflexChain, Rules, Vault, VaultKey, Verdict,
};
use crate::task::{TaskId, TaskState};

pub(crate) use task::{Veil, Veiled};

/// The reflexes of an orchestrator, and the key that seals its tasks' vaults. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reflexes {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    chain: ReflexChain,
    /// For what goes to a model: personal data and secrets become placeholders there too, whatever else is done about
    /// them. Whether it is an injection was decided when it came in.
    outgoing: ReflexChain,
    key: VaultKey,
}

impl Reflexes {
    /// These reflexes, with vaults sealed by this key. Tasks go on after a restart only under the same key.
    ///
    /// # Errors
    /// `invalid_input` for a policy whose detectors cannot be built.
    pub fn new(chain: ReflexChain, key: VaultKey) -> Result<Self> {
        let outgoing = chain.under(outgoing(chain.policy()))?;
        Ok(Self { shared: Arc::new(Shared { chain, outgoing, key }) })
    }

    /// The reflexes under this policy. Those of the default detectors share one set in the whole process.
    ///
    /// # Errors
    /// `invalid_input` for a policy whose detectors cannot be built.
    pub fn under(policy: Policy, key: VaultKey) -> Result<Self> {
        static DETECTORS: OnceLock<Arc<Detectors>> = OnceLock::new();
        let usual = policy.detect == Policy::default().detect && !policy.is_off();
        let mut builder = ReflexChain::builder(policy).hash_key(key.derived("hash"));
        if usual {
            let detectors = match DETECTORS.get() {
                Some(detectors) => detectors.clone(),
                None => {
                    let made = Arc::new(Detectors::new()?);
                    DETECTORS.get_or_init(|| made).clone()
                }
            };
            builder = builder.detectors(detectors);
        }
        Self::new(builder.build()?, key)
    }

    /// No reflexes. Vaults that tasks already have can still be opened with this key.
    ///
    /// # Errors
    /// Only a defect of this library.
    pub fn off(key: VaultKey) -> Result<Self> {
        Self::under(Policy::of(Preset::Off), key)
    }

    /// The default policy, with the key that belongs to this memory. Blocks on the file system for a moment.
    pub(crate) async fn of(memory: &SharedMemory) -> Result<Self> {
        Self::under(Policy::default(), key_of(memory).await?)
    }

    /// The veil of a task that goes on: with its vault, and with what its texts hold taken note of.
    pub(crate) async fn resume(&self, journal: &dyn Journal, state: &TaskState) -> Result<Veil> {
        let vault = self.vault(journal, state.task_id()).await?;
        if !self.is_off() {
            request::each_text(state.request(), |text| vault.reserve(text));
            let outputs = state.steps().iter().filter_map(|step| step.output());
            outputs.for_each(|output| vault.reserve_in(output));
        }
        Ok(self.veil(state.task_id(), vault))
    }

    /// The veil of a task that is only looked at. Where its vault cannot be opened the placeholders stay.
    pub(crate) async fn look(&self, journal: &dyn Journal, task: TaskId) -> Result<Veil> {
        let parts = journal.vault(task).await?;
        let opened =
            Vault::open(&self.shared.key, task, parts.iter().map(|part| (part.number, &*part.sealed)));
        let vault = opened.unwrap_or_else(|error| {
            tracing::warn!(%task, %error, "placeholders stay");
            Vault::new()
        });
        Ok(self.veil(task, vault))
    }

    /// Whether a user's text is kept as it is. What is not can only be compared where it is restored.
    pub(crate) fn keeps(&self, text: &str) -> bool {
        self.is_off() || self.shared.chain.screen(text, Origin::User).1.verdict < Verdict::Rewrite
    }

    /// An arm may need what these reflexes find and nothing else.
    pub(crate) fn rule_for_arms(&self) -> Rule {
        let shared = self.shared.clone();
        Box::new(move |arm| {
            let faults = Needs(&arm.needs_pii).faults(&shared.chain);
            if faults.is_empty() {
                return Ok(());
            }
            let error = Error::invalid("the arm needs a type of data that there is not", faults);
            Err(error.with_context("arm", arm.arm_id.as_str()))
        })
    }

    async fn vault(&self, journal: &dyn Journal, task: TaskId) -> Result<Vault> {
        let parts = journal.vault(task).await?;
        Vault::open(&self.shared.key, task, parts.iter().map(|part| (part.number, &*part.sealed)))
    }

    fn veil(&self, task: TaskId, vault: Vault) -> Veil {
        if self.is_off() && vault.is_empty() { Veil::default() } else { Veil::new(self, task, vault) }
    }

    fn is_off(&self) -> bool {
        self.shared.chain.is_empty()
    }
}

/// The key that belongs to a memory: the one in its file, or a new one that ends with the process.
///
/// # Errors
/// `not_configured` or `storage` where the file is no good; `unavailable` where the system gives no randomness.
pub async fn key_of(memory: &SharedMemory) -> Result<VaultKey> {
    let Some(path) = memory.vault_key.clone() else { return VaultKey::random() };
    let read = tokio::task::spawn_blocking(move || VaultKey::read_or_create(&path));
    read.await.unwrap_or_else(|_| VaultKey::random())
}

/// What is done about what goes to a model: nothing is refused there, and no injection is looked for.
fn outgoing(policy: &Policy) -> Policy {
    let softened = |rules: &Rules| {
        let soft = |action| if action == Action::Refuse { Action::Redact } else { action };
        let levels = |levels: &Levels| Levels {
            low: soft(levels.low),
            medium: soft(levels.medium),
            high: soft(levels.high),
            critical: soft(levels.critical),
        };
        Rules {
            user: levels(&rules.user),
            arm: levels(&rules.arm),
            document: levels(&rules.document),
            tool: levels(&rules.tool),
        }
    };
    Policy {
        secrets: softened(&policy.secrets),
        pii: softened(&policy.pii),
        injection: Rules::all(Action::Off),
        ..policy.clone()
    }
}
