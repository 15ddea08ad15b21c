//! How well a sentence answers a question.
//!
//! The measure is how much of what is asked the sentence holds: every word of the query weighs by how rare it is among
//! the sentences at hand, and what stands in the headings above (or in the column's name, for a row) counts for a part.
//! On top come small preferences that a reader has as well: a number where a number is asked for, the words of the
//! question side by side, a whole thought instead of a fragment or a page.

use std::collections::HashSet;

use super::Passage;
use super::sentences::{Sentence, Shape};
use crate::retriever::words;

/// What a word in the headings counts, against one in the sentence.
const IN_HEADING: f32 = 0.5;
/// What a word in the column's name counts.
const IN_COLUMN: f32 = 0.8;

/// Stems that ask rather than name: they weigh half.
const ASKING: &[&str] = &[
    "available",
    "call",
    "exist",
    "happen",
    "kind",
    "mean",
    "name",
    "need",
    "number",
    "requir",
    "return",
    "support",
    "type",
    "valu",
    "version",
    "work",
];

/// A sentence with its worth.
pub(super) struct Scored {
    pub(super) sentence: Sentence,
    /// Its stems, for comparing sentences with each other.
    pub(super) stems: HashSet<String>,
    /// Which words of the query it holds, and how well, 0..=1 each.
    pub(super) matches: Vec<f32>,
    /// The part of the question that it holds, 0..=1.
    pub(super) coverage: f32,
    /// Coverage with the preferences applied.
    pub(super) score: f32,
}

/// A question, taken apart.
pub(super) struct Question {
    stems: Vec<String>,
    wants_number: bool,
    wants_reason: bool,
}

impl Question {
    pub(super) fn new(query: &str) -> Self {
        let lower = query.to_lowercase();
        let asks = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
        Self {
            stems: words::query_stems(query),
            wants_number: asks(&[
                "how many",
                "how much",
                "how long",
                "how often",
                "how large",
                "how big",
                "how fast",
                "port",
                "number",
                "limit",
                "default",
                "when ",
                "what time",
                "version",
                "size",
                "maximum",
                "minimum",
            ]),
            wants_reason: asks(&["why", "reason"]),
        }
    }
}

/// Scores all sentences against the question. Those that hold nothing of it are not looked at more closely.
pub(super) fn score(question: &Question, passages: &[Passage<'_>], sentences: Vec<Sentence>) -> Vec<Scored> {
    let above: Vec<Vec<f32>> = passages
        .iter()
        .map(|passage| held(question, &words::stems(passage.heading.unwrap_or_default()), IN_HEADING))
        .collect();
    let (mut scored, stems): (Vec<Scored>, Vec<Vec<String>>) = sentences
        .into_iter()
        .map(|sentence| {
            let above = above.get(sentence.passage).map(Vec::as_slice).unwrap_or_default();
            matched(question, sentence, above)
        })
        .unzip();
    let weights = weights(question, &scored);
    let total: f32 = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    for (one, stems) in scored.iter_mut().zip(stems) {
        let held: f32 = one.matches.iter().zip(&weights).map(|(share, weight)| share * weight).sum();
        if held == 0.0 {
            continue;
        }
        let passage = passages.get(one.sentence.passage);
        let raw =
            passage.and_then(|passage| passage.content.get(one.sentence.range.clone())).unwrap_or_default();
        let rank = passage.map_or(0, |passage| passage.rank);
        one.coverage = held / total;
        one.score = one.coverage * preference(question, one, &stems, raw) / (1.0 + 0.03 * rank as f32);
        one.stems = stems.into_iter().collect();
    }
    scored
}

/// How well each word of the question is among these stems, and that times what it counts there.
fn held(question: &Question, stems: &[String], counts: f32) -> Vec<f32> {
    let best =
        |wanted: &String| stems.iter().map(|stem| words::likeness(wanted, stem)).fold(0.0, f32::max) * counts;
    question.stems.iter().map(best).collect()
}

/// A sentence with what it matches, and its stems in order.
fn matched(question: &Question, sentence: Sentence, above: &[f32]) -> (Scored, Vec<String>) {
    let stems = words::stems(&sentence.said);
    let mut matches = held(question, &stems, 1.0);
    let columns = held(question, &words::stems(&sentence.columns.join(" ")), IN_COLUMN);
    for (share, others) in matches.iter_mut().zip(above.iter().zip(columns)) {
        *share = share.max(*others.0).max(others.1);
    }
    (Scored { sentence, stems: HashSet::new(), matches, coverage: 0.0, score: 0.0 }, stems)
}

/// What each word of the question weighs: the rarer among the sentences, the more.
fn weights(question: &Question, scored: &[Scored]) -> Vec<f32> {
    let holders = |at: usize| {
        scored.iter().filter(|one| one.matches.get(at).is_some_and(|share| *share >= 0.6)).count()
    };
    let rarity = |at: usize| (1.0 + scored.len() as f32 / (holders(at) as f32 + 1.0)).ln();
    let asking = |stem: &String| if ASKING.contains(&stem.as_str()) { 0.5 } else { 1.0 };
    question.stems.iter().enumerate().map(|(at, stem)| rarity(at) * asking(stem)).collect()
}

/// What a reader would prefer beyond the words that match, as a factor around 1; `raw` is the sentence with its marks.
fn preference(question: &Question, one: &Scored, stems: &[String], raw: &str) -> f32 {
    let said = &one.sentence.said;
    let mut factor = form(&one.sentence);
    if looks_like_code(said) {
        factor *= 0.6;
    }
    if said.ends_with(':') || said.ends_with('?') {
        factor *= 0.6;
    }
    if question.wants_number && said.chars().any(char::is_numeric) {
        factor *= 1.2;
    }
    if question.wants_reason
        && ["because", "so that", "therefore", " since ", " thus "].iter().any(|word| said.contains(word))
    {
        factor *= 1.2;
    }
    if side_by_side(&question.stems, stems) {
        factor *= 1.15;
    }
    if is_about(&question.stems, said, raw) {
        factor *= 1.2;
    }
    if leans_on_what_is_before(said) { factor * 0.85 } else { factor }
}

/// A whole thought is preferred to a fragment and to a page.
fn form(sentence: &Sentence) -> f32 {
    match (sentence.shape, sentence.said.split_whitespace().count()) {
        (Shape::Row | Shape::Data, _) => 0.95,
        (Shape::Code, _) => 0.6,
        (Shape::Prose, 0..=3) => 0.5,
        (Shape::Prose, 4..=5) => 0.8,
        (Shape::Prose, 6..=45) => 1.0,
        (Shape::Prose, 46..=70) => 0.8,
        (Shape::Prose, _) => 0.55,
    }
}

/// Whether what is asked for is what the sentence begins with or sets in bold.
fn is_about(wanted: &[String], said: &str, raw: &str) -> bool {
    let names = |text: &str| {
        let there = words::stems(text);
        let subject = wanted.iter().filter(|stem| !ASKING.contains(&stem.as_str())).take(2);
        !there.is_empty()
            && subject.clone().count() > 0
            && subject.into_iter().all(|stem| there.contains(stem))
    };
    let beginning: String = said.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
    names(&beginning) || raw.split("**").skip(1).step_by(2).any(names)
}

/// Whether it has the marks of code or data rather than of prose.
fn looks_like_code(said: &str) -> bool {
    let marks = said.chars().filter(|c| "{}[]()=<>\"_|&$#@\\/;".contains(*c)).count();
    marks * 9 > said.chars().count()
}

/// Whether two words that follow each other in the question do so here.
fn side_by_side(wanted: &[String], stems: &[String]) -> bool {
    wanted.windows(2).any(|pair| stems.windows(2).any(|there| there == pair))
}

/// Whether it begins with a word that stands for something said before.
fn leans_on_what_is_before(said: &str) -> bool {
    let first = said.split_whitespace().next().unwrap_or_default().to_lowercase();
    [
        "it",
        "they",
        "this",
        "these",
        "those",
        "he",
        "she",
        "its",
        "their",
        "so",
        "then",
        "otherwise",
        "but",
        "and",
    ]
    .contains(&first.trim_end_matches(','))
}
