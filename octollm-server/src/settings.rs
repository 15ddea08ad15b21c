//! Where the configuration comes from: defaults, then `octollm.toml`, then `.env`, then the environment, then what the
//! program says, then flags. The later one wins, and each value remembers where it came from.
//!
//! A file of ours, and what a program says, is read strictly: an unknown name is refused with the nearest known one. The environment and `.env`
//! belong to other programs too, so only the names that are ours are looked at.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use octollm_core::config::{Config, LATER, SETTINGS, Setting};
use octollm_core::model::{Models, Vendors};
use octollm_core::{Error, ErrorKind, Fault, Result};
use serde_json::Value;

const FILE: &str = "octollm.toml";
/// Names a file with vendors of language models.
const VENDORS: &str = "LLM_VENDORS";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// This file.
    File(PathBuf),
    /// `.env` in the working directory.
    DotEnv,
    /// The process's environment.
    Environment,
    /// The program that embeds the library.
    Program,
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::DotEnv => f.write_str(".env"),
            Self::Environment => f.write_str("environment"),
            Self::Program => f.write_str("program"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// What is read.
#[derive(Debug, Default)]
pub struct Sources {
    /// Where `octollm.toml` and `.env` are looked for.
    pub folder: PathBuf,
    /// A file that must be there, instead of `octollm.toml`.
    pub file: Option<PathBuf>,
    /// The process's environment.
    pub environment: Vec<(String, String)>,
    /// What the program that embeds the library says, by a setting's name in either spelling.
    pub program: Vec<(String, Value)>,
    /// What the command line says, by a setting's name.
    pub flags: Vec<(&'static str, String)>,
}

impl Sources {
    /// What this process can see: the working directory and its environment.
    pub fn of_process() -> Self {
        let variable =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Self {
            folder: PathBuf::from("."),
            environment: std::env::vars_os().filter_map(variable).collect(),
            ..Self::default()
        }
    }
}

/// The configuration, and where each value came from.
pub struct Settings {
    /// The values.
    pub config: Config,
    /// Variables of language models: keys, addresses, names. Values of those that do not begin with `LLM_` are shown to nobody.
    pub models: BTreeMap<String, String>,
    /// Names that are set and have no effect yet, with where they stand.
    pub ignored: Vec<(String, Origin)>,
    origins: BTreeMap<String, Origin>,
}

/// Of models only the names: values may be keys.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("config", &self.config)
            .field("models", &self.models.keys())
            .field("ignored", &self.ignored)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Reads all sources.
    ///
    /// # Errors
    /// `invalid_input` with every fault of all sources; `not_configured` for a file that cannot be read.
    pub fn load(sources: &Sources) -> Result<Self> {
        let layers = Layers::read(sources, Models::variables()?)?;
        if !layers.models.contains_key(VENDORS) {
            return layers.finish();
        }
        // The vendors of the operator's own file have variables of their own.
        let vendors = Vendors::from_variables(&layers.models)?;
        Layers::read(sources, Models::variables_with(&vendors))?.finish()
    }

    /// Where the value of the setting with this name came from.
    pub fn origin(&self, name: &str) -> &Origin {
        self.origins.get(&name.to_ascii_lowercase()).unwrap_or(&Origin::Default)
    }
}

#[derive(Default)]
struct Layers {
    /// Names that are about language models.
    of_models: Vec<String>,
    models: BTreeMap<String, String>,
    values: BTreeMap<String, Value>,
    origins: BTreeMap<String, Origin>,
    ignored: Vec<(String, Origin)>,
    faults: Vec<Fault>,
}

impl Layers {
    /// All sources, where these names are about language models.
    fn read(sources: &Sources, of_models: Vec<String>) -> Result<Self> {
        let mut layers = Self { of_models, ..Self::default() };
        layers.add_file(sources)?;
        layers.add_dot_env(&sources.folder.join(".env"))?;
        for (name, value) in &sources.environment {
            layers.add_variable(name, value, &Origin::Environment);
        }
        for (name, value) in &sources.program {
            layers.add_strictly(&name.to_ascii_lowercase(), value.clone(), &Origin::Program);
        }
        for (name, value) in &sources.flags {
            layers.add(name, Value::from(value.as_str()), Origin::Flag);
        }
        Ok(layers)
    }

    fn add(&mut self, name: &str, value: Value, origin: Origin) {
        let key = name.to_ascii_lowercase();
        self.values.insert(key.clone(), value);
        self.origins.insert(key, origin);
    }

    /// Adds a variable if it is one of ours; an empty one counts as unset.
    fn add_variable(&mut self, name: &str, value: &str, origin: &Origin) {
        if value.trim().is_empty() {
            return;
        }
        if SETTINGS.iter().any(|setting| setting.name == name && setting.is_variable()) {
            self.add(name, value.into(), origin.clone());
        } else if self.of_models.iter().any(|known| known == name) {
            self.add_of_models(name, value, origin);
        } else if LATER.contains(&name) {
            self.ignored.push((name.to_owned(), origin.clone()));
        }
    }

    fn add_of_models(&mut self, name: &str, value: &str, origin: &Origin) {
        self.models.insert(name.to_owned(), value.to_owned());
        self.origins.insert(name.to_ascii_lowercase(), origin.clone());
    }

    fn add_file(&mut self, sources: &Sources) -> Result<()> {
        let path = sources.file.clone().unwrap_or_else(|| sources.folder.join(FILE));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && sources.file.is_none() => {
                return Ok(());
            }
            Err(error) => return Err(unreadable(&path, error)),
        };
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            Error::new(ErrorKind::NotConfigured, "the configuration file is not TOML")
                .with_context("file", path.display().to_string())
                .with_context("place", place(&text, error.span()))
                .with_context("reason", error.message().to_owned())
        })?;
        let origin = Origin::File(path);
        for (name, value) in table {
            match serde_json::to_value(value) {
                Ok(value) => self.add_strictly(&name, value, &origin),
                Err(_) => self.faults.push(Fault::new(format!("{name} ({origin})"), "has no meaning here")),
            }
        }
        Ok(())
    }

    /// Adds the value of a setting of ours, in lower case; another name is a fault.
    fn add_strictly(&mut self, name: &str, value: Value, origin: &Origin) {
        if Setting::find(name).is_some_and(|setting| setting.key() == name) {
            self.add(name, value, origin.clone());
        } else if let Some(known) =
            self.of_models.iter().find(|known| known.to_ascii_lowercase() == name).cloned()
        {
            match value {
                Value::String(text) => self.add_of_models(&known, &text, origin),
                Value::Number(number) => self.add_of_models(&known, &number.to_string(), origin),
                _ => self.faults.push(Fault::new(format!("{name} ({origin})"), "must be text")),
            }
        } else if LATER.iter().any(|later| later.eq_ignore_ascii_case(name)) {
            self.ignored.push((name.to_owned(), origin.clone()));
        } else {
            let detail = match nearest(name) {
                Some(known) => format!("is not known; did you mean `{known}`?"),
                None => format!("is not known; known are {}", known_keys().join(", ")),
            };
            self.faults.push(Fault::new(format!("{name} ({origin})"), detail));
        }
    }

    fn add_dot_env(&mut self, path: &Path) -> Result<()> {
        let entries = match dotenvy::from_path_iter(path) {
            Ok(entries) => entries,
            Err(error) if error.not_found() => return Ok(()),
            Err(error) => return Err(unreadable(path, error)),
        };
        for (index, entry) in entries.enumerate() {
            // The parser's own words repeat the line, which may hold a secret.
            let (name, value) = entry.map_err(|_| {
                Error::new(ErrorKind::NotConfigured, "the file of variables cannot be read")
                    .with_context("file", path.display().to_string())
                    .with_context("entry", (index + 1).to_string())
                    .with_hint("each line must be NAME=value; quote values with spaces")
            })?;
            self.add_variable(&name, &value, &Origin::DotEnv);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Settings> {
        let config = match Config::from_values(&self.values) {
            Ok(config) => config,
            Err(error) => {
                let faults: Vec<_> = error.faults().iter().map(|fault| self.explain(fault)).collect();
                self.faults.extend(faults);
                Config::default()
            }
        };
        if self.faults.is_empty() {
            return Ok(Settings {
                config,
                models: self.models,
                ignored: self.ignored,
                origins: self.origins,
            });
        }
        Err(Error::invalid("the configuration is invalid", self.faults))
    }

    /// The fault with the variable's name, where it stands and what it is; of a section with the place within.
    fn explain(&self, fault: &Fault) -> Fault {
        let pointer = fault.pointer.trim_start_matches('/');
        let (key, within) =
            pointer.split_once('/').map_or((pointer, None), |(key, within)| (key, Some(within)));
        let origin = self.origins.get(key).unwrap_or(&Origin::Default);
        if let Some(within) = within {
            return Fault::new(
                format!("{key}.{} ({origin})", within.replace('/', ".")),
                fault.detail.clone(),
            );
        }
        let setting = Setting::find(key);
        let name = match (origin, setting) {
            (Origin::File(_), _) | (_, None) => key,
            (_, Some(setting)) => setting.name,
        };
        let value = match (self.values.get(key), setting) {
            (Some(value), Some(setting)) if !setting.secret && setting.is_variable() => {
                format!(", not `{}`", shown(value))
            }
            _ => String::new(),
        };
        Fault::new(format!("{name} ({origin})"), format!("{}{value}", fault.detail))
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn known_keys() -> Vec<String> {
    SETTINGS.iter().map(Setting::key).collect()
}

/// The known name that a person most likely meant.
fn nearest(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let scored = known_keys().into_iter().map(|known| (strsim::jaro_winkler(&name, &known), known));
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score > 0.85).map(|(_, known)| known)
}

fn unreadable(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::NotConfigured, "the configuration cannot be read")
        .with_context("file", path.display().to_string())
        .with_context("reason", error.to_string())
        .with_source(error)
}

fn place(text: &str, span: Option<std::ops::Range<usize>>) -> String {
    let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}", before.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests;
