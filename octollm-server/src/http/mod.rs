//! The HTTP projection of `trait Orchestrator`. Thin on purpose: every rule about tasks lives in the core, and the
//! remote orchestrator of the core is the inverse of this.

mod arm;
mod body;
mod door;
mod envelope;
mod events;
mod problem;
mod query;
mod reflex;
mod serve;
mod socket;
mod status;
mod tasks;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use octollm_core::orchestrator::Orchestrator;
use octollm_core::{Error, ErrorKind};
use tokio_util::sync::CancellationToken;

pub use arm::arm_app;
pub use door::{ClientAddress, Door, KeyId};
use problem::Problem;
pub use reflex::{ReflexService, reflex_app};
pub use serve::run;

/// What every route has at hand.
#[derive(Clone)]
pub struct AppState {
    orchestrator: Arc<dyn Orchestrator>,
    reflexes: ReflexService,
    shutdown: CancellationToken,
    door: Door,
    sockets: socket::Sockets,
}

impl AppState {
    /// Serves this orchestrator, and these reflexes to who asks for them. Streams end when `shutdown` is cancelled.
    pub fn new(
        orchestrator: Arc<dyn Orchestrator>,
        reflexes: ReflexService,
        shutdown: CancellationToken,
    ) -> Self {
        Self { orchestrator, reflexes, shutdown, door: Door::default(), sockets: socket::Sockets::default() }
    }

    /// Lets in who this door lets in.
    #[must_use]
    pub fn behind(mut self, door: Door) -> Self {
        self.door = door;
        self
    }
}

/// The routes.
pub fn app(state: AppState) -> Router {
    let api = Router::new()
        .route("/tasks", get(tasks::list).post(tasks::submit))
        .route("/tasks/{id}", get(tasks::show))
        .route("/tasks/{id}/events", get(events::events))
        .route("/tasks/{id}/cancel", post(tasks::cancel))
        .route("/tasks/{id}/approve", post(tasks::approve))
        .route("/arms", get(status::arms))
        .route("/reflex", post(reflex::check));
    let routes = Router::new()
        .nest("/api/v1", api)
        .route("/ws/{client_id}", get(socket::socket))
        .route("/health", get(status::health))
        .route("/ready", get(status::ready))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method);
    state.door.before(routes).with_state(state)
}

async fn no_such_route() -> Problem {
    let error = Error::new(ErrorKind::NotFound, "there is nothing at this address").with_hint(
        "tasks are at /api/v1/tasks, arms at /api/v1/arms; /health and /ready say how the server is",
    );
    error.into()
}

async fn no_such_method() -> Problem {
    let error = Error::new(ErrorKind::InvalidInput, "this address does not take this method")
        .with_hint("the header `Allow` names the methods that it takes");
    Problem::with_status(StatusCode::METHOD_NOT_ALLOWED, error)
}

#[allow(clippy::needless_pass_by_value, reason = "the signature that the layer asks for")]
fn panicked(_: Box<dyn Any + Send>) -> Response {
    // The panic hook has written where it happened; what it said may hold what a user wrote.
    tracing::error!("a request handler panicked");
    Problem::internal().into_response()
}
