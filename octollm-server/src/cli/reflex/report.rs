//! What a person or a program is told about a text: each finding with its place, and whether the policy refuses it.

use octollm_core::reflex::{Action, Finding, Origin, Policy};
use octollm_core::{Error, ErrorKind, Fault};
use serde::Serialize;

use super::stream::Part;
use crate::cli::exit::{Exit, Outcome, Stop};
use crate::cli::output::Output;

/// Refused places that an error lists.
const MAX_FAULTS: usize = 20;

/// A finding as a program reads it.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    action: Action,
}

/// Prints findings, with the line and the column (in characters) for a person, with offsets for a program.
pub(super) struct Report<'a> {
    output: Output,
    json: bool,
    policy: &'a Policy,
    origin: Origin,
    line: usize,
    column: usize,
    count: usize,
    refused: Vec<Fault>,
}

impl<'a> Report<'a> {
    pub(super) fn new(output: Output, json: bool, policy: &'a Policy, origin: Origin) -> Self {
        Self { output, json, policy, origin, line: 1, column: 1, count: 0, refused: Vec::new() }
    }

    /// Prints what was found in a part.
    pub(super) fn part(&mut self, part: &Part<'_>) -> Result<(), Stop> {
        let mut done = 0;
        for finding in part.found.in_order() {
            self.walk(part.text.get(done..finding.start).unwrap_or_default());
            done = done.max(finding.start);
            self.note(finding);
            self.print(finding, part.offset)?;
        }
        self.walk(part.text.get(done..).unwrap_or_default());
        Ok(())
    }

    /// Where in a part something is refused first, in bytes; counts its lines, and prints nothing.
    pub(super) fn first_refused(&mut self, part: &Part<'_>) -> Option<usize> {
        let (mut done, mut first) = (0, None);
        for finding in part.found.in_order() {
            self.walk(part.text.get(done..finding.start).unwrap_or_default());
            done = done.max(finding.start);
            if self.note(finding) {
                first = first.or(Some(finding.start));
            }
        }
        self.walk(part.text.get(done..).unwrap_or_default());
        first
    }

    /// How the command ends; `printed` where findings were printed and not the text.
    pub(super) fn end(self, printed: bool) -> Outcome {
        if printed && !self.json && self.count == 0 {
            self.output.note("nothing was found");
        }
        if self.refused.is_empty() {
            return Ok(Exit::Completed);
        }
        let hint = if printed {
            "take out what was found, or choose another policy with --policy"
        } else {
            "what was written ends before it; choose another policy with --policy to go on"
        };
        let error = Error::new(ErrorKind::RefusedByReflex, "the policy refuses this text");
        Err(Stop::Error(error.with_faults(self.refused).with_hint(hint)))
    }

    /// Counts a finding; answers whether it is refused.
    fn note(&mut self, finding: &Finding) -> bool {
        self.count += 1;
        let refused = self.policy.action(finding, self.origin) == Action::Refuse;
        if refused && self.refused.len() < MAX_FAULTS {
            let what = format!("{} ({})", finding.explanation, finding.type_name);
            self.refused.push(Fault::new(self.place(), what));
        }
        refused
    }

    fn print(&self, finding: &Finding, offset: usize) -> Result<(), Stop> {
        let action = self.policy.action(finding, self.origin);
        if self.json {
            let mut finding = finding.clone();
            finding.start += offset;
            finding.end += offset;
            return self.output.json_line(&Line { finding: &finding, action });
        }
        let Finding { type_name, confidence, explanation, .. } = finding;
        let (place, action) = (self.place(), action.name());
        self.output.line(format!("{place:<10} {type_name:<20} {confidence:.2}  {action:<6}  {explanation}"))
    }

    fn place(&self) -> String {
        format!("{}:{}", self.line, self.column)
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
