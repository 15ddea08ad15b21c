//! The list of common words by which the detector finds the gaps in letters that were spaced without any.

use std::collections::{BTreeMap, BTreeSet};

use crate::data::{Labelled, OWN};

/// In so many sources a word has to stand: one source's names and subjects are not common.
const SOURCES: usize = 4;
/// Or in so many lines of our own, which hold what injections say in other languages.
const LINES: usize = 3;

/// So often a word of two letters has to stand: the rarer ones are abbreviations, and cut other words to pieces.
const SHORT: usize = 100;

/// What is known of a word.
#[derive(Default)]
struct Use<'a> {
    count: usize,
    sources: BTreeSet<&'a str>,
    lines: BTreeSet<usize>,
}

/// The common words of the rows, commonest first, one a line.
pub(crate) fn list(rows: &[Labelled]) -> String {
    let mut uses: BTreeMap<String, Use<'_>> = BTreeMap::new();
    for row in rows {
        // The last letter of Cyrillic: scripts beyond mostly have no gaps, or no need of this.
        let words = row.text.split(|c: char| !c.is_alphabetic() || c > '\u{52f}');
        for word in words.filter(|word| !word.is_empty()) {
            let found = uses.entry(word.to_lowercase()).or_default();
            found.count += 1;
            found.sources.insert(&row.source);
            if row.source == OWN {
                found.lines.insert(row.group);
            }
        }
    }
    let mut common: Vec<(String, usize)> = uses
        .into_iter()
        .filter(|(_, found)| found.sources.len() >= SOURCES || found.lines.len() >= LINES)
        .filter(|(word, found)| is_word(word, found.count))
        .map(|(word, found)| (word, found.count))
        .collect();
    common.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
    let head = "# Common words, commonest first: counted in the training texts by `make train-reflex`.\n";
    common.into_iter().fold(head.to_owned(), |list, (word, _)| list + &word + "\n")
}

/// Whether it is more than a single letter or an abbreviation.
fn is_word(word: &str, count: usize) -> bool {
    match word.chars().count() {
        0 | 1 => matches!(word, "a" | "i"),
        2 => count >= SHORT,
        _ => true,
    }
}
