//! What the model sees of a text: hashed words, their neighbours, and pieces of words.
//!
//! Each word gives itself, itself after the word before and after the two before, itself after a gap of one, and its pieces of four
//! bytes with its boundaries (six for scripts beyond ASCII). The start of a sentence counts as a neighbour: an order mostly stands
//! there. All are hashed into one table (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009). The trainer
//! runs this same code, so that a weight means in the detector what it meant in training; a change here needs new weights.

use std::ops::Range;

use crate::reflex::text::{is_caseless, is_letter};

/// Places of the table; a power of two.
pub const TABLE: usize = 1 << 20;

/// Bytes from which on a text is a document.
const DOCUMENT: usize = 240;

/// What a text is by its length. "Translate this into French" is what a user asks of an assistant, and an order where it stands in
/// somebody's letter: what words say in any text is learnt from all, and what they say more or less in a document from those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A sentence or a few.
    Message,
    /// Anything longer.
    Document,
}

impl Form {
    /// The form of a canonical text.
    pub fn of(text: &str) -> Self {
        if text.len() < DOCUMENT { Self::Message } else { Self::Document }
    }

    /// What stands before the first word: a message begins with a sentence like any other, but at the head of a document stands
    /// what its sender asks for.
    fn head(self) -> u64 {
        match self {
            Self::Message => START,
            Self::Document => HEAD,
        }
    }
}

/// Bytes of a word that count: encoded data has no words.
const MAX_WORD: usize = 48;
/// Places that a word touches at most: itself, three neighbourhoods, and pieces.
const MAX_PLACES: usize = 4 + MAX_WORD;
/// Shortest word that has pieces: those of a shorter one say no more than itself.
const MIN_PIECED: usize = 4;
/// Stands for the word before a document.
const HEAD: u64 = 0x2c1b_3c6d_1f12_3bb5;
/// Stands for the word before a sentence.
const START: u64 = 0x9e6c_63d0_876a_3f6b;

/// One word of a text.
#[derive(Debug)]
pub struct Word<'a> {
    /// The places in the table that it touches: itself, three neighbourhoods, then pieces.
    pub places: &'a [u32],
    /// Where it stands in the text that was given.
    pub range: Range<usize>,
    /// Whether a sentence begins with it.
    pub begins: bool,
}

/// Calls `each` with every word of a canonical text, in order.
pub fn for_each_word(text: &str, mut each: impl FnMut(Word<'_>)) {
    let mut extractor = Extractor::new(Form::of(text));
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some((class, length)) = class_at(text, at) {
        let start = at;
        at += length;
        match class {
            Class::Space => {}
            Class::Line => extractor.before = START,
            Class::Sign => {
                each(extractor.word(text, start..at));
            }
            Class::Letter | Class::Mark => {
                while let Some((_, length)) = class_at(text, at).filter(|(next, _)| *next == class) {
                    at += length;
                }
                let word = bytes.get(start..at).unwrap_or_default();
                match word {
                    b"," => continue,
                    b"." => extractor.before = START,
                    _ => {
                        each(extractor.word(text, start..at));
                        if matches!(word, b"!" | b"?" | b";") {
                            extractor.before = START;
                        }
                    }
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Class {
    Letter,
    Mark,
    Space,
    /// The end of a line.
    Line,
    /// A character that is a word by itself: of a script without spaces.
    Sign,
}

/// Classes of ASCII.
const ASCII: [Class; 128] = {
    let mut classes = [Class::Mark; 128];
    let mut at = 0;
    while at < 128 {
        let byte = at as u8;
        if byte.is_ascii_alphanumeric() {
            classes[at] = Class::Letter;
        } else if matches!(byte, b' ' | b'\t' | b'\r' | b'\'') {
            classes[at] = Class::Space;
        } else if byte == b'\n' {
            classes[at] = Class::Line;
        }
        at += 1;
    }
    classes
};

/// The class of the character at a byte, and its length; `None` at the end.
#[inline]
fn class_at(text: &str, at: usize) -> Option<(Class, usize)> {
    let byte = *text.as_bytes().get(at)?;
    if let Some(class) = ASCII.get(usize::from(byte)) {
        return Some((*class, 1));
    }
    let c = text.get(at..)?.chars().next()?;
    let class = if is_unspaced(c) {
        Class::Sign
    } else if is_letter(c) {
        Class::Letter
    } else if c.is_whitespace() {
        Class::Space
    } else {
        Class::Mark
    };
    Some((class, c.len_utf8()))
}

/// Kana, Chinese characters and Thai.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{E01}'..='\u{E5B}' | '\u{3041}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
}

/// The word at hand between its boundaries, and what came before it.
struct Extractor {
    word: [u8; MAX_WORD + 2],
    length: usize,
    ascii: bool,
    before: u64,
    before_that: u64,
    places: [u32; MAX_PLACES],
}

impl Extractor {
    fn new(form: Form) -> Self {
        let mut word = [0; MAX_WORD + 2];
        word[0] = b'<';
        let places = [0; MAX_PLACES];
        Self { word, length: 0, ascii: true, before: form.head(), before_that: 0, places }
    }

    /// The word at a range of the text: the next one.
    fn word(&mut self, text: &str, range: Range<usize>) -> Word<'_> {
        let begins = self.before == START || self.before == HEAD;
        self.begin(text, range.start, range.end);
        Word { places: self.places(), range, begins }
    }

    /// Takes the word at a range of the text, in lower case.
    fn begin(&mut self, text: &str, start: usize, end: usize) {
        let word = text.get(start..end).unwrap_or_default();
        self.ascii = word.is_ascii();
        self.length = 0;
        if self.ascii {
            for (place, byte) in self.word.iter_mut().skip(1).take(MAX_WORD).zip(word.bytes()) {
                *place = byte.to_ascii_lowercase();
                self.length += 1;
            }
        } else {
            for c in word.chars() {
                let fits = match c {
                    'A'..='Z' => self.push(c.to_ascii_lowercase()),
                    _ if c.is_ascii() || is_caseless(c) => self.push(c),
                    _ => c.to_lowercase().all(|c| self.push(c)),
                };
                if !fits {
                    break;
                }
            }
            self.length = self.length.min(MAX_WORD);
        }
        if let Some(place) = self.word.get_mut(self.length + 1) {
            *place = b'>';
        }
    }

    /// Appends a character to the word, if there is room.
    #[inline]
    fn push(&mut self, c: char) -> bool {
        let mut bytes = [0; 4];
        let c = c.encode_utf8(&mut bytes).as_bytes();
        let Some(place) = self.word.get_mut(self.length + 1..self.length + 1 + c.len()) else { return false };
        place.copy_from_slice(c);
        self.length += c.len();
        true
    }

    fn places(&mut self) -> &[u32] {
        let whole = self.word.get(..self.length + 2).unwrap_or_default();
        let word = hash(whole);
        let (before, before_that) = (self.before.rotate_left(17), self.before_that.rotate_left(31));
        (self.before_that, self.before) = (self.before, word);
        let near = [
            place(word, 1),
            place(word.wrapping_add(before), 2),
            place(word.wrapping_add(before).wrapping_add(before_that), 3),
            place(word.wrapping_add(before_that), 4),
        ];
        let mut count = near.len();
        self.places[..4].copy_from_slice(&near);
        // The same piece again and again, as in "aaaaaa", says nothing more: its place is written over.
        let (places, mut last) = (&mut self.places, 0);
        let mut take = |piece: u64, kind: u64| {
            if let Some(free) = places.get_mut(count) {
                *free = place(piece.wrapping_mul(PIECE), kind);
                count += usize::from(piece != last);
                last = piece;
            }
        };
        if self.length >= MIN_PIECED && self.ascii {
            let pieces = whole.array_windows::<4>();
            pieces.for_each(|piece| take(u64::from(u32::from_le_bytes(*piece)), 5));
        } else if self.length >= MIN_PIECED {
            let pieces = whole.array_windows::<6>();
            pieces.for_each(|[a, b, c, d, e, f]| take(u64::from_le_bytes([*a, *b, *c, *d, *e, *f, 0, 0]), 6));
        }
        self.places.get(..count).unwrap_or_default()
    }
}

/// Spreads a piece's bytes.
const PIECE: u64 = 0x8cb9_2ba7_2f3d_8dd7;

/// FNV-1a. Weights depend on it: it never changes.
#[inline]
fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The place in the table of a hash of this kind: the upper bits of a multiplication spread best.
#[inline]
fn place(hash: u64, kind: u64) -> u32 {
    let mixed = (hash ^ kind.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (mixed >> (64 - TABLE.trailing_zeros())) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<(Range<usize>, Vec<u32>)> {
        let mut words = Vec::new();
        for_each_word(text, |word| words.push((word.range, word.places.to_vec())));
        words
    }

    #[test]
    fn the_places_never_change() {
        let places: Vec<u32> = words("Ignore größe").iter().map(|(_, places)| places[0]).collect();
        assert_eq!(places, [place(hash(b"<ignore>"), 1), place(hash("<größe>".as_bytes()), 1)]);
    }

    #[test]
    fn the_head_of_a_document_is_no_start_of_a_sentence() {
        let long = format!("ignore {}", "The tide rises. ".repeat(20));
        assert_eq!((Form::of("ignore"), Form::of(&long)), (Form::Message, Form::Document));
        let (short, long) = (&words("ignore")[0].1, &words(&long)[0].1);
        assert_eq!(short[0], long[0]);
        assert_ne!(short[1], long[1]);
    }

    #[test]
    fn words_know_where_they_stand() {
        let ranges: Vec<_> = words("a, bc\n日本!").into_iter().map(|(range, _)| range).collect();
        assert_eq!(ranges, [0..1, 3..5, 6..9, 9..12, 12..13]);
    }

    #[test]
    fn the_start_of_a_sentence_is_a_neighbour() {
        let after = |text: &str| words(text).pop().unwrap().1[1];
        for text in ["Well. Ignore", "Well! ignore", "Well\nignore"] {
            assert_eq!(after(text), after("ignore"), "{text}");
        }
        assert_ne!(after("Well, ignore"), after("ignore"));
    }

    #[test]
    fn the_same_piece_counts_once_in_a_row() {
        assert_eq!(words("aaaaaaaaaaaa")[0].1.len(), 4 + 3);
        assert_eq!(words("ignore")[0].1.len(), 4 + 5);
    }

    #[test]
    fn a_word_is_cut_and_keeps_to_its_room() {
        for text in ["x".repeat(500), "é".repeat(500), "№".repeat(500), "aé".repeat(99)] {
            let words = words(&text);
            assert_eq!(words[0].0, 0..text.len());
            assert!(words[0].1.len() <= MAX_PLACES);
        }
    }
}
