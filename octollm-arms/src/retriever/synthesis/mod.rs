//! An answer without a model: the few sentences of the results that say most about the question, word for word.
//!
//! Nothing is made up because nothing is made: a sentence is taken as it stands or not at all, and where none answers,
//! there is no answer. Sentences are chosen one after the other, each for how much of the question it holds and how
//! little it repeats what was chosen before (maximal marginal relevance, Carbonell and Goldstein, SIGIR 1998), and then
//! put in the order in which they stand.

mod boundaries;
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
const LEAST_SHARE: f32 = 0.5;
/// A row that is longer than this is said without the cells that nobody asked for.
const LONG_ROW: usize = 120;

/// A found chunk, as the synthesis needs it.
pub(super) struct Passage<'a> {
    /// Its text.
    pub(super) content: &'a str,
    /// The headings above it.
    pub(super) heading: Option<&'a str>,
    /// What kind of document it is from.
    pub(super) kind: Kind,
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
    let mut chars = best.sentence.said.chars().count();
    while chosen.len() < MOST_SENTENCES {
        let worth = |one: &&Scored| marginal(one, &chosen, best);
        let Some(next) = scored
            .iter()
            .filter(|one| worth(one) >= LEAST_SHARE * best.score)
            .max_by(|a, b| worth(a).total_cmp(&worth(b)))
        else {
            break;
        };
        chars += next.sentence.said.chars().count();
        if chars > MOST_CHARS {
            break;
        }
        chosen.push(next);
    }
    chosen
}

/// What a sentence is worth beside those that are chosen.
fn marginal(one: &Scored, chosen: &[&Scored], best: &Scored) -> f32 {
    let mut repeated: f32 = 0.0;
    let mut follows = false;
    for other in chosen {
        let (a, b) = (&one.sentence, &other.sentence);
        if a.passage == b.passage && a.range == b.range {
            return 0.0;
        }
        repeated = repeated.max(similarity(&one.stems, &other.stems));
        let near = a.range.start.saturating_sub(b.range.end) <= 2 && a.range.start >= b.range.end;
        follows |= near && a.passage == b.passage && a.paragraph == b.paragraph;
    }
    if repeated > 0.7 {
        return 0.0;
    }
    let adds = one.matches.iter().enumerate().any(|(at, share)| {
        chosen.iter().all(|other| other.matches.get(at).is_none_or(|held| *share > held + 0.3))
    });
    let goes_on = if follows && one.coverage > 0.15 { 0.2 * best.score } else { 0.0 };
    (one.score + goes_on) * (1.0 - 0.7 * repeated) * if adds { 1.2 } else { 1.0 }
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
