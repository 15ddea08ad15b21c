//! The judge: whether an output is what it should be, and how anybody knows.
//!
//! ```text
//! output ─┬─ schema    JSON Schema                        ┐
//!         ├─ syntax    tree-sitter                        │ decided here, by rules
//!         ├─ quality   metrics of the syntax tree         │
//!         ├─ criteria  rules where they are plain ────────┘
//!         │            tests, run by an arm that runs code
//!         │            a model for the rest
//!         ├─ facts     passages of the sources, then a model
//!         └─ safety    an arm that looks after it
//! ```
//!
//! Two things are kept apart that are easily mixed. *Valid* says whether an error was found, and nothing else makes it
//! false. *Confidence* says how much of what was asked could be looked at, and how sure whoever looked was. What nobody
//! could look at is `unverified`, with the reason, and never passed: a judge without a model has no opinion on "the text is
//! friendly".
//!
//! ```
//! use octollm_arms::judge::{Judge, JudgeOptions, JudgeRequest};
//! use octollm_core::arm::ArmCall;
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> octollm_core::Result<()> {
//! let judge = Judge::new(JudgeOptions::default())?;
//! let request = JudgeRequest::from_value(json!({
//!     "output": {"age": "seven"},
//!     "expected_schema": {"type": "object", "properties": {"age": {"type": "integer"}}},
//! }))?;
//! let verdict = judge.judge(request, &ArmCall::new(json!(null))).await?.0;
//! assert!(!verdict.valid);
//! assert_eq!(verdict.issues[0].location.as_ref().map(|place| place.pointer.as_str()), Some("/age"));
//! # Ok(())
//! # }
//! ```

mod arm;
mod criteria;
mod judgement;
mod parts;
mod request;
mod response;
mod shape;
#[cfg(test)]
mod tests;

pub use arm::{Judge, JudgeOptions};
pub use request::{JudgeRequest, TrustedSource, ValidationType};
pub use response::{
    CheckReport, CriterionReport, DecidedBy, IssueSeverity, JudgeIssue, JudgeLocation, JudgeResponse, Status,
};
