//! The engine, with real journals and arms of this process.

#[cfg(feature = "sqlite")]
mod answers;
#[cfg(feature = "sqlite")]
mod beginning;
#[cfg(feature = "sqlite")]
mod faults;
mod filling;
mod limits;
mod live;
mod passing;
mod peers;
#[cfg(feature = "sqlite")]
mod recovery;
mod routing;
mod spending;
#[cfg(feature = "reflex")]
mod veil;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::error::ErrorKind;
use crate::task::{TaskResult, TaskStatus};
use crate::testing::arms;
use crate::testing::orchestrator::orchestrator_suite;

fn with_arms(builder: Builder) -> Builder {
    arms::standard_arms().into_iter().fold(builder, Builder::arm)
}

async fn engine(config: EngineConfig) -> Arc<LocalOrchestrator> {
    with_arms(LocalOrchestrator::builder()).config(config).start().await.unwrap()
}

async fn status_becomes(octo: &dyn Orchestrator, id: TaskId, wanted: TaskStatus) -> TaskResult {
    for _ in 0..1000 {
        let result = octo.task(id).await.unwrap();
        if result.status == wanted {
            return result;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{id} does not become {wanted:?}: {:?}", octo.task(id).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_local_orchestrator_passes_the_suite() {
    let octo = engine(EngineConfig::default()).await;
    orchestrator_suite(octo.clone()).await;
    octo.shutdown(Duration::from_secs(5)).await;
    let error = octo.submit("nothing is taken any more".into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.retry_after().is_some());
}

#[tokio::test]
async fn a_goal_that_names_what_an_arm_can_do_needs_no_plan() {
    let octo = engine(EngineConfig::default()).await;
    let result = octo.run("Please echo this back to me".into()).await.unwrap();
    assert_eq!(result.status, TaskStatus::Completed, "{result:?}");
    assert_eq!(result.steps[0].arm_id.as_deref(), Some("echo"));
    let events = octo.journal(result.task_id, 0, 10).await.unwrap();
    assert_eq!(events[1].kind.name(), "intent.parsed");
}

#[tokio::test]
async fn a_goal_that_no_rule_can_plan_says_what_to_do() {
    let octo = engine(EngineConfig::default()).await;
    let result = octo.run("Compose a sonnet on octopuses".into()).await.unwrap();
    let error = result.error.unwrap();
    assert_eq!(error.code, "not_configured");
    assert!(error.hint.is_some());
}
