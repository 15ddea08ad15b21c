//! An answer without a model: the few sentences of the results that say most about the question, word for word.
//!
//! Nothing is made up because nothing is made: a sentence is taken as it stands or not at all, and where none answers,
//! there is no answer. Sentences are chosen one after the other, each for how much of the question it holds and how
//! little it repeats what was chosen before (maximal marginal relevance, Carbonell and Goldstein, SIGIR 1998), and then
//! put in the order in which they stand.

mod score;
mod sentences;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ops::Range;

use super::extract::Kind;
use super::words;
use score::{Question, Scored};
use sentences::{Sentence, Shape};

/// Sentences of an answer.
const MOST_SENTENCES: usize = 4;
/// Characters of an answer, unless its first sentence alone is longer.
const MOST_CHARS: usize = 900;
/// The part of the question that the best sentence must hold.
const LEAST_COVERAGE: f32 = 0.34;
/// A further sentence must be worth this part of the best one.
const LEAST_SHARE: f32 = 0.55;
/// The part of the best one that is added to a sentence that goes on from a chosen one.
const GOES_ON: f32 = 0.2;
/// What a sentence that holds more of the question than the chosen ones is multiplied by.
const ADDS: f32 = 1.2;
/// A row that is longer than this is said without the cells that nobody asked for.
const LONG_ROW: usize = 80;

/// A found chunk, as the synthesis needs it.
pub(super) struct Passage<'a> {
    /// Its text.
    pub(super) content: &'a str,
    /// The headings above it.
    pub(super) heading: Option<&'a str>,
    /// What kind of document it is from.
    pub(super) kind: Kind,
    /// Whether it begins inside a fenced listing.
    pub(super) in_listing: bool,
    /// Its place among the results, from 0.
    pub(super) rank: usize,
}

/// A sentence of the answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    /// Which passage, by its place in the list.
    pub(super) passage: usize,
    /// Bytes of the passage's content: the quote.
    pub(super) range: Range<usize>,
    /// The words as they are read.
    pub(super) said: String,
}

/// The sentences that answer `query`, in reading order; none if nothing does.
pub(super) fn answer(query: &str, passages: &[Passage<'_>]) -> Vec<Answer> {
    let question = Question::new(query);
    let sentences = passages
        .iter()
        .enumerate()
        .flat_map(|(number, passage)| sentences::sentences(number, passage))
        .collect();
    let scored = score::score(&question, passages, sentences);
    let mut chosen = choose(&scored);
    let Some(first) = chosen.first().map(|best| best.sentence.passage) else { return Vec::new() };
    // The best one's passage comes first, the others follow by rank; within a passage, the order of the text.
    chosen.sort_by_key(|one| (one.sentence.passage != first, one.sentence.passage, one.sentence.range.start));
    let stems = words::query_stems(query);
    chosen.into_iter().map(|one| spoken(&stems, passages, &one.sentence)).collect()
}

fn choose(scored: &[Scored]) -> Vec<&Scored> {
    let Some(best) = scored.iter().max_by(|a, b| a.score.total_cmp(&b.score)) else { return Vec::new() };
    if best.coverage < LEAST_COVERAGE {
        return Vec::new();
    }
    let mut chosen = vec![best];
    while chosen.len() < MOST_SENTENCES {
        let worth = scored.iter().map(|one| (one, marginal(one, &chosen, best)));
        let enough = worth.filter(|(_, worth)| *worth >= LEAST_SHARE * best.score);
        let Some((next, _)) = enough.max_by(|a, b| a.1.total_cmp(&b.1)) else { break };
        chosen.push(next);
        if said_chars(&chosen) > MOST_CHARS {
            chosen.pop();
            break;
        }
    }
    if chosen.len() == 1 {
        // One sentence alone often wants the next one to be understood.
        let next = scored.iter().find(|one| follows(&one.sentence, &best.sentence));
        chosen.extend(next.filter(|one| one.sentence.said.chars().count() <= MOST_CHARS / 3));
    }
    chosen
}

fn said_chars(chosen: &[&Scored]) -> usize {
    chosen.iter().map(|one| one.sentence.said.chars().count()).sum()
}

/// What a sentence is worth beside those that are chosen; nothing if it says little of what was asked or the same again.
fn marginal(one: &Scored, chosen: &[&Scored], best: &Scored) -> f32 {
    // With everything that is added below it would still not be enough.
    if (one.score + GOES_ON * best.score) * ADDS < LEAST_SHARE * best.score {
        return 0.0;
    }
    let same = |other: &Scored| {
        other.sentence.passage == one.sentence.passage && other.sentence.range == one.sentence.range
    };
    let repeated = chosen.iter().map(|other| similarity(&one.stems, &other.stems)).fold(0.0, f32::max);
    if repeated > 0.7 || chosen.iter().any(|other| same(other)) {
        return 0.0;
    }
    let held =
        |at: usize| chosen.iter().filter_map(|other| other.matches.get(at)).fold(0.0, |a: f32, b| a.max(*b));
    let adds = one.matches.iter().enumerate().any(|(at, share)| *share > held(at) + 0.3);
    let goes_on = chosen.iter().any(|other| follows(&one.sentence, &other.sentence));
    if !adds && !goes_on && one.coverage < 0.7 * best.coverage {
        return 0.0;
    }
    let context = if goes_on && one.coverage > 0.15 { GOES_ON * best.score } else { 0.0 };
    (one.score + context) * (1.0 - 0.7 * repeated) * if adds { ADDS } else { 1.0 }
}

/// Whether `one` is the sentence after `other` in the same paragraph.
fn follows(one: &Sentence, other: &Sentence) -> bool {
    let after = one.range.start >= other.range.end && one.range.start - other.range.end <= 8;
    after && one.passage == other.passage && one.paragraph == other.paragraph
}

/// The part of the words that two sentences share, 0..=1, against the shorter one.
fn similarity(a: &HashSet<String>, b: &HashSet<String>) -> f32 {
    let common = a.intersection(b).count();
    let shorter = a.len().min(b.len()).max(1);
    common as f32 / shorter as f32
}

fn spoken(stems: &[String], passages: &[Passage<'_>], sentence: &Sentence) -> Answer {
    let Sentence { passage, range, .. } = sentence.clone();
    let said = match sentence.shape {
        Shape::Row => {
            let row = passages.get(passage).and_then(|passage| passage.content.get(range.clone()));
            row_said(stems, row.unwrap_or_default(), &sentence.columns)
        }
        _ => sentence.said.clone(),
    };
    Answer { passage, range, said }
}

/// A row as it is read: its first cell, and what belongs to it. Of a long row, only the cells that were asked for.
fn row_said(stems: &[String], row: &str, columns: &[String]) -> String {
    let cells: Vec<String> = super::markdown::cells(row).into_iter().map(super::markdown::plain).collect();
    let asked = |text: &str| {
        let there = words::stems(text);
        stems.iter().any(|stem| there.iter().any(|one| words::likeness(stem, one) > 0.0))
    };
    let long = cells.iter().map(|cell| cell.chars().count()).sum::<usize>() > LONG_ROW;
    let named = |at: usize| columns.get(at).is_some_and(|column| asked(column));
    let any_named = (1..cells.len()).any(named);
    let kept =
        cells.iter().enumerate().skip(1).filter(|(at, cell)| {
            !cell.is_empty() && (!long || if any_named { named(*at) } else { asked(cell) })
        });
    let kept: Vec<&str> = kept.map(|(_, cell)| cell.as_str()).collect();
    let first = cells.first().map(String::as_str).unwrap_or_default();
    match (first.is_empty(), kept.is_empty()) {
        (false, false) => format!("{first}: {}", kept.join("; ")),
        (true, false) => kept.join("; "),
        _ => first.to_owned(),
    }
}
