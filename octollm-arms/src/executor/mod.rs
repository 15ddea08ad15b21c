//! The executor: code, commands and HTTP requests, carried out as a policy allows and nowhere else.
//!
//! ```text
//! request ─ policy ─► action ─ shown, hashed ─► once ─┬─► sandbox ─► exit code, output, artifacts
//!           arguments          to whoever approves    └─► checked address ─► status, body
//!           hosts
//! ```
//!
//! What may be done is decided before anything is started, by a [`Policy`] in which everything is refused that it does not
//! list: programs with the arguments that they may have, interpreters, hosts with methods and paths. What is run is run in
//! the [sandbox](octollm_sandbox) that the policy asks for; where a layer of it is missing, nothing is run. No shell reads
//! anything, unless the policy has one as an interpreter.
//!
//! ```
//! # #[cfg(target_os = "linux")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> octollm_core::Result<()> {
//! use octollm_arms::executor::{ActionRequest, Executor, Policy};
//!
//! let executor = Executor::new(Policy::built_in()?);
//! let shown = executor.show(&ActionRequest::shell("echo", ["two words"]))?;
//! assert!(shown.ends_with("/echo 'two words'"));
//!
//! let refused = executor.show(&ActionRequest::shell("find", [".", "-exec", "id"])).unwrap_err();
//! assert_eq!(refused.kind().code(), "unauthorized");
//! # Ok(())
//! # }
//! # #[cfg(not(target_os = "linux"))]
//! # fn main() {}
//! ```

mod action;
mod arm;
mod artifacts;
mod command_line;
mod http;
mod once;
mod output;
mod pages;
mod policy;
mod proxy;
mod request;
mod run;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

pub use arm::Executor;
pub use artifacts::ArtifactFolder;
pub use http::{Resolve, SystemResolver};
pub use pages::Pages;
pub use policy::{Limits, Policy};
pub use request::{ActionRequest, ActionResponse, ActionType, Artifact, HttpAnswer, Provenance};
