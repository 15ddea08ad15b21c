//! What can be configured: names, defaults and rules. Where the values come from (files, environment, flags) is the
//! program's business.
//!
//! A setting has one name everywhere: `API_PORT` in the environment, `api_port` in a file. Only settings that have an
//! effect are here; [`LATER`] lists names that are reserved, so that a program can say that they do nothing yet.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Fault, Result};
use crate::resilience::Quota;

/// Everything that can be configured.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder of the store; the platform's data directory where absent.
    pub octollm_home: Option<PathBuf>,
    /// What gives texts their vectors.
    pub octollm_embedder: EmbedderChoice,
    /// The key that seals tasks' vaults, as 64 hexadecimal digits; the file `vault.key` beside the store where absent.
    pub octollm_vault_key: Option<String>,
    /// What the executor may do; its built-in policy where absent.
    pub octollm_executor_policy: Option<PathBuf>,
    /// Address to serve on.
    pub api_host: String,
    /// Port to serve on; 0 takes a free one.
    pub api_port: u16,
    /// Tasks that run at once, 1..=100000.
    pub max_concurrent_tasks: u32,
    /// Seconds until a task fails that states no deadline of its own, 10..=3600.
    pub task_timeout_seconds: u32,
    /// URLs of arms.
    pub arm_registry: Vec<String>,
    /// URL of a list of arms, read again and again.
    pub arm_registry_url: Option<String>,
    /// Seconds between two looks at that list and at the arms' health, 1..=86400.
    pub arm_discovery_interval_seconds: u32,
    /// Whether a plan that worked is used again for a goal that says the same, without asking a model.
    pub plan_reuse: bool,
    /// Folder of prompts that replace the library's own, by file name.
    pub octollm_prompts_dir: Option<PathBuf>,
    /// Whether answers of models are kept, so that the same question is not paid for twice.
    pub llm_cache: bool,
    /// Hours that an answer is kept, 1..=8760.
    pub llm_cache_hours: u32,
    /// How long a task that asks what another one asked gets its answer; never where absent. 1 second to 30 days.
    #[serde(serialize_with = "jiff::fmt::serde::duration::friendly::compact::optional")]
    pub answer_cache: Option<SignedDuration>,
    /// Kilobytes of JSON that such an answer may have, 1..=65536.
    pub answer_cache_max_kb: u32,
    /// What the reflexes do about what they find: `default`, `strict`, `lenient` or `off`.
    pub reflex_policy: String,
    /// What differs from that policy, as `octollm_core::reflex::Policy::read` takes it.
    pub reflex: Map<String, Value>,
    /// File with what the guardian denies and requires; none where absent.
    pub guardian_policy: Option<PathBuf>,
    /// Folders whose CSV, TSV and JSON files the retriever may analyse; none where empty.
    pub retriever_data_folders: Vec<PathBuf>,
    /// Who searches the web for the retriever; nobody where absent.
    pub web_search_provider: Option<String>,
    /// Where that provider is asked; its own address where absent.
    pub web_search_url: Option<String>,
    /// What it gave out to be asked with.
    pub web_search_api_key: Option<String>,
    /// What one client may ask of a server in a time; anything where absent.
    pub rate_limit_client: Option<Quota>,
    /// What one key may ask.
    pub rate_limit_key: Option<Quota>,
    /// What everybody together may ask of one route.
    pub rate_limit_route: Option<Quota>,
    /// Whether requests are let in while nobody can count them: `open` or `closed`.
    pub rate_limit_on_failure: String,
    /// What is logged.
    pub log_level: LogLevel,
    /// Where this runs; decides the log's format.
    pub environment: Environment,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            octollm_home: None,
            octollm_embedder: EmbedderChoice::default(),
            octollm_vault_key: None,
            octollm_executor_policy: None,
            api_host: "127.0.0.1".to_owned(),
            api_port: 8000,
            max_concurrent_tasks: 100,
            task_timeout_seconds: 300,
            arm_registry: Vec::new(),
            arm_registry_url: None,
            arm_discovery_interval_seconds: 60,
            plan_reuse: true,
            octollm_prompts_dir: None,
            llm_cache: false,
            llm_cache_hours: 24,
            answer_cache: None,
            answer_cache_max_kb: 1024,
            reflex_policy: "default".to_owned(),
            reflex: Map::new(),
            guardian_policy: None,
            retriever_data_folders: Vec::new(),
            web_search_provider: None,
            web_search_url: None,
            web_search_api_key: None,
            rate_limit_client: None,
            rate_limit_key: None,
            rate_limit_route: None,
            rate_limit_on_failure: "open".to_owned(),
            log_level: LogLevel::default(),
            environment: Environment::default(),
        }
    }
}

/// What gives texts their vectors: `hashed` or a path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum EmbedderChoice {
    /// The built-in embedder, which is lexical.
    #[default]
    Hashed,
    /// The embedding model in this folder.
    Folder(PathBuf),
}

impl EmbedderChoice {
    const HASHED: &str = "hashed";
}

impl From<String> for EmbedderChoice {
    fn from(text: String) -> Self {
        if text.eq_ignore_ascii_case(Self::HASHED) { Self::Hashed } else { Self::Folder(text.into()) }
    }
}

impl From<EmbedderChoice> for String {
    fn from(choice: EmbedderChoice) -> Self {
        match choice {
            EmbedderChoice::Hashed => EmbedderChoice::HASHED.to_owned(),
            EmbedderChoice::Folder(path) => path.display().to_string(),
        }
    }
}

/// The least important lines that are logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Every detail.
    Trace,
    /// What a developer looks for.
    Debug,
    /// What happens.
    #[default]
    Info,
    /// What may need attention.
    #[serde(alias = "warning")]
    Warn,
    /// What failed.
    Error,
}

impl LogLevel {
    /// The name, as it stands in a filter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Where a server runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// On a developer's machine: logs for people.
    #[default]
    Development,
    /// In tests: logs for people.
    Testing,
    /// Before production: logs in JSON.
    Staging,
    /// For real: logs in JSON.
    Production,
}

impl Environment {
    /// Whether logs are read by programs.
    pub const fn logs_json(self) -> bool {
        matches!(self, Self::Staging | Self::Production)
    }
}

/// How a setting is written where everything is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Number,
    /// Comma-separated.
    List,
    /// In upper or lower case.
    Word,
    /// On or off.
    Switch,
    /// A rate, a time, or none.
    Optional,
    /// Settings of its own, which no variable can hold.
    Section,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name in the environment.
    pub name: &'static str,
    /// What it may be.
    pub allowed: &'static str,
    /// Whether its value may hold a password and is shown to nobody.
    pub secret: bool,
    form: Form,
}

const fn setting(name: &'static str, form: Form, allowed: &'static str) -> Setting {
    Setting { name, allowed, secret: false, form }
}

const fn secret(name: &'static str, form: Form, allowed: &'static str) -> Setting {
    Setting { name, allowed, secret: true, form }
}

/// [`Quota::FORM`], and none.
const QUOTA: &str = "off, or NUMBER/second, /minute, /hour or /day, and then, if you like, `burst NUMBER`";

/// Every setting there is.
pub static SETTINGS: [Setting; 30] = [
    setting("OCTOLLM_HOME", Form::Text, "a folder"),
    setting("OCTOLLM_EMBEDDER", Form::Text, "`hashed` or the folder of an embedding model"),
    secret("OCTOLLM_VAULT_KEY", Form::Text, "64 hexadecimal digits, as `openssl rand -hex 32` gives them"),
    setting("OCTOLLM_EXECUTOR_POLICY", Form::Text, "the file of the executor's policy"),
    setting("API_HOST", Form::Text, "an IP address or `localhost`"),
    setting("API_PORT", Form::Number, "a port, 0 to 65535 (0 takes a free one)"),
    setting("MAX_CONCURRENT_TASKS", Form::Number, "a whole number from 1 to 100000"),
    setting("TASK_TIMEOUT_SECONDS", Form::Number, "a whole number of seconds from 10 to 3600"),
    secret("ARM_REGISTRY", Form::List, "http:// or https:// URLs, separated by commas"),
    secret("ARM_REGISTRY_URL", Form::Text, "an http:// or https:// URL"),
    setting("ARM_DISCOVERY_INTERVAL_SECONDS", Form::Number, "a whole number of seconds from 1 to 86400"),
    setting("PLAN_REUSE", Form::Switch, "on or off"),
    setting("OCTOLLM_PROMPTS_DIR", Form::Text, "a folder of prompts"),
    setting("LLM_CACHE", Form::Switch, "on or off"),
    setting("LLM_CACHE_HOURS", Form::Number, "a whole number of hours from 1 to 8760"),
    setting("ANSWER_CACHE", Form::Optional, "off, or a time such as 30s, 10m or 2h, 30 days at most"),
    setting("ANSWER_CACHE_MAX_KB", Form::Number, "a whole number of kilobytes from 1 to 65536"),
    setting("REFLEX_POLICY", Form::Word, "default, strict, lenient or off"),
    setting("REFLEX", Form::Section, "a section of a file"),
    setting("GUARDIAN_POLICY", Form::Text, "a TOML file"),
    setting("RETRIEVER_DATA_FOLDERS", Form::List, "folders, separated by commas"),
    setting("WEB_SEARCH_PROVIDER", Form::Word, "searxng, brave, tavily, serper or bing"),
    secret("WEB_SEARCH_URL", Form::Text, "an http:// or https:// URL"),
    secret("WEB_SEARCH_API_KEY", Form::Text, "the key that the provider gave you"),
    setting("RATE_LIMIT_CLIENT", Form::Optional, QUOTA),
    setting("RATE_LIMIT_KEY", Form::Optional, QUOTA),
    setting("RATE_LIMIT_ROUTE", Form::Optional, QUOTA),
    setting("RATE_LIMIT_ON_FAILURE", Form::Word, "open or closed"),
    setting("LOG_LEVEL", Form::Word, "trace, debug, info, warn or error"),
    setting("ENVIRONMENT", Form::Word, "development, testing, staging or production"),
];

/// Names that are reserved and have no effect yet.
pub static LATER: [&str; 13] = [
    "POSTGRES_URL",
    "POSTGRES_USER",
    "POSTGRES_PASSWORD",
    "POSTGRES_DB",
    "POSTGRES_HOST",
    "POSTGRES_PORT",
    "REDIS_URL",
    "REDIS_PASSWORD",
    "QDRANT_URL",
    "QDRANT_API_KEY",
    "API_KEYS",
    "CORS_ALLOW_ORIGINS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

impl Setting {
    /// The setting with this name, in either spelling: `API_PORT`, `api_port`.
    pub fn find(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name.eq_ignore_ascii_case(name))
    }

    /// Its name in a file.
    pub fn key(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    /// Whether a variable of the environment can hold it.
    pub fn is_variable(&self) -> bool {
        self.form != Form::Section
    }

    /// The value as the configuration holds it: text where a number or a list is meant becomes one.
    fn normalise(&self, value: Value) -> Value {
        let Value::String(text) = &value else { return value };
        let text = text.trim();
        match self.form {
            Form::Text => text.into(),
            Form::Section => value,
            Form::Optional if text.eq_ignore_ascii_case("off") => Value::Null,
            Form::Optional => text.into(),
            Form::Word => text.to_ascii_lowercase().into(),
            Form::Switch => match text.to_ascii_lowercase().as_str() {
                "on" | "true" | "yes" | "1" => true.into(),
                "off" | "false" | "no" | "0" => false.into(),
                _ => value,
            },
            Form::Number => text.parse::<u64>().map_or(value.clone(), Value::from),
            Form::List => {
                let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
                entries.map(Value::from).collect()
            }
        }
    }
}

impl Config {
    /// Reads a configuration from values by name, in either spelling. Text stands for whatever a setting is.
    ///
    /// # Errors
    /// `not_configured` with every bad value and every unknown name; the pointer of a fault is `/` and the setting's
    /// name in a file.
    pub fn from_values(values: &BTreeMap<String, Value>) -> Result<Self> {
        let mut config = Self::default();
        let mut faults = Vec::new();
        for (name, value) in values {
            let pointer = format!("/{}", name.to_ascii_lowercase());
            let Some(setting) = Setting::find(name) else {
                faults.push(Fault::new(pointer, "is not the name of a setting"));
                continue;
            };
            match config.with(setting, value.clone()) {
                Some(changed) => config = changed,
                None => faults.push(Fault::new(pointer, format!("must be {}", setting.allowed))),
            }
        }
        faults.extend(config.reflex_faults());
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(Error::invalid("the configuration is invalid", faults))
        }
    }

    /// The same configuration with this value, if it is allowed.
    fn with(&self, setting: &Setting, value: Value) -> Option<Self> {
        let mut document = serde_json::to_value(self).ok()?;
        document.as_object_mut()?.insert(setting.key(), setting.normalise(value));
        serde_json::from_value::<Self>(document).ok().filter(Self::is_valid)
    }

    /// The reflexes' policy.
    ///
    /// # Errors
    /// `invalid_input` with every fault; pointers are into the section `reflex`.
    #[cfg(feature = "reflex")]
    pub fn policy(&self) -> Result<crate::reflex::Policy> {
        use crate::reflex::{Policy, Preset};
        let preset = Preset::from_name(&self.reflex_policy).unwrap_or_default();
        Policy::read(preset, &Value::Object(self.reflex.clone()))
    }

    /// The limit of who may ask how much, counted in this process; `None` where nobody is limited.
    #[cfg(feature = "reflex")]
    pub fn rate_limit(&self) -> Option<crate::reflex::rate_limit::RateLimit> {
        use crate::reflex::rate_limit::{InProcessLimiter, OnFailure, Quotas, RateLimit};
        let quotas =
            Quotas { key: self.rate_limit_key, client: self.rate_limit_client, route: self.rate_limit_route };
        let on_failure = match &*self.rate_limit_on_failure {
            "closed" => OnFailure::Closed,
            _ => OnFailure::Open,
        };
        let limiter = std::sync::Arc::new(InProcessLimiter::default());
        (quotas != Quotas::default()).then(|| RateLimit::new(limiter, quotas, on_failure))
    }

    #[cfg(feature = "reflex")]
    fn reflex_faults(&self) -> Vec<Fault> {
        let Err(error) = self.policy() else { return Vec::new() };
        let below = |fault: &Fault| Fault::new(format!("/reflex{}", fault.pointer), fault.detail.clone());
        error.faults().iter().map(below).collect()
    }

    #[cfg(not(feature = "reflex"))]
    fn reflex_faults(&self) -> Vec<Fault> {
        Vec::new()
    }

    fn is_valid(&self) -> bool {
        let is_host = self.api_host == "localhost" || self.api_host.parse::<std::net::IpAddr>().is_ok();
        is_host
            && self.octollm_home.as_ref().is_none_or(|home| !home.as_os_str().is_empty())
            && self.guardian_policy.as_ref().is_none_or(|file| !file.as_os_str().is_empty())
            && self.octollm_executor_policy.as_ref().is_none_or(|file| !file.as_os_str().is_empty())
            && self.octollm_prompts_dir.as_ref().is_none_or(|folder| !folder.as_os_str().is_empty())
            && self.retriever_data_folders.iter().all(|folder| !folder.as_os_str().is_empty())
            && self.web_search_provider.as_ref().is_none_or(|name| !name.is_empty())
            && self.web_search_url.as_ref().is_none_or(|url| is_http_url(url))
            && (1..=8_760).contains(&self.llm_cache_hours)
            && self.answer_cache.is_none_or(|time| (1..=30 * 86_400).contains(&time.as_secs()))
            && (1..=65_536).contains(&self.answer_cache_max_kb)
            && self.octollm_embedder != EmbedderChoice::Folder(PathBuf::new())
            && self.octollm_vault_key.as_ref().is_none_or(|key| is_key(key))
            && ["open", "closed"].contains(&&*self.rate_limit_on_failure)
            && ["default", "strict", "lenient", "off"].contains(&&*self.reflex_policy)
            && (1..=100_000).contains(&self.max_concurrent_tasks)
            && (10..=3600).contains(&self.task_timeout_seconds)
            && (1..=86_400).contains(&self.arm_discovery_interval_seconds)
            && self.arm_registry.iter().chain(&self.arm_registry_url).all(|url| is_http_url(url))
    }

    /// [`task_timeout_seconds`](Self::task_timeout_seconds).
    pub fn task_timeout(&self) -> Duration {
        Duration::from_secs(self.task_timeout_seconds.into())
    }

    /// [`llm_cache_hours`](Self::llm_cache_hours).
    pub fn llm_cache_time(&self) -> Duration {
        Duration::from_secs(3600 * u64::from(self.llm_cache_hours))
    }

    /// [`answer_cache`](Self::answer_cache), and how large an answer may be.
    pub fn answers(&self) -> Option<(Duration, usize)> {
        let time = self.answer_cache?.unsigned_abs();
        Some((time, self.answer_cache_max_kb as usize * 1024))
    }

    /// [`arm_discovery_interval_seconds`](Self::arm_discovery_interval_seconds).
    pub fn arm_discovery_interval(&self) -> Duration {
        Duration::from_secs(self.arm_discovery_interval_seconds.into())
    }

    /// The value of a setting as text for people; what may hold a password is shortened.
    ///
    /// # Errors
    /// `not_found` for an unknown name.
    pub fn shown(&self, name: &str) -> Result<String> {
        let unknown = || Error::new(ErrorKind::NotFound, "there is no such setting");
        let setting = Setting::find(name).ok_or_else(unknown)?;
        let keys = [
            ("OCTOLLM_VAULT_KEY", &self.octollm_vault_key),
            ("WEB_SEARCH_API_KEY", &self.web_search_api_key),
        ];
        if let Some((_, key)) = keys.into_iter().find(|(name, _)| *name == setting.name) {
            return Ok(key.as_ref().map(|_| "***".to_owned()).unwrap_or_default());
        }
        let document = serde_json::to_value(self).unwrap_or_default();
        let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), hide_password);
        Ok(match document.get(setting.key()).unwrap_or(&Value::Null) {
            Value::Null => String::new(),
            Value::Object(fields) if fields.is_empty() => String::new(),
            Value::Array(entries) => entries.iter().map(shown).collect::<Vec<_>>().join(","),
            value => shown(value),
        })
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Config");
        for setting in &SETTINGS {
            shown.field(setting.name, &self.shown(setting.name).unwrap_or_default());
        }
        shown.finish()
    }
}

fn is_key(key: &str) -> bool {
    key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_http_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace))
}

/// A URL without its user and password; any other text as it is.
fn hide_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{path}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, Value)]) -> Result<Config> {
        Config::from_values(&values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    #[test]
    fn every_setting_is_a_field_and_its_default_is_allowed() {
        let Value::Object(fields) = serde_json::to_value(Config::default()).unwrap() else {
            panic!("not an object")
        };
        let keys: Vec<_> = SETTINGS.iter().map(Setting::key).collect();
        assert!(fields.keys().all(|key| keys.contains(key)), "{fields:?}");
        assert_eq!(fields.len(), SETTINGS.len());
        assert!(Config::default().is_valid());
    }

    #[test]
    fn text_stands_for_numbers_lists_and_words() {
        let config = read(&[
            ("API_PORT", "9000".into()),
            ("arm_registry", "http://127.0.0.1:1, http://127.0.0.1:2,".into()),
            ("LOG_LEVEL", "WARNING".into()),
            ("max_concurrent_tasks", 7.into()),
        ])
        .unwrap();
        assert_eq!(config.api_port, 9000);
        assert_eq!(config.arm_registry, ["http://127.0.0.1:1", "http://127.0.0.1:2"]);
        assert_eq!(config.log_level, LogLevel::Warn);
        assert_eq!(config.max_concurrent_tasks, 7);
    }

    #[test]
    fn the_embedder_is_hashed_or_a_folder() {
        let chosen = |text: &str| read(&[("OCTOLLM_EMBEDDER", text.into())]).unwrap();
        assert_eq!(Config::default().octollm_embedder, EmbedderChoice::Hashed);
        assert_eq!(chosen("Hashed").octollm_embedder, EmbedderChoice::Hashed);
        let folder = chosen(" /models/minilm ");
        assert_eq!(folder.octollm_embedder, EmbedderChoice::Folder("/models/minilm".into()));
        assert_eq!(folder.shown("OCTOLLM_EMBEDDER").unwrap(), "/models/minilm");
        assert!(read(&[("octollm_embedder", "".into())]).is_err());
    }

    #[test]
    #[cfg(feature = "reflex")]
    fn the_reflexes_policy_is_a_preset_and_what_differs() {
        use crate::reflex::{Action, Preset, Rules};
        let section = serde_json::json!({"pii": "flag"});
        let config = read(&[("REFLEX_POLICY", "Strict".into()), ("reflex", section)]).unwrap();
        let policy = config.policy().unwrap();
        assert_eq!((policy.preset, policy.pii), (Preset::Strict, Rules::all(Action::Flag)));
        assert_eq!(config.shown("reflex").unwrap(), r#"{"pii":"flag"}"#);
        let bad = serde_json::json!({"pii": {"user": "maybe"}, "colour": "blue"});
        let error = read(&[("reflex_policy", "lax".into()), ("reflex", bad)]).unwrap_err();
        insta::assert_snapshot!(error, @r#"the configuration is invalid; /reflex_policy: must be default, strict, lenient or off; /reflex: `colour` is not known; known are policy, secrets, pii, injection, style, locales, names, without, min_confidence, allow, custom; /reflex/pii/user: must be off, flag, redact or refuse, not "maybe""#);
    }

    #[test]
    #[cfg(feature = "reflex")]
    fn rates_are_off_unless_they_are_set() {
        assert!(Config::default().rate_limit().is_none());
        let config =
            read(&[("RATE_LIMIT_CLIENT", "60/minute burst 10".into()), ("RATE_LIMIT_ROUTE", "off".into())]);
        let config = config.unwrap();
        assert_eq!(config.shown("rate_limit_client").unwrap(), "60/minute burst 10");
        assert!(config.rate_limit().is_some() && config.rate_limit_route.is_none());
        let error = read(&[("RATE_LIMIT_KEY", "sixty".into()), ("RATE_LIMIT_ON_FAILURE", "ajar".into())])
            .unwrap_err();
        insta::assert_snapshot!(error, @"the configuration is invalid; /rate_limit_key: must be off, or NUMBER/second, /minute, /hour or /day, and then, if you like, `burst NUMBER`; /rate_limit_on_failure: must be open or closed");
    }

    #[test]
    fn answers_are_given_again_only_where_a_time_is_set() {
        assert_eq!(Config::default().answers(), None);
        assert_eq!(read(&[("ANSWER_CACHE", "off".into())]).unwrap().answers(), None);
        let config = read(&[("ANSWER_CACHE", "10m".into()), ("ANSWER_CACHE_MAX_KB", 2.into())]).unwrap();
        assert_eq!(config.answers(), Some((Duration::from_secs(600), 2048)));
        assert_eq!(config.shown("answer_cache").unwrap(), "10m");
        for bad in ["on", "0s", "10", "-1m", "31 days"] {
            let error = read(&[("ANSWER_CACHE", bad.into())]).unwrap_err();
            assert!(error.to_string().contains("a time such as"), "{bad}: {error}");
        }
    }

    #[test]
    fn every_fault_is_named_with_what_is_allowed() {
        let error = read(&[
            ("API_PORT", "70000".into()),
            ("API_HOST", "example.com".into()),
            ("TASK_TIMEOUT_SECONDS", 5.into()),
            ("arm_registry_url", "ftp://x".into()),
            ("colour", "blue".into()),
        ])
        .unwrap_err();
        insta::assert_snapshot!(error, @r#"the configuration is invalid; /api_host: must be an IP address or `localhost`; /api_port: must be a port, 0 to 65535 (0 takes a free one); /task_timeout_seconds: must be a whole number of seconds from 10 to 3600; /arm_registry_url: must be an http:// or https:// URL; /colour: is not the name of a setting"#);
    }

    #[test]
    fn the_key_of_the_vault_is_shown_to_nobody() {
        let key = "0123456789abcdef".repeat(4);
        let config = read(&[("OCTOLLM_VAULT_KEY", key.as_str().into())]).unwrap();
        assert_eq!(config.shown("OCTOLLM_VAULT_KEY").unwrap(), "***");
        assert!(!format!("{config:?}").contains("0123456789"));
        let error = read(&[("OCTOLLM_VAULT_KEY", "0123456789".into())]).unwrap_err();
        assert!(!error.to_string().contains("0123456789"), "{error}");
    }

    #[test]
    fn passwords_are_shown_to_nobody() {
        let config = read(&[
            ("ARM_REGISTRY", "http://me:secret@127.0.0.1:1/x".into()),
            ("ARM_REGISTRY_URL", "https://me:se@cret@host".into()),
        ])
        .unwrap();
        let shown = format!("{config:?}");
        assert!(!shown.contains("secret") && !shown.contains("cret@host"), "{shown}");
        assert!(shown.contains("http://***@127.0.0.1:1/x"), "{shown}");
    }
}
