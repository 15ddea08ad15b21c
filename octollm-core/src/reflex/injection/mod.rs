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

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Canonical, Finding, FindingKind, Findings, Severity};
use crate::error::Result;
use model::{Judgement, Model};
use patterns::Phrases;
use repetition::Essence;

/// How much lower the threshold of text from outside is: nobody's own words are refused by it.
const EXTERNAL_BONUS: f32 = 1.0;
/// Words that a text needs before it is judged more strictly: an id or a single word gives no orders.
const MIN_WORDS: usize = 3;
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
    /// How far the text is over the threshold; an injection from 0 on.
    pub margin: f32,
    finding: Option<Finding>,
}

impl Verdict {
    /// Whether it is an injection.
    pub fn is_injection(&self) -> bool {
        self.margin >= 0.0
    }

    /// The finding, if it is an injection.
    pub fn into_findings(self) -> Findings {
        Findings::resolve(self.finding.into_iter().collect())
    }
}

/// What one reading of a text says.
struct Reading {
    margin: f32,
    range: Range<usize>,
    phrase: Option<&'static patterns::Phrase>,
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
        let strict = |text: &str| match origin {
            Origin::External if is_wordy(text) => EXTERNAL_BONUS,
            _ => 0.0,
        };
        let whole = 0..text.text().len();
        let plain = self.read(text.text());
        let plain = plain.map(|reading| Reading { margin: reading.margin + strict(text.text()), ..reading });
        let views = views::of(text.text());
        let views =
            views.iter().filter_map(|view| Some((self.read(&view.text)?, strict(&view.text) - view.penalty)));
        let views = views.map(|(reading, change)| Reading {
            margin: reading.margin + change,
            range: whole.clone(),
            ..reading
        });
        let worst = plain.into_iter().chain(views).max_by(|a, b| a.margin.total_cmp(&b.margin));
        let Some(worst) = worst else { return Verdict { margin: f32::NEG_INFINITY, finding: None } };
        let finding = (worst.margin >= 0.0).then(|| finding(&worst, text));
        Verdict { margin: worst.margin, finding }
    }

    fn read(&self, text: &str) -> Option<Reading> {
        let judgement = self.model.judge(text)?;
        let window = judgement.range.clone();
        let reading = self.explain(text, judgement);
        let may_condemn = reading.margin + EXTERNAL_BONUS >= 0.0;
        if !may_condemn || !repetition::prevails(text.get(window).unwrap_or_default()) {
            return Some(reading);
        }
        let essence = Some(Essence::of(text)).filter(Essence::may_be_an_order)?;
        let reading = self.explain(&essence.text, self.model.judge(&essence.text)?);
        Some(Reading { range: essence.origin(reading.range.clone()), ..reading })
    }

    /// Adds what a phrase says.
    fn explain(&self, text: &str, Judgement { margin, range }: Judgement) -> Reading {
        match self.phrases.heaviest(text) {
            Some((phrase, place)) => {
                Reading { margin: margin + phrase.weight, range: place, phrase: Some(phrase) }
            }
            None => Reading { margin, range, phrase: None },
        }
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
