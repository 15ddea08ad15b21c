//! `reflex-eval`: how good the detectors are on labelled files.
//!
//! What the figures mean, for files of spans (personal data): a labelled span is *found* if a finding of a matching type
//! shares at least half of the longer of the two with it; every other finding is *spurious*. Recall, precision and F1
//! are over spans. `fpr` is the share of the words outside all labelled spans that a finding touches. `accuracy` is the share of
//! rows without a miss and without a spurious finding. Types that no detector looks for (names, places) count as
//! missed; `structured` holds the same figures over the types that one does look for.
//!
//! Intervals are 95% bootstrap percentiles over rows, with a fixed seed.

mod bootstrap;
mod figures;
mod row;
mod spans;
mod types;

use std::path::Path;
use std::time::Instant;

use octollm_core::{Error, ErrorKind, Result};

use super::Detectors;
use crate::cli::args::ReflexEvalArgs;
use crate::cli::exit::{Exit, Outcome, Stop};
use crate::cli::output::Output;
use figures::{FileReport, Score};
use row::{Labels, Row};
use spans::SpanEval;

/// `reflex-eval`
pub(in crate::cli) fn run(output: Output, args: &ReflexEvalArgs) -> Outcome {
    let detectors = Detectors::new()?;
    for path in &args.files {
        let rows = row::read(path)?;
        let (report, scores) = evaluate(&detectors, path, &rows)?;
        if args.scores {
            scores.iter().try_for_each(|score| output.json_line(score))?;
        }
        if args.json {
            output.json_line(&report)?;
        } else {
            print(output, &report)?;
        }
    }
    Ok(Exit::Completed)
}

fn evaluate(detectors: &Detectors, path: &Path, rows: &[Row]) -> Result<(FileReport, Vec<Score>)> {
    let mut eval = SpanEval::default();
    let (mut scores, mut seconds, mut bytes) = (Vec::with_capacity(rows.len()), 0.0, 0);
    for row in rows {
        let Labels::Spans(spans) = &row.labels else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the file holds labels, and there is no detector for them yet",
            )
            .with_context("path", path.display().to_string())
            .with_hint("give a file with `spans`"));
        };
        let started = Instant::now();
        let findings = detectors.scan(&row.text);
        seconds += started.elapsed().as_secs_f64();
        bytes += row.text.len();
        let score = findings.iter().map(|finding| finding.confidence).fold(0.0, f32::max);
        scores.push(Score { id: row.id.clone(), score, flagged: !findings.is_empty() });
        eval.row(&row.text, spans, &findings);
    }
    let us_per_kb = seconds * 1e6 / (bytes as f64 / 1024.0).max(f64::MIN_POSITIVE);
    Ok((eval.report(path.display().to_string(), us_per_kb), scores))
}

fn print(output: Output, report: &FileReport) -> Result<(), Stop> {
    output.line(format!("{} ({}): {} rows", output.bold(&report.file), report.kind, report.n))?;
    output.line(report.line("all types"))?;
    if let Some(structured) = &report.structured {
        output.line(structured.line("structured types"))?;
    }
    for (name, figures) in &report.per_type {
        output.line(figures.line(name))?;
    }
    output.line(format!(
        "  words flagged outside of spans {:.4}, {:.1} us/KB, threshold {}",
        report.fpr, report.us_per_kb, report.threshold
    ))
}
