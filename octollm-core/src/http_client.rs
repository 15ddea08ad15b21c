//! HTTP, as a client: one place that builds clients, reads bodies and says what went wrong.
//!
//! Whatever calls out over HTTP (arms, remote orchestrators, embedders) goes through here, so that all of it keeps
//! the same habits: a connection is refused quickly instead of hanging, a redirect is an answer and not a detour, a
//! body is never longer than its reader allows, and a failure says whether another attempt is worth it.
//!
//! Time limits on whole requests are the caller's: it knows its deadline, and dropping the future closes the
//! connection.

mod refusal;
#[cfg(test)]
mod tests;
mod transport;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Client, ClientBuilder, Response, Url, redirect};

pub use refusal::{Refusal, retry_after};
pub use transport::transport_error;

use crate::error::{Error, ErrorKind, Fault, Result};

/// What every client calls itself.
const USER_AGENT: &str = concat!("octollm/", env!("CARGO_PKG_VERSION"));

/// Bytes reserved before the first byte of a body has come, whatever its sender announces.
const FIRST_RESERVE: usize = 64 * 1024;

/// How a client behaves. The defaults suit a service nearby.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Time until a connection stands, TLS included.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept. Shorter than the server's own limit, or a request may be written into
    /// a connection that is just being closed.
    pub idle_timeout: Duration,
    /// Redirects that are followed; with 0 a redirect is an answer like any other.
    pub redirects: usize,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are obeyed. Off by default: a proxy that is meant for the
    /// outside world would otherwise stand between this process and the arms beside it.
    pub environment_proxy: bool,
    /// Whether the system's certificates are read, which takes a megabyte or two and some milliseconds. Without them only
    /// plain `http://` works.
    pub system_certificates: bool,
    /// A name that is not looked up, and the addresses that it stands for: those that somebody has checked.
    pub pinned: Option<(String, Vec<SocketAddr>)>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(90),
            redirects: 0,
            environment_proxy: false,
            system_certificates: true,
            pinned: None,
        }
    }
}

/// Builds a client. Clones of it share its connections.
///
/// TLS trusts what the system trusts (or `SSL_CERT_FILE`). On a system without any certificates plain `http://` still
/// works, and `https://` fails with a hint.
///
/// # Errors
/// [`ErrorKind::NotConfigured`] if TLS or the system's name resolution cannot be set up.
pub fn client(options: &ClientOptions) -> Result<Client> {
    install_crypto_provider();
    if !options.system_certificates {
        return builder(options).tls_certs_only([]).build().map_err(not_set_up);
    }
    let built = builder(options).build().or_else(|error| {
        tracing::warn!(%error, "the system's certificates cannot be read: https:// will not work");
        builder(options).tls_certs_only([]).build()
    });
    built.map_err(not_set_up)
}

fn not_set_up(error: reqwest::Error) -> Error {
    Error::new(ErrorKind::NotConfigured, "the HTTP client cannot be set up")
        .with_hint("check the system's certificates and name resolution")
        .with_source(error)
}

fn builder(options: &ClientOptions) -> ClientBuilder {
    let redirects = match options.redirects {
        0 => redirect::Policy::none(),
        most => redirect::Policy::limited(most),
    };
    let mut builder = Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(options.connect_timeout)
        .pool_idle_timeout(options.idle_timeout)
        .tcp_keepalive(Duration::from_secs(30))
        .redirect(redirects);
    if let Some((name, addresses)) = &options.pinned {
        builder = builder.resolve_to_addrs(name, addresses);
    }
    if options.environment_proxy { builder } else { builder.no_proxy() }
}

/// TLS needs a process-wide provider of cryptography. One that the host program has installed is left in place.
fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails only if somebody else was faster, and then theirs serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// Reads the address of a service: `http` or `https`, with a host, without a query.
///
/// # Errors
/// [`ErrorKind::InvalidInput`]. The address itself is not repeated: it may hold a password.
pub fn parse_url(address: &str) -> Result<Url> {
    let fault =
        |detail: &str| Err(Error::invalid("not the address of a service", vec![Fault::new("", detail)]));
    let url = match Url::parse(address.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url,
        Ok(_) => return fault("must start with http:// or https://"),
        Err(_) => return fault("must be a URL like http://127.0.0.1:8103"),
    };
    if url.query().is_some() || url.fragment().is_some() {
        return fault("must not have a query (`?`) or a fragment (`#`)");
    }
    Ok(url)
}

/// The address below `base`: `http://host/api` and `health` make `http://host/api/health`.
pub fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// The address as it may be shown: without user, password, query and fragment.
pub fn display_url(url: &Url) -> String {
    let mut shown = url.clone();
    // Refused only for URLs that cannot have either.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.to_string()
}

/// Reads a body of `limit` bytes at most. A longer one is not held: reading stops and the connection is closed.
///
/// # Errors
/// [`ErrorKind::TooLarge`] (permanent); what [`transport_error`] makes of a connection that breaks off.
pub async fn read_body(mut response: Response, limit: usize) -> Result<Bytes> {
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return Err(too_large(&response, limit));
    }
    let mut body = BytesMut::with_capacity((announced as usize).min(FIRST_RESERVE));
    while let Some(chunk) = response.chunk().await.map_err(transport_error)? {
        if chunk.len() > limit - body.len() {
            return Err(too_large(&response, limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn too_large(response: &Response, limit: usize) -> Error {
    Error::new(ErrorKind::TooLarge, format!("the answer is longer than {limit} bytes"))
        .with_context("url", display_url(response.url()))
}
