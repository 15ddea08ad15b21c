//! What a failed connection means: whether to come back, and what a person should look at.

use std::error::Error as StdError;
use std::io;

use crate::error::{Error, ErrorKind, Status};

/// Sorts a failure of the transport. What may pass (refused, reset, unknown name, timeouts) is temporary; what needs
/// a person (TLS, a request that cannot be built) is permanent.
///
/// The URL is shown without user, password and query.
pub fn transport_error(error: reqwest::Error) -> Error {
    let url = error.url().map(super::display_url);
    let error = error.without_url();
    let mut sorted = sort(&error);
    if let Some(url) = url {
        sorted = sorted.with_context("url", url);
    }
    sorted.with_source(error)
}

fn sort(error: &reqwest::Error) -> Error {
    if let Some(tls) = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return Error::new(ErrorKind::Unavailable, "no secure connection can be made")
            .with_status(Status::Permanent)
            .with_context("reason", tls.to_string())
            .with_hint(tls_hint(tls));
    }
    if error.is_connect() {
        return Error::new(ErrorKind::Unavailable, "the service cannot be reached")
            .with_context("reason", connect_reason(error))
            .with_hint("check that it runs and that its address is right");
    }
    if error.is_timeout() {
        return Error::new(ErrorKind::Timeout, "the service did not answer in time");
    }
    if error.is_redirect() {
        return Error::new(ErrorKind::Unavailable, "the service redirects in circles")
            .with_status(Status::Permanent)
            .with_hint("use the address that it redirects to");
    }
    if error.is_builder() {
        return Error::new(ErrorKind::InvalidInput, "the request cannot be built");
    }
    // Connections are closed half-way by services that stop or restart, and by those that do not speak HTTP.
    Error::new(ErrorKind::Unavailable, "the connection broke off before the answer was complete")
        .with_context("reason", innermost(error))
}

fn connect_reason(error: &reqwest::Error) -> String {
    if causes(error).any(|cause| cause.to_string().starts_with("dns error")) {
        return "the name cannot be resolved".to_owned();
    }
    if error.is_timeout() {
        return "nobody answered in time".to_owned();
    }
    innermost(error)
}

fn tls_hint(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(_) => {
            "check the service's certificate; name a private authority's certificate in SSL_CERT_FILE, and install \
             the system's certificates (ca-certificates) where there are none"
        }
        rustls::Error::InvalidMessage(_) => "the service does not speak TLS on this port: try http://",
        _ => "check that the service speaks TLS 1.2 or 1.3 on this port",
    }
}

/// The deepest cause in its own words.
fn innermost(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

/// The causes of `error`, outermost first. Looks into `io::Error`, whose `source` skips the error that it wraps.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&cause| {
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn StdError + 'static)).or_else(|| cause.source())
    })
}
