//! Query parameters, read strictly: an unknown or repeated name and a bad value are errors, all of them at once.
//!
//! In a problem's `errors`, `?name` points to the parameter `name`.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use octollm_core::{Error, Fault, Result};

use super::problem::Problem;

/// The parameters of a request. Take each one that the route knows, then [`finish`](Self::finish).
pub(super) struct Params {
    values: BTreeMap<String, String>,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let unreadable =
            |_| Error::invalid("the query cannot be read", vec![Fault::new("?", "must be `name=value&...`")]);
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(unreadable)?;
        let mut params = Self { values: BTreeMap::new(), known: Vec::new(), faults: Vec::new() };
        for (name, value) in pairs {
            if params.values.insert(name.clone(), value).is_some() {
                params.faults.push(Fault::new(format!("?{name}"), "is there twice"));
            }
        }
        Ok(params)
    }
}

impl Params {
    /// The parameter `name`, read by `read`; `allowed` says what it may be.
    pub(super) fn take<T>(
        &mut self,
        name: &'static str,
        allowed: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.known.push(name);
        let text = self.values.remove(name)?;
        let value = read(&text);
        if value.is_none() {
            self.faults.push(Fault::new(format!("?{name}"), format!("must be {allowed}")));
        }
        value
    }

    /// A number within `range`.
    pub(super) fn number<T: FromStr + PartialOrd + std::fmt::Display>(
        &mut self,
        name: &'static str,
        range: std::ops::RangeInclusive<T>,
    ) -> Option<T> {
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        self.take(name, &allowed, |text| text.parse().ok().filter(|value| range.contains(value)))
    }

    /// Every parameter `prefix.NAME`, by NAME.
    pub(super) fn group(&mut self, prefix: &str) -> BTreeMap<String, String> {
        let names: Vec<String> =
            self.values.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        let entry = |name: String| {
            let value = self.values.remove(&name)?;
            Some((name.strip_prefix(prefix)?.to_owned(), value))
        };
        names.into_iter().filter_map(entry).collect()
    }

    /// Reports what was wrong and what nobody asked for.
    pub(super) fn finish(mut self) -> Result<()> {
        let known = self.known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let allowed =
            if known.is_empty() { "none is known here".into() } else { format!("known are {known}") };
        for name in self.values.keys() {
            self.faults.push(Fault::new(format!("?{name}"), format!("is not known; {allowed}")));
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Error::invalid("the query is invalid", self.faults)) }
    }
}
