//! All reflexes in their order, over one text or over all texts of a task.
//!
//! The order is fixed where it matters: first reflexes of the program's own that want the text as it came, then the detectors
//! over one canonical form, then *one* replacement of all that was found, then reflexes that want the text as it goes on. So
//! overlapping findings of different detectors are settled among themselves, and no offset is ever used after the text
//! that it belongs to was changed.

mod screening;
#[cfg(test)]
mod tests;
mod walk;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use screening::Screening;

use super::{Detectors, Policy, Reflex, detect};
use crate::error::Result;

/// Reflexes in their order, and the policy that decides what they do. Built once, then shared.
///
/// ```
/// use octollm_core::reflex::{Origin, Policy, ReflexChain, Verdict};
///
/// let chain = ReflexChain::new(Policy::default())?;
/// let (text, report) = chain.screen("Write to jane.doe@example.com", Origin::User);
/// assert_eq!(text, "Write to <EMAIL_1>");
/// assert_eq!(report.verdict, Verdict::Rewrite);
/// # Ok::<(), octollm_core::Error>(())
/// ```
pub struct ReflexChain {
    links: Vec<Link>,
    /// None where the policy is off.
    detectors: Option<Arc<Detectors>>,
    policy: Arc<Policy>,
    own: Own,
    hash_key: [u8; 32],
}

/// Reflexes of the program's own.
#[derive(Clone, Default)]
struct Own {
    before: Vec<Arc<dyn Reflex>>,
    after: Vec<Arc<dyn Reflex>>,
}

/// One reflex, and whether what was found so far is replaced before it looks.
struct Link {
    name: Arc<str>,
    reflex: Arc<dyn Reflex>,
    settled: bool,
}

impl ReflexChain {
    /// The detectors under this policy.
    ///
    /// # Errors
    /// `invalid_input` for options of the detectors that cannot be used.
    pub fn new(policy: Policy) -> Result<Self> {
        Self::builder(policy).build()
    }

    /// A chain with reflexes of your own.
    pub fn builder(policy: Policy) -> ChainBuilder {
        ChainBuilder { policy, own: Own::default(), detectors: None, hash_key: None }
    }

    /// The same chain under another policy. What counts as personal data stays as it was, unless the new policy says
    /// otherwise.
    ///
    /// # Errors
    /// `invalid_input` for options of the detectors that cannot be used.
    pub fn under(&self, policy: Policy) -> Result<Self> {
        let detectors = self.detectors.clone().filter(|_| policy.detect == self.policy.detect);
        ChainBuilder { policy, own: self.own.clone(), detectors, hash_key: Some(self.hash_key) }.build()
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The reflexes' names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.links.iter().map(|link| &*link.name)
    }

    /// Bytes of text in this document that have to be looked at: 0 where nothing could be found in it.
    pub(crate) fn size_of(&self, document: &serde_json::Value) -> usize {
        let size = walk::size(document);
        if self.has_own() { size.max(1) } else { size }
    }

    /// Whether there are reflexes of the program's own, which may look for anything.
    pub(super) fn has_own(&self) -> bool {
        !self.own.before.is_empty() || !self.own.after.is_empty()
    }

    /// Whether no text is looked at.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }
}

impl fmt::Debug for ReflexChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReflexChain")
            .field("reflexes", &self.names().collect::<Vec<_>>())
            .field("policy", &self.policy.preset)
            .finish_non_exhaustive()
    }
}

/// Builds a [`ReflexChain`].
pub struct ChainBuilder {
    policy: Policy,
    own: Own,
    detectors: Option<Arc<Detectors>>,
    hash_key: Option<[u8; 32]>,
}

impl ChainBuilder {
    /// Adds a reflex that sees a text as it came, before the detectors.
    #[must_use]
    pub fn before(mut self, reflex: impl Reflex + 'static) -> Self {
        self.own.before.push(Arc::new(reflex));
        self
    }

    /// Adds a reflex that sees a text as it goes on, with placeholders for what was found.
    #[must_use]
    pub fn after(mut self, reflex: impl Reflex + 'static) -> Self {
        self.own.after.push(Arc::new(reflex));
        self
    }

    /// The key of hashes ([`RedactStyle::Hash`](super::RedactStyle::Hash)), so that they are the same in every process. By
    /// default it is a random one.
    #[must_use]
    pub fn hash_key(mut self, key: [u8; 32]) -> Self {
        self.hash_key = Some(key);
        self
    }

    /// Shares detectors that are built already, instead of building those that the policy describes.
    #[must_use]
    pub fn detectors(mut self, detectors: Arc<Detectors>) -> Self {
        self.detectors = Some(detectors);
        self
    }

    /// The chain. A policy that is off has no detectors.
    ///
    /// # Errors
    /// `invalid_input` for options of the detectors that cannot be used.
    pub fn build(self) -> Result<ReflexChain> {
        let policy = Arc::new(self.policy);
        let detectors = match self.detectors {
            _ if policy.is_off() => None,
            Some(detectors) => Some(detectors),
            None => Some(Arc::new(Detectors::with(policy.detect.clone())?)),
        };
        let link = |reflex: &Arc<dyn Reflex>, settled| Link {
            name: reflex.name().into(),
            reflex: reflex.clone(),
            settled,
        };
        let mut links: Vec<_> = self.own.before.iter().map(|reflex| link(reflex, false)).collect();
        if let Some(detectors) = &detectors {
            links.extend(detect::reflexes(detectors, &policy).iter().map(|reflex| link(reflex, false)));
        }
        links.extend(self.own.after.iter().map(|reflex| link(reflex, true)));
        let hash_key = self.hash_key.unwrap_or_else(random_key);
        Ok(ReflexChain { links, detectors, policy, own: self.own, hash_key })
    }
}

/// A key that nobody else has. The standard library's hasher is keyed by the system's randomness, with 128 bits.
fn random_key() -> [u8; 32] {
    let state = RandomState::new();
    let words = (0u8..4).map(|word| state.hash_one(word));
    words.fold(Sha256::new(), |hash, word| hash.chain_update(word.to_le_bytes())).finalize().into()
}
