//! `reflex-eval`: how good the detectors are on labelled files.
//!
//! What the figures mean, for files of spans (personal data): a labelled span is *found* if a finding of a matching type
//! shares at least half of the longer of the two with it; every other finding is *spurious*. Recall, precision and F1
//! are over spans. `fpr` is the share of the words outside all labelled spans that a finding touches. `accuracy` is the share of
//! rows without a miss and without a spurious finding. Types that no detector looks for (places; without `--names` names of
//! persons and addresses, too) count as missed; `structured` holds the same figures over the types that have a structure.
//!
//! For files of labels (injections): recall, precision and F1 are over rows, `fpr` is the share of harmless rows that are
//! flagged, a score is the distance to the threshold, which therefore is 0.
//!
//! `us_per_kb` is the quickest of up to 20 passes over the file, as other processes can only add to it.
//!
//! What stands in a row, and under which other names, is said in [`row`]; what a span's type may be called, in [`types`].
//!
//! Intervals are 95% bootstrap percentiles over rows, with a fixed seed.

mod bootstrap;
mod figures;
mod labels;
mod row;
mod spans;
mod types;

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use octollm_core::reflex::pii::PiiOptions;
use octollm_core::reflex::{Detectors, Findings, Origin};
use octollm_core::{Error, ErrorKind, Fault, Result};

use crate::cli::args::ReflexEvalArgs;
use crate::cli::exit::{Exit, Outcome, Stop};
use crate::cli::output::Output;
use crate::cli::reflex::input::STDIN;
use figures::{FileReport, Score};
use labels::LabelEval;
use row::{Labels, Odd, Row, Rows};
use spans::SpanEval;

/// `reflex-eval`
pub(in crate::cli) fn run(output: Output, args: &ReflexEvalArgs) -> Outcome {
    let detectors = Detectors::with(PiiOptions { names: args.names, ..PiiOptions::default() })?;
    if args.files.iter().filter(|path| path.as_path() == Path::new(STDIN)).count() > 1 {
        return Err(Error::new(ErrorKind::InvalidInput, "what is piped in can be read once")
            .with_hint("give `-` once, and the other files by their names")
            .into());
    }
    for path in &args.files {
        let Rows { rows, odd } = row::read(path)?;
        tell(output, path, &odd);
        let (report, scores) = evaluate(&detectors, args, path, &rows)?;
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

/// Says what about a file's rows is perhaps not what was meant.
fn tell(output: Output, path: &Path, odd: &Odd) {
    let path = path.display();
    if odd.misplaced > 0 {
        let what = "they count as missed, offsets are in characters";
        output.note(format!("{path}: spans that are not within their text: {}; {what}", odd.misplaced));
    }
    if odd.origins > 0 {
        let what = "they are judged as --origin says (known are user, arm, document, tool, external)";
        output.note(format!("{path}: rows with another `origin`: {}; {what}", odd.origins));
    }
}

fn evaluate(
    detectors: &Detectors,
    args: &ReflexEvalArgs,
    path: &Path,
    rows: &[Row],
) -> Result<(FileReport, Vec<Score>)> {
    let mixed = |row: &Row, detail: &str| row::wrong(path, row.line, Fault::new("", detail));
    let file = path.display().to_string();
    if matches!(rows.first().map(|row| &row.labels), Some(Labels::Injection(_))) {
        let origin = |row: &Row| row.origin.unwrap_or(Origin::from(args.origin));
        let (margins, us_per_kb) = timed(rows, |row| detectors.judge(&row.text, origin(row).into()).margin);
        let mut eval = LabelEval::default();
        let score = |(row, margin): (&Row, f32)| match row.labels {
            Labels::Injection(label) => Ok(scored(row, eval.row(label, margin))),
            Labels::Spans(_) => Err(mixed(row, "has `spans`, where the rows before it have `label`")),
        };
        let scores = rows.iter().zip(margins).map(score).collect::<Result<_>>()?;
        return Ok((eval.report(file, us_per_kb), scores));
    }
    let (found, us_per_kb) = timed(rows, |row| detectors.private(&row.text));
    let mut eval = SpanEval::new(args.names);
    let score = |(row, findings): (&Row, Findings)| {
        let Labels::Spans(spans) = &row.labels else {
            return Err(mixed(row, "has `label`, where the rows before it have `spans`"));
        };
        eval.row(&row.text, spans, &findings);
        let surest = findings.iter().map(|finding| finding.confidence).fold(0.0, f32::max);
        Ok(scored(row, (surest, !findings.is_empty())))
    };
    let scores = rows.iter().zip(found).map(score).collect::<Result<_>>()?;
    Ok((eval.report(file, us_per_kb), scores))
}

fn scored(row: &Row, (score, flagged): (f32, bool)) -> Score {
    Score { id: row.id.clone(), score, flagged }
}

/// Times that a file is judged for its time, and seconds after which that ends.
const PASSES: usize = 20;
const ENOUGH: f64 = 1.0;

/// What a detector says of every row, and the microseconds that 1 KiB took it, if there is text at all: in the quickest pass
/// after the first, because neither what is made when it is first needed nor what else the machine does is what a text costs.
fn timed<T>(rows: &[Row], mut judge: impl FnMut(&Row) -> T) -> (Vec<T>, Option<f64>) {
    let judged = rows.iter().map(&mut judge).collect();
    let begun = Instant::now();
    let mut quickest = f64::INFINITY;
    for _ in 0..PASSES {
        let started = Instant::now();
        rows.iter().for_each(|row| drop(black_box(judge(row))));
        quickest = quickest.min(started.elapsed().as_secs_f64());
        if begun.elapsed().as_secs_f64() > ENOUGH {
            break;
        }
    }
    let kib = rows.iter().map(|row| row.text.len()).sum::<usize>() as f64 / 1024.0;
    (judged, (kib > 0.0).then(|| quickest * 1e6 / kib))
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
    let harmless =
        if report.kind == "pii" { "words flagged outside of spans" } else { "harmless texts flagged" };
    let cost = report.us_per_kb.map_or("-".to_owned(), |cost| format!("{cost:.1}"));
    output.line(format!(
        "  {harmless} {:.4}, accuracy {:.4}, {cost} us/KB, threshold {}",
        report.fpr, report.accuracy, report.threshold
    ))
}
