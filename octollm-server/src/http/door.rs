//! Who is let in, and how often: the layers around all routes of a service.
//!
//! A request that is turned away costs next to nothing: it is counted before its body is read. `/health` and `/ready` are
//! not counted, or who watches over a busy service would take it for a dead one.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use octollm_core::reflex::rate_limit::{RateLimit, Visitor};
use tower_http::catch_panic::CatchPanicLayer;

use super::envelope::{self, LoopbackOnly};
use super::panicked;
use super::problem::Problem;

/// Routes that are not counted.
const UNCOUNTED: [&str; 2] = ["/health", "/ready"];
/// What a request counts as that no route takes.
const NO_ROUTE: &str = "-";

/// Where a request comes from; [`run`](super::run) adds it to each.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

/// Which key a request came with, for limits by key. Whoever checks keys adds it to the request's extensions, and only
/// where the key was right: who makes up keys must not get room for each.
#[derive(Debug, Clone)]
pub struct KeyId(pub Arc<str>);

/// Who is let in. By default requests that name this machine, as many as there are.
#[derive(Debug, Clone, Default)]
pub struct Door {
    any_host: bool,
    limit: Option<Arc<RateLimit>>,
}

impl Door {
    /// Also lets in requests that name another host than this machine.
    #[must_use]
    pub fn for_any_host(mut self) -> Self {
        self.any_host = true;
        self
    }

    /// Lets in as many as this limit allows.
    #[must_use]
    pub fn with_limit(mut self, limit: Option<RateLimit>) -> Self {
        self.limit = limit.map(Arc::new);
        self
    }

    /// The routes behind this door, with a time limit, and with an answer of their own for panics and errors.
    pub(super) fn before<S: Clone + Send + Sync + 'static>(&self, routes: Router<S>) -> Router<S> {
        routes
            .layer(middleware::from_fn(envelope::time_limit))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(middleware::from_fn_with_state(self.clone(), count))
            .layer(middleware::from_fn_with_state(LoopbackOnly(!self.any_host), envelope::local_names_only))
            .layer(middleware::from_fn(envelope::envelope))
    }
}

async fn count(State(door): State<Door>, request: Request, next: Next) -> Response {
    let Some(limit) = &door.limit else { return next.run(request).await };
    let found = request.extensions();
    let route = found.get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    if UNCOUNTED.contains(&&*route) {
        return next.run(request).await;
    }
    let client = found.get::<ClientAddress>().map(|ClientAddress(address)| client(*address));
    let key = found.get::<KeyId>().map(|KeyId(id)| id.clone());
    let visitor = Visitor { key: key.as_deref(), client: client.as_deref(), route: Some(&route) };
    match limit.admit(visitor).await {
        Ok(()) => next.run(request).await,
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Who is one client: an address of IPv4; of IPv6 the network of 64 bits, for each of its hosts has as many addresses as it
/// likes.
fn client(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_address_or_a_network() {
        let client = |text: &str| client(text.parse().unwrap());
        assert_eq!(client("192.0.2.7"), "192.0.2.7");
        assert_eq!(client("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(client("2001:db8:1:2:3:4:5:6"), client("2001:db8:1:2::1"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
    }
}
