//! What the model sees of a text: hashed words, their neighbours, and pieces of words.
//!
//! Each word gives itself, itself after the word before and after the two before, itself after a gap of one, and its
//! pieces of four bytes with its boundaries (six for scripts beyond ASCII). All are hashed into one table
//! (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009). The trainer runs this same code, so that a weight means in
//! the detector what it meant in training; a change here needs new weights.

use std::ops::Range;

/// Weights of the table; a power of two.
pub const TABLE: usize = 1 << 19;

/// Words of a window: a text of more words is judged window by window.
pub const WINDOW: usize = 40;

/// Words from one window to the next.
pub const STRIDE: usize = 10;

/// Bytes of a word that count: encoded data has no words.
const MAX_WORD: usize = 48;

/// One word of a text.
#[derive(Debug)]
pub struct Word<'a> {
    /// The places in the table that it touches.
    pub features: &'a [u32],
    /// Where it stands in the text that was given.
    pub range: Range<usize>,
}

/// Calls `each` with every word of a canonical text, in order.
pub fn for_each_word(text: &str, mut each: impl FnMut(Word<'_>)) {
    let mut extractor = Extractor::default();
    let mut rest = text.char_indices().peekable();
    while let Some((start, c)) = rest.next() {
        let class = Class::of(c);
        if class == Class::Space {
            continue;
        }
        extractor.begin(c);
        let mut end = start + c.len_utf8();
        while let Some((at, c)) = rest.next_if(|(_, next)| Class::of(*next) == class) {
            extractor.add(c);
            end = at + c.len_utf8();
        }
        if class == Class::Letter || extractor.word != b"," && extractor.word != b"." {
            each(Word { features: extractor.features(), range: start..end });
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Class {
    Letter,
    Mark,
    Space,
}

impl Class {
    fn of(c: char) -> Self {
        if c.is_ascii() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' => Self::Letter,
                ' ' | '\n' | '\t' | '\r' | '\'' => Self::Space,
                _ => Self::Mark,
            }
        } else if c.is_alphanumeric() {
            Self::Letter
        } else if c.is_whitespace() {
            Self::Space
        } else {
            Self::Mark
        }
    }
}

#[derive(Default)]
struct Extractor {
    word: Vec<u8>,
    before: u64,
    before_that: u64,
    features: Vec<u32>,
}

impl Extractor {
    fn begin(&mut self, c: char) {
        self.word.clear();
        self.add(c);
    }

    fn add(&mut self, c: char) {
        if self.word.len() >= MAX_WORD {
            return;
        }
        if c.is_ascii() {
            self.word.push(c.to_ascii_lowercase() as u8);
        } else {
            let mut bytes = [0; 4];
            c.to_lowercase().for_each(|c| self.word.extend_from_slice(c.encode_utf8(&mut bytes).as_bytes()));
        }
    }

    fn features(&mut self) -> &[u32] {
        let word = hash(&self.word);
        self.features.clear();
        self.features.extend([
            place(word, 1),
            place(word.wrapping_add(self.before.rotate_left(17)), 2),
            place(
                word.wrapping_add(self.before.rotate_left(17)).wrapping_add(self.before_that.rotate_left(31)),
                3,
            ),
            place(word.wrapping_add(self.before_that.rotate_left(31)), 4),
        ]);
        (self.before_that, self.before) = (self.before, word);
        self.word.insert(0, b'<');
        self.word.push(b'>');
        let width = if self.word.is_ascii() { 4 } else { 6 };
        self.features.extend(self.word.windows(width).map(|piece| place(hash(piece), 5)));
        &self.features
    }
}

/// FNV-1a. Weights depend on it: it never changes.
fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The place in the table of a hash of this kind: the upper bits of a multiplication spread best.
fn place(hash: u64, kind: u64) -> u32 {
    let mixed = (hash ^ kind.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (mixed >> (64 - TABLE.trailing_zeros())) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_never_change() {
        let mut places = Vec::new();
        for_each_word("Ignore größe", |word| places.push(word.features[0]));
        assert_eq!(places, [place(hash(b"ignore"), 1), place(hash("größe".as_bytes()), 1)]);
    }

    #[test]
    fn words_know_where_they_stand() {
        let mut ranges = Vec::new();
        for_each_word("a, bc\n日本!", |word| ranges.push(word.range));
        assert_eq!(ranges, [0..1, 3..5, 6..12, 12..13]);
    }
}
