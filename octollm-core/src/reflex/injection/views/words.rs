//! The common words of English, commonest first, and how a run of letters without gaps is cut into them.
//!
//! The cheapest way to cut wins, where a word costs the logarithm of its rank: by Zipf's law, that is the likeliest one.

use std::collections::HashSet;
use std::sync::LazyLock;

/// A letter that is in no word costs as much as two or three common words.
const UNKNOWN: f32 = 14.0;
/// A digit or a sign stands alone.
const SIGN: f32 = 2.0;

/// Bytes of the longest word.
const LONGEST: usize = 32;
/// Bits of the filter, a power of two: one word in fifteen that is not common passes.
const FILTER: usize = 1 << 17;

static WORDS: LazyLock<Words> = LazyLock::new(Words::read);

struct Words {
    /// Words and their costs, in the order of the alphabet.
    list: Vec<(&'static str, f32)>,
    /// Where in the list the words are that begin with each pair of letters.
    pairs: Vec<(u16, u16)>,
    /// The costs of words of one letter.
    letters: [f32; 26],
    /// A bit for every word, by its hash: most of what is looked up is no word.
    filter: Vec<u64>,
    set: HashSet<&'static [u8]>,
}

impl Words {
    fn read() -> Self {
        let list = include_str!("../../../../data/injection/words.txt").lines();
        let list = list.filter(|line| !line.starts_with('#') && line.len() <= LONGEST);
        let mut list: Vec<(&str, f32)> =
            list.enumerate().map(|(rank, word)| (word, 1.0 + (rank as f32 + 2.0).ln())).collect();
        list.sort_by_key(|(word, _)| *word);
        let (mut letters, mut filter) = ([f32::INFINITY; 26], vec![0; FILTER / 64]);
        for (word, cost) in &list {
            if let [letter @ b'a'..=b'z'] = word.as_bytes()
                && let Some(place) = letters.get_mut(usize::from(letter - b'a'))
            {
                *place = *cost;
            }
            let bit = hash(word.as_bytes());
            if let Some(place) = filter.get_mut(bit / 64) {
                *place |= 1 << (bit % 64);
            }
        }
        let before = |first: u8, second: u8| {
            list.partition_point(|(word, _)| word.as_bytes() < &[first, second][..]) as u16
        };
        let pairs = (b'a'..=b'z').flat_map(|first| (b'a'..=b'z').map(move |second| (first, second)));
        let pairs = pairs.map(|(first, second)| (before(first, second), before(first, second + 1))).collect();
        let set = list.iter().map(|(word, _)| word.as_bytes()).collect();
        Self { list, pairs, letters, filter, set }
    }

    /// The words that begin with these letters.
    fn beginning(&self, first: u8, second: u8) -> &[(&'static str, f32)] {
        let pair = usize::from(first - b'a') * 26 + usize::from(second - b'a');
        let (from, to) = self.pairs.get(pair).copied().unwrap_or_default();
        self.list.get(usize::from(from)..usize::from(to)).unwrap_or_default()
    }
}

/// FNV-1a, cut to the filter.
fn hash(bytes: &[u8]) -> usize {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ hash >> 32) as usize % FILTER
}

/// Whether bytes are a common word, in whatever case. Most are none, and that is seen by one bit.
pub(super) fn is_common(word: impl Iterator<Item = u8>) -> bool {
    let (mut bytes, mut length) = ([0; LONGEST], 0);
    for byte in word {
        let Some(place) = bytes.get_mut(length) else { return false };
        *place = byte.to_ascii_lowercase();
        length += 1;
    }
    let word = bytes.get(..length).unwrap_or_default();
    let bit = hash(word);
    WORDS.filter.get(bit / 64).is_some_and(|bits| bits >> (bit % 64) & 1 == 1) && WORDS.set.contains(word)
}

/// How a run is best cut up to some byte.
#[derive(Clone, Copy)]
struct Cut {
    cost: f32,
    /// Where its last piece begins.
    from: usize,
    is_word: bool,
}

/// Those of words in their order, equal up to here, that go on with this byte.
fn beginning_with<'w>(words: &'w [(&'static str, f32)], depth: usize, byte: u8) -> &'w [(&'static str, f32)] {
    let letter = |(word, _): &(&str, f32)| word.as_bytes().get(depth).copied();
    let words = words.get(words.partition_point(|word| letter(word) < Some(byte))..).unwrap_or_default();
    words.get(..words.partition_point(|word| letter(word) == Some(byte))).unwrap_or_default()
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
    let (mut words, mut known) = (&*WORDS.list, 0);
    if let [letter @ b'a'..=b'z', rest @ ..] = bytes {
        if let Some(cost) = WORDS.letters.get(usize::from(letter - b'a')).filter(|cost| cost.is_finite()) {
            each(1, *cost);
        }
        match rest {
            [second @ b'a'..=b'z', ..] => (words, known) = (WORDS.beginning(*letter, *second), 2),
            [0x80..=0xff, ..] => (words, known) = (beginning_with(words, 0, *letter), 1),
            _ => return,
        }
        if let Some((word, cost)) = words.first().filter(|(word, _)| known == 2 && word.len() == 2) {
            each(word.len(), *cost);
        }
    } else if bytes.first().is_none_or(u8::is_ascii) {
        return;
    }
    for (depth, byte) in bytes.iter().enumerate().skip(known) {
        words = beginning_with(words, depth, *byte);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_word_that_a_text_begins_with_is_found(
            text in proptest::collection::vec(prop_oneof![
                proptest::sample::select(WORDS.list.iter().map(|(word, _)| *word).collect::<Vec<_>>()).prop_map(str::to_owned),
                "[a-zäé0-9 ]{1,3}",
            ], 0..4)
        ) {
            let text = text.concat();
            let mut found = Vec::new();
            for_each_word_at(text.as_bytes(), |length, cost| found.push((&text[..length], cost)));
            let mut expected: Vec<_> =
                WORDS.list.iter().filter(|(word, _)| text.starts_with(word)).copied().collect();
            expected.sort_by_key(|(word, _)| word.len());
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn a_common_word_is_known_and_no_other(text in "[a-z]{1,6}|[A-Za-z]{30,40}", nth in any::<prop::sample::Index>()) {
            let (word, _) = nth.get(&WORDS.list);
            prop_assert!(is_common(word.to_ascii_uppercase().bytes()) || !word.is_ascii());
            prop_assert!(is_common(word.bytes()));
            let is_there = WORDS.list.iter().any(|(word, _)| *word == text.to_ascii_lowercase());
            prop_assert_eq!(is_common(text.bytes()), is_there);
        }
    }
}
