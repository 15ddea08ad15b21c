//! ROT13, known by its letters: in English Es, Ts and As are common, in ROT13 Rs, Gs and Ns.

use super::words;

/// The logarithm of how often a letter stands in English, in tenths (E is 12.7% of all letters: ln 12.7 = 2.5).
const FREQUENCIES: [i32; 26] =
    [21, 4, 10, 15, 25, 8, 7, 18, 20, -19, -3, 14, 9, 19, 20, 6, -24, 18, 18, 22, 10, 0, 9, -19, 7, -26];

/// From here on, e to the power of eight to one, a stretch may be ROT13: three or four ordinary words. One ordinary text in seventy
/// gets there and is read twice.
const HIGH: i32 = 80;

/// By how much likelier each byte is in ROT13 than as it stands.
const GAINS: [i8; 256] = {
    let mut gains = [0; 256];
    let mut at = 0;
    while at < 26 {
        let gain = (FREQUENCIES[(at + 13) % 26] - FREQUENCIES[at]) as i8;
        (gains[at + b'a' as usize], gains[at + b'A' as usize]) = (gain, gain);
        at += 1;
    }
    gains
};

/// Bytes that are looked at together: a sum of each is quick, and a sentence has several.
const BLOCK: usize = 16;

/// Whether ROT13 is likely for some stretch: an encoded sentence among others is seen, too.
pub(super) fn is_likely(bytes: &[u8]) -> bool {
    let mut here = 0;
    bytes.chunks(BLOCK).any(|block| {
        let gain = |byte: &u8| i32::from(GAINS.get(usize::from(*byte)).copied().unwrap_or(0));
        here = (here + block.iter().map(gain).sum::<i32>()).max(0);
        here >= HIGH
    })
}

/// "ignore", "prompt", "system", "previous", "instructions": too few letters to tell by, and all that a short order needs.
const SIGNS: [&[u8]; 5] = [b"vtaber", b"cebzcg", b"flfgrz", b"cerivbhf", b"vafgehpgvbaf"];

/// The shortest of them.
pub(super) const SHORTEST: usize = 6;

/// Whether a word is one that short orders hold, in ROT13.
pub(super) fn is_sign(word: &[u8]) -> bool {
    word.len() >= SHORTEST
        && matches!(word, [b'v' | b'V' | b'c' | b'C' | b'f' | b'F', ..])
        && SIGNS.iter().any(|sign| word.eq_ignore_ascii_case(sign))
}

/// The text with every letter thirteen places on.
pub(super) fn undone(text: &str) -> String {
    text.chars().map(|c| u8::try_from(c).map_or(c, |byte| char::from(turned(byte)))).collect()
}

/// A letter thirteen places on, or any other byte.
const fn turned(byte: u8) -> u8 {
    match byte {
        b'a'..=b'm' | b'A'..=b'M' => byte + 13,
        b'n'..=b'z' | b'N'..=b'Z' => byte - 13,
        _ => byte,
    }
}

/// The text with the letters of those words thirteen places on that are common words so, and not as they stand, or else have the
/// letters for it. A word that is common both ways ("be" and "or") is what the word before it is.
pub(super) fn undone_in_words(text: &str) -> String {
    let mut read = String::with_capacity(text.len());
    let (mut rest, mut is_turned) = (text, false);
    while !rest.is_empty() {
        let gap = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (gap, words) = rest.split_at(gap);
        read.push_str(gap);
        let end = words.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(words.len());
        let (word, others) = words.split_at(end);
        is_turned = reads_turned(word.as_bytes()).unwrap_or(is_turned);
        if is_turned {
            read.extend(word.bytes().map(|byte| char::from(turned(byte))));
        } else {
            read.push_str(word);
        }
        rest = others;
    }
    read
}

/// Whether a word is in ROT13; `None` if it cannot be told.
fn reads_turned(word: &[u8]) -> Option<bool> {
    let plain = words::is_common(word.iter().copied());
    let other = words::is_common(word.iter().map(|byte| turned(*byte)));
    let gain = || {
        word.iter().map(|byte| i32::from(GAINS.get(usize::from(*byte)).copied().unwrap_or(0))).sum::<i32>()
    };
    match (plain, other) {
        (true, true) => None,
        (false, false) => Some(gain() > 0),
        (_, other) => Some(other),
    }
}
