//! What an arm may ask of other arms.
//!
//! An arm that needs a part of its work done by another one names a capability, not an arm: the judge has tests run by
//! whoever can run code, and texts checked by whoever looks after safety. The call goes through the same layers as a step's
//! (validation, limits, breaker), ends with the caller's own call, and has a request id of its own that is the same for every
//! attempt of the caller, so that the other arm can recognise a repetition.
//!
//! What a person has to approve is not done behind a step's back: where a task's approval is `side_effects`, an arm that
//! has any is not called.

use std::sync::{Arc, Weak};

use serde_json::Value;

use super::{ArmCall, ArmReply, HealthStatus, Progress, RegisteredArm, Registry, SideEffects};
use crate::error::{Error, ErrorKind, Result};
use crate::resilience::BreakerState;
use crate::task::{Approval, RequestId};

/// The other arms, as one arm sees them. Cheap to clone.
#[derive(Clone, Default)]
pub struct Peers {
    /// The registry holds the arms; the other way round too would be a circle that is never freed.
    registry: Weak<Registry>,
    own_id: Arc<str>,
}

impl Peers {
    /// No other arm.
    pub fn none() -> Self {
        Self::default()
    }

    /// The arms of `registry` except this one. The registry must be kept by somebody else.
    pub fn of(registry: &Arc<Registry>, own_id: &str) -> Self {
        Self { registry: Arc::downgrade(registry), own_id: own_id.into() }
    }

    /// Whether an arm with this capability is registered now.
    pub fn can(&self, capability: &str) -> bool {
        self.find(capability).is_some()
    }

    /// Has `input` worked on by an arm with this capability, as a part of `caller`'s work. `part` names the part: a second
    /// call with the same name is a repetition of the first.
    ///
    /// # Errors
    /// `not_configured` if no arm has the capability; `unauthorized` if the task wants a person's approval for what that
    /// arm does; `invalid_input` if the arm does not take the input; those of the arm.
    pub async fn ask(
        &self,
        caller: &ArmCall,
        capability: &str,
        part: &str,
        input: Value,
    ) -> Result<ArmReply> {
        let arm = self.find(capability).ok_or_else(|| {
            Error::new(ErrorKind::NotConfigured, "no arm has the capability that is needed")
                .with_context("capability", capability)
        })?;
        if caller.approval == Approval::SideEffects && arm.descriptor.side_effects != SideEffects::None {
            return Err(Error::new(ErrorKind::Unauthorized, "a person must approve what this arm does")
                .with_context("arm", arm.id.to_string())
                .with_hint("plan it as a step of its own"));
        }
        let faults = arm.input.faults(&input);
        if !faults.is_empty() {
            return Err(Error::invalid(format!("the input does not fit arm `{}`", arm.id), faults));
        }
        let call = ArmCall {
            input: Arc::new(input),
            request_id: RequestId::from(format!("{}-{part}", caller.request_id).as_str()),
            progress: Progress::default(),
            began: Arc::default(),
            ..caller.clone()
        };
        arm.layered.execute(call).await
    }

    /// The arm that is best off: healthy, not broken, cheap.
    fn find(&self, capability: &str) -> Option<Arc<RegisteredArm>> {
        let arms = self.registry.upgrade()?.snapshot();
        let now = tokio::time::Instant::now();
        let worse = |arm: &&Arc<RegisteredArm>| {
            let open = arm.breaker.state(now) == BreakerState::Open;
            (arm.health() == HealthStatus::Unhealthy, open, arm.descriptor.cost_tier)
        };
        let can = |arm: &&Arc<RegisteredArm>| {
            arm.id != self.own_id && arm.descriptor.capabilities.iter().any(|own| own == capability)
        };
        arms.values().filter(can).min_by_key(worse).cloned()
    }
}

impl std::fmt::Debug for Peers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peers").field("own_id", &self.own_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::arm::{ArmContext, TypedArm};

    fn doubler(id: &str, tier: u8, effects: SideEffects) -> Arc<TypedArm> {
        let id_of_reply = id.to_owned();
        let work = move |input: Value, context: ArmContext| {
            let id = id_of_reply.clone();
            async move { Ok(json!({"by": id, "input": input, "request": context.request_id().to_string()})) }
        };
        Arc::new(TypedArm::new(id, ["doubling"], work).cost_tier(tier).side_effects(effects))
    }

    fn registry() -> Arc<Registry> {
        let registry = Arc::new(Registry::default());
        registry.add(doubler("dear", 5, SideEffects::None), None).unwrap();
        registry.add(doubler("cheap", 1, SideEffects::Idempotent), None).unwrap();
        registry
    }

    fn call() -> ArmCall {
        ArmCall { request_id: "r-1".into(), ..ArmCall::new(json!({})) }
    }

    #[tokio::test]
    async fn a_part_of_the_work_goes_to_an_arm_that_can_under_an_id_of_its_own() {
        let registry = registry();
        let peers = Peers::of(&registry, "judge");
        let reply = peers.ask(&call(), "doubling", "tests", json!(2)).await.unwrap();
        assert_eq!(reply.output, json!({"by": "cheap", "input": 2, "request": "r-1-tests"}));
        registry.set_health("cheap", HealthStatus::Unhealthy);
        assert_eq!(peers.ask(&call(), "doubling", "tests", json!(2)).await.unwrap().output["by"], "dear");
    }

    #[tokio::test]
    async fn nobody_asks_itself_or_an_arm_that_is_not_there() {
        let registry = registry();
        let peers = Peers::of(&registry, "cheap");
        assert_eq!(peers.ask(&call(), "doubling", "x", json!(1)).await.unwrap().output["by"], "dear");
        assert!(!peers.can("halving") && !Peers::none().can("doubling"));
        let error = peers.ask(&call(), "halving", "x", json!(1)).await.unwrap_err();
        assert_eq!((error.kind(), error.context("capability")), (ErrorKind::NotConfigured, Some("halving")));
        drop(registry);
        assert!(!peers.can("doubling"));
    }

    #[tokio::test]
    async fn what_a_person_must_approve_is_not_done_behind_a_steps_back() {
        let registry = registry();
        let call = ArmCall { approval: Approval::SideEffects, ..call() };
        let error = Peers::of(&registry, "judge").ask(&call, "doubling", "x", json!(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(error.hint().is_some());
    }
}
