//! A policy out of its file, with all that is wrong with it.

use std::path::Path;

use octollm_core::reflex::Severity;
use octollm_core::{Error, ErrorKind, Fault, Result};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::Value;

use super::{Field, GuardPolicy, Rule, Wanted};

/// Rules of one file.
const MOST_RULES: usize = 1_000;
/// Words of one rule.
const MOST_WORDS: usize = 1_000;
/// Bytes that one compiled pattern may take.
const MOST_COMPILED: usize = 4 << 20;
/// Bytes of a file.
const MOST_BYTES: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    deny: Vec<Written>,
    #[serde(default)]
    require: Vec<Written>,
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    reason: String,
    #[serde(default = "high")]
    severity: Severity,
    field: Option<String>,
    pattern: Option<String>,
    #[serde(default)]
    words: Vec<String>,
    #[serde(default)]
    values: Vec<Value>,
    max_chars: Option<usize>,
}

const fn high() -> Severity {
    Severity::High
}

impl GuardPolicy {
    /// Reads a policy.
    ///
    /// # Errors
    /// `invalid_input` with every fault; the pointers are into the file (`/deny/0/pattern`).
    pub fn from_toml(text: &str) -> Result<Self> {
        let file: File = toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map(|before| before.matches('\n').count() + 1);
            let place = line.map(|line| format!("line {line}")).unwrap_or_default();
            invalid(vec![Fault::new(place, error.message().to_owned())])
        })?;
        let mut faults = Vec::new();
        if file.deny.len() + file.require.len() > MOST_RULES {
            faults.push(Fault::new("", format!("must have {MOST_RULES} rules at most")));
        }
        let mut names: Vec<&str> =
            file.deny.iter().chain(&file.require).map(|rule| rule.name.as_str()).collect();
        names.sort_unstable();
        for pair in names.windows(2) {
            if let [first, second] = pair
                && first == second
            {
                faults.push(Fault::new("", format!("two rules have the name `{first}`")));
            }
        }
        let rules = |rules: &[Written], section: &str, faults: &mut Vec<Fault>| -> Vec<Rule> {
            let rules = rules.iter().enumerate();
            rules.map(|(index, rule)| rule.read(section, index, faults)).collect()
        };
        let deny = rules(&file.deny, "deny", &mut faults);
        let require = rules(&file.require, "require", &mut faults);
        if faults.is_empty() {
            Ok(Self { deny: deny.into(), require: require.into() })
        } else {
            Err(invalid(faults))
        }
    }

    /// Reads a policy's file. Blocks while it reads.
    ///
    /// # Errors
    /// `not_configured` for a file that cannot be read; those of [`from_toml`](Self::from_toml), with the file's name.
    pub fn from_file(path: &Path) -> Result<Self> {
        let unreadable = |reason: String| {
            Error::new(ErrorKind::NotConfigured, "the guardian's policy file cannot be read")
                .with_context("file", path.display().to_string())
                .with_context("reason", reason)
                .with_hint("name a readable TOML file in GUARDIAN_POLICY, or leave that setting out")
        };
        let length = std::fs::metadata(path).map_err(|error| unreadable(error.kind().to_string()))?.len();
        if length > MOST_BYTES {
            return Err(unreadable("it is larger than 1 MiB".to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.kind().to_string()))?;
        Self::from_toml(&text).map_err(|error| error.with_context("file", path.display().to_string()))
    }
}

fn invalid(faults: Vec<Fault>) -> Error {
    Error::invalid("the guardian's policy is invalid", faults)
}

impl Written {
    /// The rule; what is wrong with it goes to `faults`.
    fn read(&self, section: &str, index: usize, faults: &mut Vec<Fault>) -> Rule {
        let mut fault = |field: &str, detail: String| {
            faults.push(Fault::new(format!("/{section}/{index}/{field}"), detail))
        };
        if !is_name(&self.name) {
            fault("name", "must be 1 to 60 lower-case letters, digits, `_` or `-`".into());
        }
        if self.reason.trim().is_empty() || self.reason.chars().count() > 500 {
            fault("reason", "must say why, in 1 to 500 characters".into());
        }
        let mut patterns = Vec::new();
        if let Some(pattern) = &self.pattern {
            match compile(pattern) {
                Ok(pattern) => patterns.push(pattern),
                Err(detail) => fault("pattern", detail),
            }
        }
        if self.words.len() > MOST_WORDS || self.words.iter().any(|word| word.trim().is_empty()) {
            fault("words", format!("must be {MOST_WORDS} at most, none of them empty"));
        } else if !self.words.is_empty() {
            match compile(&as_pattern(&self.words)) {
                Ok(pattern) => patterns.push(pattern),
                Err(detail) => fault("words", detail),
            }
        }
        if self.values.iter().any(|value| value.is_object() || value.is_array()) {
            fault("values", "must be texts, numbers or booleans".into());
        }
        let wanted = Wanted { patterns, values: self.values.clone(), max_chars: self.max_chars };
        let says_nothing = self.pattern.is_none()
            && self.words.is_empty()
            && self.values.is_empty()
            && self.max_chars.is_none();
        if section == "deny" && says_nothing {
            fault("", "must have `pattern`, `words`, `values` or `max_chars`".into());
        }
        let field = match self.field.as_deref() {
            None if section == "deny" => Field::Everywhere,
            None | Some("text") => Field::Text,
            Some(pointer) => match pointer.strip_prefix('/') {
                Some(parts) if !parts.is_empty() => {
                    let parts = parts.split('/').map(|part| part.replace("~1", "/").replace("~0", "~"));
                    Field::At(parts.collect())
                }
                _ => {
                    fault(
                        "field",
                        "must be `text` or a JSON pointer into the fields, such as `/goal`".into(),
                    );
                    Field::Text
                }
            },
        };
        Rule { name: self.name.clone(), reason: self.reason.clone(), severity: self.severity, field, wanted }
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    (1..=60).contains(&name.len()) && name.chars().all(fits)
}

fn compile(pattern: &str) -> std::result::Result<Regex, String> {
    let regex =
        RegexBuilder::new(pattern).size_limit(MOST_COMPILED).build().map_err(|error| error.to_string())?;
    if regex.is_match("") { Err("matches the empty text, and so every text".into()) } else { Ok(regex) }
}

/// The words as one pattern: whole words, any case, any white space between them.
fn as_pattern(words: &[String]) -> String {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let phrase = |phrase: &String| {
        let phrase = phrase.trim();
        let parts: Vec<String> = phrase.split_whitespace().map(regex::escape).collect();
        // A word's boundary is there only beside a letter: `C++` ends without one.
        let start = if is_word(phrase.chars().next()) { r"\b" } else { "" };
        let end = if is_word(phrase.chars().next_back()) { r"\b" } else { "" };
        format!("{start}{}{end}", parts.join(r"\s+"))
    };
    format!("(?i)(?:{})", words.iter().map(phrase).collect::<Vec<_>>().join("|"))
}
