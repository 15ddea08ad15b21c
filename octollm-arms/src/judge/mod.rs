//! The judge: whether an output is what it should be, and how anybody knows.
//!
//! ```text
//! output ─┬─ schema    JSON Schema, every fault with its pointer
//!         ├─ syntax    the language's grammar, line and column
//!         ├─ quality   metrics of code and prose, each with its threshold
//!         ├─ criteria  rules where a criterion can be counted or looked up; a run where it asks that tests pass;
//!         │            a model for the rest
//!         ├─ facts     the passages of trusted sources that are nearest to each statement, and a model that compares
//!         └─ safety    an arm that can `safety`
//! ```
//!
//! Two things are kept apart that are easily mixed. *Valid* says whether an error was found, and nothing else makes it
//! false. *Confidence* says how much of what was asked could be looked at, and how sure whoever looked was. What nobody
//! could look at is `unverified`, with the reason, and never passed. Whoever decided is named: a rule, a run, another arm or a
//! model, and a model only where what it quotes is really there.
//!
//! ```
//! use octollm_arms::judge::{Judge, JudgeRequest};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> octollm_core::Result<()> {
//! let judge = Judge::new();
//! let request = JudgeRequest::from_value(json!({
//!     "output": {"age": "seven"},
//!     "expected_schema": {"type": "object", "properties": {"age": {"type": "integer"}}},
//! }))?;
//! let verdict = judge.judge(request).await?;
//! assert!(!verdict.valid);
//! assert_eq!(verdict.issues[0].location.as_ref().map(|place| place.pointer.as_str()), Some("/age"));
//! # Ok(())
//! # }
//! ```

mod arm;
mod asked;
mod criteria;
mod judgement;
mod parts;
mod peers;
mod quality;
mod request;
mod response;
mod shape;
#[cfg(test)]
mod tests;
mod work;

pub use arm::Judge;
pub use request::{JudgeRequest, TrustedSource, ValidationType};
pub use response::{
    CheckReport, CriterionReport, DecidedBy, FactReport, FactStatus, IssueSeverity, JudgeIssue,
    JudgeLocation, JudgeResponse, MetricReport, Status,
};
