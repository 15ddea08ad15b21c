//! Searches the web through a provider that the operator has chosen.
//!
//! What a provider answers is text from outside: its words are data, cited by their address, and an engine's reflexes look
//! at them as at any arm's answer. The question goes to somebody else's machine, so within a task it goes with
//! placeholders where something personal stood.

mod answer;
mod providers;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use octollm_core::http_client::{self, ClientOptions, Refusal, parse_url, read_body, transport_error};
use octollm_core::model::{CallContext, Secret};
use octollm_core::{Error, ErrorKind, Result};
use reqwest::header::{ACCEPT, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::search::Found;
use providers::{Form, PROVIDERS, Provider};

/// How long a provider may take.
const TIME: Duration = Duration::from_secs(15);
/// Bytes of an answer.
const MOST_BYTES: usize = 4 << 20;

/// A provider of web searches. Cheap to clone.
#[derive(Clone)]
pub struct WebSearch {
    provider: &'static Provider,
    url: Url,
    key: Option<Secret>,
    client: Client,
}

impl fmt::Debug for WebSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSearch").field("provider", &self.provider.name).finish_non_exhaustive()
    }
}

impl WebSearch {
    /// The names of the providers that are known.
    pub fn providers() -> impl Iterator<Item = &'static str> {
        PROVIDERS.iter().map(|provider| provider.name)
    }

    /// The provider of this name. `url` is its address, or the whole of another endpoint that answers alike; `key` is
    /// what it gave out. Reads the system's certificates, which takes a few milliseconds.
    ///
    /// # Errors
    /// `not_configured` for an unknown name, and where an address or a key is missing or cannot be used.
    pub fn new(name: &str, url: Option<&str>, key: Option<&str>) -> Result<Self> {
        let provider = PROVIDERS.iter().find(|provider| provider.name == name).ok_or_else(|| {
            let names: Vec<_> = Self::providers().collect();
            not_configured("there is no such provider of web searches")
                .with_hint(format!("set WEB_SEARCH_PROVIDER to one of {}", names.join(", ")))
        })?;
        let key = key.map(Secret::new).filter(|key| !key.is_empty());
        if provider.key.is_some() && key.is_none() {
            return Err(not_configured("the provider of web searches wants a key")
                .with_context("provider", provider.name)
                .with_hint("set WEB_SEARCH_API_KEY to the key that it gave you"));
        }
        let url = url.or(provider.url).ok_or_else(|| {
            not_configured("the provider of web searches has no address of its own")
                .with_context("provider", provider.name)
                .with_hint("set WEB_SEARCH_URL, for example to http://127.0.0.1:8888")
        })?;
        let mut url = parse_url(url)?;
        if matches!(url.path(), "" | "/") {
            url.set_path(provider.path);
        }
        let near = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let options = ClientOptions { environment_proxy: !near, ..ClientOptions::default() };
        Ok(Self { provider, url, key, client: http_client::client(&options)? })
    }

    /// The provider's name.
    pub fn name(&self) -> &'static str {
        self.provider.name
    }

    /// Where it is asked, without user and password.
    pub fn address(&self) -> String {
        http_client::display_url(&self.url)
    }

    /// What the web says, best first, `limit` at most.
    ///
    /// # Errors
    /// `not_configured` if the provider does not take the key; `rate_limited` with the time to come back;
    /// `unavailable` and `timeout`; `arm_failed` for an answer that is not the provider's format.
    pub(super) async fn search(&self, query: &str, limit: u32, context: &CallContext) -> Result<Vec<Found>> {
        let query = match &context.redactor {
            Some(redactor) => redactor.0.redact(query),
            None => query.to_owned(),
        };
        let late = |_| {
            Err(Error::new(ErrorKind::Timeout, "the web search took longer than it may")
                .with_context("seconds", TIME.as_secs().to_string()))
        };
        timeout(TIME, self.ask(&query, limit)).await.unwrap_or_else(late)
    }

    async fn ask(&self, query: &str, limit: u32) -> Result<Vec<Found>> {
        let response = self.request(query, limit)?.send().await.map_err(transport_error)?;
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        let body = read_body(response, MOST_BYTES).await?;
        let provider = self.provider;
        // Words with markup are parsed as pages are: too much for the async threads.
        tokio::task::spawn_blocking(move || answer::read(provider, &body, limit as usize)).await.map_err(
            |cause| Error::new(ErrorKind::Internal, "the provider's answer was not read").with_source(cause),
        )?
    }

    fn request(&self, query: &str, limit: u32) -> Result<RequestBuilder> {
        let provider = self.provider;
        let mut values = Map::new();
        values.insert(provider.query.to_owned(), query.into());
        values.extend(provider.count.map(|(name, most)| (name.to_owned(), limit.min(most).into())));
        values.extend(provider.also.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
        let request = match provider.form {
            Form::Query => {
                let mut url = self.url.clone();
                for (name, value) in &values {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    url.query_pairs_mut().append_pair(name, &text);
                }
                self.client.get(url)
            }
            Form::Json => self.client.post(self.url.clone()).json(&values),
        };
        let request = request.header(ACCEPT, "application/json");
        let (Some((header, before)), Some(key)) = (provider.key, &self.key) else { return Ok(request) };
        let unfit =
            || not_configured("the key has characters that no key has").with_hint("check WEB_SEARCH_API_KEY");
        let mut value = HeaderValue::from_str(&format!("{before}{}", key.expose())).map_err(|_| unfit())?;
        value.set_sensitive(true);
        Ok(request.header(HeaderName::from_static(header), value))
    }

    /// What a refusal means. The provider's words are dropped: they may repeat the key or the question.
    async fn refused(&self, response: Response) -> Error {
        let refusal = Refusal::read(response).await;
        let error = match refusal.status.as_u16() {
            401 | 403 if self.provider.name == "searxng" => {
                not_configured("the SearXNG instance does not answer in JSON")
                    .with_hint("add `json` to `search.formats` in its settings.yml")
            }
            401 | 403 => not_configured("the provider of web searches does not take the key")
                .with_hint("check WEB_SEARCH_API_KEY and what it is allowed to do"),
            402 | 432 | 433 => Error::new(ErrorKind::RateLimited, "the provider's quota is used up")
                .with_status(octollm_core::Status::Permanent)
                .with_hint("look at the plan at the provider"),
            429 => Error::new(ErrorKind::RateLimited, "the provider of web searches is asked too often"),
            _ => Error::new(refusal.kind(), "the provider of web searches refused the question"),
        };
        let error = error
            .with_context("provider", self.name())
            .with_context("status", refusal.status.as_u16().to_string());
        match refusal.retry_after {
            Some(after) if refusal.is_temporary() => error.with_retry_after(after),
            _ => error,
        }
    }
}

fn not_configured(message: &'static str) -> Error {
    Error::new(ErrorKind::NotConfigured, message)
}

/// What is said where nobody can be asked.
pub(super) fn missing() -> Error {
    not_configured("nobody is there to search the web").with_hint(
        "set WEB_SEARCH_PROVIDER (searxng, brave, tavily, serper or bing), and WEB_SEARCH_URL or WEB_SEARCH_API_KEY as it needs",
    )
}

/// The provider, shared.
pub(super) type Web = Arc<WebSearch>;
