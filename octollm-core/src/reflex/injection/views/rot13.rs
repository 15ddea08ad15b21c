//! ROT13, known by its letters: in English Es, Ts and As are common, in ROT13 Rs, Gs and Ns.

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
    let of = |c: char| match c {
        'a'..='m' | 'A'..='M' => char::from(c as u8 + 13),
        'n'..='z' | 'N'..='Z' => char::from(c as u8 - 13),
        _ => c,
    };
    text.chars().map(of).collect()
}
