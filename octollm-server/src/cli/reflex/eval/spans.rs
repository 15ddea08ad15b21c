//! Personal data: labelled spans against findings.

use std::collections::BTreeMap;

use octollm_core::reflex::pii::PiiOptions;
use octollm_core::reflex::{Finding, Findings};

use super::bootstrap;
use super::figures::{Counts, Figures, FileReport};
use super::row::Span;
use super::types::{self, Coverage};

/// Counts of all rows so far.
#[derive(Default)]
pub(super) struct SpanEval {
    /// Whether names of persons and addresses are looked for.
    names: bool,
    rows: Vec<RowCounts>,
    per_type: BTreeMap<String, Counts>,
    clean_rows: usize,
    words: usize,
    flagged_words: usize,
}

#[derive(Default, Clone, Copy)]
struct RowCounts {
    all: Counts,
    structured: Counts,
}

impl SpanEval {
    pub(super) fn new(names: bool) -> Self {
        Self { names, ..Self::default() }
    }

    pub(super) fn row(&mut self, text: &str, spans: &[Span], findings: &Findings) {
        let mut counts = RowCounts::default();
        let mut taken = vec![false; findings.len()];
        for span in spans {
            let hit =
                findings.iter().zip(&mut taken).find(|(finding, taken)| !**taken && fits(span, finding));
            let found = hit.map(|(_, taken)| *taken = true).is_some();
            let one = Counts { positives: 1.0, found: f64::from(u8::from(found)), spurious: 0.0 };
            self.count(&span.type_name, one, &mut counts);
        }
        for (finding, _) in findings.iter().zip(&taken).filter(|(_, taken)| !**taken) {
            let name = self.label_for(finding);
            self.count(&name, Counts { spurious: 1.0, ..Counts::default() }, &mut counts);
        }
        self.words(text, spans, findings);
        let clean = counts.all.found >= counts.all.positives && counts.all.spurious == 0.0;
        self.clean_rows += usize::from(clean);
        self.rows.push(counts);
    }

    fn count(&mut self, name: &str, counts: Counts, row: &mut RowCounts) {
        self.per_type.entry(name.to_owned()).or_default().add(counts);
        row.all.add(counts);
        let coverage = types::coverage(name);
        if coverage == Coverage::Structured || counts.spurious > 0.0 && coverage != Coverage::Named {
            row.structured.add(counts);
        }
    }

    /// The label under which a spurious finding is counted: the file's own name for it, if there is one.
    fn label_for(&self, finding: &Finding) -> String {
        let own = self.per_type.keys().find(|label| types::matches(label, finding));
        own.cloned().unwrap_or_else(|| finding.type_name.to_uppercase())
    }

    fn words(&mut self, text: &str, spans: &[Span], findings: &Findings) {
        let mut at = 0;
        for word in text.split_inclusive(char::is_whitespace) {
            let (start, end) = (at, at + word.trim_end().len());
            at += word.len();
            let touched = |from: usize, to: usize| from < end && to > start;
            if start == end || spans.iter().any(|span| touched(span.start, span.end)) {
                continue;
            }
            self.words += 1;
            self.flagged_words +=
                usize::from(findings.iter().any(|finding| touched(finding.start, finding.end)));
        }
    }

    pub(super) fn report(self, file: String, us_per_kb: Option<f64>) -> FileReport {
        let n = self.rows.len();
        FileReport {
            file,
            kind: "pii",
            n,
            all: with_intervals(self.rows.iter().map(|row| row.all).collect()),
            fpr: self.flagged_words as f64 / self.words.max(1) as f64,
            accuracy: self.clean_rows as f64 / n.max(1) as f64,
            threshold: PiiOptions::default().min_confidence,
            us_per_kb,
            structured: Some(with_intervals(self.rows.iter().map(|row| row.structured).collect())),
            per_type: self
                .per_type
                .into_iter()
                .map(|(name, counts)| figures(name, counts, self.names))
                .collect(),
        }
    }
}

fn figures(name: String, counts: Counts, names: bool) -> (String, Figures) {
    let covered = match types::coverage(&name) {
        Coverage::Structured => "full",
        Coverage::Named if names => "full",
        Coverage::Named => "none",
        Coverage::Partial => "partial",
        Coverage::None if counts.positives > 0.0 => "none",
        Coverage::None => "full",
    };
    (name, Figures { covered: Some(covered), ..Figures::of(counts) })
}

fn with_intervals(rows: Vec<Counts>) -> Figures {
    let mut total = Counts::default();
    rows.iter().for_each(|row| total.add(*row));
    Figures { intervals: bootstrap::intervals(&rows), ..Figures::of(total) }
}

/// A finding of a type that the label means, over at least half of the longer of the two.
fn fits(span: &Span, finding: &Finding) -> bool {
    let shared = span.end.min(finding.end).saturating_sub(span.start.max(finding.start));
    let longer = (span.end - span.start).max(finding.end - finding.start);
    shared > 0 && shared * 2 >= longer && types::matches(&span.type_name, finding)
}
