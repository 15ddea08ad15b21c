//! Figures out of counts, and how they are written.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// What was counted over some rows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// Labelled.
    pub(super) positives: f64,
    /// Labelled and found.
    pub(super) found: f64,
    /// Found and not labelled.
    pub(super) spurious: f64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.positives += other.positives;
        self.found += other.found;
        self.spurious += other.spurious;
    }

    pub(super) fn recall(self) -> Option<f64> {
        ratio(self.found, self.positives)
    }

    pub(super) fn precision(self) -> Option<f64> {
        ratio(self.found, self.found + self.spurious)
    }

    pub(super) fn f1(self) -> Option<f64> {
        ratio(2.0 * self.found, self.positives + self.found + self.spurious)
    }
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// The figures of one set of types. What cannot be computed (recall without positives) is left out.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Figures {
    pub(super) positives: usize,
    pub(super) found: usize,
    pub(super) spurious: usize,
    pub(super) recall: Option<f64>,
    pub(super) precision: Option<f64>,
    pub(super) f1: Option<f64>,
    /// Whether a detector looks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) covered: Option<&'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) intervals: BTreeMap<&'static str, [f64; 2]>,
}

impl Figures {
    pub(super) fn of(counts: Counts) -> Self {
        Self {
            positives: counts.positives as usize,
            found: counts.found as usize,
            spurious: counts.spurious as usize,
            recall: counts.recall(),
            precision: counts.precision(),
            f1: counts.f1(),
            covered: None,
            intervals: BTreeMap::new(),
        }
    }

    pub(super) fn line(&self, name: &str) -> String {
        let number = |figure: Option<f64>| figure.map_or("    -".to_owned(), |figure| format!("{figure:.3}"));
        let interval = |name| {
            let [low, high] = *self.intervals.get(name)?;
            Some(format!(" [{low:.3}, {high:.3}]"))
        };
        let note = match self.covered {
            Some("none") => "  not looked for",
            Some("partial") => "  looked for in part",
            _ => "",
        };
        format!(
            "  {name:<20} {:>5} labelled  recall {}{}  precision {}{}  F1 {}{}{note}",
            self.positives,
            number(self.recall),
            interval("recall").unwrap_or_default(),
            number(self.precision),
            interval("precision").unwrap_or_default(),
            number(self.f1),
            interval("f1").unwrap_or_default(),
        )
    }
}

/// One file's figures.
#[derive(Debug, Serialize)]
pub(super) struct FileReport {
    pub(super) file: String,
    pub(super) kind: &'static str,
    pub(super) n: usize,
    #[serde(flatten)]
    pub(super) all: Figures,
    pub(super) fpr: f64,
    pub(super) accuracy: f64,
    pub(super) threshold: f32,
    /// None where the texts are empty.
    pub(super) us_per_kb: Option<f64>,
    /// Over the types that a detector looks for; only for files of spans.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) structured: Option<Figures>,
    pub(super) per_type: BTreeMap<String, Figures>,
}

impl FileReport {
    pub(super) fn line(&self, name: &str) -> String {
        self.all.line(name)
    }
}

/// One row's score.
#[derive(Debug, Serialize)]
pub(super) struct Score {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Value>,
    pub(super) score: f32,
    pub(super) flagged: bool,
}
