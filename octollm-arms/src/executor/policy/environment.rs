//! Which environment variables a program may get.

use std::collections::BTreeMap;

use octollm_core::{Fault, Result};
use regex::Regex;

use super::arguments::whole;
use super::file::{self, File};
use super::{Policy, refused_at};

/// Variables by which somebody who chooses one chooses what is run.
const NEVER: [&str; 9] =
    ["PATH", "HOME", "TMPDIR", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "PYTHONSTARTUP", "PYTHONPATH"];
/// Beginnings of such names.
const NEVER_BEGINNING: [&str; 5] = ["LD_", "DYLD_", "GIT_", "BASH_FUNC_", "GCONV_"];

/// Variables that are known to choose nothing but how text, time and numbers look, and how many threads there are. A policy
/// that names any other says which values it may have: no list of those that choose what is run would be complete
/// (`TAR_OPTIONS`, `PERL5OPT`, `NODE_OPTIONS`, `PAGER` ...).
const HARMLESS: [&str; 22] = [
    "TZ",
    "LANG",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_MESSAGES",
    "LC_MONETARY",
    "LC_NUMERIC",
    "LC_TIME",
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR",
    "COLUMNS",
    "LINES",
    "CI",
    "PYTHONHASHSEED",
    "PYTHONUNBUFFERED",
    "RUST_BACKTRACE",
    "SOURCE_DATE_EPOCH",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
];

/// The values that a request may give a variable.
#[derive(Debug, Clone)]
pub(super) enum Settable {
    /// Of a variable that is known: whatever leads to no file of the request's.
    Plain,
    OneOf(Vec<String>),
    Matching(Regex),
}

impl Settable {
    fn admits(&self, value: &str) -> bool {
        match self {
            Self::Plain => {
                let plain = |c: char| c.is_ascii_alphanumeric() || "_.,:=+@<>/-".contains(c);
                value.len() <= 128
                    && value.chars().all(plain)
                    && !value.starts_with(['/', ':'])
                    && !value.contains("..")
            }
            Self::OneOf(values) => values.iter().any(|one| one == value),
            Self::Matching(pattern) => pattern.is_match(value),
        }
    }

    fn described(&self) -> String {
        match self {
            Self::Plain => "a short word such as a locale, a time zone's name or a number".to_owned(),
            Self::OneOf(values) => format!("one of {}", values.join(", ")),
            Self::Matching(pattern) => format!("what matches `{}`", pattern.as_str()),
        }
    }
}

/// The variables that a request may set, and the faults of the policy's own.
pub(super) fn compile(file: &File, faults: &mut Vec<Fault>) -> BTreeMap<String, Settable> {
    let mut settable = BTreeMap::new();
    for (index, entry) in file.settable.iter().enumerate() {
        let place = format!("settable[{index}]");
        let (name, values) = match entry {
            file::Settable::Known(name) => (name, known(name)),
            file::Settable::Values(values) => (&values.name, listed(values, &place, faults)),
        };
        match values {
            _ if !is_name(name) => faults.push(Fault::new(place, "must be a variable's name")),
            _ if chooses_what_is_run(name) => {
                faults.push(Fault::new(place, "must not be set by a request: it chooses what is run"));
            }
            Ok(values) => drop(settable.insert(name.clone(), values)),
            Err(why) => faults.push(Fault::new(place, why)),
        }
    }
    for (name, value) in &file.environment {
        if !is_name(name) || value.contains('\0') {
            faults.push(Fault::new(
                format!("environment.{name}"),
                "must be a variable's name and a value without NUL",
            ));
        }
    }
    settable
}

fn known(name: &str) -> std::result::Result<Settable, &'static str> {
    HARMLESS.contains(&name).then_some(Settable::Plain).ok_or(
        "is not known to choose nothing of what is run: list the values that a request may give it, as \
         { name = \"...\", one_of = [...] } or by `matches`",
    )
}

fn listed(
    values: &file::Values,
    place: &str,
    faults: &mut Vec<Fault>,
) -> std::result::Result<Settable, &'static str> {
    match &values.matches {
        None if values.one_of.is_empty() => Err("must have `one_of` or `matches`"),
        None => Ok(Settable::OneOf(values.one_of.clone())),
        Some(_) if !values.one_of.is_empty() => Err("must not have both `one_of` and `matches`"),
        // What is no expression is a fault already.
        Some(pattern) => Ok(whole(pattern, || format!("{place}.matches"), faults)
            .map_or_else(|| Settable::OneOf(Vec::new()), Settable::Matching)),
    }
}

impl Policy {
    /// The variables of a program: the policy's own, and those of the request.
    pub(in crate::executor) fn variables(
        &self,
        asked: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>> {
        let mut all = self.environment.clone();
        for (name, value) in asked {
            let Some(values) = self.settable.get(name) else {
                let names: Vec<_> = self.settable.keys().map(|name| format!("`{name}`")).collect();
                let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(refused_at(
                    &self.label(),
                    "/env",
                    format!("may set of all variables only {known}"),
                ));
            };
            if !values.admits(value) {
                let detail = format!("may give `{name}` only {}", values.described());
                return Err(refused_at(&self.label(), "/env", detail));
            }
            all.insert(name.clone(), value.clone());
        }
        Ok(all)
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.len() <= 100
}

fn chooses_what_is_run(name: &str) -> bool {
    NEVER.contains(&name) || NEVER_BEGINNING.iter().any(|beginning| name.starts_with(beginning))
}
