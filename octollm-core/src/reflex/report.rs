//! What came of screening a task's texts: what was found where, what was done about it, and how long it took.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Action, Finding, Origin, Place, Verdict};
use crate::error::{Error, ErrorKind, Fault, Result};

/// Findings that a report lists; of more only the number is kept.
pub(super) const MAX_SIGHTINGS: usize = 200;
/// Findings that an error lists.
const MAX_FAULTS: usize = 20;

/// A finding, where it is, and what was done about it. It never holds what was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sighting {
    /// Where the text stands in the task.
    pub place: Place,
    /// Who the text comes from.
    pub origin: Origin,
    /// What was found; offsets are bytes of the text as it was, or of the key in which it was found.
    #[serde(flatten)]
    pub finding: Finding,
    /// What was done about it.
    pub action: Action,
}

impl Sighting {
    /// `a payment card number (credit_card, high)`
    fn describe(&self) -> String {
        let Finding { explanation, type_name, severity, .. } = &self.finding;
        let severity = serde_json::to_value(severity).unwrap_or_default();
        format!("{explanation} ({type_name}, {})", severity.as_str().unwrap_or_default())
    }
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// The weightiest reaction to any text.
    pub verdict: Verdict,
    /// What was found, in the order of the document; 200 at most, unless [`Screening::listing`](super::Screening::listing) says
    /// otherwise.
    pub sightings: Vec<Sighting>,
    /// Findings beyond these.
    pub omitted: usize,
    /// How often each type was found, listed or not; injections under `injection`.
    pub counts: BTreeMap<String, u64>,
    /// Why it was refused: `secret`, `pii`, `injection`, or a reflex's own word.
    pub code: Option<Cow<'static, str>>,
    /// Where a refused text stands that a reflex refused for a reason of its own, without a finding.
    pub refused_at: Option<Place>,
    /// The answer, where a reflex had it.
    pub answer: Option<Value>,
    /// When to come back, where a reflex wants it later.
    pub retry_after: Option<Duration>,
    /// Texts that were looked at.
    pub texts: usize,
    /// How long all of it took.
    pub elapsed: Duration,
    /// How long each reflex took over all texts, in the chain's order.
    pub timings: Vec<(Arc<str>, Duration)>,
}

impl Report {
    /// [`elapsed`](Self::elapsed) in whole microseconds, for [`Usage::reflex_us`](crate::task::Usage::reflex_us).
    pub fn elapsed_us(&self) -> u64 {
        u64::try_from(self.elapsed.as_micros()).unwrap_or(u64::MAX)
    }

    /// Whether nothing was found and nothing changed.
    pub fn is_clean(&self) -> bool {
        self.verdict == Verdict::Pass && self.sightings.is_empty()
    }

    /// What was found, without where the texts stand.
    pub fn findings(&self) -> Vec<Finding> {
        self.sightings.iter().map(|sighting| sighting.finding.clone()).collect()
    }

    /// The report as programs in other languages read it, without timings. `findings` are its own, with offsets in the units
    /// of that language.
    pub fn told(&self, findings: Vec<Finding>) -> Value {
        let actions: Vec<_> = self.sightings.iter().map(|sighting| sighting.action).collect();
        json!({
            "verdict": self.verdict, "code": self.code, "answer": self.answer,
            "retry_after": self.retry_after.map(|after| after.as_secs_f64()),
            "elapsed_us": self.elapsed_us(), "findings": findings, "actions": actions,
        })
    }

    /// The report, unless the texts may not go on.
    ///
    /// # Errors
    /// `refused_by_reflex` with what was found where (never what it was); `rate_limited` where a reflex throttles.
    pub fn check(self) -> Result<Self> {
        match self.verdict {
            Verdict::Refuse => Err(self.refusal()),
            Verdict::Throttle => {
                let after = self.retry_after.unwrap_or(Duration::from_secs(1));
                Err(Error::new(ErrorKind::RateLimited, "a reflex wants this later").with_retry_after(after))
            }
            _ => Ok(self),
        }
    }

    fn refusal(&self) -> Error {
        let refused = || self.sightings.iter().filter(|sighting| sighting.action == Action::Refuse);
        let faults = refused()
            .take(MAX_FAULTS)
            .map(|sighting| Fault::new(sighting.place.to_string(), sighting.describe()));
        let own = self.refused_at.as_ref().map(|place| Fault::new(place.to_string(), "refused by a reflex"));
        let kinds: BTreeSet<&str> = refused().map(|sighting| sighting.finding.kind.name()).collect();
        let hint = match kinds.into_iter().collect::<Vec<_>>().as_slice() {
            [] => "the reflex that refused it is not one of OctoLLM's own: ask who runs this".to_owned(),
            kinds => format!(
                "take out what was found; or, if it is harmless, let it pass by another policy for {} (REFLEX_POLICY, or \
                 the section `reflex` of octollm.toml)",
                kinds.join(" and ")
            ),
        };
        Error::new(ErrorKind::RefusedByReflex, "the reflexes refuse this text")
            .with_context("code", self.code.as_deref().unwrap_or("reflex"))
            .with_faults(faults.chain(own))
            .with_hint(hint)
    }
}
