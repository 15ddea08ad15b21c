//! What both wires share: one request out, one answer in, and every way in which that can break.
//!
//! A wire gives a body and a [`Decoder`]; everything about connections, time limits, refusals and broken streams is
//! here, so that both protocols have the same habits.

mod answer;
mod encode;
mod limits;
mod refusal;
mod schema;
mod strict;
#[cfg(test)]
pub(super) mod testing;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url};
use tokio::time::{Instant, timeout_at};

pub(super) use answer::stream;
pub(super) use encode::{base64, data_url, decimal};
pub(super) use refusal::{said_in_stream, sort_error_object};
pub(super) use schema::tightened;
pub(super) use strict::is_strict;

use super::vendors::Auth;
use super::{Delta, Reason, Secret};
use crate::error::{Error, ErrorKind, Fault, Result, Status};
use crate::http_client;
use crate::sse::Frame;

/// How long a provider may be silent. Every limit is needed: without the first, a provider that accepts and never
/// answers hangs a task; without the second, one that stops in the middle; without the third, one that only ever sends
/// signs of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// Until the answer begins: long enough for a local server that loads the model first.
    pub first_byte: Duration,
    /// Between two bytes: long enough for a model that thinks without showing it.
    pub idle: Duration,
    /// For the whole answer.
    pub total: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(120),
            idle: Duration::from_secs(300),
            total: Duration::from_secs(1800),
        }
    }
}

/// Where a provider is and how it is spoken to.
#[derive(Clone)]
pub(super) struct Endpoint {
    client: Client,
    url: Url,
    headers: HeaderMap,
    limits: TimeLimits,
    /// `vendor/model`, for errors.
    name: Arc<str>,
}

/// What an [`Endpoint`] is made of.
pub(super) struct EndpointParts<'a> {
    pub(super) client: Client,
    pub(super) base: &'a Url,
    pub(super) path: &'a str,
    pub(super) query: BTreeMap<String, String>,
    pub(super) auth: Auth,
    pub(super) key: Option<&'a Secret>,
    pub(super) headers: &'a BTreeMap<String, String>,
    pub(super) limits: TimeLimits,
    pub(super) name: String,
}

/// Reads one protocol's frames.
pub(super) trait Decoder: Send + 'static {
    /// Takes a frame in.
    ///
    /// # Errors
    /// What the frame reports, or `malformed`.
    fn frame(&mut self, frame: &Frame, out: &mut VecDeque<Delta>) -> Result<Progress>;

    /// Takes a whole answer in, from a server that does not stream.
    ///
    /// # Errors
    /// What the answer reports, or `malformed`.
    fn whole(&mut self, body: &[u8], out: &mut VecDeque<Delta>) -> Result<()>;

    /// No more will come. Yields what was held back.
    ///
    /// # Errors
    /// `cut_off` if the answer is not complete.
    fn end(&mut self, out: &mut VecDeque<Delta>) -> Result<()>;
}

/// How far an answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// More is to come.
    Going,
    /// The model has said all; the protocol has not ended yet.
    Said,
    /// The protocol's own end has come.
    Ended,
}

impl Endpoint {
    /// # Errors
    /// `not_configured` for a key or a header that HTTP does not allow.
    pub(super) fn new(parts: EndpointParts<'_>) -> Result<Self> {
        let mut url = http_client::join(parts.base, parts.path);
        if !parts.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&parts.query);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in parts.headers {
            put(&mut headers, name, value)?;
        }
        if let Some(key) = parts.key.filter(|key| !key.is_empty()) {
            let (name, value) = match parts.auth {
                Auth::Bearer | Auth::Optional => (AUTHORIZATION.as_str(), format!("Bearer {}", key.expose())),
                Auth::ApiKey => ("api-key", key.expose().to_owned()),
                Auth::XApiKey => ("x-api-key", key.expose().to_owned()),
            };
            put(&mut headers, name, &value)?;
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Self { client: parts.client, url, headers, limits: parts.limits, name: parts.name.into() })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn limits(&self) -> TimeLimits {
        self.limits
    }

    /// Asks. A 2xx is an answer, everything else an error.
    ///
    /// # Errors
    /// Any [`Reason`] that is known before an answer begins.
    pub(super) async fn post(
        &self,
        body: Vec<u8>,
        accept: &'static str,
        deadline: Option<Instant>,
    ) -> Result<Response> {
        let limit = Instant::now() + self.limits.first_byte;
        let request = self.client.post(self.url.clone()).headers(self.headers.clone());
        let request = request.header(ACCEPT, accept).body(body);
        let Ok(answered) = timeout_at(earlier(limit, deadline), request.send()).await else {
            return Err(self.silent(deadline));
        };
        let response = answered.map_err(|error| self.named(network(error)))?;
        if response.status().is_success() {
            return Ok(response);
        }
        // A refusal's body comes at once or tells nothing.
        let limit = earlier(Instant::now() + Duration::from_secs(10), deadline);
        Err(self.named(refusal::read(response, limit).await))
    }

    fn silent(&self, deadline: Option<Instant>) -> Error {
        let error = match deadline {
            Some(deadline) if deadline <= Instant::now() => deadline_passed(),
            _ => Reason::FirstByteTimeout
                .error(format!("the model did not begin to answer within {:?}", self.limits.first_byte))
                .with_hint("raise LLM_FIRST_BYTE_SECONDS, or ask a model that is nearer or faster"),
        };
        self.named(error)
    }

    pub(super) fn named(&self, error: Error) -> Error {
        named(error, &self.name)
    }
}

/// Shows where it is, and no header: one of them is the key.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("name", &self.name)
            .field("url", &http_client::display_url(&self.url))
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

fn named(error: Error, name: &str) -> Error {
    error.with_context("model", name)
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<()> {
    let named = HeaderName::try_from(name).ok();
    let (Some(name), Ok(mut value)) = (named, HeaderValue::try_from(value)) else {
        let fault = Fault::new("", "must have only characters that an HTTP header allows");
        return Err(Error::invalid("a key or a header for a model's provider is invalid", vec![fault])
            .with_hint("check the key: it may have been copied with a line end or a quotation mark"));
    };
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// The transport's own words say where and why; the reason is added for those who sort.
pub(super) fn network(error: reqwest::Error) -> Error {
    Reason::Network.mark(http_client::transport_error(error))
}

pub(super) fn deadline_passed() -> Error {
    Error::new(ErrorKind::Timeout, "the deadline passed before the model had answered")
        .with_status(Status::Permanent)
}

pub(super) fn earlier(limit: Instant, deadline: Option<Instant>) -> Instant {
    deadline.map_or(limit, |deadline| limit.min(deadline))
}

/// What cannot be read. `place` is a line and column, never what stands there.
pub(super) fn malformed(error: &serde_json::Error) -> Error {
    Reason::Malformed
        .error("the model's provider sent something that is not what its protocol says")
        .with_context("place", format!("line {}, column {}", error.line(), error.column()))
}

/// The answer ended before it said that it had.
pub(super) fn cut_off() -> Error {
    Reason::CutOff.error("the model's answer was cut off before its end")
}
