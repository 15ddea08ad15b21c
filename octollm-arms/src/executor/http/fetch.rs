//! One request and the redirects that it leads to, each of them checked like the first.

use std::sync::Arc;

use octollm_core::http_client::{self, ClientOptions, transport_error};
use octollm_core::task::TaskError;
use octollm_core::{Error, ErrorKind, Result};
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Client, Method, Response, StatusCode, Url};
use tokio::time::timeout;

use super::resolve::{Resolve, Target, target};
use crate::executor::action::{Body, Fetch};
use crate::executor::output::neutral;
use crate::executor::policy::{Host, Hosts, Policy};
use crate::executor::request::HttpAnswer;

/// Redirects that are followed.
const MOST_REDIRECTS: u32 = 5;

/// Sends requests by policy.
pub(in crate::executor) struct Fetcher {
    resolver: Arc<dyn Resolve>,
}

/// By what a request is sent.
pub(in crate::executor) struct Terms<'a> {
    pub(in crate::executor) hosts: &'a Hosts,
    /// The policy, in what is refused.
    pub(in crate::executor) policy: &'a str,
    /// Bytes of an answer that are kept.
    pub(in crate::executor) most: usize,
    /// Whether the headers go along that a rule has for its host.
    pub(in crate::executor) credentials: bool,
    /// What is asked for, if the rule does not say.
    pub(in crate::executor) accept: Option<&'static str>,
}

impl<'a> Terms<'a> {
    /// Those of the policy; `label` is its own.
    pub(in crate::executor) fn of(policy: &'a Policy, label: &'a str) -> Self {
        let most = (policy.limits().output_kib as usize) << 10;
        Self { hosts: policy.hosts(), policy: label, most, credentials: true, accept: None }
    }
}

/// What was answered.
pub(in crate::executor) struct Fetched {
    pub(in crate::executor) answer: HttpAnswer,
    pub(in crate::executor) body: Vec<u8>,
    pub(in crate::executor) truncated: bool,
    /// Why the answer is not the last word: a redirect that is not followed.
    pub(in crate::executor) error: Option<TaskError>,
}

/// One hop.
struct Hop {
    method: Method,
    url: Url,
    body: Option<Body>,
}

impl Fetcher {
    pub(in crate::executor) fn new(resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver }
    }

    pub(in crate::executor) fn resolver(&self) -> Arc<dyn Resolve> {
        self.resolver.clone()
    }

    /// Sends a request, within its time.
    ///
    /// # Errors
    /// `unauthorized` if the policy or the address of the first hop forbids it: nothing was sent. `timeout` and
    /// `unavailable` from the network.
    pub(in crate::executor) async fn fetch(&self, fetch: &Fetch, terms: &Terms<'_>) -> Result<Fetched> {
        let late = |_| {
            Err(Error::new(ErrorKind::Timeout, "the request took longer than it may")
                .with_hint("raise `timeout_seconds`, within the policy's `wall_seconds`"))
        };
        timeout(fetch.wall, self.follow(fetch, terms)).await.unwrap_or_else(late)
    }

    async fn follow(&self, fetch: &Fetch, terms: &Terms<'_>) -> Result<Fetched> {
        let mut hop = Hop { method: fetch.method.clone(), url: fetch.url.clone(), body: fetch.body.clone() };
        let mut redirects = 0;
        let mut response = self.send(&hop, terms).await?;
        let error = loop {
            let next = match hop.after(&response) {
                Ok(Some(next)) if redirects < MOST_REDIRECTS => next,
                Ok(Some(_)) => break Some(refused("there are more than 5 redirects")),
                Ok(None) => break None,
                Err(error) => break Some(TaskError::from(&error)),
            };
            // The first host has answered: what forbids the next hop does not undo that.
            response = match self.send(&next, terms).await {
                Ok(response) => response,
                Err(error) => break Some(TaskError::from(&error)),
            };
            hop = next;
            redirects += 1;
        };
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(neutral);
        let answer = HttpAnswer {
            status: response.status().as_u16(),
            url: neutral(&http_client::display_url(&hop.url)),
            content_type: text(CONTENT_TYPE),
            redirects,
        };
        let (body, truncated) = read(response, terms.most).await?;
        Ok(Fetched { answer, body, truncated, error })
    }

    /// Sends one hop, to an address that was checked for it.
    async fn send(&self, hop: &Hop, terms: &Terms<'_>) -> Result<Response> {
        let host = terms.hosts.allowing(terms.policy, &hop.method, &hop.url)?;
        let target = target(&self.resolver, &hop.url, host.private).await?;
        let client = client(target, hop.url.scheme() == "https").await?;
        hop.request(&client, host, terms).send().await.map_err(transport_error)
    }
}

/// A client for one hop: it knows one name, and no other address for it. Reading the system's certificates takes some
/// milliseconds, so it is made elsewhere.
async fn client(target: Target, secure: bool) -> Result<Client> {
    let options = ClientOptions {
        system_certificates: secure,
        pinned: target.name.map(|name| (name, target.addresses)),
        ..ClientOptions::default()
    };
    let built = tokio::task::spawn_blocking(move || http_client::client(&options)).await;
    built.map_err(|cause| {
        Error::new(ErrorKind::Internal, "the HTTP client was not built").with_source(cause)
    })?
}

impl Hop {
    fn request(&self, client: &Client, host: &Host, terms: &Terms<'_>) -> reqwest::RequestBuilder {
        let request = client.request(self.method.clone(), self.url.clone());
        let request = match &self.body {
            Some(body) => request.header(CONTENT_TYPE, body.content_type).body(body.text.clone()),
            None => request,
        };
        let request = match terms.accept {
            Some(accept) => request.header(ACCEPT, accept),
            None => request,
        };
        if terms.credentials { request.headers(host.headers()) } else { request }
    }

    /// Where this answer leads, if anywhere.
    fn after(&self, response: &Response) -> Result<Option<Self>> {
        let status = response.status();
        let keeps = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        let moves =
            matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER);
        let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
        let Some(place) = place.filter(|_| keeps || moves) else { return Ok(None) };
        let not_followed = |why: &'static str| Error::new(ErrorKind::Unauthorized, why);
        let mut url = self.url.join(place).map_err(|_| not_followed("a redirect has no address"))?;
        url.set_fragment(None);
        if !url.username().is_empty() || url.password().is_some() {
            return Err(not_followed("a redirect with a user or a password is not followed"));
        }
        if self.url.scheme() == "https" && url.scheme() != "https" {
            return Err(not_followed("a redirect from https to http is not followed"));
        }
        if keeps && self.body.is_some() && url.origin() != self.url.origin() {
            return Err(not_followed("a redirect that would send the body to another host is not followed"));
        }
        if keeps || self.method == Method::HEAD {
            return Ok(Some(Self { method: self.method.clone(), url, body: self.body.clone() }));
        }
        Ok(Some(Self { method: Method::GET, url, body: None }))
    }
}

/// The body, as much of it as there is room for.
async fn read(mut response: Response, limit: usize) -> Result<(Vec<u8>, bool)> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(transport_error)? {
        let room = limit - body.len();
        body.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
        if chunk.len() > room {
            return Ok((body, true));
        }
    }
    Ok((body, false))
}

fn refused(why: &str) -> TaskError {
    TaskError::new(ErrorKind::Unauthorized, why)
}
