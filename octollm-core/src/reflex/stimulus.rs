//! What a reflex looks at: one text, who it comes from, where in the task it stands, and what was found in it so far.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::Folded;
use super::{Canonical, Finding, FindingKind, Findings, injection};

/// Who a text comes from.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// The user's own words.
    #[default]
    User,
    /// What an arm answered.
    Arm,
    /// A document, a page, a file.
    Document,
    /// What a tool returned.
    Tool,
}

impl Origin {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::User, Self::Arm, Self::Document, Self::Tool];

    /// The name, as it stands in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Arm => "arm",
            Self::Document => "document",
            Self::Tool => "tool",
        }
    }

    /// Whether it comes from outside: then it has no orders to give, and is judged more strictly.
    pub const fn is_external(self) -> bool {
        !matches!(self, Self::User)
    }
}

impl From<Origin> for injection::Origin {
    fn from(origin: Origin) -> Self {
        if origin.is_external() { Self::External } else { Self::User }
    }
}

/// Which part of a task a text belongs to.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// A text of its own, of no task.
    #[default]
    Text,
    /// The goal.
    Goal,
    /// A constraint.
    Constraint,
    /// An acceptance criterion.
    Criterion,
    /// The context.
    Context,
    /// The metadata.
    Metadata,
    /// The plan that came with the request.
    Plan,
    /// An arm's output.
    ArmOutput,
    /// The task's result.
    Result,
}

/// Where in a task a text stands. It holds no text: a key in which something personal was found is not named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Which part of the task.
    pub part: Part,
    /// JSON pointer (RFC 6901) into the document that was screened: the request, or the arm's output, or the result.
    /// Empty for the whole of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pointer: String,
    /// The step that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
}

impl Place {
    /// The whole of a part.
    pub const fn of(part: Part) -> Self {
        Self { part, pointer: String::new(), step: None }
    }

    /// The output of a step.
    pub const fn output_of(step: u32) -> Self {
        Self { part: Part::ArmOutput, pointer: String::new(), step: Some(step) }
    }
}

impl fmt::Display for Place {
    /// `/context/notes`, `step 2 /stdout`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(step) = self.step {
            write!(f, "step {step}")?;
        }
        let gap = if self.step.is_some() && !self.pointer.is_empty() { " " } else { "" };
        write!(f, "{gap}{}", self.pointer)
    }
}

/// Gives placeholders for values, so that the same value has the same one throughout a task. A vault that can also turn
/// them back implements it; without one a chain redacts for good.
///
/// It is called while a text is screened, so it must neither block nor wait.
pub trait Placeholders: Send + Sync {
    /// What takes the place of this value, such as `<EMAIL_1>`.
    fn placeholder(&self, finding: &Finding, value: &str) -> String;

    /// Takes note of what in this text reads like a placeholder, so that it is not given out for something else. Called with
    /// every text before anything in it is replaced. A vault is told of all texts of its task beforehand instead.
    fn reserve(&self, _text: &str) {}

    /// Where in this text placeholders stand that it gave out, exactly as it gave them: they are no words of the text's.
    fn given_out(&self, _text: &str) -> Vec<Range<usize>> {
        Vec::new()
    }
}

/// One text on its way into a task, or out of it.
#[derive(Debug)]
pub struct Stimulus<'a> {
    text: Cow<'a, str>,
    /// Who it comes from.
    pub origin: Origin,
    /// Where it stands.
    pub place: Place,
    /// Whose task it is, where several share a server. Reflexes may compare it and never show it.
    pub tenant: Option<&'a str>,
    /// The name that the text goes by where it stands, such as the key of a JSON object: `ssn` before nine digits.
    pub label: Option<&'a str>,
    /// Where placeholders stand that were put there: they say nothing.
    pub(super) given_out: Vec<Range<usize>>,
    /// All detectors see the same canonical form; it is made for the first of them.
    folded: OnceCell<Option<Arc<Folded>>>,
    /// Personal data and secrets.
    data: Findings,
    /// Injections. They are kept apart because they are long: the data within one must still be found.
    orders: Findings,
}

impl<'a> Stimulus<'a> {
    /// A text of the user's, of no task.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self {
            text: text.into(),
            origin: Origin::User,
            place: Place::default(),
            tenant: None,
            label: None,
            given_out: Vec::new(),
            folded: OnceCell::new(),
            data: Findings::default(),
            orders: Findings::default(),
        }
    }

    /// Who it comes from.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// Where it stands.
    #[must_use]
    pub fn with_place(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// The text as it is now.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The canonical form of the text as it is now.
    pub fn canonical(&self) -> Canonical<'_> {
        let folded = self.folded.get_or_init(|| Canonical::new(&self.text).folded());
        Canonical::again(&self.text, folded.clone())
    }

    /// What was found in the text as it is now: first personal data and secrets, then injections, each in the order of the
    /// text.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.data.iter().chain(self.orders.iter())
    }

    /// Adds findings, with offsets into the text as it is now.
    pub fn found(&mut self, findings: Findings) {
        if findings.is_empty() {
            return;
        }
        let (orders, data): (Vec<_>, Vec<_>) =
            findings.into_iter().partition(|finding| finding.kind == FindingKind::Injection);
        self.data = std::mem::take(&mut self.data).merge(Findings::resolve(data));
        self.orders = std::mem::take(&mut self.orders).merge(Findings::resolve(orders));
    }

    /// Replaces the text. What was found in the old one is forgotten, for its offsets say nothing about the new one. A
    /// reflex that calls it answers [`Reaction::Rewrite`](super::Reaction::Rewrite).
    pub fn rewrite(&mut self, text: String) {
        self.text = Cow::Owned(text);
        self.folded = OnceCell::new();
        self.given_out.clear();
        let _ = self.take_findings();
    }

    /// Personal data and secrets, and injections.
    pub(super) fn take_findings(&mut self) -> (Findings, Findings) {
        (std::mem::take(&mut self.data), std::mem::take(&mut self.orders))
    }

    /// The text: borrowed where it was not replaced.
    pub fn into_text(self) -> Cow<'a, str> {
        self.text
    }
}
