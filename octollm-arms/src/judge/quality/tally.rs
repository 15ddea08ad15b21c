//! What was measured so far.

use crate::judge::judgement::issue;
use crate::judge::request::ValidationType;
use crate::judge::response::{IssueSeverity, JudgeIssue, JudgeLocation, MetricReport};

/// One metric: what it counts, what is too much, and what helps.
#[derive(Debug)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    /// What it is measured of.
    pub(super) unit: &'static str,
    /// The most that is within it; nothing where something is only there or not.
    pub(super) most: Option<usize>,
    pub(super) advice: &'static str,
}

/// Paths through a function (McCabe 1976, whose limit this is): 1, and 1 for each decision.
#[cfg(feature = "syntax")]
pub(super) const CYCLOMATIC: Metric = Metric {
    name: "cyclomatic_complexity",
    unit: "function",
    most: Some(10),
    advice: "give parts of it functions of their own",
};
/// How hard a function is to follow (SonarSource, "Cognitive Complexity", whose usual limit this is): 1 for each break in the
/// flow, and 1 more for each level that it is nested in.
#[cfg(feature = "syntax")]
pub(super) const COGNITIVE: Metric = Metric {
    name: "cognitive_complexity",
    unit: "function",
    most: Some(15),
    advice: "leave early, or give the inner parts functions of their own",
};
/// Lines of a function, from its head to its end.
#[cfg(feature = "syntax")]
pub(super) const FUNCTION_LINES: Metric = Metric {
    name: "function_lines",
    unit: "function",
    most: Some(60),
    advice: "one that does not fit on a screen does more than one thing: split it",
};
/// Branches, loops and handlers within each other.
#[cfg(feature = "syntax")]
pub(super) const NESTING: Metric = Metric {
    name: "nesting",
    unit: "function",
    most: Some(4),
    advice: "leave early, or give the inner parts functions of their own",
};
/// Characters of a line. Lines with an address in them are not measured.
pub(super) const LINE: Metric =
    Metric { name: "line_length", unit: "line", most: Some(120), advice: "break the line" };
/// Lines of code that repeat others.
pub(super) const REPETITION: Metric = Metric {
    name: "repeated_lines",
    unit: "line",
    most: None,
    advice: "say it once, in a function that both places use",
};
/// Documentation of what others use.
#[cfg(feature = "syntax")]
pub(super) const DOCUMENTATION: Metric = Metric {
    name: "documentation",
    unit: "public item",
    most: None,
    advice: "say what it is for, in a comment of the language's usual form",
};
/// Imports and local variables that nothing uses.
#[cfg(feature = "syntax")]
pub(super) const UNUSED: Metric =
    Metric { name: "unused_names", unit: "name", most: None, advice: "take it out" };
/// Words of a sentence.
pub(super) const SENTENCE: Metric =
    Metric { name: "sentence_words", unit: "sentence", most: Some(40), advice: "make two sentences of it" };
/// Sentences that are there twice.
pub(super) const REPEATED_SENTENCE: Metric =
    Metric { name: "repeated_sentences", unit: "sentence", most: None, advice: "say it once" };

/// What was measured so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    metrics: Vec<MetricReport>,
    issues: Vec<JudgeIssue>,
}

impl Tally {
    /// Takes one value; `whose` says what has it and where that is, which is asked only of what exceeds the threshold.
    pub(super) fn value(
        &mut self,
        metric: &Metric,
        value: usize,
        whose: impl FnOnce() -> (String, JudgeLocation),
    ) {
        let most = metric.most.unwrap_or(usize::MAX);
        let report = self.report(metric);
        report.measured += 1;
        report.worst = report.worst.max(Some(value));
        if value <= most {
            report.within += 1;
        } else {
            let (whose, place) = whose();
            let message = format!("{whose}: {} {value}, more than {most}", metric.name.replace('_', " "));
            self.warn(metric, message, place);
        }
    }

    /// Takes something that is as it should be, or says what is not.
    pub(super) fn state(&mut self, metric: &Metric, wrong: Option<(String, JudgeLocation)>) {
        let report = self.report(metric);
        report.measured += 1;
        match wrong {
            None => report.within += 1,
            Some((message, place)) => self.warn(metric, message, place),
        }
    }

    /// Takes many at once, of which so many are as they should be.
    pub(super) fn many(&mut self, metric: &Metric, measured: usize, within: usize) {
        if measured > 0 {
            let report = self.report(metric);
            report.measured += measured;
            report.within += within;
        }
    }

    /// Says what is not as it should be, of what is counted elsewhere.
    pub(super) fn warn(&mut self, metric: &Metric, message: String, place: JudgeLocation) {
        let mut issue = issue(IssueSeverity::Warning, ValidationType::Quality, message, Some(place));
        issue.suggestion = Some(metric.advice.to_owned());
        self.issues.push(issue);
    }

    fn report(&mut self, metric: &Metric) -> &mut MetricReport {
        let at = self.metrics.iter().position(|report| report.metric == metric.name).unwrap_or_else(|| {
            self.metrics.push(MetricReport {
                metric: metric.name.to_owned(),
                unit: metric.unit.to_owned(),
                measured: 0,
                within: 0,
                threshold: metric.most,
                worst: None,
            });
            self.metrics.len() - 1
        });
        &mut self.metrics[at]
    }

    /// All of it, the issues in the order of the text.
    pub(super) fn finish(mut self) -> (Vec<MetricReport>, Vec<JudgeIssue>) {
        self.issues.sort_by_key(|issue| {
            let place = issue.location.clone().unwrap_or_default();
            (place.pointer, place.line, place.column)
        });
        (self.metrics, self.issues)
    }
}
