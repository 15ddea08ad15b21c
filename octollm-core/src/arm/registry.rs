//! The arms that there are, each with what surrounds its calls.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value;

use super::layers::{self, Limits};
use super::{Arm, ArmDescriptor, ArmInfo, ArmStats, HealthStatus, SideEffects};
use crate::error::Result;
use crate::resilience::{Breaker, Gate};
use crate::schema::{LateValidator, Validator};

/// How much of a new call's duration goes into the moving average (the guides: a tenth).
const NEW_SHARE: f64 = 0.1;

/// Calls after which an arm's average says something.
const QUICK_CALLS: u64 = 10;
/// Milliseconds within which handing a call to another thread costs more than the call.
const QUICK_MS: f64 = 0.05;

/// The arms that there are, by id. Shared: arms may come and go while tasks run.
#[derive(Default)]
pub struct Registry {
    arms: RwLock<Arc<BTreeMap<String, Arc<RegisteredArm>>>>,
    /// How often they were changed.
    version: AtomicU64,
    /// What arms did before this process, or before they went away.
    past: Mutex<BTreeMap<String, ArmStats>>,
    limits: Limits,
    /// What else a descriptor has to be where the arms work.
    rule: OnceLock<Rule>,
}

/// What a descriptor has to be besides valid.
pub(crate) type Rule = Box<dyn Fn(&ArmDescriptor) -> Result<()> + Send + Sync>;

/// An arm, and what surrounds its calls.
pub(crate) struct RegisteredArm {
    pub(crate) id: Arc<str>,
    pub(crate) descriptor: ArmDescriptor,
    pub(crate) url: Option<String>,
    input: LateValidator,
    pub(crate) breaker: Breaker,
    pub(crate) gate: Gate,
    /// The arm within its layers.
    pub(crate) layered: Arc<dyn Arm>,
    /// The arm itself, for its health.
    bare: Arc<dyn Arm>,
    health: AtomicU8,
    stats: Mutex<ArmStats>,
}

impl Registry {
    /// An empty registry whose arms get these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Adds an arm, replacing the one with the same id; `url` says where it is, if it is elsewhere.
    ///
    /// # Errors
    /// `invalid_input` if its descriptor breaks a rule.
    pub fn add(&self, arm: Arc<dyn Arm>, url: Option<String>) -> Result<()> {
        if !arm.is_checked() {
            arm.descriptor().validate()?;
        }
        if let Some(rule) = self.rule.get() {
            rule(arm.descriptor())?;
        }
        let id = arm.descriptor().arm_id.clone();
        let before = self.get(&id).map(|old| old.stats());
        let stats = before.or_else(|| self.past().get(&id).copied()).unwrap_or_default();
        let registered = Arc::new(RegisteredArm::new(arm, url, stats, &self.limits));
        self.change(|arms| {
            arms.insert(id, registered);
        });
        Ok(())
    }

    /// Sets what else a descriptor has to be, once: for the arms that are there, and for all that come. An arm elsewhere that
    /// breaks it goes, as one that comes later would not be entered.
    ///
    /// # Errors
    /// What the rule says of an arm of this process.
    pub(crate) fn require(&self, rule: Rule) -> Result<()> {
        let rule = self.rule.get_or_init(|| rule);
        for arm in self.snapshot().values() {
            let Err(error) = rule(&arm.descriptor) else { continue };
            let Some(url) = &arm.url else { return Err(error) };
            tracing::warn!(url, reason = error.to_string(), "the arm is not entered");
            self.remove(&arm.id);
        }
        Ok(())
    }

    /// Removes an arm; answers whether it was there. Calls that run are not disturbed.
    pub fn remove(&self, arm_id: &str) -> bool {
        let mut removed = None;
        self.change(|arms| removed = arms.remove(arm_id));
        if let Some(arm) = &removed {
            self.past().insert(arm_id.to_owned(), arm.stats());
        }
        removed.is_some()
    }

    /// Says how an arm is. An arm that is well again is tried at once, even if its breaker is open.
    pub fn set_health(&self, arm_id: &str, health: HealthStatus) {
        if let Some(arm) = self.get(arm_id) {
            let before = arm.health();
            arm.health.store(health as u8, Ordering::Relaxed);
            if health == HealthStatus::Healthy && before == HealthStatus::Unhealthy {
                arm.breaker.hint_recovered(tokio::time::Instant::now());
            }
        }
    }

    /// The arms as they stand, by id.
    pub fn infos(&self) -> Vec<ArmInfo> {
        self.snapshot().values().map(|arm| arm.info()).collect()
    }

    /// The descriptors, by id.
    pub fn descriptors(&self) -> Vec<ArmDescriptor> {
        self.snapshot().values().map(|arm| arm.descriptor.clone()).collect()
    }

    /// What every arm has done so far, here and before.
    pub fn all_stats(&self) -> BTreeMap<String, ArmStats> {
        let mut all = self.past().clone();
        all.extend(self.snapshot().iter().map(|(id, arm)| (id.clone(), arm.stats())));
        all
    }

    /// Takes over what arms did before this process.
    pub fn remember(&self, stats: BTreeMap<String, ArmStats>) {
        for (id, arm) in self.snapshot().iter() {
            if let Some(stats) = stats.get(id) {
                *lock(&arm.stats) = *stats;
            }
        }
        *self.past() = stats;
    }

    /// How often arms were added or removed.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(crate) fn snapshot(&self) -> Arc<BTreeMap<String, Arc<RegisteredArm>>> {
        self.arms.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn get(&self, arm_id: &str) -> Option<Arc<RegisteredArm>> {
        self.snapshot().get(arm_id).cloned()
    }

    fn past(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, ArmStats>> {
        lock(&self.past)
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Arc<RegisteredArm>>)) {
        let mut arms = self.arms.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut arms));
        self.version.fetch_add(1, Ordering::Release);
    }
}

#[cfg(feature = "http")]
impl super::ArmDirectory for Registry {
    fn add(&self, arm: Arc<dyn Arm>, url: Option<String>) -> Result<()> {
        let id = &arm.descriptor().arm_id;
        if self.get(id).is_some_and(|known| known.url.is_none()) {
            return Err(crate::Error::new(
                crate::ErrorKind::Conflict,
                "an arm of this process has the same id",
            )
            .with_context("arm", id.as_str())
            .with_hint("give one of the two another `arm_id`"));
        }
        Self::add(self, arm, url)
    }

    fn remove(&self, arm_id: &str) {
        Self::remove(self, arm_id);
    }

    fn set_health(&self, arm_id: &str, health: HealthStatus) {
        Self::set_health(self, arm_id, health);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RegisteredArm {
    fn new(bare: Arc<dyn Arm>, url: Option<String>, stats: ArmStats, limits: &Limits) -> Self {
        let descriptor = bare.descriptor().clone();
        let breaker = Breaker::new(limits.breaker);
        let gate = Gate::new(descriptor.max_concurrent as usize, limits.max_waiting);
        let layered = layers::around(bare.clone(), &breaker, &gate);
        Self {
            id: descriptor.arm_id.as_str().into(),
            descriptor,
            url,
            input: LateValidator::default(),
            breaker,
            gate,
            layered,
            bare,
            health: AtomicU8::new(HealthStatus::Healthy as u8),
            stats: Mutex::new(stats),
        }
    }

    /// The validator of its input.
    pub(crate) fn input(&self) -> &Validator {
        self.input.of(&self.descriptor.input_schema)
    }

    /// What a call with this input would do, in the arm's own words. An arm that fails at it says nothing.
    pub(crate) fn preview(&self, input: &Value) -> Option<Arc<str>> {
        let preview = std::panic::AssertUnwindSafe(|| self.bare.preview(input));
        std::panic::catch_unwind(preview).ok().flatten().map(Into::into)
    }

    pub(crate) fn health(&self) -> HealthStatus {
        match self.health.load(Ordering::Relaxed) {
            0 => HealthStatus::Healthy,
            1 => HealthStatus::Degraded,
            _ => HealthStatus::Unhealthy,
        }
    }

    pub(crate) fn stats(&self) -> ArmStats {
        *lock(&self.stats)
    }

    /// Takes a call that ended into the statistics.
    pub(crate) fn record(&self, success: bool, took: Duration) {
        let mut stats = lock(&self.stats);
        let took_ms = took.as_secs_f64() * 1000.0;
        let first = stats.total == 0;
        stats.total += 1;
        stats.success += u64::from(success);
        let average = stats.avg_duration_ms;
        stats.avg_duration_ms =
            if first { took_ms } else { average * (1.0 - NEW_SHARE) + took_ms * NEW_SHARE };
    }

    /// Whether its calls usually end before another thread could have taken them over.
    pub(crate) fn is_quick(&self) -> bool {
        let stats = self.stats();
        stats.total >= QUICK_CALLS && stats.avg_duration_ms < QUICK_MS
    }

    /// What a call with this input may do to the world.
    pub(crate) fn side_effects(&self, input: &Value) -> SideEffects {
        self.bare.side_effects(input).min(self.descriptor.side_effects)
    }

    pub(crate) fn bare(&self) -> &Arc<dyn Arm> {
        &self.bare
    }

    fn info(&self) -> ArmInfo {
        ArmInfo {
            descriptor: self.descriptor.clone(),
            url: self.url.clone(),
            health: self.health(),
            breaker: self.breaker.state(tokio::time::Instant::now()),
            in_flight: u32::try_from(self.gate.in_use()).unwrap_or(u32::MAX),
            stats: self.stats(),
        }
    }
}
