//! Letters of other scripts that a reader takes for Latin ones.
//!
//! A short table of the letters that are used to disguise Latin words, after Unicode's `confusables.txt` (UTS #39). The whole
//! of that table is the wrong tool here: it also equates Latin letters with each other (`m` with `rn`, `I` with `l`).

/// Look-alikes so close that a word written in them alone is taken for Latin.
const CLOSE: &[(char, char)] = &[
    ('а', 'a'),
    ('с', 'c'),
    ('ԁ', 'd'),
    ('е', 'e'),
    ('һ', 'h'),
    ('і', 'i'),
    ('ј', 'j'),
    ('ӏ', 'l'),
    ('о', 'o'),
    ('р', 'p'),
    ('ԛ', 'q'),
    ('ѕ', 's'),
    ('ѵ', 'v'),
    ('ԝ', 'w'),
    ('х', 'x'),
    ('у', 'y'),
    ('А', 'A'),
    ('В', 'B'),
    ('С', 'C'),
    ('Е', 'E'),
    ('Н', 'H'),
    ('І', 'I'),
    ('Ј', 'J'),
    ('К', 'K'),
    ('М', 'M'),
    ('О', 'O'),
    ('Р', 'P'),
    ('Ѕ', 'S'),
    ('Т', 'T'),
    ('Х', 'X'),
    ('У', 'Y'),
    ('Ү', 'Y'),
    ('Ԝ', 'W'),
    ('ο', 'o'),
    ('Ο', 'O'),
    ('Α', 'A'),
    ('Β', 'B'),
    ('Ε', 'E'),
    ('Ζ', 'Z'),
    ('Η', 'H'),
    ('Ι', 'I'),
    ('Κ', 'K'),
    ('Μ', 'M'),
    ('Ν', 'N'),
    ('Ρ', 'P'),
    ('Τ', 'T'),
    ('Υ', 'Y'),
    ('Χ', 'X'),
    ('ı', 'i'),
    ('ɑ', 'a'),
    ('ɡ', 'g'),
    ('ᴀ', 'a'),
    ('ʙ', 'b'),
    ('ᴄ', 'c'),
    ('ᴅ', 'd'),
    ('ᴇ', 'e'),
    ('ꜰ', 'f'),
    ('ɢ', 'g'),
    ('ʜ', 'h'),
    ('ɪ', 'i'),
    ('ᴊ', 'j'),
    ('ᴋ', 'k'),
    ('ʟ', 'l'),
    ('ᴍ', 'm'),
    ('ɴ', 'n'),
    ('ᴏ', 'o'),
    ('ᴘ', 'p'),
    ('ʀ', 'r'),
    ('ꜱ', 's'),
    ('ᴛ', 't'),
    ('ᴜ', 'u'),
    ('ᴠ', 'v'),
    ('ᴡ', 'w'),
    ('ʏ', 'y'),
    ('ᴢ', 'z'),
    ('օ', 'o'),
    ('Ꭺ', 'A'),
    ('Ᏼ', 'B'),
    ('Ꮯ', 'C'),
    ('Ꭰ', 'D'),
    ('Ꭼ', 'E'),
    ('Ꮐ', 'G'),
    ('Ꮋ', 'H'),
    ('Ꭻ', 'J'),
    ('Ꮶ', 'K'),
    ('Ꮮ', 'L'),
    ('Ꮇ', 'M'),
    ('Ꮲ', 'P'),
    ('Ꭱ', 'R'),
    ('Ꮪ', 'S'),
    ('Ꭲ', 'T'),
    ('Ꮃ', 'W'),
    ('Ꮓ', 'Z'),
    ('℮', 'e'),
];

/// Look-alikes that only disguise a word beside real Latin letters.
const LOOSE: &[(char, char)] = &[
    ('к', 'k'),
    ('т', 't'),
    ('м', 'm'),
    ('п', 'n'),
    ('г', 'r'),
    ('в', 'b'),
    ('ь', 'b'),
    ('н', 'h'),
    ('ц', 'u'),
    ('и', 'u'),
    ('ғ', 'f'),
    ('ӽ', 'x'),
    ('ү', 'y'),
    ('ԍ', 'g'),
    ('α', 'a'),
    ('β', 'b'),
    ('ε', 'e'),
    ('γ', 'y'),
    ('η', 'n'),
    ('ι', 'i'),
    ('κ', 'k'),
    ('ν', 'v'),
    ('ρ', 'p'),
    ('σ', 'o'),
    ('τ', 't'),
    ('υ', 'u'),
    ('χ', 'x'),
    ('ω', 'w'),
    ('π', 'n'),
    ('ϲ', 'c'),
    ('ϳ', 'j'),
    ('ո', 'n'),
    ('ս', 'u'),
    ('հ', 'h'),
    ('յ', 'j'),
    ('զ', 'q'),
    ('ց', 'g'),
    ('ƅ', 'b'),
    ('ſ', 's'),
    ('ɩ', 'i'),
    ('ʋ', 'u'),
    ('ɋ', 'q'),
    ('Ⅼ', 'L'),
    ('ƒ', 'f'),
];

/// The Latin letter that `c` looks like.
pub(super) fn latin(c: char) -> Option<char> {
    close(c).or_else(|| find(LOOSE, c))
}

/// Whether a word is Latin to a reader, though not all of its letters are.
pub(super) fn looks_latin(word: impl Iterator<Item = char>) -> bool {
    let (mut has_latin, mut has_other, mut all_close) = (false, false, true);
    for c in word {
        if c.is_ascii() {
            has_latin |= c.is_ascii_alphabetic();
        } else {
            has_other = true;
            let is_close = close(c).is_some();
            all_close &= is_close;
            if !is_close && find(LOOSE, c).is_none() && !is_latin(c) {
                return false;
            }
        }
    }
    has_other && (has_latin || all_close)
}

fn is_latin(c: char) -> bool {
    matches!(c, '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}')
}

fn close(c: char) -> Option<char> {
    find(CLOSE, c)
}

fn find(table: &[(char, char)], c: char) -> Option<char> {
    // The letters of the tables lie in a few blocks; most other text is told apart by that.
    let plausible = matches!(u32::from(c), 0x131..=0x5FF | 0x13A0..=0x13FF | 0x1D00..=0x1D22 | 0x2100..=0x217F | 0xA730..=0xA731);
    plausible.then(|| table.iter().find(|(other, _)| *other == c).map(|(_, latin)| *latin)).flatten()
}
