//! The coder: code by a language model, checked before anybody sees it.
//!
//! ```text
//! request ─ recall ─► prompt ─► model ─► parser ─► tests ─ sound ─► remember ─► response
//!           nearest             ▲          │         │
//!           three               └─ broken ─┴─ failed ┘ what is wrong and where; two rounds
//! ```
//!
//! A model that writes code does not know whether it can be read; a parser does. It does not know whether it works; its own
//! tests do, where they are in Python and an arm that runs code can be asked. What still cannot be read or still fails after
//! two rounds is answered with a warning and less confidence; what could not be checked or run says so. Whether the code is
//! what was wanted, a judge says, and its words come back as `context.issues` of the next request.
//!
//! ```
//! # use std::sync::Arc;
//! use octollm_arms::coder::{CodeRequest, Coder, CoderOptions, RequestType};
//! use octollm_core::arm::Progress;
//! use octollm_core::model::{CallContext, Models};
//! # use octollm_core::model::{ScriptedModel, ScriptedReply};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> octollm_core::Result<()> {
//! # let model = ScriptedModel::in_order([ScriptedReply::text(
//! #     r#"{"code": "[1, 2, 3]", "tests": null, "explanation": "Three of them.", "warnings": [], "confidence": 0.9}"#,
//! # )]);
//! let coder = Coder::new(Models::new(Arc::new(model)), CoderOptions::default())?;
//! let request = CodeRequest::new(RequestType::Generate, "json", "The first three numbers");
//! let answer = coder.code(&request, CallContext::default(), &Progress::default()).await?;
//! assert_eq!((answer.code.as_str(), answer.confidence), ("[1, 2, 3]", Some(0.9)));
//! # Ok(())
//! # }
//! ```

mod arm;
mod draft;
mod memory;
mod prompt;
mod proof;
mod request;
#[cfg(test)]
#[cfg(feature = "syntax")]
mod tests;
mod work;

pub use crate::trial::TestRun;
pub use arm::{Coder, CoderOptions};
pub use memory::MEMORY_COLLECTION;
pub use request::{CodeRequest, CodeResponse, RequestType};
