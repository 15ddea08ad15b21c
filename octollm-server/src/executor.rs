//! The executor as the settings describe it.

use octollm_arms::executor::{ArtifactFolder, Executor, Policy};
use octollm_core::config::Config;
use octollm_core::{Error, ErrorKind, Result};

use crate::store;

/// The folder of artifacts, in the store's.
const ARTIFACTS: &str = "artifacts";
/// Bytes of artifacts that are kept.
const MOST_ARTIFACTS: u64 = 1 << 30;

/// What the executor may do.
///
/// # Errors
/// `not_configured` with what is wrong with the policy's file.
pub(crate) async fn policy(config: &Config) -> Result<Policy> {
    let Some(file) = config.octollm_executor_policy.clone() else { return Policy::built_in() };
    tokio::task::spawn_blocking(move || Policy::read(&file))
        .await
        .map_err(|cause| Error::new(ErrorKind::Internal, "the policy was not read").with_source(cause))?
}

/// The executor, with its artifacts beside the store.
///
/// # Errors
/// As [`policy`].
pub(crate) async fn open(config: &Config) -> Result<Executor> {
    let folder = ArtifactFolder::new(store::home(config)?.join(ARTIFACTS), MOST_ARTIFACTS);
    Ok(Executor::new(policy(config).await?).with_artifacts(folder))
}
