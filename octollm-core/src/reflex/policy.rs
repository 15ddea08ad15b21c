//! What is done about what is found: by kind of finding, by who the text comes from, and by how bad it is.
//!
//! A policy is data, a small table. It is looked up for every finding and says nothing about how anything is found.

mod read;
#[cfg(test)]
mod tests;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pii::PiiOptions;
use super::{Finding, FindingKind, Origin, RedactStyle, Severity};

/// What is done about a finding.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing; where it is so for all severities the detector does not even look.
    Off,
    /// It is reported and left as it is.
    #[default]
    Flag,
    /// It is replaced. Personal data and secrets by placeholders; an injection is marked as data.
    Redact,
    /// The text goes no further.
    Refuse,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Off, Self::Flag, Self::Redact, Self::Refuse];

    /// The name, as it stands in JSON and in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Flag => "flag",
            Self::Redact => "redact",
            Self::Refuse => "refuse",
        }
    }
}

/// What is done at each severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Levels {
    /// At `low`.
    pub low: Action,
    /// At `medium`.
    pub medium: Action,
    /// At `high`.
    pub high: Action,
    /// At `critical`.
    pub critical: Action,
}

impl Levels {
    /// The same at all of them.
    pub const fn all(action: Action) -> Self {
        Self { low: action, medium: action, high: action, critical: action }
    }

    const fn at(&self, severity: Severity) -> Action {
        match severity {
            Severity::Low => self.low,
            Severity::Medium => self.medium,
            Severity::High => self.high,
            Severity::Critical => self.critical,
        }
    }

    fn at_mut(&mut self, severity: Severity) -> &mut Action {
        match severity {
            Severity::Low => &mut self.low,
            Severity::Medium => &mut self.medium,
            Severity::High => &mut self.high,
            Severity::Critical => &mut self.critical,
        }
    }
}

/// What is done by the origin of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rules {
    /// In the user's own words.
    pub user: Levels,
    /// In what an arm answered.
    pub arm: Levels,
    /// In a document.
    pub document: Levels,
    /// In what a tool returned.
    pub tool: Levels,
}

impl Rules {
    /// The same for the user's words and for text from outside.
    pub const fn all(action: Action) -> Self {
        Self::by(Levels::all(action), Levels::all(action))
    }

    /// One thing for the user's words and another one for text from outside.
    pub const fn by(user: Levels, external: Levels) -> Self {
        Self { user, arm: external, document: external, tool: external }
    }

    const fn of(&self, origin: Origin) -> &Levels {
        match origin {
            Origin::User => &self.user,
            Origin::Arm => &self.arm,
            Origin::Document => &self.document,
            Origin::Tool => &self.tool,
        }
    }

    fn of_mut(&mut self, origin: Origin) -> &mut Levels {
        match origin {
            Origin::User => &mut self.user,
            Origin::Arm => &mut self.arm,
            Origin::Document => &mut self.document,
            Origin::Tool => &mut self.tool,
        }
    }
}

/// A policy that has a name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Personal data and secrets are replaced; the user's words are refused where they are certainly an injection; an
    /// injection in a document is marked as data, in what arms and tools answer where it certainly is one.
    #[default]
    Default,
    /// Secrets are refused, and so is every injection of the user's; what is from outside is refused where it is certainly
    /// an injection, and marked otherwise.
    Strict,
    /// Only what gives access or identifies a person is replaced; nothing is refused.
    Lenient,
    /// Nothing is looked at.
    Off,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Default, Self::Strict, Self::Lenient, Self::Off];

    /// The name, as it stands in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Strict => "strict",
            Self::Lenient => "lenient",
            Self::Off => "off",
        }
    }

    /// The preset with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is looked for, and what is done about it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Policy {
    /// The preset that it began as.
    pub preset: Preset,
    /// About credentials.
    pub secrets: Rules,
    /// About personal data.
    pub pii: Rules,
    /// About orders to the model.
    pub injection: Rules,
    /// How a finding is replaced where nobody keeps what was there (a task's vault does, and gives placeholders).
    pub style: RedactStyle,
    /// What counts as personal data: locale packs, types, allowed values, patterns of your own.
    pub detect: PiiOptions,
}

impl Default for Policy {
    fn default() -> Self {
        Self::of(Preset::Default)
    }
}

impl Policy {
    /// The policy of this name.
    pub fn of(preset: Preset) -> Self {
        use Action::{Flag, Off, Redact, Refuse};
        let redact_from_high = Levels { low: Flag, medium: Flag, high: Redact, critical: Redact };
        let refuse_at_critical = |below| Levels { critical: Refuse, ..Levels::all(below) };
        let mark_at_critical = Levels { critical: Redact, ..Levels::all(Flag) };
        let (secrets, pii, injection) = match preset {
            Preset::Default => (
                Rules::all(Redact),
                Rules::all(Redact),
                // A mark changes the text. In documents that is safe; what arms and tools answer is the user's result.
                Rules {
                    arm: mark_at_critical,
                    tool: mark_at_critical,
                    ..Rules::by(refuse_at_critical(Flag), Levels::all(Redact))
                },
            ),
            Preset::Strict => (
                Rules::by(Levels::all(Refuse), Levels::all(Redact)),
                Rules::all(Redact),
                Rules::by(Levels::all(Refuse), refuse_at_critical(Redact)),
            ),
            Preset::Lenient => (
                Rules::all(Redact),
                Rules::by(redact_from_high, redact_from_high),
                Rules::by(Levels::all(Flag), mark_at_critical),
            ),
            Preset::Off => (Rules::all(Off), Rules::all(Off), Rules::all(Off)),
        };
        let (style, detect) = (RedactStyle::Placeholder, PiiOptions::default());
        Self { preset, secrets, pii, injection, style, detect }
    }

    /// What is done about this finding in a text of this origin.
    pub fn action(&self, finding: &Finding, origin: Origin) -> Action {
        self.rules(finding.kind).of(origin).at(finding.severity)
    }

    /// Whether findings of this kind matter in a text of this origin at all.
    pub fn looks_for(&self, kind: FindingKind, origin: Origin) -> bool {
        *self.rules(kind).of(origin) != Levels::all(Action::Off)
    }

    /// Whether it does nothing whatever is found.
    pub fn is_off(&self) -> bool {
        [self.secrets, self.pii, self.injection].iter().all(|rules| *rules == Rules::all(Action::Off))
    }

    const fn rules(&self, kind: FindingKind) -> &Rules {
        match kind {
            FindingKind::Secret => &self.secrets,
            FindingKind::Pii => &self.pii,
            FindingKind::Injection => &self.injection,
        }
    }
}
