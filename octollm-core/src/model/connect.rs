//! From configuration to a model: which vendors can be asked, which is the default, and what a model's name means.
//!
//! Reading the configuration is a pure function over a map of variables. The one thing that must be tried out, whether
//! a local server runs, is [`Providers::discover`], and it is only tried where nothing else is configured.

mod address;
mod choose;
mod probe;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use reqwest::Client;

pub use settings::ModelRef;
use settings::{Access, time_limits};

use super::anthropic::AnthropicModel;
use super::embeddings::OpenAiEmbedder;
use super::openai::OpenAiModel;
use super::vendors::{Auth, Vendor, Vendors, WireKind};
use super::wire::{Endpoint, EndpointParts, TimeLimits};
use super::{LanguageModel, ModelDescriptor};
use crate::error::{Error, ErrorKind, Result};
use crate::http_client::{self, ClientOptions};

/// The providers that this process can ask.
pub struct Providers {
    vendors: Vendors,
    access: BTreeMap<String, Access>,
    /// The model that is used where none is named.
    model: Option<String>,
    /// The model for embeddings, where one is named.
    embedder: Option<String>,
    /// A local server that was found by its port, and a model that it has.
    found: Option<(String, String)>,
    limits: TimeLimits,
    /// For providers elsewhere, through the environment's proxy; made when the first is needed.
    far: OnceLock<Client>,
    /// For providers on this machine.
    near: OnceLock<Client>,
}

impl Providers {
    /// Reads variables as the environment has them: keys and addresses under the names that the table of vendors lists,
    /// `LLM_MODEL`, `LLM_EMBEDDER`, and the time limits `LLM_FIRST_BYTE_SECONDS`, `LLM_IDLE_SECONDS`,
    /// `LLM_TOTAL_SECONDS`. Others mean nothing here. Nothing is asked yet.
    ///
    /// # Errors
    /// `invalid_input` with every bad value, by the name of its variable and never by what it says.
    pub fn from_variables(vendors: Vendors, variables: &BTreeMap<String, String>) -> Result<Self> {
        let read = |name: &str| {
            variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let mut faults = Vec::new();
        let mut access = BTreeMap::new();
        for (name, vendor) in vendors.iter() {
            access.insert(name.to_owned(), Access::read(vendor, &read, &mut faults));
        }
        let limits = time_limits(&read, &mut faults);
        if !faults.is_empty() {
            return Err(Error::invalid("the configuration of language models is invalid", faults));
        }
        Ok(Self {
            vendors,
            access,
            model: read("LLM_MODEL"),
            embedder: read("LLM_EMBEDDER"),
            found: None,
            limits,
            far: OnceLock::new(),
            near: OnceLock::new(),
        })
    }

    /// The table that the providers are taken from.
    pub fn vendors(&self) -> &Vendors {
        &self.vendors
    }

    /// The vendors that can be asked because a key or an address is configured, the preferred one in front.
    pub fn configured(&self) -> Vec<&str> {
        let names = self.vendors.names().into_iter();
        names.filter(|name| self.access.get(*name).is_some_and(|access| access.configured)).collect()
    }

    /// The vendor of names that say none: the one of `LLM_MODEL`, else the first that is configured, else the local
    /// server that was found.
    pub fn default_vendor(&self) -> Option<&str> {
        let set = self.model.as_deref().and_then(|model| model.split_once('/'));
        let set = set.map(|(vendor, _)| vendor).filter(|vendor| self.vendors.contains(vendor));
        let first = || self.configured().first().copied();
        set.or_else(first).or(self.found.as_ref().map(|(vendor, _)| vendor.as_str()))
    }

    /// The model that is used where none is named, if there is one.
    pub fn default_model(&self) -> Option<String> {
        if let Some(model) = &self.model {
            return Some(model.clone());
        }
        let vendor = self.default_vendor()?;
        if let Some((found, model)) = self.found.as_ref().filter(|(found, _)| found == vendor) {
            return Some(format!("{found}/{model}"));
        }
        self.vendors.get(vendor).ok()?.default_model.as_ref().map(|model| format!("{vendor}/{model}"))
    }

    /// Looks for a local server by asking its port, if nothing else is configured. Says what was found.
    pub async fn discover(&mut self) -> Option<String> {
        if self.default_vendor().is_none() {
            self.found = probe::find(&self.vendors, &self.access).await;
        }
        self.found.as_ref().map(|(vendor, model)| format!("{vendor}/{model}"))
    }

    /// The model with this name: `openai/gpt-4o-mini`, or `gpt-4o-mini` at the default vendor.
    ///
    /// # Errors
    /// `not_configured`: an unknown vendor, no default, no key, no address; the hint says what is missing.
    pub fn model(&self, name: &str) -> Result<Arc<dyn LanguageModel>> {
        let name = self.resolve(name)?;
        let vendor = self.vendors.get(&name.vendor)?;
        let (descriptor, quirks) = self.vendors.describe(&name.vendor, &name.model)?;
        let endpoint = self.endpoint(&name, vendor, &vendor.path)?;
        Ok(match vendor.wire {
            WireKind::OpenAi => Arc::new(OpenAiModel::new(descriptor, quirks, endpoint)),
            WireKind::Anthropic => Arc::new(AnthropicModel::new(descriptor, quirks, endpoint)),
        })
    }

    /// What is known about the model with this name; it need not be reachable.
    ///
    /// # Errors
    /// `not_configured` for an unknown vendor, or a bare name where there is no default.
    pub fn describe(&self, name: &str) -> Result<ModelDescriptor> {
        let name = self.resolve(name)?;
        Ok(self.vendors.describe(&name.vendor, &name.model)?.0)
    }

    /// The embedder with this name, or `LLM_EMBEDDER`, or the default vendor's. It is asked once, for its dimensions.
    ///
    /// # Errors
    /// `not_configured` as [`model`](Self::model), and for vendors without embeddings; what the provider refuses.
    pub async fn embedder(&self, name: Option<&str>) -> Result<OpenAiEmbedder> {
        let name = name.or(self.embedder.as_deref()).map(str::to_owned).or_else(|| self.default_embedder());
        let Some(name) = name else { return Err(no_embedder()) };
        let name = self.resolve(&name)?;
        let vendor = self.vendors.get(&name.vendor)?;
        if vendor.wire == WireKind::Anthropic {
            return Err(no_embedder().with_context("vendor", name.vendor));
        }
        OpenAiEmbedder::connect(self.endpoint(&name, vendor, &vendor.embeddings_path)?, &name.model).await
    }

    fn default_embedder(&self) -> Option<String> {
        let vendor = self.default_vendor()?;
        let model = self.vendors.get(vendor).ok()?.default_embedder.as_ref()?;
        Some(format!("{vendor}/{model}"))
    }

    /// # Errors
    /// `not_configured` as [`ModelRef::parse`].
    fn resolve(&self, name: &str) -> Result<ModelRef> {
        ModelRef::parse(name, &self.vendors, self.default_vendor())
    }

    fn endpoint(&self, name: &ModelRef, vendor: &Vendor, path: &str) -> Result<Endpoint> {
        let access = self.access.get(&name.vendor).ok_or_else(|| self.missing(name, vendor))?;
        let needs_key = vendor.auth != Auth::Optional && !access.own_address;
        let (Some(base), false) = (&access.base, needs_key && access.key.is_none()) else {
            return Err(self.missing(name, vendor));
        };
        let near = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        Endpoint::new(EndpointParts {
            client: if near { client(&self.near, false)? } else { client(&self.far, true)? },
            base,
            path: &path.replace("{model}", &name.model),
            query: access.query.clone(),
            auth: vendor.auth,
            key: access.key.as_ref(),
            headers: &vendor.headers,
            limits: self.limits,
            name: name.to_string(),
        })
    }

    fn missing(&self, name: &ModelRef, vendor: &Vendor) -> Error {
        let address = self.access.get(&name.vendor).is_some_and(|access| access.base.is_some());
        let (what, variables) = if address {
            ("the key of the model's provider is missing", &vendor.key_variables)
        } else {
            ("the address of the model's provider is missing", &vendor.base_url_variables)
        };
        Error::new(ErrorKind::NotConfigured, what)
            .with_context("model", name.to_string())
            .with_hint(format!("set {}", variables.join(" or ")))
    }
}

/// Shows which vendors can be asked, and where; never a key.
impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let configured = self.access.iter().filter(|(_, access)| access.configured);
        f.debug_struct("Providers")
            .field("configured", &configured.collect::<BTreeMap<_, _>>())
            .field("model", &self.model)
            .field("embedder", &self.embedder)
            .field("found", &self.found)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The client in `place`, made if there is none yet.
fn client(place: &OnceLock<Client>, environment_proxy: bool) -> Result<Client> {
    if let Some(client) = place.get() {
        return Ok(client.clone());
    }
    let connect_timeout = std::time::Duration::from_secs(10);
    let options = ClientOptions { environment_proxy, connect_timeout, ..ClientOptions::default() };
    let client = http_client::client(&options)?;
    Ok(place.get_or_init(|| client).clone())
}

fn no_embedder() -> Error {
    Error::new(ErrorKind::NotConfigured, "no model for embeddings is configured")
        .with_hint("set LLM_EMBEDDER, for example openai/text-embedding-3-small or ollama/nomic-embed-text")
}
