//! What a reflex does about what it sees.

use std::borrow::Cow;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Findings, Stimulus};

/// Reacts to a text within microseconds: it neither waits nor blocks nor calls anybody. What must wait (a rate limit kept in
/// another process, a cache) stands before the chain, behind a trait of its own.
///
/// ```
/// use octollm_core::reflex::{
///     Finding, FindingKind, Findings, Origin, Policy, Reaction, Reflex, ReflexChain, Severity, Stimulus,
/// };
///
/// struct Badges;
///
/// impl Reflex for Badges {
///     fn name(&self) -> &str {
///         "badges"
///     }
///
///     fn react(&self, stimulus: &mut Stimulus<'_>) -> Reaction {
///         let Some(start) = stimulus.text().find("BADGE-") else { return Reaction::Pass };
///         let digits = stimulus.text()[start + 6..].bytes().take_while(u8::is_ascii_digit).count();
///         stimulus.found(Findings::resolve(vec![Finding {
///             kind: FindingKind::Pii,
///             type_name: "badge".into(),
///             start,
///             end: start + 6 + digits,
///             confidence: 1.0,
///             severity: Severity::High,
///             explanation: "a badge".into(),
///         }]));
///         Reaction::Pass
///     }
/// }
///
/// let chain = ReflexChain::builder(Policy::default()).before(Badges).build()?;
/// assert_eq!(chain.screen("Let BADGE-4711 in", Origin::User).0, "Let <BADGE_1> in");
/// # Ok::<(), octollm_core::Error>(())
/// ```
pub trait Reflex: Send + Sync {
    /// Its name in reports and metrics: lower case, a constant.
    fn name(&self) -> &str;

    /// Looks at the text, may add findings to it or replace it, and says what is to be done.
    fn react(&self, stimulus: &mut Stimulus<'_>) -> Reaction;
}

/// What is to be done with a text.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub enum Reaction {
    /// It goes on as it is.
    #[default]
    Pass,
    /// It goes on, but was changed ([`Stimulus::rewrite`]).
    Rewrite,
    /// This is the answer already; nothing else is asked.
    Answer(Value),
    /// It goes no further.
    Refuse {
        /// Why, as a stable word: `injection`, `secret`, `pii`, or a reflex's own.
        code: Cow<'static, str>,
        /// What was found, with offsets into the text as it was.
        findings: Findings,
    },
    /// Not now.
    Throttle {
        /// When to come back.
        retry_after: Duration,
    },
}

impl Reaction {
    /// What it comes to.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Pass => Verdict::Pass,
            Self::Rewrite => Verdict::Rewrite,
            Self::Answer(_) => Verdict::Answer,
            Self::Refuse { .. } => Verdict::Refuse,
            Self::Throttle { .. } => Verdict::Throttle,
        }
    }
}

/// A reaction without what belongs to it. A later one outweighs an earlier one.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// It goes on as it is.
    #[default]
    Pass,
    /// It goes on, changed.
    Rewrite,
    /// It is answered already.
    Answer,
    /// Not now.
    Throttle,
    /// It goes no further.
    Refuse,
}

impl Verdict {
    /// The name, as it stands in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Rewrite => "rewrite",
            Self::Answer => "answer",
            Self::Throttle => "throttle",
            Self::Refuse => "refuse",
        }
    }
}
