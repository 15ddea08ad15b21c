//! Trusts no arm: neither that it does not panic nor that it answers what it promised.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;

use super::Layer;
use crate::arm::{Arm, ArmCall, ArmDescriptor, ArmReply};
use crate::error::{Error, ErrorKind, Result, Status};
use crate::schema::LateValidator;

/// Catches the arm's panics, and holds its answer against its own schema.
pub(super) struct Check {
    pub(super) arm: Arc<dyn Arm>,
    pub(super) output: LateValidator,
}

impl Layer for Check {
    fn descriptor(&self) -> &ArmDescriptor {
        self.arm.descriptor()
    }

    async fn call(&self, call: ArmCall) -> Result<ArmReply> {
        tracing::debug!(task = %call.task_id, step = call.step, arm = %self.descriptor().arm_id, "asking the arm");
        let ledger = call.ledger.clone();
        let reply = AssertUnwindSafe(self.arm.execute(call)).catch_unwind().await;
        let reply = reply.unwrap_or_else(|_| {
            let error = Error::new(ErrorKind::ArmFailed, "the arm panicked").with_status(Status::Permanent);
            Err(error.with_context("arm", self.descriptor().arm_id.as_str()))
        })?;
        let mut reply = sound(reply);
        if reply.usage.is_zero() {
            reply.usage = ledger.used();
        }
        let faults = self.output.of(&self.descriptor().output_schema).faults(&reply.output);
        if faults.is_empty() {
            return Ok(reply);
        }
        let broken: Vec<_> =
            faults.iter().take(5).map(|fault| format!("`{}` {}", fault.pointer, fault.detail)).collect();
        Err(Error::new(ErrorKind::ArmFailed, "the arm answered what its own output_schema forbids")
            .with_status(Status::Permanent)
            .with_context("arm", self.descriptor().arm_id.as_str())
            .with_context("faults", broken.join("; ")))
    }
}

/// Numbers that are none would be journaled as `null`, and the journal could not be read again.
fn sound(mut reply: ArmReply) -> ArmReply {
    reply.confidence = reply.confidence.filter(|confidence| (0.0..=1.0).contains(confidence));
    if !reply.usage.cost_usd.is_finite() || reply.usage.cost_usd < 0.0 {
        reply.usage.cost_usd = 0.0;
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_that_are_none_do_not_reach_the_journal() {
        let mut reply = ArmReply::new(json!({}));
        reply.confidence = Some(f64::NAN);
        reply.usage.cost_usd = f64::INFINITY;
        let reply = sound(reply);
        assert_eq!((reply.confidence, reply.usage.cost_usd), (None, 0.0));
    }
}
