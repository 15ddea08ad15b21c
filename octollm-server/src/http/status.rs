//! How the service and its arms are.

use axum::Json;
use axum::extract::State;
use octollm_core::arm::{ArmInfo, Health, HealthStatus};
use octollm_core::{Error, ErrorKind};
use serde::Serialize;

use super::AppState;
use super::problem::Problem;
use super::query::Params;

/// The arms that are registered.
#[derive(Serialize)]
pub(super) struct Arms {
    arms: Vec<ArmInfo>,
}

/// `GET /api/v1/arms`
pub(super) async fn arms(State(state): State<AppState>, params: Params) -> Result<Json<Arms>, Problem> {
    params.finish()?;
    Ok(Json(Arms { arms: state.orchestrator.arms().await? }))
}

/// `GET /health`: answers as long as the process lives, and says how what it depends on is.
pub(super) async fn health(State(state): State<AppState>) -> Result<Json<Health>, Problem> {
    Ok(Json(state.orchestrator.health().await?))
}

/// `GET /ready`: whether new tasks are taken.
pub(super) async fn ready(State(state): State<AppState>) -> Result<Json<Health>, Problem> {
    if state.shutdown.is_cancelled() {
        return Err(Error::new(ErrorKind::Unavailable, "the server is shutting down").into());
    }
    let health = state.orchestrator.health().await?;
    if health.status == HealthStatus::Unhealthy {
        let error = Error::new(ErrorKind::Unavailable, "the server cannot take tasks now")
            .with_hint("GET /health says which dependency is unhealthy");
        return Err(error.into());
    }
    Ok(Json(health))
}
