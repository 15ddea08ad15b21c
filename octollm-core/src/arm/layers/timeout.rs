//! Gives a call its time.

use tokio::time::Instant;

use super::Layer;
use crate::arm::{ArmCall, ArmDescriptor, ArmReply};
use crate::error::{Error, ErrorKind, Result};

/// Ends a call at its time limit or its deadline, whichever comes first.
pub(super) struct Timeout<A> {
    pub(super) arm: A,
}

impl<A: Layer> Layer for Timeout<A> {
    fn descriptor(&self) -> &ArmDescriptor {
        self.arm.descriptor()
    }

    async fn call(&self, mut call: ArmCall) -> Result<ArmReply> {
        let (limit, began) = (call.time_limit, Instant::now());
        call.ledger.began.set(began).ok();
        call.deadline = call.deadline.min(began + limit);
        let (deadline, cancelled) = (call.deadline, call.cancelled.clone());
        let reply = tokio::time::timeout_at(deadline, self.arm.call(call)).await;
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
