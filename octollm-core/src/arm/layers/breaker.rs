//! Spares an arm that keeps failing.

use tokio::time::Instant;

use super::Layer;
use crate::arm::{ArmCall, ArmDescriptor, ArmReply};
use crate::error::{Error, ErrorKind, Result};
use crate::resilience::{Breaker, RetryAfter};

/// Refuses calls at once while the breaker is open.
pub(super) struct Guard<A> {
    pub(super) arm: A,
    pub(super) breaker: Breaker,
}

impl<A: Layer> Layer for Guard<A> {
    fn descriptor(&self) -> &ArmDescriptor {
        self.arm.descriptor()
    }

    async fn call(&self, call: ArmCall) -> Result<ArmReply> {
        let permit = self.breaker.try_acquire_at(Instant::now).map_err(|RetryAfter(wait)| {
            Error::new(ErrorKind::Unavailable, "the arm keeps failing and is not asked for a while")
                .with_context("arm", self.descriptor().arm_id.as_str())
                .with_retry_after(wait)
        })?;
        let reply = self.arm.call(call).await;
        match &reply {
            Err(error) if speaks_against_the_arm(error) => permit.failure(Instant::now()),
            _ => permit.success(),
        }
        reply
    }
}

/// An arm that refuses bad input, or that is asked to slow down, is well.
fn speaks_against_the_arm(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::TooLarge => true,
        ErrorKind::ArmFailed => error.is_temporary(),
        _ => false,
    }
}
