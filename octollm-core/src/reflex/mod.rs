//! Reflexes: what a text holds that must not go further, found in microseconds, in the process, without a network.
//!
//! A detector is a plain synchronous value: it is built once from its options and then asked with `scan(&str)`. What
//! it finds are [`Findings`]: places in the original text (UTF-8 byte offsets), never the text itself.
//!
//! All detectors see the same [`Canonical`] form of a text, so that full-width digits, look-alike letters and invisible
//! characters hide nothing, and each finding is translated back to where it stands in the original.
//!
//! The design argument: personal data and secrets have *structure* (an anchor such as `@`, a run of digits, a known
//! prefix, a check digit). So a detector walks over the text once, stops at anchors only, and lets a validator
//! decide about each candidate. That is linear, and ordinary prose costs next to nothing.

mod allow;
mod capitals;
mod chain;
mod check;
mod confusables;
mod detect;
mod detectors;
mod edit;
mod escapes;
mod finding;
pub mod injection;
mod live;
mod long;
mod needs;
pub mod pii;
mod policy;
pub mod rate_limit;
mod reaction;
mod redact;
mod report;
#[cfg(test)]
mod robustness;
mod said;
pub mod secrets;
mod stimulus;
mod table;
mod text;
mod vault;

pub use chain::{ChainBuilder, ReflexChain, Screening};
pub use check::{Check, CheckReply, CheckRequest, Redact};
pub use detectors::Detectors;
pub use finding::{Finding, FindingKind, Findings, Severity, confidence};
pub use live::ReflexScreen;
pub use needs::Needs;
pub use policy::{Action, Levels, Policy, Preset, Rules};
pub use reaction::{Reaction, Reflex, Verdict};
pub use redact::{RedactStyle, Redactor};
pub use report::{Report, Sighting};
pub use stimulus::{Origin, Part, Place, Placeholders, Stimulus};
pub use table::OpenTable;
pub use text::Canonical;
pub use vault::{Given, LONGEST_PLACEHOLDER, Vault, VaultKey, holds_placeholder};
