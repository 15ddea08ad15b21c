//! A judgement while it is made: what each check says goes in, one answer comes out.

use super::request::ValidationType;
use super::response::{
    CheckReport, CriterionReport, DecidedBy, FactReport, IssueSeverity, JudgeIssue, JudgeLocation,
    JudgeResponse, MetricReport, Status,
};

/// Issues that an answer lists.
const MOST_ISSUES: usize = 200;

/// What a check says.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) status: Status,
    pub(super) by: DecidedBy,
    /// How sure it is, 0..=1; of what is unverified, how much of it was verified all the same.
    pub(super) certainty: f64,
    pub(super) explanation: String,
    pub(super) issues: Vec<JudgeIssue>,
}

impl Finding {
    /// Decided by a rule: passed where no issue is an error.
    pub(super) fn decided(issues: Vec<JudgeIssue>, explanation: impl Into<String>) -> Self {
        let failed = issues.iter().any(|issue| issue.severity == IssueSeverity::Error);
        let status = if failed { Status::Failed } else { Status::Passed };
        Self { status, by: DecidedBy::Rule, certainty: 1.0, explanation: explanation.into(), issues }
    }

    /// Decided by nobody, for this reason.
    pub(super) fn unverified(reason: impl Into<String>) -> Self {
        Self {
            status: Status::Unverified,
            by: DecidedBy::Nobody,
            certainty: 0.0,
            explanation: reason.into(),
            issues: Vec::new(),
        }
    }
}

/// What somebody says about a criterion.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ruling {
    pub(super) status: Status,
    pub(super) by: DecidedBy,
    pub(super) certainty: f64,
    pub(super) reason: String,
    pub(super) evidence: Option<String>,
}

impl Ruling {
    /// By a rule.
    pub(super) fn by_rule(passed: bool, reason: impl Into<String>) -> Self {
        let status = if passed { Status::Passed } else { Status::Failed };
        Self { status, by: DecidedBy::Rule, certainty: 1.0, reason: reason.into(), evidence: None }
    }

    /// By nobody, for this reason.
    pub(super) fn nobody(reason: impl Into<String>) -> Self {
        let (status, by) = (Status::Unverified, DecidedBy::Nobody);
        Self { status, by, certainty: 0.0, reason: reason.into(), evidence: None }
    }
}

/// A judgement while it is made.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// With how sure each is; the criteria together have no certainty of their own.
    checks: Vec<(CheckReport, Option<f64>)>,
    criteria: Vec<(CriterionReport, f64)>,
    issues: Vec<JudgeIssue>,
    pub(super) metrics: Vec<MetricReport>,
    pub(super) facts: Vec<FactReport>,
}

impl Judgement {
    /// Takes what a check says.
    pub(super) fn check(&mut self, validation_type: ValidationType, finding: Finding) {
        let Finding { status, by, certainty, explanation, issues } = finding;
        if status == Status::Unverified {
            self.issues.push(unverified(validation_type, &explanation));
        }
        self.issues.extend(issues);
        self.checks.push((
            CheckReport { validation_type, status, decided_by: Some(by), explanation },
            Some(certainty),
        ));
    }

    /// Takes what was said about a criterion.
    pub(super) fn criterion(&mut self, criterion: &str, ruling: Ruling) {
        let Ruling { status, by, certainty, reason, evidence } = ruling;
        let severity = match status {
            Status::Passed => None,
            Status::Failed => Some(IssueSeverity::Error),
            Status::Unverified => Some(IssueSeverity::Info),
        };
        self.issues.extend(severity.map(|severity| {
            let what = if status == Status::Failed { "is not met" } else { "was not verified" };
            let message = format!("the criterion \"{criterion}\" {what}: {reason}");
            issue(severity, ValidationType::Criteria, message, None)
        }));
        let report =
            CriterionReport { criterion: criterion.to_owned(), status, decided_by: by, reason, evidence };
        self.criteria.push((report, certainty));
    }

    /// The answer.
    pub(super) fn finish(mut self) -> JudgeResponse {
        self.sum_up_criteria();
        self.checks.sort_by_key(|(report, _)| report.validation_type);
        self.issues.sort_by_key(|issue| (issue.severity, issue.validation_type));
        let valid = !self.issues.iter().any(|issue| issue.severity == IssueSeverity::Error);
        let confidence = self.confidence(valid);
        let omitted = self.issues.len().saturating_sub(MOST_ISSUES);
        self.issues.truncate(MOST_ISSUES);
        let of = |wanted: Status| -> Vec<String> {
            let criteria = self.criteria.iter().filter(|(report, _)| report.status == wanted);
            criteria.map(|(report, _)| report.criterion.clone()).collect()
        };
        JudgeResponse {
            valid,
            quality_score: quality_score(&self.metrics),
            confidence,
            omitted,
            passed_criteria: of(Status::Passed),
            failed_criteria: of(Status::Failed),
            unverified_criteria: of(Status::Unverified),
            issues: self.issues,
            checks: self.checks.into_iter().map(|(report, _)| report).collect(),
            criteria: self.criteria.into_iter().map(|(report, _)| report).collect(),
            facts: self.facts,
            metrics: self.metrics,
        }
    }

    /// The criteria as one of the checks.
    fn sum_up_criteria(&mut self) {
        if self.criteria.is_empty() {
            return;
        }
        let count =
            |wanted: Status| self.criteria.iter().filter(|(report, _)| report.status == wanted).count();
        let (passed, failed, open) =
            (count(Status::Passed), count(Status::Failed), count(Status::Unverified));
        let status = match (failed, open) {
            (1.., _) => Status::Failed,
            (0, 0) => Status::Passed,
            _ => Status::Unverified,
        };
        let explanation = format!("{passed} met, {failed} not met, {open} not verified");
        let report =
            CheckReport { validation_type: ValidationType::Criteria, status, decided_by: None, explanation };
        self.checks.push((report, None));
    }

    /// See [`JudgeResponse::confidence`].
    fn confidence(&self, valid: bool) -> f64 {
        let checks =
            self.checks.iter().filter_map(|(report, certainty)| Some((report.status, (*certainty)?)));
        let criteria = self.criteria.iter().map(|(report, certainty)| (report.status, *certainty));
        let all: Vec<_> = checks.chain(criteria).collect();
        if !valid {
            let failed = all.iter().filter(|(status, _)| *status == Status::Failed);
            return failed.map(|(_, certainty)| *certainty).fold(0.0, f64::max);
        }
        let sum: f64 = all.iter().map(|(_, certainty)| certainty).sum();
        if all.is_empty() { 0.0 } else { sum / all.len() as f64 }
    }
}

/// See [`JudgeResponse::quality_score`].
fn quality_score(metrics: &[MetricReport]) -> Option<f64> {
    let parts = metrics.iter().filter(|metric| metric.measured > 0);
    let parts: Vec<f64> = parts.map(|metric| metric.within as f64 / metric.measured as f64).collect();
    (!parts.is_empty()).then(|| parts.iter().sum::<f64>() / parts.len() as f64)
}

fn unverified(validation_type: ValidationType, reason: &str) -> JudgeIssue {
    let message = format!("{} was not verified: {reason}", validation_type.as_str());
    issue(IssueSeverity::Info, validation_type, message, None)
}

/// An issue without a suggestion.
pub(super) fn issue(
    severity: IssueSeverity,
    validation_type: ValidationType,
    message: impl Into<String>,
    location: Option<JudgeLocation>,
) -> JudgeIssue {
    JudgeIssue { severity, validation_type, message: message.into(), location, suggestion: None }
}
