//! Arms do the work.
//!
//! An [`Arm`] is one required method and a descriptor. What surrounds a call (validation against the arm's schemas,
//! time limits, free places, circuit breaking, tracing) is the same for every arm and lives in `layers`; what
//! decides about another attempt is the task's own state, so that it survives a crash.

mod call;
pub mod capability;
mod descriptor;
#[cfg(feature = "http")]
mod discovery;
#[cfg(feature = "http")]
mod http;
mod layers;
mod peers;
mod registry;
mod typed;

use async_trait::async_trait;
use serde_json::Value;

pub use crate::memory::ArmStats;
pub(crate) use call::Ledger;
pub use call::{ArmCall, ArmReply, Progress, ProgressSink, StepRef};
pub use capability::{CapabilityKey, CapabilityToken};
pub use descriptor::{ArmDescriptor, ArmInfo, Health, HealthStatus};
#[cfg(feature = "http")]
pub use discovery::{ArmDirectory, Discovery, DiscoveryOptions};
#[cfg(feature = "http")]
pub use http::{HttpArm, HttpArmOptions};
pub use layers::Limits;
pub use peers::Peer;
pub(crate) use peers::{Peers, Switchboard};
pub use registry::Registry;
pub(crate) use registry::{RegisteredArm, Rule};
pub use typed::{ArmContext, TypedArm};

use crate::error::Result;
pub use crate::resilience::BreakerState;
pub use crate::task::SideEffects;

/// Something that does one kind of work.
///
/// Most arms are written with [`TypedArm`], which takes a function over typed input and output.
#[async_trait]
pub trait Arm: Send + Sync {
    /// Who the arm is and what it can do. Must not change while the arm is registered.
    fn descriptor(&self) -> &ArmDescriptor;

    /// Does the work. The input satisfies the descriptor's `input_schema`.
    ///
    /// Dropping the future cancels the work; long synchronous work should look at [`ArmCall::cancelled`].
    ///
    /// # Errors
    /// A temporary error is retried, any other hands the step to another arm or fails it.
    async fn execute(&self, call: ArmCall) -> Result<ArmReply>;

    /// What a call with this input would do, for the person who is to approve it: the exact command, the exact message.
    /// Must be quick, and do nothing. Arms whose input says it all need not say it again.
    fn preview(&self, input: &Value) -> Option<String> {
        let _ = input;
        None
    }

    /// What this one call would do to the world, where that depends on the input; what the descriptor says otherwise. It
    /// can say less than the descriptor, never more. Must be cheap.
    fn side_effects(&self, _input: &Value) -> SideEffects {
        self.descriptor().side_effects
    }

    /// Whether its descriptor is known to keep every rule, because the arm's own tests hold it to them. It is then not checked
    /// when the arm is added, which saves the start of a process a compilation of both schemas. What is wrong in spite of that
    /// refuses every input.
    fn is_checked(&self) -> bool {
        false
    }

    /// How the arm is. In-process arms usually need not say.
    async fn health(&self) -> Health {
        Health::healthy()
    }
}
