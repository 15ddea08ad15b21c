//! How an arm asks another arm in the middle of its own work: a coder has its tests run, a judge looks a fact up.
//!
//! Such a call belongs to the step that makes it. It is within the other arm's layers and limits like any call, ends with
//! the step, shares what the step may spend, and is counted with what the step used. The journal knows the step alone: after
//! a crash the whole step is done again, so an arm may ask only arms whose work does no more to the world than its own.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::{ArmCall, ArmReply, SideEffects};
use crate::error::{Error, ErrorKind, Result};

/// Which arm is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// The one with this id.
    Arm(String),
    /// The best one that has this capability.
    Capability(String),
}

impl Peer {
    /// The arm with this id.
    pub fn arm(id: impl Into<String>) -> Self {
        Self::Arm(id.into())
    }

    /// The best arm that has this capability.
    pub fn capability(name: impl Into<String>) -> Self {
        Self::Capability(name.into())
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arm(id) => write!(f, "arm `{id}`"),
            Self::Capability(name) => write!(f, "an arm that can `{name}`"),
        }
    }
}

/// Finds and calls arms for arms.
#[async_trait]
pub(crate) trait Switchboard: Send + Sync {
    /// Whether there is such an arm for this call.
    fn has(&self, from: &ArmCall, whom: &Peer) -> bool;

    /// Calls it.
    async fn connect(&self, from: &ArmCall, whom: &Peer, input: Value) -> Result<ArmReply>;
}

/// A call's way to other arms; to none by default.
#[derive(Clone, Default)]
pub(crate) struct Peers {
    switchboard: Option<Arc<dyn Switchboard>>,
    /// The arm that has this call.
    me: Option<Caller>,
    /// Who asked whom up to it.
    before: Option<Arc<Hop>>,
}

/// An arm that may ask others.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) arm_id: Arc<str>,
    /// What it may at most do to the world.
    pub(crate) side_effects: SideEffects,
}

/// One arm on the way to a call.
struct Hop {
    caller: Caller,
    before: Option<Arc<Self>>,
}

impl Peers {
    /// The way of a step's arm.
    pub(crate) fn of(switchboard: Arc<dyn Switchboard>, arm_id: Arc<str>, side_effects: SideEffects) -> Self {
        Self { switchboard: Some(switchboard), me: Some(Caller { arm_id, side_effects }), before: None }
    }

    /// The way of an arm that is asked by the one whose way this is.
    pub(crate) fn onward(&self, arm_id: Arc<str>, side_effects: SideEffects) -> Self {
        let before = self.me.clone().map(|caller| Arc::new(Hop { caller, before: self.before.clone() }));
        Self { switchboard: self.switchboard.clone(), me: Some(Caller { arm_id, side_effects }), before }
    }

    /// The arm that has this call.
    pub(crate) fn caller(&self) -> Option<&Caller> {
        self.me.as_ref()
    }

    /// The arms on the way, the last one first.
    pub(crate) fn on_the_way(&self) -> impl Iterator<Item = &Caller> {
        let before = std::iter::successors(self.before.as_deref(), |hop| hop.before.as_deref());
        self.me.iter().chain(before.map(|hop| &hop.caller))
    }
}

impl ArmCall {
    /// Whether there is such an arm to ask. It may be gone a moment later.
    pub fn has(&self, whom: &Peer) -> bool {
        self.peers.switchboard.as_ref().is_some_and(|switchboard| switchboard.has(self, whom))
    }

    /// Asks another arm, and waits for its answer. What it uses counts as used by this call; it is asked once, and ends
    /// when this call does.
    ///
    /// # Errors
    /// `unavailable` if there is no such arm that is not on the way to this call already; `invalid_input` if the input does
    /// not satisfy its schema; `unauthorized` if its work may do more to the world than this call's arm has declared; the
    /// arm's own.
    pub async fn ask(&self, whom: &Peer, input: Value) -> Result<ArmReply> {
        match &self.peers.switchboard {
            Some(switchboard) => switchboard.connect(self, whom, input).await,
            None => Err(Error::new(ErrorKind::Unavailable, "there are no other arms here")
                .with_context("asked_for", whom.to_string())
                .with_hint("an arm can ask others only within an orchestrator that has them")),
        }
    }
}
