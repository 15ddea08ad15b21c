//! A policy out of a configuration: a preset, and what differs from it.

use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::{Action, Levels, Policy, Preset, Rules};
use crate::error::{Error, Fault, Result};
use crate::reflex::pii::{PiiDetector, PiiOptions};
use crate::reflex::{Origin, RedactStyle, Severity};
use crate::schema::{self, Validator};

const SEVERITIES: [(&str, Severity); 4] = [
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];
const STYLES: [RedactStyle; 5] = [
    RedactStyle::Mask,
    RedactStyle::Partial,
    RedactStyle::Hash,
    RedactStyle::Remove,
    RedactStyle::Placeholder,
];
const KNOWN: &str =
    "policy, secrets, pii, injection, style, locales, names, without, min_confidence, allow, custom";

impl Policy {
    /// Reads the section `reflex` of a configuration over a preset: `policy` names another preset; `secrets`, `pii` and
    /// `injection` are an action (`off`, `flag`, `redact`, `refuse`), or actions by origin (`user`, `arm`, `document`,
    /// `tool`, `external` for the last three) or by severity (`low` to `critical`), or by severity within an origin; `style`
    /// is a [`RedactStyle`]; the rest is [`PiiOptions`](crate::reflex::pii::PiiOptions).
    ///
    /// ```
    /// use octollm_core::reflex::{Policy, Preset};
    /// use serde_json::json;
    ///
    /// let section = json!({"pii": "flag", "injection": {"user": {"high": "refuse"}}, "allow": ["@example.com"]});
    /// assert!(Policy::read(Preset::Default, &section).is_ok());
    /// assert!(Policy::read(Preset::Default, &json!({"pii": "maybe"})).is_err());
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with every fault; pointers are into the section.
    pub fn read(preset: Preset, section: &Value) -> Result<Self> {
        let mut reader = Reader::default();
        let fields = match section {
            Value::Null => Map::new(),
            Value::Object(fields) => fields.clone(),
            _ => return Err(invalid(vec![Fault::new("", "must be a section (a table)")])),
        };
        let mut policy = Self::of(reader.preset(fields.get("policy")).unwrap_or(preset));
        let mut detect = Map::new();
        for (name, value) in fields {
            match name.as_str() {
                "policy" => {}
                "secrets" => reader.rules("/secrets", &value, &mut policy.secrets),
                "pii" => reader.rules("/pii", &value, &mut policy.pii),
                "injection" => reader.rules("/injection", &value, &mut policy.injection),
                "style" => reader.style(&value, &mut policy.style),
                "locales" | "names" | "without" | "min_confidence" | "allow" | "custom" => {
                    detect.insert(name, value);
                }
                _ => reader.fault("", format!("`{name}` is not known; known are {KNOWN}")),
            }
        }
        reader.detect(detect, &mut policy);
        if reader.faults.is_empty() { Ok(policy) } else { Err(invalid(reader.faults)) }
    }
}

fn invalid(faults: Vec<Fault>) -> Error {
    Error::invalid("the reflexes' policy is invalid", faults)
}

#[derive(Default)]
struct Reader {
    faults: Vec<Fault>,
}

impl Reader {
    fn fault(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        // What is said of `external` is read once for each of its origins.
        let fault = Fault::new(pointer, detail);
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    fn preset(&mut self, value: Option<&Value>) -> Option<Preset> {
        let value = value?;
        let preset = value.as_str().and_then(Preset::from_name);
        if preset.is_none() {
            let allowed = list(Preset::ALL.map(Preset::name));
            self.fault("/policy", format!("must be {allowed}, not {value}"));
        }
        preset
    }

    fn style(&mut self, value: &Value, style: &mut RedactStyle) {
        match STYLES.into_iter().find(|style| value == style.name()) {
            Some(named) => *style = named,
            None => {
                self.fault("/style", format!("must be {}, not {value}", list(STYLES.map(RedactStyle::name))));
            }
        }
    }

    /// An action for all, or a table by origin or by severity.
    fn rules(&mut self, pointer: &str, value: &Value, rules: &mut Rules) {
        let Value::Object(fields) = value else {
            if let Some(action) = self.action(pointer, value) {
                *rules = Rules::all(action);
            }
            return;
        };
        // `external` first, so that a named origin wins whatever the order in the file.
        for (name, value) in fields.iter().filter(|(name, _)| *name == "external") {
            for origin in Origin::ALL.into_iter().filter(|origin| origin.is_external()) {
                self.levels(&format!("{pointer}/{name}"), value, rules.of_mut(origin));
            }
        }
        for (name, value) in fields.iter().filter(|(name, _)| *name != "external") {
            let pointer = format!("{pointer}/{name}");
            if let Some(origin) = Origin::ALL.into_iter().find(|origin| origin.name() == name) {
                self.levels(&pointer, value, rules.of_mut(origin));
            } else if let Some((_, severity)) = SEVERITIES.iter().find(|(known, _)| known == name) {
                if let Some(action) = self.action(&pointer, value) {
                    Origin::ALL
                        .into_iter()
                        .for_each(|origin| *rules.of_mut(origin).at_mut(*severity) = action);
                }
            } else {
                let known = "user, arm, document, tool, external, low, medium, high, critical";
                self.fault(pointer, format!("is not known; known are {known}"));
            }
        }
    }

    fn levels(&mut self, pointer: &str, value: &Value, levels: &mut Levels) {
        let Value::Object(fields) = value else {
            if let Some(action) = self.action(pointer, value) {
                *levels = Levels::all(action);
            }
            return;
        };
        for (name, value) in fields {
            let pointer = format!("{pointer}/{name}");
            match SEVERITIES.iter().find(|(known, _)| known == name) {
                Some((_, severity)) => {
                    if let Some(action) = self.action(&pointer, value) {
                        *levels.at_mut(*severity) = action;
                    }
                }
                None => self.fault(pointer, "is not known; known are low, medium, high and critical"),
            }
        }
    }

    fn action(&mut self, pointer: &str, value: &Value) -> Option<Action> {
        let action = Action::ALL.into_iter().find(|action| value == action.name());
        if action.is_none() {
            self.fault(pointer, format!("must be {}, not {value}", list(Action::ALL.map(Action::name))));
        }
        action
    }

    /// The detector's options. It is built once here for its faults: patterns that do not compile, unknown types.
    fn detect(&mut self, fields: Map<String, Value>, policy: &mut Policy) {
        static VALIDATOR: OnceLock<Validator> = OnceLock::new();
        let mut readable = Value::Object(fields);
        let faults = VALIDATOR.get_or_init(Validator::of::<PiiOptions>).faults(&readable);
        let field = |fault: &Fault| fault.pointer.split('/').nth(1).map(|name| format!("/{name}"));
        let faulty: Vec<String> = faults.iter().filter_map(field).collect();
        readable = schema::without(readable, faulty.iter().map(String::as_str));
        self.faults.extend(faults);
        let Ok(options) = serde_json::from_value::<PiiOptions>(readable) else { return };
        match PiiDetector::new(options.clone()) {
            Ok(_) => policy.detect = options,
            Err(error) => self.faults.extend(error.faults().iter().cloned()),
        }
    }
}

/// `a, b or c`
fn list<const N: usize>(names: [&str; N]) -> String {
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.join(""),
    }
}
