//! Injections: labelled rows against verdicts.

use std::collections::BTreeMap;

use super::bootstrap;
use super::figures::{Counts, Figures, FileReport};

/// Counts of all rows so far.
#[derive(Default)]
pub(super) struct LabelEval {
    rows: Vec<Counts>,
}

impl LabelEval {
    /// Counts a row, and answers its score and whether it is flagged.
    pub(super) fn row(&mut self, is_injection: bool, margin: f32) -> (f32, bool) {
        let flagged = margin >= 0.0;
        let one = |condition| f64::from(u8::from(condition));
        self.rows.push(Counts {
            positives: one(is_injection),
            found: one(is_injection && flagged),
            spurious: one(!is_injection && flagged),
        });
        // A text without words has no score; JSON has no infinity.
        (margin.max(-100.0), flagged)
    }

    pub(super) fn report(self, file: String, us_per_kb: Option<f64>) -> FileReport {
        let mut total = Counts::default();
        self.rows.iter().for_each(|row| total.add(*row));
        let n = self.rows.len() as f64;
        let wrong = total.spurious + total.positives - total.found;
        FileReport {
            file,
            kind: "injection",
            n: self.rows.len(),
            all: Figures { intervals: bootstrap::intervals(&self.rows), ..Figures::of(total) },
            fpr: total.spurious / (n - total.positives).max(1.0),
            accuracy: 1.0 - wrong / n.max(1.0),
            threshold: 0.0,
            us_per_kb,
            structured: None,
            per_type: BTreeMap::new(),
        }
    }
}
