//! The two things that a program may ask of the proxy: to pass a request on, or to connect it to a host.

use std::pin::{Pin, pin};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use octollm_core::{Error, ErrorKind, Result};
use reqwest::Url;
use tokio::io::copy_bidirectional;

use super::meter::{Driven, Metered};
use super::{Body, MOST_HEAD, Proxy, invalid};

type Answer = hyper::Result<Response<Incoming>>;

/// A program's connection and a host's, to be joined when the program has heard that it may speak.
pub(super) struct Tunnel {
    program: OnUpgrade,
    host: Metered,
}

impl Tunnel {
    /// Passes on what either says, until both have ended.
    pub(super) async fn run(mut self) {
        if let Ok(program) = self.program.await {
            // Whoever of the two breaks it off knows.
            let _ = copy_bidirectional(&mut TokioIo::new(program), &mut self.host).await;
        }
    }
}

impl Proxy {
    /// Connects to a host with which the program may speak as it likes.
    pub(super) async fn tunnel(&self, request: Request<Incoming>) -> Result<Tunnel> {
        // Read by the rules for URLs, as everywhere else: so there is one opinion of what is a host's name.
        let url: Url = request
            .uri()
            .authority()
            .and_then(|authority| format!("https://{authority}/").parse().ok())
            .ok_or_else(|| invalid("CONNECT takes a host and a port"))?;
        without_user(&url)?;
        let host = self.hosts.tunnelling(&self.policy, &url)?;
        let stream = self.connect(&url, host).await?;
        Ok(Tunnel { program: hyper::upgrade::on(request), host: stream })
    }

    /// Sends a request to the host that it names, as a request of the proxy's own.
    pub(super) async fn forward(&self, request: Request<Incoming>) -> Result<Response<Body>> {
        let absolute = request.uri().scheme_str() == Some("http");
        let url: Option<Url> = absolute.then(|| request.uri().to_string().parse().ok()).flatten();
        let url = url.ok_or_else(|| invalid("a proxy takes `http://` with a host, or CONNECT"))?;
        without_user(&url)?;
        let host = self.hosts.allowing(&self.policy, request.method(), &url)?;
        let stream = self.connect(&url, host).await?;
        let failed = |cause: hyper::Error| match cause.is_user() {
            // What this side sends is what the program sends.
            true => invalid("the request's body broke off, or is not what its headers say"),
            false => {
                Error::new(ErrorKind::Unavailable, "the host gave no answer that is HTTP").with_source(cause)
            }
        };
        let mut client = hyper::client::conn::http1::Builder::new();
        let handshake = client.max_buf_size(MOST_HEAD).handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(failed)?;
        let mut connection = Some(Box::pin(connection));
        let answer = sender.send_request(anew(request, &url, host.headers())?);
        let answer = with(&mut connection, answer).await.map_err(failed)?;
        let (mut head, body) = answer.into_parts();
        strip(&mut head.headers);
        Ok(Response::from_parts(head, Driven::new(body, connection).boxed()))
    }
}

/// Waits for an answer, and drives the connection as long as that takes. One that has ended may have brought the answer.
async fn with<C: Future>(
    connection: &mut Option<Pin<Box<C>>>,
    answer: impl Future<Output = Answer>,
) -> Answer {
    let mut answer = pin!(answer);
    if let Some(driven) = connection {
        tokio::select! {
            answer = &mut answer => return answer,
            _ = driven => *connection = None,
        }
    }
    answer.await
}

fn without_user(url: &Url) -> Result<()> {
    if url.username().is_empty() && url.password().is_none() {
        Ok(())
    } else {
        Err(invalid("a host with a user or a password is not asked"))
    }
}

/// The request as it goes to the host: its path, the name that was checked, and the headers that the policy has for it.
fn anew(request: Request<Incoming>, url: &Url, policys: HeaderMap) -> Result<Request<Incoming>> {
    let (mut head, body) = request.into_parts();
    strip(&mut head.headers);
    strip_disguises(&mut head.headers);
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    head.uri = path.parse::<Uri>().map_err(|_| invalid("the path is none"))?;
    head.version = hyper::Version::HTTP_11;
    head.extensions.clear();
    let name = url.host_str().unwrap_or_default();
    let name = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
    head.headers.insert(HOST, HeaderValue::try_from(name).map_err(|_| invalid("the host has no name"))?);
    head.headers.extend(policys);
    Ok(Request::from_parts(head, body))
}

/// Takes out what concerns one connection only, by RFC 9110 section 7.6.1, and what `Connection` names besides.
fn strip(headers: &mut HeaderMap) {
    const ALWAYS: [HeaderName; 7] =
        [CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.into_iter().chain(ALWAYS) {
        headers.remove(name);
    }
    for name in ["keep-alive", "proxy-connection"] {
        headers.remove(name);
    }
}

/// Takes out headers by which some servers take a request for another one than the rule was asked about: another path,
/// another method, another sender. What the policy has of them is added behind this.
fn strip_disguises(headers: &mut HeaderMap) {
    const BEGINNINGS: [&str; 15] = [
        "x-original-",
        "x-rewrite-",
        "x-override-",
        "x-http-method",
        "x-method-override",
        "x-forwarded-",
        "x-envoy-",
        "x-host",
        "x-real-ip",
        "x-client-ip",
        "x-remote-",
        "x-cluster-client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "forwarded",
    ];
    let disguises: Vec<HeaderName> = headers
        .keys()
        // To CGI and what came of it, both are the same name.
        .filter(|name| {
            let name = name.as_str().replace('_', "-");
            BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        })
        .cloned()
        .collect();
    for name in disguises {
        headers.remove(name);
    }
}
