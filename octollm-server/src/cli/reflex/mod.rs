//! `reflex` and `reflex-eval`: the detectors on a file, and how good they are.

pub(super) mod eval;
mod stream;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use octollm_core::reflex::{Detectors, Finding, Redactor};
use octollm_core::{Error, ErrorKind, Result};

use super::args::ReflexArgs;
use super::exit::{Exit, Outcome, Stop};
use super::output::Output;
use stream::{Part, Stream};

/// `reflex`
pub(super) fn run(output: Output, args: &ReflexArgs) -> Outcome {
    let detectors = Detectors::new()?;
    let key = fresh_key()?;
    let mut redactor = args.redact.map(|style| Redactor::new(style.into(), key));
    let mut report = Report { output, json: args.json, line: 1, column: 1, count: 0 };
    let mut stream = Stream::new(open(&args.file)?, |text: &str| detectors.private(text));
    while let Some(part) = stream.next_part()? {
        match &mut redactor {
            Some(redactor) => {
                io::stdout().lock().write_all(redactor.redact(part.text, &part.findings).as_bytes())?
            }
            None => report.part(&part)?,
        }
    }
    if redactor.is_none() && !args.json && report.count == 0 {
        output.note("nothing was found");
    }
    Ok(Exit::Completed)
}

/// A key that nobody else has.
fn fresh_key() -> Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|cause| {
        Error::new(ErrorKind::Unavailable, "the platform gives no randomness").with_source(cause)
    })?;
    Ok(key)
}

fn open(path: &Path) -> Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(Error::new(ErrorKind::NotFound, "the file cannot be read")
            .with_context("path", path.display().to_string())
            .with_context("reason", error.kind().to_string())),
    }
}

/// Prints findings, with the line and the column (in characters) for a person, with offsets for a program.
struct Report {
    output: Output,
    json: bool,
    line: usize,
    column: usize,
    count: usize,
}

impl Report {
    fn part(&mut self, part: &Part<'_>) -> Result<(), Stop> {
        let mut done = 0;
        for finding in &part.findings {
            self.walk(part.text.get(done..finding.start).unwrap_or_default());
            done = finding.start;
            self.finding(finding, part.offset)?;
            self.count += 1;
        }
        self.walk(part.text.get(done..).unwrap_or_default());
        Ok(())
    }

    fn finding(&self, finding: &Finding, offset: usize) -> Result<(), Stop> {
        if self.json {
            let mut finding = finding.clone();
            finding.start += offset;
            finding.end += offset;
            return self.output.json_line(&finding);
        }
        let place = format!("{}:{}", self.line, self.column);
        let Finding { type_name, confidence, explanation, .. } = finding;
        self.output.line(format!("{place:<10} {type_name:<20} {confidence:.2}  {explanation}"))
    }

    fn walk(&mut self, text: &str) {
        for c in text.chars() {
            self.column += 1;
            if c == '\n' {
                (self.line, self.column) = (self.line + 1, 1);
            }
        }
    }
}
