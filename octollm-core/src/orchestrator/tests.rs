//! The engine, with real journals and arms of this process.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::testing::arms;
use crate::testing::orchestrator::orchestrator_suite;

async fn engine() -> Arc<LocalOrchestrator> {
    let builder = LocalOrchestrator::builder();
    arms::standard_arms().into_iter().fold(builder, Builder::arm).start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_local_orchestrator_passes_the_suite() {
    let octo = engine().await;
    orchestrator_suite(octo.clone()).await;
    octo.shutdown(Duration::from_secs(5)).await;
    let error = octo.submit("nothing is taken any more".into()).await.unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Unavailable);
    assert!(error.retry_after().is_some());
}
