//! Text that gives orders to the model that reads it.
//!
//! Two signals over the canonical text make one score: a linear model over hashed words and pieces of words, trained by
//! `tools/train-reflex`, and phrases that add to it and explain it. A long text is judged by its windows. What is encoded or
//! disguised is read as well, against a higher threshold.
//!
//! What it was trained on, how good it is and where it fails stands in `data/injection/MODEL_CARD.md`.

pub mod features;
pub mod model;
pub mod patterns;
mod repetition;
#[cfg(test)]
mod tests;
mod views;
pub mod windows;

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::redact::floor;
use super::{Canonical, Finding, FindingKind, Findings, Severity};
use crate::error::Result;
use model::{Judgement, Model};
use patterns::Phrases;
use repetition::Essence;

/// How much lower the threshold of text from outside is: nobody's own words are refused by it.
const EXTERNAL_BONUS: f32 = 1.0;
/// Words that a text needs before it is judged more strictly: an id or a single word gives no orders.
const MIN_WORDS: usize = 3;
/// Bytes around its worst window in which a reading of a disguise is judged without its repetition.
const AROUND: usize = 512;
/// From this margin over the threshold on an injection is critical.
const CRITICAL: f32 = 2.0;

/// Where a text comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The user's own words.
    #[default]
    User,
    /// From outside: a document, a page, an arm's output. It is judged more strictly, for it has no orders to give.
    External,
}

/// Finds injections. Built once, then shared: scanning needs no lock.
#[derive(Debug)]
pub struct InjectionDetector {
    model: Model,
    phrases: Phrases,
}

/// One text's judgement.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// How far the text is over the threshold; an injection from 0 on. Far below it phrases are not counted.
    pub margin: f32,
    finding: Option<Finding>,
}

impl Verdict {
    fn of(reading: Option<Reading>, text: &Canonical<'_>) -> Self {
        match reading {
            None => Self { margin: f32::NEG_INFINITY, finding: None },
            Some(reading) => {
                let finding = (reading.margin >= 0.0).then(|| finding(&reading, text));
                Self { margin: reading.margin, finding }
            }
        }
    }

    /// The one that is further over its threshold; this one where they are equal.
    pub(super) fn or_worse(self, other: Self) -> Self {
        if other.margin > self.margin { other } else { self }
    }

    /// Whether it is an injection.
    pub fn is_injection(&self) -> bool {
        self.margin >= 0.0
    }

    /// The finding, if it is an injection.
    pub fn into_findings(self) -> Findings {
        Findings::resolve(self.finding.into_iter().collect())
    }

    pub(super) fn into_finding(self) -> Option<Finding> {
        self.finding
    }

    /// Whether nothing could be worse.
    pub(super) fn is_critical(&self) -> bool {
        self.finding.as_ref().is_some_and(|finding| finding.severity == Severity::Critical)
    }

    pub(super) fn finding(&self) -> Option<&Finding> {
        self.finding.as_ref()
    }
}

/// What one reading of a text says.
struct Reading {
    margin: f32,
    range: Range<usize>,
    phrase: Option<&'static patterns::Phrase>,
}

impl Reading {
    fn raised_by(self, by: f32) -> Self {
        Self { margin: self.margin + by, ..self }
    }
}

impl InjectionDetector {
    /// A detector with the weights that come with the library.
    ///
    /// # Errors
    /// Only a defect of this library.
    pub fn new() -> Result<Self> {
        Ok(Self { model: Model::embedded()?, phrases: Phrases::new()? })
    }

    /// A detector with other weights: how a trainer sees what it made.
    ///
    /// # Errors
    /// If they are broken.
    pub fn with_weights(file: &'static [u8]) -> Result<Self> {
        Ok(Self { model: Model::read(file)?, phrases: Phrases::new()? })
    }

    /// Finds an injection in a user's text.
    pub fn scan(&self, text: &str) -> Findings {
        self.judge(&Canonical::new(text), Origin::User).into_findings()
    }

    /// Judges a text that other detectors see too.
    pub fn judge(&self, text: &Canonical<'_>, origin: Origin) -> Verdict {
        let plain = self.judge_plain(text, origin);
        // What is condemned as it stands needs no second reading: nothing is worse.
        if plain.is_critical() { plain } else { plain.or_worse(self.judge_disguised(text, origin)) }
    }

    /// Judges a text as it stands.
    pub(super) fn judge_plain(&self, text: &Canonical<'_>, origin: Origin) -> Verdict {
        let reading = self.read(text.text(), usize::MAX);
        let reading = reading.map(|reading| reading.raised_by(strictness(text.text(), origin)));
        Verdict::of(reading, text)
    }

    /// Judges what is left of a text that held an injection. Repetition is no excuse there, which saves a reading.
    pub(super) fn judge_rest(&self, text: &str, origin: Origin) -> Verdict {
        let reading = self.model.judge(text).map(|judgement| self.explain(text, judgement));
        let reading = reading.map(|reading| reading.raised_by(strictness(text, origin)));
        Verdict::of(reading, &Canonical::again(text, None))
    }

    /// Judges what a text may hold in disguise. Such a finding is the whole text.
    pub(super) fn judge_disguised(&self, text: &Canonical<'_>, origin: Origin) -> Verdict {
        let views = views::of(text.text());
        let views = views.iter().filter_map(|view| {
            let reading =
                self.read(&view.text, AROUND)?.raised_by(strictness(&view.text, origin) - view.penalty);
            Some(Reading { range: 0..text.text().len(), ..reading })
        });
        Verdict::of(views.max_by(|a, b| a.margin.total_cmp(&b.margin)), text)
    }

    /// What a text says. One that scores by repetition is judged without it, so many bytes around what scores.
    fn read(&self, text: &str, around: usize) -> Option<Reading> {
        let judgement = self.model.judge(text)?;
        let window = judgement.range.clone();
        let repeats = may_condemn(judgement.margin + patterns::HEAVIEST)
            && repetition::prevails(text.get(window.clone()).unwrap_or_default());
        // What condemns by itself is looked through for phrases in what is left of it only: that costs as much as to judge it.
        if !(repeats && may_condemn(judgement.margin)) {
            let reading = self.explain(text, judgement);
            if !(repeats && may_condemn(reading.margin)) {
                return Some(reading);
            }
        }
        let start = floor(text, window.start.saturating_sub(around));
        let part = text.get(start..floor(text, window.end.saturating_add(around)))?;
        let essence = Some(Essence::of(part)).filter(Essence::may_be_an_order)?;
        let reading = self.explain(&essence.text, self.model.judge(&essence.text)?);
        let range = essence.origin(reading.range.clone());
        Some(Reading { range: start + range.start..start + range.end, ..reading })
    }

    /// Adds what a phrase says, where any could make an injection of it.
    fn explain(&self, text: &str, Judgement { margin, range }: Judgement) -> Reading {
        let phrase = may_condemn(margin + patterns::HEAVIEST).then(|| self.phrases.heaviest(text));
        match phrase.flatten() {
            Some((phrase, place)) => {
                Reading { margin: margin + phrase.weight, range: place, phrase: Some(phrase) }
            }
            None => Reading { margin, range, phrase: None },
        }
    }
}

/// Whether a text may be an injection, wherever it comes from.
fn may_condemn(margin: f32) -> bool {
    margin + EXTERNAL_BONUS >= 0.0
}

/// How much lower the threshold of a text is for where it comes from.
fn strictness(text: &str, origin: Origin) -> f32 {
    match origin {
        Origin::External if is_wordy(text) => EXTERNAL_BONUS,
        _ => 0.0,
    }
}

/// Whether a text has words enough for an order. Of scripts that put no spaces between words, every text may have.
fn is_wordy(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic()));
    !text.is_ascii() || words.take(MIN_WORDS).count() == MIN_WORDS
}

fn finding(reading: &Reading, text: &Canonical<'_>) -> Finding {
    let origin = text.origin(reading.range.clone());
    let severity = match reading.phrase {
        Some(phrase) => phrase.severity,
        None if reading.margin >= CRITICAL => Severity::Critical,
        None => Severity::High,
    };
    Finding {
        kind: FindingKind::Injection,
        type_name: reading.phrase.map_or("prompt_injection", |phrase| phrase.type_name).into(),
        start: origin.start,
        end: origin.end,
        // The margin is a difference of logits: at the threshold one half.
        confidence: 1.0 / (1.0 + (-reading.margin).exp()),
        severity,
        explanation: reading
            .phrase
            .map_or("reads like orders to a model", |phrase| phrase.explanation)
            .into(),
    }
}
