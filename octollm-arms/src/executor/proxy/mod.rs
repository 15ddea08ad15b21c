//! The way out for sandboxed programs, to the hosts that the policy opens for them and to no other.
//!
//! ```text
//! sandbox (own network, one port)  │  this process
//! program ── HTTP_PROXY ── lo:3128 ═╪═ accept ─ rule? ─ look up once ─ address? ─ connect ─ meter ── host
//! ```
//!
//! A program in the sandbox has a loopback of its own with one port, and the socket that listens there is here: so what it
//! can reach is this proxy, and what the proxy reaches is decided here, by name. An address filter could not do that: names
//! move, and many live at one address. Plain HTTP is taken apart and sent anew, with the rule's own view of host, method
//! and path; of `https` only host and port can be seen, so a rule must say `tunnel` for it.
//!
//! Everything here ends with the run, open connections too.

mod forward;
mod meter;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use octollm_core::{Error, ErrorKind, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::http::Resolve;
use super::policy::{Host, Hosts};
use forward::Tunnel;
use meter::{Meter, Metered};

/// The port of the sandbox's own loopback.
pub(super) const PORT: u16 = 3128;
/// Connections of one run at once.
const MOST_CONNECTIONS: usize = 64;
/// To look up a host and to connect to it.
const CONNECTING: Duration = Duration::from_secs(10);
/// Until a request's head is there.
const HEAD: Duration = Duration::from_secs(10);
/// Bytes of a request's or an answer's head.
const MOST_HEAD: usize = 64 << 10;

type Body = BoxBody<Bytes, hyper::Error>;

/// The variables by which programs find the proxy, in both spellings that there are.
pub(super) fn variables() -> impl Iterator<Item = (&'static str, String)> {
    ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"]
        .into_iter()
        .map(|name| (name, format!("http://127.0.0.1:{PORT}")))
}

/// A proxy for one run.
pub(super) struct Proxy {
    hosts: Hosts,
    /// The policy, in what it refuses.
    policy: String,
    resolver: Arc<dyn Resolve>,
    meter: Meter,
}

impl Proxy {
    /// For a run that may reach these hosts and move so many bytes, both ways together.
    pub(super) fn new(hosts: Hosts, policy: String, resolver: Arc<dyn Resolve>, bytes: u64) -> Self {
        Self { hosts, policy, resolver, meter: Meter::new(bytes) }
    }

    /// Serves what connects until it is dropped, and all its connections with it.
    pub(super) async fn serve(self, listener: std::net::TcpListener) {
        let listener = listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener));
        let Ok(listener) = listener else { return };
        let proxy = Arc::new(self);
        let mut connections = JoinSet::new();
        loop {
            while connections.len() >= MOST_CONNECTIONS {
                connections.join_next().await;
            }
            tokio::select! {
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => drop(connections.spawn(proxy.clone().connection(stream))),
                    // Out of descriptors, say: somebody else may give some back.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                },
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let tunnel: Arc<Mutex<Option<Tunnel>>> = Arc::default();
        let kept = tunnel.clone();
        let service = service_fn(move |request| {
            let (proxy, tunnel) = (self.clone(), kept.clone());
            async move { Ok::<_, Infallible>(proxy.answer(request, &tunnel).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(MOST_HEAD)
            // A program may have said all that it wants to say before it hears the answer.
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        // What goes wrong with a connection is between the program and the host.
        let ended = connection.await;
        let tunnel = tunnel.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Ok(()), Some(tunnel)) = (ended, tunnel) {
            tunnel.run().await;
        }
    }

    /// Never fails: what cannot be done is an answer that says why.
    async fn answer(&self, request: Request<Incoming>, kept: &Mutex<Option<Tunnel>>) -> Response<Body> {
        let done = match request.method() {
            &hyper::Method::CONNECT => self.tunnel(request).await.map(|tunnel| {
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
                Response::new(said(""))
            }),
            _ => self.forward(request).await,
        };
        done.unwrap_or_else(|error| {
            let error = if self.meter.is_spent() { spent() } else { error };
            let status = match error.kind() {
                ErrorKind::Unauthorized | ErrorKind::BudgetExceeded => StatusCode::FORBIDDEN,
                ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
                ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
                _ => StatusCode::BAD_GATEWAY,
            };
            let mut answer = Response::new(said(&format!("{error}\n")));
            *answer.status_mut() = status;
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            answer
        })
    }

    /// A connection to the host of this URL, at an address that was checked.
    async fn connect(&self, url: &reqwest::Url, host: &Host) -> Result<Metered> {
        let connecting = async {
            let target = super::http::target(&self.resolver, url, host.private).await?;
            TcpStream::connect(&*target.addresses).await.map_err(|cause| {
                Error::new(ErrorKind::Unavailable, "the host cannot be reached").with_source(cause)
            })
        };
        let late = |_| Err(Error::new(ErrorKind::Timeout, "the host cannot be reached in time"));
        timeout(CONNECTING, connecting).await.unwrap_or_else(late).map(|stream| self.meter.around(stream))
    }
}

fn said(text: &str) -> Body {
    Full::new(Bytes::copy_from_slice(text.as_bytes())).map_err(|never| match never {}).boxed()
}

/// Nothing goes on in this run, whatever is asked.
fn spent() -> Error {
    Error::new(
        ErrorKind::BudgetExceeded,
        "the run has moved as much over the network as the policy's `network_mib` allows",
    )
}

/// What a program must write differently.
fn invalid(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, what)
}
