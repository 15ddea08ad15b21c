//! What variables say.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use reqwest::Url;

use super::address;
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::http_client;
use crate::model::Secret;
use crate::model::vendors::{Auth, Vendor, Vendors};
use crate::model::wire::TimeLimits;

type Read<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// How one vendor is reached.
pub(super) struct Access {
    pub(super) base: Option<Url>,
    pub(super) key: Option<Secret>,
    pub(super) query: BTreeMap<String, String>,
    /// Whether somebody named the address: such a server may need no key.
    pub(super) own_address: bool,
    /// Whether somebody configured it: a key, or an address.
    pub(super) configured: bool,
}

impl Access {
    pub(super) fn read(vendor: &Vendor, read: &Read<'_>, faults: &mut Vec<Fault>) -> Self {
        let key = vendor.key_variables.iter().find_map(|name| read(name)).map(Secret::new);
        let own = vendor.base_url_variables.iter().find_map(|name| Some((name, read(name)?)));
        let own = own.map(|(name, value)| (name, Some(value)));
        let host = vendor.host_variable.as_ref().and_then(|name| {
            let value = read(name)?;
            Some((name, address::of_host(&value, vendor.base_url.as_deref())))
        });
        let named = own.or(host);
        let own_address = named.is_some();
        let base = match named {
            Some((name, value)) => checked(name, value.as_deref(), faults),
            None => vendor.base_url.as_deref().and_then(|url| http_client::parse_url(url).ok()),
        };
        let query = vendor.query.iter().map(|(name, usual)| {
            let set = vendor.query_variables.get(name).and_then(|variable| read(variable));
            (name.clone(), set.unwrap_or_else(|| usual.clone()))
        });
        let configured = own_address || (key.is_some() && vendor.auth != Auth::Optional && base.is_some());
        Self { base, key, query: query.collect(), own_address, configured }
    }
}

/// Shows where, and whether there is a key.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.base.as_ref().map(http_client::display_url);
        f.debug_struct("Access").field("base", &base).field("key", &self.key).finish_non_exhaustive()
    }
}

fn checked(variable: &str, url: Option<&str>, faults: &mut Vec<Fault>) -> Option<Url> {
    let url = url.and_then(|url| http_client::parse_url(url).ok());
    if url.is_none() {
        faults.push(Fault::new(format!("/{variable}"), "must be an http:// or https:// URL without a query"));
    }
    url
}

/// The time limits among the variables.
pub(super) fn time_limits(read: &Read<'_>, faults: &mut Vec<Fault>) -> TimeLimits {
    let mut limits = TimeLimits::default();
    let fields = [
        ("LLM_FIRST_BYTE_SECONDS", &mut limits.first_byte),
        ("LLM_IDLE_SECONDS", &mut limits.idle),
        ("LLM_TOTAL_SECONDS", &mut limits.total),
    ];
    for (name, field) in fields {
        let Some(text) = read(name) else { continue };
        match text.parse::<u64>() {
            Ok(seconds) if (1..=86_400).contains(&seconds) => *field = Duration::from_secs(seconds),
            _ => faults.push(Fault::new(format!("/{name}"), "must be a whole number from 1 to 86400")),
        }
    }
    limits
}

/// A model at a vendor: `openai/gpt-4o-mini`. What stands behind the first slash is the vendor's own name, which may
/// have slashes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRef {
    /// A name of the table of vendors.
    pub vendor: String,
    /// The model's name there.
    pub model: String,
}

impl ModelRef {
    /// Reads a name. One without a vendor is meant for `default_vendor`.
    ///
    /// # Errors
    /// `not_configured`: an unknown vendor (the hint lists those there are), no model, or no default.
    pub fn parse(name: &str, vendors: &Vendors, default_vendor: Option<&str>) -> Result<Self> {
        let name = name.trim();
        let (vendor, model) = match (name.split_once('/'), default_vendor) {
            (Some((vendor, model)), _) => (vendor, model),
            (None, Some(vendor)) => (vendor, name),
            (None, None) => return Err(no_default(vendors)),
        };
        vendors.get(vendor)?;
        if model.is_empty() {
            return Err(Error::new(ErrorKind::NotConfigured, "the name of a model is empty")
                .with_hint("name it as VENDOR/MODEL, for example openai/gpt-4o-mini"));
        }
        Ok(Self { vendor: vendor.to_owned(), model: model.to_owned() })
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.vendor, self.model)
    }
}

fn no_default(vendors: &Vendors) -> Error {
    Error::new(ErrorKind::NotConfigured, "no provider of language models is configured").with_hint(format!(
        "set a key (OPENAI_API_KEY, ANTHROPIC_API_KEY, ...) or start a local server; the vendors are: {}",
        vendors.names().join(", ")
    ))
}
