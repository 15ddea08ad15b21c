//! The detectors, without an orchestrator.

use std::sync::LazyLock;

use octollm_core::reflex::injection::Origin;
use octollm_core::reflex::pii::PiiOptions;
use octollm_core::reflex::{Detectors, Finding, Findings, RedactStyle, Redactor};
use octollm_core::schema::from_value;
use octollm_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;

use crate::errors::raise;

/// The findings as JSON, with offsets in characters, as Python counts them.
#[pyfunction]
pub(crate) fn scan(py: Python<'_>, text: &str, origin: &str, names: bool) -> PyResult<String> {
    py.detach(|| find(text, origin, names)).map_err(|error| raise(&error))
}

fn find(text: &str, origin: &str, names: bool) -> Result<String> {
    let origin: Origin = from_value(origin.into(), "the origin")?;
    written(text, detectors(names)?.scan(text, origin))
}

/// Personal data and secrets alone, as JSON: those within an injection, too.
#[pyfunction]
pub(crate) fn private(py: Python<'_>, text: &str, names: bool) -> PyResult<String> {
    let found = || detectors(names).and_then(|detectors| written(text, detectors.private(text)));
    py.detach(found).map_err(|error| raise(&error))
}

fn written(text: &str, findings: Findings) -> Result<String> {
    serde_json::to_string(&in_characters(text, findings.into_iter()))
        .map_err(|error| Error::new(ErrorKind::Internal, "findings cannot be written").with_source(error))
}

/// The findings with offsets in characters. The text is walked once, however many there are.
pub(crate) fn in_characters(text: &str, findings: impl Iterator<Item = Finding>) -> Vec<Finding> {
    let mut findings: Vec<_> = findings.collect();
    let mut places: Vec<_> = findings.iter().flat_map(|finding| [finding.start, finding.end]).collect();
    places.sort_unstable();
    places.dedup();
    let mut counts = Vec::with_capacity(places.len());
    let (mut byte, mut characters) = (0, 0);
    for &place in &places {
        characters += text.get(byte..place).unwrap_or_default().chars().count();
        byte = place;
        counts.push(characters);
    }
    let count = |place: usize| {
        places.binary_search(&place).ok().and_then(|at| counts.get(at).copied()).unwrap_or_default()
    };
    for finding in &mut findings {
        (finding.start, finding.end) = (count(finding.start), count(finding.end));
    }
    findings
}

/// The text without personal data and secrets. `key` makes the hashes of style `hash`; a fresh one where there is none.
#[pyfunction]
pub(crate) fn redact(
    py: Python<'_>,
    text: &str,
    style: &str,
    key: Option<[u8; 32]>,
    names: bool,
) -> PyResult<String> {
    py.detach(|| without_private(text, style, key, names)).map_err(|error| raise(&error))
}

fn without_private(text: &str, style: &str, key: Option<[u8; 32]>, names: bool) -> Result<String> {
    let style: RedactStyle = from_value(style.into(), "the style")?;
    let findings: Findings = detectors(names)?.private(text);
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

/// Those that look for names, too, are made where somebody wants them.
fn detectors(names: bool) -> Result<&'static Detectors> {
    static PLAIN: LazyLock<Result<Detectors>> = LazyLock::new(Detectors::new);
    static WITH_NAMES: LazyLock<Result<Detectors>> =
        LazyLock::new(|| Detectors::with(PiiOptions { names: true, ..PiiOptions::default() }));
    let built = if names { &WITH_NAMES } else { &PLAIN };
    built.as_ref().map_err(|_| Error::new(ErrorKind::Internal, "the detectors cannot be built"))
}
