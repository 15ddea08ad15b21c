//! Where the first words of phrases stand.
//!
//! There are some eighty, and ordinary text holds few. Four bytes of each, hashed, are a bit in a table that fits in the nearest cache: to
//! pass a place of a text takes one look at it, and no place has to wait for the one before, as with an automaton.

/// Bytes of a first word that are looked at; none is shorter.
const KEY: usize = 4;
/// Places of the table; a power of two.
const TABLE: usize = 1 << 12;

/// A set of words to find.
#[derive(Debug)]
pub(super) struct Firsts {
    /// Whether a key of a word is here.
    table: Box<[bool; TABLE]>,
    /// Words by their key, each with what it was given with; shorter ones first.
    words: Vec<(u32, &'static str, usize)>,
}

impl Firsts {
    /// Finds these words, each of which belongs to something; `None` if one is too short.
    pub(super) fn new(words: impl Iterator<Item = (&'static str, usize)>) -> Option<Self> {
        let keyed =
            |(word, owner): (&'static str, usize)| Some((key(word.as_bytes().first_chunk()?), word, owner));
        let mut words = words.map(keyed).collect::<Option<Vec<_>>>()?;
        words.sort_by_key(|(key, word, owner)| (*key, word.len(), *owner));
        let mut table = Box::new([false; TABLE]);
        for (key, ..) in &words {
            if let Some(place) = table.get_mut(slot(*key)) {
                *place = true;
            }
        }
        Some(Self { table, words })
    }

    /// Calls `each` with the place of every word, where it ends and what it belongs to. Case does not matter within ASCII.
    pub(super) fn for_each(&self, text: &str, mut each: impl FnMut(usize, usize, usize)) {
        for (at, bytes) in text.as_bytes().array_windows::<KEY>().enumerate() {
            let key = key(bytes);
            if !self.table.get(slot(key)).is_some_and(|is_key| *is_key) {
                continue;
            }
            let first = self.words.partition_point(|(other, ..)| *other < key);
            let rest = self.words.get(first..).unwrap_or_default();
            for (_, word, owner) in rest.iter().take_while(|(other, ..)| *other == key) {
                let here = text.as_bytes().get(at..at + word.len());
                if here.is_some_and(|here| here.eq_ignore_ascii_case(word.as_bytes())) {
                    each(at, at + word.len(), *owner);
                }
            }
        }
    }
}

/// The bytes in lower case, as far as they are letters; what else becomes equal is told apart later.
fn key(bytes: &[u8; KEY]) -> u32 {
    u32::from_le_bytes(*bytes) | 0x2020_2020
}

fn slot(key: u32) -> usize {
    (key.wrapping_mul(0x9e37_79b1) >> (u32::BITS - TABLE.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests {
    use aho_corasick::AhoCorasick;
    use proptest::prelude::*;

    use super::*;

    const WORDS: [&str; 7] = ["ignore", "ignore ", "ignorez", "nore", "[/inst]", "忽略", "забудь"];

    fn found(text: &str) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        let firsts = Firsts::new(WORDS.into_iter().enumerate().map(|(at, word)| (word, at))).unwrap();
        firsts.for_each(text, |start, end, owner| found.push((start, end, owner)));
        found.sort_unstable();
        found
    }

    proptest! {
        #[test]
        fn what_an_automaton_finds_is_found(
            text in proptest::collection::vec(prop_oneof![
                Just("IGNORE"), Just("ignore "), Just("ignorez"), Just("ig"), Just("NORE"), Just("[/INST]"), Just("{/inst}"),
                Just("忽略"), Just("忽"), Just("забудь"), Just("é"), Just(" "),
            ], 0..20)
        ) {
            let text = text.concat();
            let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(WORDS).unwrap();
            let mut expected: Vec<_> = automaton
                .find_overlapping_iter(&text)
                .map(|hit| (hit.start(), hit.end(), hit.pattern().as_usize()))
                .collect();
            expected.sort_unstable();
            prop_assert_eq!(found(&text), expected);
        }
    }
}
