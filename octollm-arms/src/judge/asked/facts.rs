//! Whether trusted sources say what an output states.

use std::sync::Arc;

use octollm_core::memory::Embedder;
use octollm_core::model::prompts::Values;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::task::JoinError;

use super::claims::{Statement, Statements, statements};
use super::passages::{Passage, nearest, passages, together};
use super::{Each, Expert, doubt, stands_in};
use crate::expert::numbered;
use crate::judge::judgement::{Finding, issue};
use crate::judge::parts::code_parts;
use crate::judge::request::{JudgeRequest, TrustedSource, ValidationType};
use crate::judge::response::{DecidedBy, FactReport, FactStatus, IssueSeverity, JudgeIssue, Status};

/// Statements that a model is asked about at once: with their passages, some thousand words.
const AT_ONCE: usize = 12;

/// What a model finds.
#[derive(Debug, Deserialize, JsonSchema)]
struct Answer {
    findings: Vec<Said>,
}

/// What it finds about one statement.
#[derive(Debug, Deserialize, JsonSchema)]
struct Said {
    /// Its number, from 1.
    statement: usize,
    verdict: Verdict,
    /// The number of the passage that decides; null if none does.
    passage: Option<usize>,
    /// The words in it that decide, word for word; null if none do.
    quote: Option<String>,
    /// Why, in one sentence.
    reason: String,
    /// How likely a careful reader is to find the same, 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    confidence: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Supported,
    Contradicted,
    Unsupported,
    NoStatement,
}

/// Where passages are looked up.
pub(in crate::judge) struct Library<'a> {
    pub(in crate::judge) request: &'a Arc<JudgeRequest>,
    pub(in crate::judge) embedder: &'a Arc<dyn Embedder>,
}

/// Holds what the output states against the request's sources.
pub(in crate::judge) async fn facts(
    expert: &Expert<'_>,
    library: &Library<'_>,
) -> (Finding, Vec<FactReport>) {
    let sources = &library.request.trusted_sources;
    let Ok((passages, Statements { first, beyond })) = taken_apart(library.request.clone()).await else {
        return (Finding::unverified("the comparison with the sources broke off"), Vec::new());
    };
    if passages.is_empty() || first.is_empty() {
        let why = match (passages.is_empty(), beyond) {
            (true, _) => "the sources are empty",
            (false, 0) => "the output states nothing",
            (false, _) => "the output's statements are too long",
        };
        return (Finding::unverified(why), Vec::new());
    }
    let near = nearest(library.embedder, &passages, &first).await;
    let mut reports = Vec::with_capacity(first.len());
    for (some, near) in first.chunks(AT_ONCE).zip(near.chunks(AT_ONCE)) {
        reports.extend(found(expert, some, &together(near, &passages), sources).await);
    }
    (summed_up(&reports, beyond), reports)
}

/// The passages of the sources, and the statements of the output: a MiB of each takes too long for the async threads.
async fn taken_apart(request: Arc<JudgeRequest>) -> Result<(Vec<Passage>, Statements), JoinError> {
    let take_apart = move || {
        let statements = statements(&request.output, &code_parts(&request));
        (passages(&request.trusted_sources), statements)
    };
    tokio::task::spawn_blocking(take_apart).await
}

/// What a model finds about some statements, one report for each.
async fn found(
    expert: &Expert<'_>,
    some: &[Statement],
    near: &[&Passage],
    sources: &[TrustedSource],
) -> Vec<FactReport> {
    let values = Values::new()
        .words("passages", numbered("passage", near.iter().map(|passage| passage.text.as_str())))
        .words("statements", numbered("statement", some.iter().map(|one| one.text.as_str())));
    let each = Each { shape: "findings", list: "findings", of: "statement", count: some.len() };
    let question = (&*expert.prompts.facts, &values);
    match each.ask(expert, question, |answer: Answer| answer.findings, |said| said.statement).await {
        Err(reason) => some.iter().map(|one| unverified(one, &reason)).collect(),
        Ok(said) => said.into_iter().zip(some).map(|(said, one)| said.checked(one, near, sources)).collect(),
    }
}

fn unverified(one: &Statement, reason: &str) -> FactReport {
    FactReport {
        statement: one.text.clone(),
        location: one.place.clone(),
        status: FactStatus::Unverified,
        decided_by: DecidedBy::Nobody,
        reason: reason.to_owned(),
        source: None,
        quote: None,
        confidence: 0.0,
    }
}

impl Said {
    /// What of it can be relied on.
    fn checked(self, one: &Statement, near: &[&Passage], sources: &[TrustedSource]) -> FactReport {
        if let Some(doubt) = doubt(self.confidence, &self.reason) {
            return unverified(one, &doubt);
        }
        let status = match self.verdict {
            Verdict::Supported => FactStatus::Supported,
            Verdict::Contradicted => FactStatus::Contradicted,
            Verdict::Unsupported => FactStatus::Unsupported,
            Verdict::NoStatement => FactStatus::NoStatement,
        };
        let mut report = FactReport {
            status,
            decided_by: DecidedBy::Model,
            confidence: self.confidence,
            reason: self.reason.clone(),
            ..unverified(one, "")
        };
        if matches!(status, FactStatus::Supported | FactStatus::Contradicted) {
            let Some((passage, quote)) = self.cited(near) else {
                return unverified(one, "the model relies on a quotation that is in no source");
            };
            report.source = Some(name(sources, passage.source));
            report.quote = Some(quote);
        }
        report
    }

    /// The passage that has the quotation: the one that was named, or else another that was shown.
    fn cited<'a>(&self, near: &[&'a Passage]) -> Option<(&'a Passage, String)> {
        let quote = self.quote.as_deref()?;
        let named = self.passage.and_then(|number| near.get(number.checked_sub(1)?));
        let passage = named.into_iter().chain(near).find(|passage| stands_in(quote, &passage.text))?;
        Some((*passage, quote.to_owned()))
    }
}

/// A source as a person finds it: by its own name, or by its place in the request.
fn name(sources: &[TrustedSource], at: usize) -> String {
    let named = sources.get(at).and_then(TrustedSource::source);
    named.map_or_else(|| format!("/trusted_sources/{at}"), str::to_owned)
}

/// All statements as one check: failed where one is contradicted, passed where all are supported.
fn summed_up(reports: &[FactReport], beyond: usize) -> Finding {
    let count = |wanted: FactStatus| reports.iter().filter(|report| report.status == wanted).count();
    let (supported, contradicted) = (count(FactStatus::Supported), count(FactStatus::Contradicted));
    let (unsupported, open) = (count(FactStatus::Unsupported), count(FactStatus::Unverified) + beyond);
    let stated = supported + contradicted + unsupported + open;
    let status = match (contradicted, stated) {
        (1.., _) => Status::Failed,
        (0, stated) if stated == supported && stated > 0 => Status::Passed,
        _ => Status::Unverified,
    };
    let sure = |wanted: FactStatus| {
        reports.iter().filter(move |report| report.status == wanted).map(|report| report.confidence)
    };
    let certainty = match status {
        Status::Failed => sure(FactStatus::Contradicted).fold(0.0, f64::max),
        _ => sure(FactStatus::Supported).sum::<f64>() / stated.max(1) as f64,
    };
    let mut explanation = format!(
        "of {stated} statements the sources support {supported}, contradict {contradicted} and do not say {unsupported}"
    );
    if open > 0 {
        explanation.push_str(&format!("; {open} were not verified"));
    }
    // Where no model could say anything, why is what there is to know.
    let reason = reports.iter().find(|report| report.status == FactStatus::Unverified);
    if let Some(report) = reason {
        explanation.push_str(&format!(" ({})", report.reason));
    }
    let by = if reports.iter().all(|report| report.decided_by == DecidedBy::Nobody) {
        DecidedBy::Nobody
    } else {
        DecidedBy::Model
    };
    Finding { status, by, certainty, explanation, issues: reports.iter().filter_map(to_issue).collect() }
}

fn to_issue(report: &FactReport) -> Option<JudgeIssue> {
    let (severity, what) = match report.status {
        FactStatus::Contradicted => (IssueSeverity::Error, "a source contradicts"),
        FactStatus::Unsupported => (IssueSeverity::Warning, "no source says"),
        _ => return None,
    };
    let message = format!("{what} \"{}\": {}", report.statement, report.reason);
    let mut issue = issue(severity, ValidationType::Facts, message, Some(report.location.clone()));
    issue.suggestion = match (&report.source, &report.quote) {
        (Some(source), Some(quote)) => Some(format!("{source} says: \"{quote}\"")),
        _ => Some("leave it out, or give a source that says it".to_owned()),
    };
    Some(issue)
}
