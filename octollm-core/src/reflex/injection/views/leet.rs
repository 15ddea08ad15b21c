//! Digits and signs that stand for letters.

use super::words;

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
        if self.common < FEW
            && core.len() >= MIN_COMMON
            && let Ok(core) = std::str::from_utf8(core)
        {
            self.common += usize::from(words::is_common(&spelled(core)));
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
        if byte.is_ascii_alphabetic() {
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
