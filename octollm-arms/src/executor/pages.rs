//! Pages by policy: what the `http` action may `GET`, for somebody who reads.
//!
//! The hosts, the look-up and the check of every address and every redirect are those of the action. What differs: no
//! header of a rule goes with the question, since what is read may end up in an index that anybody can search.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use octollm_core::http_client::Refusal;
use octollm_core::{Error, ErrorKind, Fault, Result};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode, Url};

use super::action::{Fetch, readable_url};
use super::http::{Fetcher, Resolve, SystemResolver, Terms};
use super::policy::{Hosts, Policy};
use crate::pages::{Page, ReadPages};

/// How long a page may take, redirects and all.
const TIME: Duration = Duration::from_secs(30);
/// Bytes of a page.
const MOST_BYTES: usize = 10 << 20;
/// What is asked for.
const ACCEPT: &str =
    "text/html, application/xhtml+xml, text/markdown, text/plain, application/pdf;q=0.9, */*;q=0.5";

/// Reads pages from the hosts that a policy lets be asked by `GET`.
pub struct Pages {
    fetcher: Fetcher,
    hosts: Hosts,
    policy: String,
}

impl Pages {
    /// From the hosts of this policy.
    pub fn new(policy: &Policy) -> Self {
        let fetcher = Fetcher::new(Arc::new(SystemResolver));
        Self { fetcher, hosts: policy.hosts().clone(), policy: policy.label() }
    }

    /// The same, with another way to look up names.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Arc<dyn Resolve>) -> Self {
        self.fetcher = Fetcher::new(resolver);
        self
    }

    /// The same, and from the host of this address besides: for a person who has named it. A host that is written as an
    /// address, or as `localhost`, may be near; a name may not lead there.
    ///
    /// # Errors
    /// `invalid_input` for what is no address.
    pub fn opened_to(mut self, url: &str) -> Result<Self> {
        self.hosts.open(&readable_url(url).map_err(unreadable)?);
        Ok(self)
    }

    /// Whether there is any host.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }
}

fn unreadable(detail: &'static str) -> Error {
    Error::invalid("the address of a page is invalid", vec![Fault::new("/url", detail)])
}

#[async_trait]
impl ReadPages for Pages {
    async fn read(&self, url: &str) -> Result<Page> {
        let url: Url = readable_url(url).map_err(unreadable)?;
        let name = url.to_string();
        let fetch = Fetch { method: Method::GET, url, body: None, wall: TIME };
        let terms = Terms {
            hosts: &self.hosts,
            policy: &self.policy,
            most: MOST_BYTES,
            credentials: false,
            accept: Some(ACCEPT),
        };
        let fetched = self.fetcher.fetch(&fetch, &terms).await?;
        let answered_by = fetched.answer.url;
        let refused = |error: Error| error.with_context("answered by", answered_by.clone());
        if let Some(error) = fetched.error {
            return Err(refused(Error::from(error)).with_hint(
                "the page leads elsewhere: ask for that address itself, if the policy has its host",
            ));
        }
        match StatusCode::from_u16(fetched.answer.status) {
            Ok(status) if status.is_success() => {}
            Ok(StatusCode::NOT_FOUND | StatusCode::GONE) => {
                return Err(refused(Error::new(ErrorKind::NotFound, "there is no such page")));
            }
            Ok(status) => {
                let kind = Refusal::parse(status, &HeaderMap::new(), b"").kind();
                return Err(refused(Error::new(
                    kind,
                    format!("the page's host answered {}", status.as_u16()),
                )));
            }
            Err(_) => {
                return Err(refused(Error::new(ErrorKind::Unavailable, "the page's host answered no HTTP")));
            }
        }
        if fetched.truncated {
            return Err(refused(Error::new(ErrorKind::TooLarge, "the page is larger than 10 MiB")));
        }
        Ok(Page { url: name, answered_by, content_type: fetched.answer.content_type, body: fetched.body })
    }
}
