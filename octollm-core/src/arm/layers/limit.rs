//! Waits for a free place at the arm.

use super::Layer;
use crate::arm::{ArmCall, ArmDescriptor, ArmReply};
use crate::error::Result;
use crate::resilience::Gate;

/// Lets as many calls through as the arm takes at once.
pub(super) struct Limit<A> {
    pub(super) arm: A,
    pub(super) gate: Gate,
}

impl<A: Layer> Layer for Limit<A> {
    fn descriptor(&self) -> &ArmDescriptor {
        self.arm.descriptor()
    }

    async fn call(&self, call: ArmCall) -> Result<ArmReply> {
        let _place = self.gate.acquire(call.priority).await?;
        self.arm.call(call).await
    }
}
