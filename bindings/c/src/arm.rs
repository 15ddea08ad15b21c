//! An arm whose work is done by callbacks.

use std::ffi::{c_int, c_void};
use std::sync::Arc;

use async_trait::async_trait;
use octollm_core::arm::{Arm, ArmCall, ArmDescriptor, ArmReply, Health, HealthStatus};
use octollm_core::{Error, ErrorKind, Result, Status};
use tokio_util::sync::CancellationToken;

use crate::call::octollm_call_t;
use crate::env::{Env, octollm_finalizer_t};
use crate::workers;

/// The arm is well.
pub const OCTOLLM_HEALTHY: c_int = 0;
/// The arm works, but not as it should.
pub const OCTOLLM_DEGRADED: c_int = 1;
/// The arm cannot work; others are asked.
pub const OCTOLLM_UNHEALTHY: c_int = 2;

/// What an arm does. `execute` and `health` are called from threads of the library, which they may block, and from
/// several at once: as many as the descriptor's `max_concurrent` says.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types)]
pub struct octollm_arm_t {
    /// Given to every callback.
    pub env: *mut c_void,
    /// Takes a call, and answers it before or after it returns: see `octollm_call_t`. Must not be NULL.
    pub execute: Option<unsafe extern "C" fn(env: *mut c_void, call: *mut octollm_call_t)>,
    /// `OCTOLLM_HEALTHY`, `OCTOLLM_DEGRADED` or `OCTOLLM_UNHEALTHY`. NULL for an arm that is always well.
    pub health: Option<unsafe extern "C" fn(env: *mut c_void) -> c_int>,
    /// Called once, when nothing calls the arm any more. NULL where `env` needs no end.
    pub finalize: octollm_finalizer_t,
}

type Execute = unsafe extern "C" fn(env: *mut c_void, call: *mut octollm_call_t);
type HealthOf = unsafe extern "C" fn(env: *mut c_void) -> c_int;

/// The callbacks as an arm.
pub(crate) struct CallbackArm {
    descriptor: ArmDescriptor,
    execute: Execute,
    health: Option<HealthOf>,
    env: Arc<Env>,
}

impl CallbackArm {
    /// `env` is given to both callbacks.
    pub(crate) fn new(
        descriptor: ArmDescriptor,
        execute: Execute,
        health: Option<HealthOf>,
        env: Env,
    ) -> Self {
        Self { descriptor, execute, health, env: Arc::new(env) }
    }
}

#[async_trait]
impl Arm for CallbackArm {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.descriptor
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        let over = CancellationToken::new();
        // Whoever drops this future tells the arm so: C has no other way to learn of it.
        let _end = over.clone().drop_guard();
        let (handle, answered) = octollm_call_t::new(call, over.clone());
        let (env, execute) = (self.env.clone(), self.execute);
        workers::run(move || {
            // SAFETY: the header asks for a callback that takes this `env` from any thread, and a call, which it
            // then owns.
            unsafe { execute(env.pointer(), Box::into_raw(handle)) };
        })?;
        answered.await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::ArmFailed, "the arm gave the call up without an answer")
                .with_status(Status::Permanent))
        })
    }

    async fn health(&self) -> Health {
        let Some(health) = self.health else { return Health::healthy() };
        let env = self.env.clone();
        // SAFETY: the header asks for a callback that takes this `env` from any thread.
        let asked = workers::call(move || unsafe { health(env.pointer()) }).await;
        let status = match asked {
            Ok(OCTOLLM_HEALTHY) => HealthStatus::Healthy,
            Ok(OCTOLLM_DEGRADED) => HealthStatus::Degraded,
            _ => HealthStatus::Unhealthy,
        };
        Health { status, ..Health::healthy() }
    }
}
