//! An arm behind HTTP: `GET /capabilities`, `POST /execute`, `GET /health`, in any language.
//!
//! One call is one request: retries, breakers and free places belong to what surrounds every arm. Dropping the future
//! closes the connection, so the arm can notice that nobody waits any more.

mod answer;
mod headers;
mod mask;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url};
use tokio::time::{Instant, timeout_at};

use super::{Arm, ArmCall, ArmDescriptor, ArmReply, Health, HealthStatus};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::http_client::{self, ClientOptions, Refusal, transport_error};

/// Bytes of a descriptor or a health report that are read.
const MAX_REPORT: usize = 1024 * 1024;

/// How an arm is spoken to.
#[derive(Clone)]
pub struct HttpArmOptions {
    /// Who calls: the `X-Arm-ID` header.
    pub caller: String,
    /// Bytes of an output that are accepted.
    pub max_output_bytes: usize,
    /// Time for `GET /capabilities` and `GET /health`.
    pub report_timeout: Duration,
    /// Headers of every request, as `("authorization", "Bearer ...")`. Never shown.
    pub headers: Vec<(String, String)>,
    /// How connections are made.
    pub client: ClientOptions,
}

impl Default for HttpArmOptions {
    fn default() -> Self {
        Self {
            caller: "orchestrator".to_owned(),
            max_output_bytes: 16 * 1024 * 1024,
            report_timeout: Duration::from_secs(10),
            headers: Vec::new(),
            // uvicorn, which most arms run on, closes an unused connection after 5 s.
            client: ClientOptions { idle_timeout: Duration::from_secs(4), ..ClientOptions::default() },
        }
    }
}

impl fmt::Debug for HttpArmOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("HttpArmOptions")
            .field("caller", &self.caller)
            .field("max_output_bytes", &self.max_output_bytes)
            .field("report_timeout", &self.report_timeout)
            .field("headers", &names)
            .field("client", &self.client)
            .finish()
    }
}

/// An arm behind HTTP. Built by [`HttpArm::connect`], which asks the arm who it is.
pub struct HttpArm {
    descriptor: ArmDescriptor,
    connector: Connector,
    url: Url,
}

impl HttpArm {
    /// Asks the service at `address` who it is.
    ///
    /// # Errors
    /// `invalid_input` for what is not an address; `unavailable` or `timeout` (temporary) where nobody answers;
    /// `arm_failed` (permanent) where something answers that is no arm; `invalid_input` with every fault where its
    /// descriptor breaks a rule.
    pub async fn connect(address: &str, options: HttpArmOptions) -> Result<Self> {
        let url = http_client::parse_url(address)?;
        Connector::new(options)?.connect_at(url).await
    }

    /// Where it is, without user and password.
    pub fn url(&self) -> String {
        http_client::display_url(&self.url)
    }

    async fn post(&self, call: &ArmCall) -> Result<ArmReply> {
        let body = serde_json::to_vec(&*call.input).map_err(|error| {
            Error::new(ErrorKind::Internal, "the input cannot be written as JSON").with_source(error)
        })?;
        let request = self
            .connector
            .client
            .post(http_client::join(&self.url, "execute"))
            .headers(self.connector.headers.clone())
            .headers(headers::of_call(call, &self.connector.options.caller))
            .body(body);
        let response = request.send().await.map_err(transport_error)?;
        if !response.status().is_success() {
            return Err(answer::refused(Refusal::read(response).await, &call.input));
        }
        let (says_json, told) = (answer::is_json(&response), answer::usage(response.headers()));
        let body = http_client::read_body(response, self.connector.options.max_output_bytes).await?;
        let reply = ArmReply::new(answer::output(&body, says_json)?);
        Ok(match told {
            Some(usage) if reply.usage.is_zero() => ArmReply { usage, ..reply },
            _ => reply,
        })
    }

    /// What `GET /health` answers.
    ///
    /// # Errors
    /// `unavailable` or `timeout` where nobody answers.
    pub async fn ask_health(&self) -> Result<Health> {
        let deadline = Instant::now() + self.connector.options.report_timeout;
        timeout_at(deadline, self.get_health()).await.unwrap_or_else(|_| Err(no_answer()))
    }

    async fn get_health(&self) -> Result<Health> {
        let response = self.connector.get(&self.url, "health").await?;
        let status = response.status();
        let body = http_client::read_body(response, MAX_REPORT).await?;
        // An arm may say how it is with any status (503 and a body). Where it does not say, the status does; one that
        // has no such page at least answers.
        let fine = status.is_success() || matches!(status.as_u16(), 404 | 405);
        let unsaid = if fine { HealthStatus::Healthy } else { HealthStatus::Unhealthy };
        Ok(serde_json::from_slice(&body).unwrap_or(Health { status: unsaid, ..Health::healthy() }))
    }
}

#[async_trait]
impl Arm for HttpArm {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.descriptor
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        let answered = tokio::select! {
            answered = timeout_at(call.deadline, self.post(&call)) => answered,
            () = call.cancelled.cancelled() => return Err(Error::new(ErrorKind::Cancelled, "the call was cancelled")),
        };
        let answered = answered.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, "the arm did not answer before the deadline"))
        });
        answered.map_err(|error| error.with_context("arm", self.descriptor.arm_id.clone()))
    }

    /// What `GET /health` answers. An arm that cannot be asked is unhealthy, and says why under `connection`.
    async fn health(&self) -> Health {
        self.ask_health().await.unwrap_or_else(|error| Health {
            status: HealthStatus::Unhealthy,
            version: String::new(),
            dependencies: [("connection".to_owned(), error.to_string().into())].into(),
        })
    }
}

/// Makes arms out of addresses; all of them share its connections.
#[derive(Clone)]
pub(super) struct Connector {
    client: Client,
    options: HttpArmOptions,
    headers: HeaderMap,
}

impl Connector {
    pub(super) fn new(options: HttpArmOptions) -> Result<Self> {
        let client = http_client::client(&options.client)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &options.headers {
            let named = HeaderName::try_from(name.as_str()).ok();
            let valued = HeaderValue::try_from(value.as_str()).ok();
            let (Some(name), Some(mut value)) = (named, valued) else {
                let fault = Fault::new("/headers", "must be names and values that HTTP allows");
                return Err(Error::invalid("the arm's headers are invalid", vec![fault]));
            };
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(Self { client, options, headers })
    }

    pub(super) async fn connect_at(&self, url: Url) -> Result<HttpArm> {
        let descriptor = self.descriptor(&url).await?;
        Ok(HttpArm { descriptor, connector: self.clone(), url })
    }

    /// Asks for the descriptor and checks it.
    async fn descriptor(&self, url: &Url) -> Result<ArmDescriptor> {
        let deadline = Instant::now() + self.options.report_timeout;
        let asked = async {
            let response = self.get(url, "capabilities").await?;
            if !response.status().is_success() {
                return Err(answer::no_capabilities(Refusal::read(response).await));
            }
            let body = http_client::read_body(response, MAX_REPORT).await?;
            answer::descriptor(&body)
        };
        let descriptor = timeout_at(deadline, asked).await.unwrap_or_else(|_| Err(no_answer()));
        descriptor.map_err(|error| error.with_context("arm at", http_client::display_url(url)))
    }

    async fn get(&self, url: &Url, path: &str) -> Result<Response> {
        let request = self.client.get(http_client::join(url, path)).headers(self.headers.clone());
        request.header(ACCEPT, "application/json").send().await.map_err(transport_error)
    }
}

fn no_answer() -> Error {
    Error::new(ErrorKind::Timeout, "the arm did not answer in time")
        .with_hint("check that an arm is what runs at this address")
}
