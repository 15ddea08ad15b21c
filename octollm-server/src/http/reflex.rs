//! `POST /api/v1/reflex`: looks at a text and runs nothing; and the routes of a service that does nothing else.
//!
//! A short text is looked at where the request is handled: handing it over would take longer. A long one takes
//! milliseconds, in which this thread would answer nobody else, so it is handed to a thread of its own. As many work at
//! once as there are cores, a bounded number waits, and who finds no place is told when to come back.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use octollm_core::arm::Health;
use octollm_core::reflex::{CheckReply, CheckRequest, ReflexChain};
use octollm_core::{Error, ErrorKind, Result};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::body::JsonBody;
use super::door::Door;
use super::problem::Problem;
use super::query::Params;
use super::{AppState, no_such_method};

/// Bytes of the longest text that is looked at in place: some 200 us where it is dense with findings.
const IN_PLACE: usize = 2 << 10;
/// Long texts that may wait for a core. Each has 2 MiB at most.
const WAITING: usize = 64;
/// When a caller that found no place may come back.
const COME_BACK: Duration = Duration::from_secs(1);

/// A reflex chain and the threads that it may use. Cheap to clone; clones share the places.
#[derive(Clone)]
pub struct ReflexService {
    chain: Arc<ReflexChain>,
    /// Places of those who work or wait.
    places: Arc<Semaphore>,
    /// Places of those who work.
    cores: Arc<Semaphore>,
}

impl ReflexService {
    /// Looks at texts with this chain, on as many threads as there are cores.
    pub fn new(chain: Arc<ReflexChain>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with_places(chain, cores, WAITING)
    }

    fn with_places(chain: Arc<ReflexChain>, cores: usize, waiting: usize) -> Self {
        let (places, cores) = (Semaphore::new(cores + waiting), Semaphore::new(cores));
        Self { chain, places: Arc::new(places), cores: Arc::new(cores) }
    }

    /// Looks at a text without keeping the runtime's threads.
    ///
    /// # Errors
    /// `unavailable` with a time to come back where too many long texts wait; otherwise only a defect.
    pub async fn check(&self, request: CheckRequest) -> Result<CheckReply> {
        if request.text.len() <= IN_PLACE {
            return self.chain.check(&request);
        }
        let place = self.places.clone().try_acquire_owned().map_err(|_| full())?;
        let core = self.cores.clone().acquire_owned().await.map_err(|_| full())?;
        let chain = self.chain.clone();
        let look = move || {
            let reply = chain.check(&request);
            // Given back when the work is over, also where nobody waits for it any more.
            drop((core, place));
            reply
        };
        tokio::task::spawn_blocking(look).await.map_err(|error| {
            Error::new(ErrorKind::Internal, "the text could not be looked at").with_source(error)
        })?
    }
}

fn full() -> Error {
    Error::new(ErrorKind::Unavailable, "too many long texts wait to be looked at").with_retry_after(COME_BACK)
}

impl FromRef<AppState> for ReflexService {
    fn from_ref(state: &AppState) -> Self {
        state.reflexes.clone()
    }
}

/// `POST /api/v1/reflex`
pub(super) async fn check(
    State(reflexes): State<ReflexService>,
    params: Params,
    JsonBody(document): JsonBody,
) -> Result<Json<CheckReply>, Problem> {
    params.finish()?;
    let request = CheckRequest::from_json(document)?;
    Ok(Json(reflexes.check(request).await?))
}

/// What the routes of the service of its own have at hand.
#[derive(Clone)]
struct ReflexState {
    reflexes: ReflexService,
    shutdown: CancellationToken,
}

impl FromRef<ReflexState> for ReflexService {
    fn from_ref(state: &ReflexState) -> Self {
        state.reflexes.clone()
    }
}

/// The routes of the reflexes alone.
pub fn reflex_app(reflexes: ReflexService, shutdown: CancellationToken, door: &Door) -> Router {
    let routes = Router::new()
        .route("/api/v1/reflex", post(check))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method);
    door.before(routes).with_state(ReflexState { reflexes, shutdown })
}

async fn no_such_route() -> Problem {
    Error::new(ErrorKind::NotFound, "there is nothing at this address")
        .with_hint("the reflexes are at POST /api/v1/reflex; /health and /ready say how the service is")
        .into()
}

/// `GET /health`: the service depends on nothing, so it is well as long as it answers.
async fn health(params: Params) -> Result<Json<Health>, Problem> {
    params.finish()?;
    Ok(Json(Health { version: env!("CARGO_PKG_VERSION").to_owned(), ..Health::healthy() }))
}

/// `GET /ready`: whether texts are looked at now.
async fn ready(State(state): State<ReflexState>, params: Params) -> Result<Json<Health>, Problem> {
    if state.shutdown.is_cancelled() {
        return Err(Error::new(ErrorKind::Unavailable, "the service is shutting down").into());
    }
    if state.reflexes.places.available_permits() == 0 {
        return Err(full().into());
    }
    health(params).await
}

#[cfg(test)]
mod tests {
    use octollm_core::reflex::{Origin, Policy};

    use super::*;

    #[tokio::test]
    async fn who_finds_no_place_is_told_when_to_come_back() {
        let chain = Arc::new(ReflexChain::new(Policy::default()).unwrap());
        let reflexes = ReflexService::with_places(chain, 1, 0);
        let (short, long) = ("mail a@example.com", "mail a@example.com ".repeat(200));
        let ask = |text: &str| {
            let (reflexes, request) = (reflexes.clone(), CheckRequest::new(text, Origin::User));
            async move { reflexes.check(request).await }
        };
        let taken = reflexes.places.clone().try_acquire_owned().unwrap();
        let error = ask(&long).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(COME_BACK)));
        assert!(ask(short).await.is_ok(), "short texts need no place");
        drop(taken);
        assert!(ask(&long).await.unwrap().findings.len() >= 200);
        assert!(ask(&long).await.is_ok(), "the place is given back");
    }
}
