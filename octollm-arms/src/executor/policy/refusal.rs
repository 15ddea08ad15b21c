//! What the policy does not allow, said in one way.

use octollm_core::{Error, ErrorKind, Fault};

/// The policy does not allow it; `place` is where it stands in the request.
pub(in crate::executor) fn refused_at(policy: &str, place: &str, detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unauthorized, "the executor's policy does not allow it")
        .with_context("policy", policy.to_owned())
        .with_faults([Fault::new(place, detail)])
        .with_hint(
            "ask whoever keeps the policy (OCTOLLM_EXECUTOR_POLICY) to allow it, or do it in another way",
        )
}
