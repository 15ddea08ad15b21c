//! The guardian: what a text holds that must not go further, and what somebody forbids or demands of it.
//!
//! ```text
//! text, fields ─┬─ personal data, secrets, injections   the reflexes' own detectors
//!               ├─ content                              payloads in places where they are data
//!               └─ policy                               deny and require rules out of a file
//!                        └─► issues (kind and place, never the value) ─► risk level, blocked, sanitized text
//! ```
//!
//! The reflexes screen every text of a task by themselves; the guardian is for those who ask: a step that looks at a
//! document before it is sent, a judge, a program. It knows no model and no network, and it runs nothing.
//!
//! ```
//! use octollm_arms::guardian::{GuardRequest, Guardian, GuardianOptions};
//!
//! let guardian = Guardian::new(GuardianOptions::default());
//! let answer = guardian.check(&GuardRequest { redact: true, ..GuardRequest::new("Write to ada@example.org") })?;
//! assert_eq!((answer.safe, answer.blocked), (false, false));
//! assert_eq!(answer.issues[0].type_name, "email");
//! assert_eq!(answer.sanitized_text.as_deref(), Some("Write to <EMAIL_1>"));
//! # Ok::<(), octollm_core::Error>(())
//! ```

mod arm;
mod content;
mod fields;
mod policy;
mod request;
mod review;
#[cfg(test)]
mod tests;

pub use arm::{Guardian, GuardianOptions};
pub use policy::GuardPolicy;
pub use request::{
    Check, Format, GuardIssue, GuardLocation, GuardRequest, GuardResponse, RiskLevel, Unchecked,
};
