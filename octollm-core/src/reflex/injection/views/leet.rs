//! Digits and signs that stand for letters.

use super::words;

/// Words in leetspeak from which on a text has another reading.
const FEW: usize = 2;

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
    pub(super) fn of(leet: usize, words: usize) -> Option<Self> {
        match leet {
            _ if leet < FEW => None,
            _ if leet * 3 < words => Some(Self::Some),
            _ => Some(Self::Most),
        }
    }
}

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
pub(super) fn is_leet(word: &[u8]) -> bool {
    let letters = word.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let swaps = word.iter().filter(|byte| letter(**byte).is_some()).count();
    // A digit that stands for no letter is a digit, and so are its neighbours.
    let digits = word.iter().any(|byte| byte.is_ascii_digit() && letter(*byte).is_none());
    word.len() >= 3 && letters >= 1 && swaps >= 1 && !digits && letters + swaps + 1 >= word.len()
}

/// A text with letters instead.
pub(super) fn undone(text: &str, share: Share) -> String {
    let mut read = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        let core = word.trim_end().trim_end_matches(['.', ',', '!', '?', ':', ';', '"', ')']);
        if is_leet(core.as_bytes()) || share == Share::Most && (is_short_number(core) || is_pair(core)) {
            read.push_str(&spelled(core));
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
    all_digits && (word.len() <= 2 || word.len() <= 6 && words::is_common(&spelled(word)))
}

/// "0f" for "of", "b3" for "be".
fn is_pair(word: &str) -> bool {
    word.len() == 2 && !word.bytes().all(|byte| byte.is_ascii_digit()) && words::is_common(&spelled(word))
}

/// A one is an I, unless an L makes a common word of it.
fn spelled(word: &str) -> String {
    let with = |one: char| -> String {
        let of = |c: char| match c {
            '1' | '|' => one,
            _ => u8::try_from(c).ok().and_then(letter).map_or(c, char::from),
        };
        word.chars().map(of).collect()
    };
    let usual = with('i');
    if !word.contains(['1', '|']) || words::is_common(&usual) {
        return usual;
    }
    let other = with('l');
    if words::is_common(&other) { other } else { usual }
}
