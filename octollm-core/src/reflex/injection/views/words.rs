//! The common words of English, commonest first, and how a run of letters without gaps is cut into them.
//!
//! The cheapest way to cut wins, where a word costs the logarithm of its rank: by Zipf's law, that is the likeliest one.

use std::sync::LazyLock;

/// A letter that is in no word costs as much as two or three common words.
const UNKNOWN: f32 = 14.0;
/// A digit or a sign stands alone.
const SIGN: f32 = 2.0;

/// One word and its cost; in the order of the alphabet.
static WORDS: LazyLock<Vec<(&str, f32)>> = LazyLock::new(|| {
    let list = include_str!("../../../../data/injection/words.txt").lines();
    let list = list.filter(|line| !line.starts_with('#'));
    let mut words: Vec<(&str, f32)> =
        list.enumerate().map(|(rank, word)| (word, 1.0 + (rank as f32 + 2.0).ln())).collect();
    words.sort_by_key(|(word, _)| *word);
    words
});

/// Whether it is a common word, in whatever case.
pub(super) fn is_common(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    WORDS.binary_search_by_key(&word.as_str(), |(word, _)| word).is_ok()
}

/// How a run is best cut up to some byte.
#[derive(Clone, Copy)]
struct Cut {
    cost: f32,
    /// Where its last piece begins.
    from: usize,
    is_word: bool,
}

/// Appends the run with spaces between its words.
pub(super) fn cut(run: &str, text: &mut String) {
    let lower = run.to_ascii_lowercase();
    let start = Cut { cost: f32::INFINITY, from: 0, is_word: false };
    let mut cuts = vec![start; run.len() + 1];
    if let Some(first) = cuts.first_mut() {
        first.cost = 0.0;
    }
    for (at, c) in lower.char_indices() {
        let so_far = cuts.get(at).map_or(f32::INFINITY, |cut| cut.cost);
        let mut offer = |end: usize, cost: f32, is_word: bool| {
            if let Some(cut) = cuts.get_mut(end).filter(|cut| so_far + cost < cut.cost) {
                *cut = Cut { cost: so_far + cost, from: at, is_word };
            }
        };
        offer(at + c.len_utf8(), if c.is_alphabetic() { UNKNOWN } else { SIGN }, false);
        for_each_word_at(lower.as_bytes().get(at..).unwrap_or_default(), |length, cost| {
            offer(at + length, cost, true);
        });
    }
    append(run, &cuts, text);
}

/// Calls `each` with the length and the cost of every word that these bytes begin with.
fn for_each_word_at(bytes: &[u8], mut each: impl FnMut(usize, f32)) {
    let mut words: &[(&str, f32)] = &WORDS;
    for (depth, byte) in bytes.iter().enumerate() {
        let letter = |(word, _): &(&str, f32)| word.as_bytes().get(depth).copied();
        let first = words.partition_point(|word| letter(word) < Some(*byte));
        words = words.get(first..).unwrap_or_default();
        words = words.get(..words.partition_point(|word| letter(word) == Some(*byte))).unwrap_or_default();
        match words.first() {
            None => return,
            Some((word, cost)) if word.len() == depth + 1 => each(depth + 1, *cost),
            Some(_) => {}
        }
    }
}

fn append(run: &str, cuts: &[Cut], text: &mut String) {
    let mut pieces = Vec::new();
    let mut end = run.len();
    while let Some(cut) = cuts.get(end).filter(|_| end > 0) {
        pieces.push((run.get(cut.from..end).unwrap_or_default(), cut.is_word));
        end = cut.from;
    }
    let mut after_word = false;
    for (nth, (piece, is_word)) in pieces.into_iter().rev().enumerate() {
        if nth > 0 && (after_word || is_word) {
            text.push(' ');
        }
        text.push_str(piece);
        after_word = is_word;
    }
}
