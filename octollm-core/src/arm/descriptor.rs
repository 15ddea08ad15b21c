//! Who an arm is, and how it is.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ArmStats, SideEffects};
use crate::error::{Error, Fault, Result};
use crate::resilience::BreakerState;
use crate::schema::Validator;

/// Who an arm is and what it can do: the answer of `GET /capabilities`. Unknown fields are ignored, so that an arm
/// may say more than this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArmDescriptor {
    /// Unique name; plans refer to it.
    pub arm_id: String,
    /// Name for people.
    pub name: String,
    /// The arm's own version.
    #[serde(default)]
    pub version: String,
    /// What it does, for people and for planners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it can do: `code_generation`, `weather_forecast`.
    pub capabilities: Vec<String>,
    /// JSON Schema of the input; anything where absent.
    #[serde(default)]
    pub input_schema: Value,
    /// JSON Schema of the output; anything where absent.
    #[serde(default)]
    pub output_schema: Value,
    /// 1 (free or nearly so) to 5 (dear).
    #[serde(default = "default_cost_tier")]
    #[schemars(range(min = 1, max = 5))]
    pub cost_tier: u8,
    /// Milliseconds that a call usually takes.
    #[serde(default)]
    pub average_latency_ms: u64,
    /// Calls that it takes at once.
    #[serde(default = "default_max_concurrent")]
    #[schemars(range(min = 1))]
    pub max_concurrent: u32,
    /// What its work does to the world.
    #[serde(default)]
    pub side_effects: SideEffects,
    /// Whether the same input may get another answer a moment later: the time, the weather, a page of the web. What rests on
    /// such an answer is not given again to somebody else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub varies: bool,
    /// Personal data that it cannot work without: types (`email`), or `pii` and `secret` for all types of one kind. It sees
    /// the values of these, and placeholders for everything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs_pii: Vec<String>,
}

fn default_cost_tier() -> u8 {
    3
}

fn default_max_concurrent() -> u32 {
    10
}

impl ArmDescriptor {
    /// A descriptor with every default: any input, any output, cost tier 3, ten calls at once, idempotent.
    pub fn new(arm_id: impl Into<String>, capabilities: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let arm_id = arm_id.into();
        Self {
            name: arm_id.clone(),
            arm_id,
            version: String::new(),
            description: None,
            capabilities: capabilities.into_iter().map(Into::into).collect(),
            input_schema: Value::Null,
            output_schema: Value::Null,
            cost_tier: default_cost_tier(),
            average_latency_ms: 0,
            max_concurrent: default_max_concurrent(),
            side_effects: SideEffects::default(),
            varies: false,
            needs_pii: Vec::new(),
        }
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) with one [`Fault`] per broken rule.
    pub fn validate(&self) -> Result<()> {
        let mut faults = Vec::new();
        let id_is_fine = self.arm_id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if self.arm_id.is_empty() || self.arm_id.len() > 100 || !id_is_fine {
            faults.push(Fault::new("/arm_id", "must be 1 to 100 letters, digits, `-`, `_` or `.`"));
        }
        if !(1..=5).contains(&self.cost_tier) {
            faults.push(Fault::new("/cost_tier", "must be 1 to 5"));
        }
        if self.max_concurrent == 0 {
            faults.push(Fault::new("/max_concurrent", "must be 1 or more"));
        }
        for (pointer, schema) in
            [("/input_schema", &self.input_schema), ("/output_schema", &self.output_schema)]
        {
            if let Err(detail) = Validator::compile(schema) {
                faults.push(Fault::new(pointer, format!("is not a valid JSON Schema: {detail}")));
            }
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Error::invalid("the arm's descriptor is invalid", faults))
        }
    }

    /// Whether it can do all of these.
    pub fn has_all(&self, capabilities: &[String]) -> bool {
        capabilities.iter().all(|wanted| self.capabilities.contains(wanted))
    }
}

/// How an arm or a store is: the answer of `GET /health`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// In one word.
    pub status: HealthStatus,
    /// Version of what answered.
    #[serde(default)]
    pub version: String,
    /// How what it depends on is, in its own words.
    #[serde(default)]
    pub dependencies: BTreeMap<String, Value>,
}

/// How something is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// All is well.
    Healthy,
    /// It works, but not as it should.
    Degraded,
    /// It does not work.
    Unhealthy,
}

impl Health {
    /// All is well.
    pub fn healthy() -> Self {
        Self { status: HealthStatus::Healthy, version: String::new(), dependencies: BTreeMap::new() }
    }
}

/// An arm that nothing is known about but who it is.
impl From<ArmDescriptor> for ArmInfo {
    fn from(descriptor: ArmDescriptor) -> Self {
        let (health, breaker) = (HealthStatus::Healthy, BreakerState::Closed);
        Self { descriptor, url: None, health, breaker, in_flight: 0, stats: ArmStats::default() }
    }
}

/// A registered arm, as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArmInfo {
    /// Who it is.
    #[serde(flatten)]
    pub descriptor: ArmDescriptor,
    /// Where it is, for an arm behind HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How it is.
    pub health: HealthStatus,
    /// Whether it is asked.
    pub breaker: BreakerState,
    /// Calls that run now.
    pub in_flight: u32,
    /// What it has done so far.
    pub stats: ArmStats,
}
