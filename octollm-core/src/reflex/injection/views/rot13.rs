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

/// How much likelier ROT13 is, for the stretch that speaks most for it: an encoded sentence among others is seen, too.
#[derive(Debug, Default)]
pub(super) struct Likelihood {
    /// Of the stretch that ends here.
    here: i32,
    most: i32,
}

impl Likelihood {
    #[inline]
    pub(super) fn push(&mut self, byte: u8) {
        let gain = GAINS.get(usize::from(byte)).copied().unwrap_or(0);
        // What is far over the mark needs no more, and so cannot overflow.
        self.here = (self.here + i32::from(gain)).clamp(0, 2 * HIGH);
        self.most = self.most.max(self.here);
    }

    pub(super) fn is_high(&self) -> bool {
        self.most >= HIGH
    }
}

/// "ignore", "prompt", "system", "previous", "instructions": too few letters to tell by, and all that a short order needs.
const SIGNS: [&[u8]; 5] = [b"vtaber", b"cebzcg", b"flfgrz", b"cerivbhf", b"vafgehpgvbaf"];

/// Whether a word is one that short orders hold, in ROT13.
pub(super) fn is_sign(word: &[u8]) -> bool {
    matches!(word.len(), 6 | 8 | 12) && SIGNS.iter().any(|sign| word.eq_ignore_ascii_case(sign))
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
