//! Gives a call its time.

use async_trait::async_trait;
use tokio::time::Instant;

use crate::arm::{Arm, ArmCall, ArmDescriptor, ArmReply};
use crate::error::{Error, ErrorKind, Result};

/// Ends a call at its time limit or its deadline, whichever comes first.
pub(super) struct Timeout<A> {
    pub(super) arm: A,
}

#[async_trait]
impl<A: Arm> Arm for Timeout<A> {
    fn descriptor(&self) -> &ArmDescriptor {
        self.arm.descriptor()
    }

    async fn execute(&self, mut call: ArmCall) -> Result<ArmReply> {
        let limit = call.time_limit;
        call.deadline = call.deadline.min(Instant::now() + limit);
        let (deadline, cancelled) = (call.deadline, call.cancelled.clone());
        let reply = tokio::time::timeout_at(deadline, self.arm.execute(call)).await;
        reply.unwrap_or_else(|_| {
            cancelled.cancel();
            Err(Error::new(
                ErrorKind::Timeout,
                format!("the arm did not answer within {} ms", limit.as_millis()),
            )
            .with_context("arm", self.descriptor().arm_id.as_str())
            .with_hint("raise the step's `timeout_seconds`, or look at what keeps the arm"))
        })
    }
}
