//! Waits for a free place at the arm.

use async_trait::async_trait;

use crate::arm::{Arm, ArmCall, ArmDescriptor, ArmReply};
use crate::error::Result;
use crate::resilience::Gate;

/// Lets as many calls through as the arm takes at once.
pub(super) struct Limit<A> {
    pub(super) arm: A,
    pub(super) gate: Gate,
}

#[async_trait]
impl<A: Arm> Arm for Limit<A> {
    fn descriptor(&self) -> &ArmDescriptor {
        self.arm.descriptor()
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        let _place = self.gate.acquire(call.priority).await?;
        self.arm.execute(call).await
    }
}
