//! What a task may spend, what it has spent, and what a running step may still spend.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Fault;

/// Ceilings for one task. An absent ceiling does not bind. Enforced, never advisory: a step starts only with a
/// [`Grant`] out of what is left.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Input and output tokens together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Money, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_cost_usd: Option<f64>,
    /// Steps that may run, each counted once however often it is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<u32>,
    /// Retries over all steps together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
}

impl Budget {
    pub(crate) fn faults(&self, pointer: &str, faults: &mut Vec<Fault>) {
        if self.max_cost_usd.is_some_and(|cost| !cost.is_finite() || cost < 0.0) {
            faults.push(Fault::new(
                format!("{pointer}/max_cost_usd"),
                "must be a number of dollars, 0 or more",
            ));
        }
    }
}

/// What was used so far, by a step or by the whole task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Usage {
    /// Tokens read by models.
    pub input_tokens: u64,
    /// Tokens written by models.
    pub output_tokens: u64,
    /// Money, in US dollars.
    pub cost_usd: f64,
    /// Calls to models.
    pub model_calls: u64,
    /// Answers that came out of a cache.
    pub cache_hits: u64,
    /// Calls to arms.
    pub arm_calls: u64,
    /// Microseconds spent in reflexes.
    pub reflex_us: u64,
}

impl Usage {
    /// Adds what another call used.
    pub fn add(&mut self, other: &Usage) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        // A negative or broken price would hand money back; it counts as nothing.
        if other.cost_usd.is_finite() && other.cost_usd > 0.0 {
            self.cost_usd += other.cost_usd;
        }
        self.model_calls = self.model_calls.saturating_add(other.model_calls);
        self.cache_hits = self.cache_hits.saturating_add(other.cache_hits);
        self.arm_calls = self.arm_calls.saturating_add(other.arm_calls);
        self.reflex_us = self.reflex_us.saturating_add(other.reflex_us);
    }

    /// What is in it beyond `part`.
    #[must_use]
    pub fn beyond(&self, part: &Usage) -> Usage {
        Usage {
            input_tokens: self.input_tokens.saturating_sub(part.input_tokens),
            output_tokens: self.output_tokens.saturating_sub(part.output_tokens),
            cost_usd: (self.cost_usd - part.cost_usd).max(0.0),
            model_calls: self.model_calls.saturating_sub(part.model_calls),
            cache_hits: self.cache_hits.saturating_sub(part.cache_hits),
            arm_calls: self.arm_calls.saturating_sub(part.arm_calls),
            reflex_us: self.reflex_us.saturating_sub(part.reflex_us),
        }
    }

    /// Input and output tokens together.
    pub fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// Whether nothing was used.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// What one running step may spend: reserved before the call, settled by what the step reports after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Grant {
    /// Tokens; absent where the task has no ceiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// US dollars; absent where the task has no ceiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

impl Grant {
    /// Whether no ceiling binds.
    pub fn is_unlimited(&self) -> bool {
        self.tokens.is_none() && self.cost_usd.is_none()
    }
}
