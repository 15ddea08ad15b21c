//! Chooses the arm for a step, and says why.
//!
//! The weights are the guides': 40% capability match, 20% availability, 30% historical success, 10% cost. An arm that
//! lacks a required capability is not chosen at all; one that is ill or keeps failing only if no other can do it.

use std::sync::Arc;
use tokio::time::Instant;

use serde::{Deserialize, Serialize};

use crate::arm::{ArmStats, BreakerState, HealthStatus, RegisteredArm, Registry};
use crate::error::{Error, ErrorKind, Result};
use crate::task::{ArmScore, Routing, SubTask};

/// What each part of an arm's score weighs. They need not add up to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouterWeights {
    /// Part of the required capabilities that it has.
    pub capability_match: f64,
    /// Health and free places.
    pub availability: f64,
    /// Part of its calls that succeeded.
    pub historical_success: f64,
    /// How cheap it is.
    pub cost_efficiency: f64,
}

impl Default for RouterWeights {
    fn default() -> Self {
        Self { capability_match: 0.4, availability: 0.2, historical_success: 0.3, cost_efficiency: 0.1 }
    }
}

/// Chooses arms.
#[derive(Debug, Clone, Default)]
pub struct Router {
    weights: RouterWeights,
}

/// The arm that was chosen, and why.
pub(crate) struct Choice {
    pub(crate) arm: Arc<RegisteredArm>,
    pub(crate) routing: Arc<Routing>,
}

/// What a step asks of an arm.
pub(crate) struct Wanted<'a> {
    pub(crate) subtask: &'a SubTask,
    /// The task's own restriction: an arm must offer one of these.
    pub(crate) any_of: &'a [String],
    /// Arms that are not asked again.
    pub(crate) gave_up_on: &'a [Arc<str>],
}

impl Router {
    /// A router with these weights.
    pub fn new(weights: RouterWeights) -> Self {
        Self { weights }
    }

    /// The best arm for a step.
    ///
    /// # Errors
    /// `unavailable` if no registered arm can do it now; that may change, so it is temporary.
    pub(crate) fn choose(&self, registry: &Registry, wanted: &Wanted<'_>) -> Result<Choice> {
        let arms = registry.snapshot();
        let admitted = arms.values().filter(|arm| wanted.admits(arm));
        let mut candidates: Vec<_> = admitted.map(|arm| self.score(arm, wanted)).collect();
        // First those that may be asked, among them the one that the plan names, then by score; ties by id.
        candidates.sort_by(|left, right| {
            let key = |score: &ArmScore| (score.excluded.is_some(), !wanted.names(&score.arm_id));
            let order = key(left).cmp(&key(right)).then(right.total.total_cmp(&left.total));
            order.then_with(|| left.arm_id.cmp(&right.arm_id))
        });
        let best = candidates.first().and_then(|best| arms.get(&*best.arm_id).cloned());
        let Some(arm) = best else { return Err(wanted.nobody(registry)) };
        Ok(Choice { arm, routing: Arc::new(Routing { candidates }) })
    }

    /// Whether another arm than `arm_id` could do the step.
    pub(crate) fn has_alternative(&self, registry: &Registry, wanted: &Wanted<'_>, arm_id: &str) -> bool {
        registry
            .snapshot()
            .values()
            .any(|arm| &*arm.id != arm_id && wanted.admits(arm) && self.score(arm, wanted).excluded.is_none())
    }

    fn score(&self, arm: &RegisteredArm, wanted: &Wanted<'_>) -> ArmScore {
        let capability_match = wanted.capability_match(arm);
        let availability = availability(arm);
        let historical_success = historical_success(arm.stats());
        let cost_efficiency = 1.0 - f64::from(arm.descriptor.cost_tier) / 5.0;
        let total = capability_match * self.weights.capability_match
            + availability * self.weights.availability
            + historical_success * self.weights.historical_success
            + cost_efficiency * self.weights.cost_efficiency;
        ArmScore {
            arm_id: arm.id.clone(),
            capability_match,
            availability,
            historical_success,
            cost_efficiency,
            total,
            excluded: excluded(arm),
        }
    }
}

impl Wanted<'_> {
    /// Whether the arm may do the step at all.
    fn admits(&self, arm: &RegisteredArm) -> bool {
        let capabilities = &self.subtask.required_capabilities;
        let fits = self.names(&arm.id) || (!capabilities.is_empty() && arm.descriptor.has_all(capabilities));
        let allowed =
            self.any_of.is_empty() || self.any_of.iter().any(|c| arm.descriptor.capabilities.contains(c));
        fits && allowed && arm.descriptor.has_all(capabilities) && !self.gave_up_on.contains(&arm.id)
    }

    fn names(&self, arm_id: &str) -> bool {
        *arm_id == *self.subtask.required_arm
    }

    fn capability_match(&self, arm: &RegisteredArm) -> f64 {
        let required = &self.subtask.required_capabilities;
        if required.is_empty() {
            return 1.0;
        }
        let has = required.iter().filter(|wanted| arm.descriptor.capabilities.contains(wanted)).count();
        has as f64 / required.len() as f64
    }

    fn nobody(&self, registry: &Registry) -> Error {
        let names: Vec<_> = registry.snapshot().keys().map(|id| format!("`{id}`")).collect();
        let there_are =
            if names.is_empty() { "there is none".into() } else { format!("there are {}", names.join(", ")) };
        let mut error = Error::new(ErrorKind::Unavailable, "no registered arm can do the step");
        if !self.subtask.required_arm.is_empty() {
            error = error.with_context("arm", self.subtask.required_arm.as_str());
        }
        if !self.subtask.required_capabilities.is_empty() {
            error = error.with_context("capabilities", self.subtask.required_capabilities.join(", "));
        }
        error.with_hint(format!("{there_are}; start the arm, or register it"))
    }
}

/// Why an arm is not chosen while another can do it.
fn excluded(arm: &RegisteredArm) -> Option<String> {
    if !arm.breaker.is_closed() && arm.breaker.state(Instant::now()) == BreakerState::Open {
        Some("it keeps failing".into())
    } else if arm.health() == HealthStatus::Unhealthy {
        Some("it is unhealthy".into())
    } else {
        None
    }
}

fn availability(arm: &RegisteredArm) -> f64 {
    let health = match arm.health() {
        HealthStatus::Healthy => 1.0,
        HealthStatus::Degraded => 0.5,
        HealthStatus::Unhealthy => return 0.0,
    };
    let places = f64::from(arm.descriptor.max_concurrent);
    let free = (places - arm.gate.in_use() as f64).max(0.0) / places;
    // An arm without a free place still does the work, only later.
    health * (0.5 + 0.5 * free)
}

/// Share of successes, as if one call had succeeded and one had failed before: a new arm starts in the middle.
fn historical_success(stats: ArmStats) -> f64 {
    (stats.success as f64 + 1.0) / (stats.total as f64 + 2.0)
}
