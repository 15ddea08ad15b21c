//! The policy that a text on the command line is looked at under.

use std::path::Path;

use octollm_core::config::Config;
use octollm_core::reflex::{Action, Policy, Preset, Rules};
use octollm_core::{Error, ErrorKind, Result};
use serde_json::Value;

use crate::cli::args::ReflexArgs;

/// The policy that the command line names. By default personal data and secrets are replaced and injections reported, so
/// that a filter stops at nothing; what counts as personal data is as configured.
pub(super) fn of(args: &ReflexArgs, config: &Config) -> Result<Policy> {
    let mut policy = match args.policy.as_deref() {
        Some("configured") => config.policy()?,
        Some(name) => match Preset::from_name(name) {
            Some(preset) => Policy::of(preset),
            None => read(Path::new(name))?,
        },
        None => Policy {
            injection: Rules::all(Action::Flag),
            detect: config.policy()?.detect,
            ..Policy::of(Preset::Default)
        },
    };
    policy.detect.names |= args.names;
    if let Some(style) = args.redact {
        policy.style = style.into();
    }
    Ok(policy)
}

/// A policy out of a file: the section `reflex` of a configuration, or what stands in one; in TOML or in JSON.
fn read(path: &Path) -> Result<Policy> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::new(ErrorKind::NotConfigured, "the policy cannot be read")
            .with_context("path", path.display().to_string())
            .with_context("reason", error.kind().to_string())
            .with_hint("name a file, or one of default, strict, lenient, off, configured")
    })?;
    // No TOML begins with a brace, and no policy in JSON with anything else.
    let text = text.trim_start_matches('\u{feff}');
    let document = if text.trim_start().starts_with('{') { from_json(text) } else { from_toml(text) };
    let mut document = document.map_err(|reason| {
        Error::new(ErrorKind::NotConfigured, "the policy is neither TOML nor JSON")
            .with_context("path", path.display().to_string())
            .with_context("reason", reason)
    })?;
    let preset = match document.get("reflex_policy") {
        None => Preset::Default,
        Some(name) => name.as_str().and_then(Preset::from_name).ok_or_else(|| {
            Error::new(ErrorKind::NotConfigured, "`reflex_policy` must be default, strict, lenient or off")
                .with_context("path", path.display().to_string())
        })?,
    };
    let is_configuration = document.get("reflex").is_some() || document.get("reflex_policy").is_some();
    let section = if is_configuration {
        document.get_mut("reflex").map(Value::take).unwrap_or_default()
    } else {
        document
    };
    Policy::read(preset, &section).map_err(|error| error.with_context("path", path.display().to_string()))
}

fn from_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn from_toml(text: &str) -> Result<Value, String> {
    let unreadable = |error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {}: {}", before.matches('\n').count() + 1, error.message())
    };
    let table: toml::Table = text.parse().map_err(unreadable)?;
    serde_json::to_value(table).map_err(|error| error.to_string())
}
