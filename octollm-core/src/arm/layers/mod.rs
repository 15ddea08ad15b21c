//! What surrounds every call of an arm, from the outside in:
//!
//! 1. [`limit`]: waits for a free place, the most urgent caller first. Waiting costs none of the call's time.
//! 2. [`breaker`]: refuses at once while the arm keeps failing.
//! 3. [`timeout`]: marks that the arm was asked, gives the call its time and no more.
//! 4. [`check`]: catches the arm's panics, and holds its answer against its own schema.
//!
//! Dropping the future of a call drops all layers: the place is freed, the breaker's probe given back, the arm's own
//! future dropped. Another attempt after a failure is no layer: it must survive a crash, so the task's state decides it.

mod breaker;
mod check;
mod limit;
mod timeout;

use std::sync::Arc;

use async_trait::async_trait;

use super::{Arm, ArmCall, ArmDescriptor, ArmReply};
use crate::error::Result;
use crate::resilience::{Breaker, BreakerOptions, Gate};
use crate::schema::LateValidator;

/// Limits that every arm gets.
#[derive(Debug, Clone)]
pub struct Limits {
    /// When calls are refused because the arm keeps failing.
    pub breaker: BreakerOptions,
    /// Calls that may wait for a free place.
    pub max_waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { breaker: BreakerOptions::default(), max_waiting: 100_000 }
    }
}

/// What a layer surrounds. The same as [`Arm`], but that the layers' futures nest, and only the whole is boxed.
trait Layer: Send + Sync {
    fn descriptor(&self) -> &ArmDescriptor;

    fn call(&self, call: ArmCall) -> impl Future<Output = Result<ArmReply>> + Send;
}

/// The outermost layer, as an arm.
struct Layered<L>(L);

#[async_trait]
impl<L: Layer> Arm for Layered<L> {
    fn descriptor(&self) -> &ArmDescriptor {
        self.0.descriptor()
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        self.0.call(call).await
    }
}

/// `arm` within its layers.
pub(super) fn around(arm: Arc<dyn Arm>, breaker: &Breaker, gate: &Gate) -> Arc<dyn Arm> {
    let checked = check::Check { arm, output: LateValidator::default() };
    let timed = timeout::Timeout { arm: checked };
    let guarded = breaker::Guard { arm: timed, breaker: breaker.clone() };
    Arc::new(Layered(limit::Limit { arm: guarded, gate: gate.clone() }))
}
