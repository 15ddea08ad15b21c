//! What lines of code say without a grammar: how long they are, and whether they repeat each other.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::tally::{LINE, REPETITION, Tally};
use crate::judge::parts::CodePart;

/// Lines that make a repetition.
const WINDOW: usize = 6;
/// How many of them must differ from each other: a table of like rows repeats nothing.
const DIFFERENT: usize = 3;

/// Measures how long lines are.
pub(super) fn lengths(part: &CodePart<'_>, tally: &mut Tally) {
    for (number, line) in part.code.lines().enumerate() {
        if line.trim().is_empty() || line.contains("://") {
            continue;
        }
        tally.value(&LINE, line.chars().count(), || ("a line".to_owned(), part.place(number + 1, None)));
    }
}

/// Finds lines that repeat others: six at least, white space, comments and imports left out.
pub(super) fn repetitions(part: &CodePart<'_>, tally: &mut Tally) {
    let lines: Vec<(usize, String)> = part.code.lines().zip(1..).filter_map(telling).collect();
    let (mut first, mut at, mut repeated) = (HashMap::new(), 0, 0);
    while at + WINDOW <= lines.len() {
        let window: Vec<&str> = lines[at..at + WINDOW].iter().map(|(_, line)| line.as_str()).collect();
        match first.entry(window) {
            Entry::Occupied(known) if *known.get() + WINDOW <= at && is_varied(known.key()) => {
                let before = *known.get();
                let count = common(&lines, before, at);
                let (line, first_line) = (lines[at].0, lines[before].0);
                let message = format!("{count} lines repeat those from line {}", part.line(first_line));
                tally.warn(&REPETITION, message, part.place(line, None));
                repeated += count;
                at += count;
                continue;
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(free) => {
                free.insert(at);
            }
        }
        at += 1;
    }
    tally.many(&REPETITION, lines.len(), lines.len() - repeated);
}

/// A line that says something, with its number and without its white space.
fn telling((line, number): (&str, usize)) -> Option<(usize, String)> {
    const PASSED_OVER: [&str; 10] =
        ["//", "#", "/*", "*", "--", "\"\"\"", "import ", "from ", "use ", "using "];
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let says = line.chars().filter(|c| c.is_alphanumeric()).count() >= 2;
    (says && !PASSED_OVER.iter().any(|front| line.starts_with(front))).then_some((number, line))
}

fn is_varied(window: &[&str]) -> bool {
    let mut different = window.to_vec();
    different.sort_unstable();
    different.dedup();
    different.len() >= DIFFERENT
}

/// How many lines from `at` on are those from `before` on, up to `at`.
fn common(lines: &[(usize, String)], before: usize, at: usize) -> usize {
    let pairs = lines[before..at].iter().zip(&lines[at..]);
    pairs.take_while(|((_, a), (_, b))| a == b).count()
}
