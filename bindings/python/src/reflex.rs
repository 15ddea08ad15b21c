//! The detectors, without an orchestrator.

use std::sync::LazyLock;

use octollm_core::reflex::injection::Origin;
use octollm_core::reflex::{Detectors, Findings, RedactStyle, Redactor};
use octollm_core::schema::from_value;
use octollm_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;

use crate::errors::raise;

/// The findings as JSON, with offsets in characters, as Python counts them.
#[pyfunction]
pub(crate) fn scan(py: Python<'_>, text: &str, origin: &str) -> PyResult<String> {
    py.detach(|| find(text, origin)).map_err(|error| raise(&error))
}

fn find(text: &str, origin: &str) -> Result<String> {
    let origin: Origin = from_value(origin.into(), "the origin")?;
    let mut findings: Vec<_> = detectors()?.scan(text, origin).iter().cloned().collect();
    let mut counted = Characters { text, bytes: 0, characters: 0 };
    for finding in &mut findings {
        finding.start = counted.up_to(finding.start);
        finding.end = counted.up_to(finding.end);
    }
    serde_json::to_string(&findings)
        .map_err(|error| Error::new(ErrorKind::Internal, "findings cannot be written").with_source(error))
}

/// Counts characters along a text, forwards only.
struct Characters<'a> {
    text: &'a str,
    bytes: usize,
    characters: usize,
}

impl Characters<'_> {
    fn up_to(&mut self, byte: usize) -> usize {
        self.characters += self.text.get(self.bytes..byte).unwrap_or_default().chars().count();
        self.bytes = byte;
        self.characters
    }
}

/// The text without personal data and secrets. `key` makes the hashes of style `hash`; a fresh one where there is none.
#[pyfunction]
pub(crate) fn redact(py: Python<'_>, text: &str, style: &str, key: Option<[u8; 32]>) -> PyResult<String> {
    py.detach(|| without_private(text, style, key)).map_err(|error| raise(&error))
}

fn without_private(text: &str, style: &str, key: Option<[u8; 32]>) -> Result<String> {
    let style: RedactStyle = from_value(style.into(), "the style")?;
    let findings: Findings = detectors()?.private(text);
    let key = match key {
        Some(key) => key,
        None => fresh_key()?,
    };
    Ok(Redactor::new(style, key).redact(text, &findings))
}

fn fresh_key() -> Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|cause| {
        Error::new(ErrorKind::Unavailable, "the platform gives no randomness").with_source(cause)
    })?;
    Ok(key)
}

fn detectors() -> Result<&'static Detectors> {
    static DETECTORS: LazyLock<Result<Detectors>> = LazyLock::new(Detectors::new);
    DETECTORS.as_ref().map_err(|_| Error::new(ErrorKind::Internal, "the detectors cannot be built"))
}
