//! Digits and signs that stand for letters.

use super::{DECODED, GUESSED, words};

/// Words in leetspeak from which on a text has another reading, if they are common words: `log10` and `C++` are none. Of a text that is
/// mostly written so one common word will do.
const FEW: usize = 2;
/// Letters of a common word that is a sign: shorter ones come about by chance.
const MIN_COMMON: usize = 3;

/// How much of a text is written so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// Some words: each is read alone, and what may be a number stays one.
    Some,
    /// So much of it that short numbers are words, too.
    Most,
}

impl Share {
    /// By the words in leetspeak and all words.
    pub(super) fn of(counts: &Counts, words: usize) -> Option<Self> {
        match counts {
            Counts { all, common } if *all < FEW || *common == 0 => None,
            Counts { all, .. } if all * 3 >= words => Some(Self::Most),
            Counts { common, .. } => (*common >= FEW).then_some(Self::Some),
        }
    }
}

impl Share {
    /// The penalty of the reading.
    pub(super) fn penalty(self) -> f32 {
        if self == Self::Most { DECODED } else { GUESSED }
    }
}

/// Words in leetspeak so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    all: usize,
    /// Those that are common words; no more than are needed are counted.
    common: usize,
}

impl Counts {
    /// Counts a word that holds letters and what may be letters.
    pub(super) fn word(&mut self, word: &[u8]) {
        let end = word.iter().rposition(|byte| !END.contains(byte)).map_or(0, |last| last + 1);
        let core = word.get(..end).unwrap_or_default();
        if !is_leet(core) {
            return;
        }
        self.all += 1;
        if self.common < FEW && core.len() >= MIN_COMMON {
            self.common += usize::from(is_common(core));
        }
    }
}

/// What may stand after a word.
const END: &[u8] = b".,!?:;\")";

/// The letter that a byte stands for.
pub(super) const fn letter(byte: u8) -> Option<u8> {
    Some(match byte {
        b'0' => b'o',
        b'1' | b'!' | b'|' => b'i',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        b'7' | b'+' => b't',
        b'8' => b'b',
        b'9' => b'g',
        _ => return None,
    })
}

/// A word of letters with digits or signs that stand for letters within.
fn is_leet(word: &[u8]) -> bool {
    let (mut letters, mut swaps) = (0, 0);
    for byte in word {
        // Beyond ASCII it is part of a letter.
        if byte.is_ascii_alphabetic() || !byte.is_ascii() {
            letters += 1;
        } else if letter(*byte).is_some() {
            swaps += 1;
        } else if byte.is_ascii_digit() {
            // A digit that stands for no letter is a digit, and so are its neighbours.
            return false;
        }
    }
    word.len() >= 3 && letters >= 1 && swaps >= 1 && letters + swaps + 1 >= word.len()
}

/// A text with letters instead.
pub(super) fn undone(text: &str, share: Share) -> String {
    let mut read = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        let core =
            word.trim_end().trim_end_matches(|c| u8::try_from(c).is_ok_and(|byte| END.contains(&byte)));
        if is_leet(core.as_bytes()) || share == Share::Most && (is_short_number(core) || is_pair(core)) {
            spell(core, &mut read);
            read.push_str(word.get(core.len()..).unwrap_or_default());
        } else {
            read.push_str(word);
        }
    }
    read
}

/// "4" for "a", "15" for "is", "7311" for "tell" where everything is written so; not a year.
fn is_short_number(word: &str) -> bool {
    let all_digits = word.bytes().all(|byte| byte.is_ascii_digit() && letter(byte).is_some());
    all_digits && (word.len() <= 2 || word.len() <= 6 && is_common(word.as_bytes()))
}

/// "0f" for "of", "b3" for "be".
fn is_pair(word: &str) -> bool {
    word.len() == 2 && !word.bytes().all(|byte| byte.is_ascii_digit()) && is_common(word.as_bytes())
}

/// Whether the word that is meant is a common one.
fn is_common(word: &[u8]) -> bool {
    is_common_with(word, b'i') || has_ones(word) && is_common_with(word, b'l')
}

fn has_ones(word: &[u8]) -> bool {
    word.iter().any(|byte| matches!(byte, b'1' | b'|'))
}

fn is_common_with(word: &[u8], one: u8) -> bool {
    words::is_common(word.iter().map(|byte| meant(*byte, one)))
}

/// What a byte stands for, where a one stands for this.
fn meant(byte: u8, one: u8) -> u8 {
    match byte {
        b'1' | b'|' => one,
        _ => letter(byte).unwrap_or(byte),
    }
}

/// Appends the word that is meant. A one is an I, unless an L makes a common word of it.
fn spell(word: &str, text: &mut String) {
    let bytes = word.as_bytes();
    let is_l = has_ones(bytes) && !is_common_with(bytes, b'i') && is_common_with(bytes, b'l');
    let one = if is_l { b'l' } else { b'i' };
    text.extend(word.chars().map(|c| if c.is_ascii() { char::from(meant(c as u8, one)) } else { c }));
}
