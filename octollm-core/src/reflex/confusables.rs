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
    look_alike(c).map(|(latin, _)| latin)
}

/// Whether a word is Latin to a reader, though not all of its letters are.
pub(super) fn looks_latin(word: impl Iterator<Item = char>) -> bool {
    let (mut has_latin, mut has_other, mut all_close) = (false, false, true);
    for c in word {
        if c.is_ascii() {
            has_latin |= c.is_ascii_alphabetic();
        } else {
            has_other = true;
            let like = look_alike(c);
            all_close &= like.is_some_and(|(_, is_close)| is_close);
            if like.is_none() && !is_latin(c) {
                return false;
            }
        }
    }
    has_other && (has_latin || all_close)
}

fn is_latin(c: char) -> bool {
    matches!(c, '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}')
}

/// The Latin letter that `c` looks like, and whether it is close.
fn look_alike(c: char) -> Option<(char, bool)> {
    let code = c as usize;
    if (FIRST..LAST).contains(&code) {
        let entry = *NEAR.get(code - FIRST)?;
        return (entry != 0).then(|| (char::from(entry & !LOOSELY), entry & LOOSELY == 0));
    }
    // The other letters of the tables lie in a few blocks; most other text is told apart by that.
    if !matches!(code, 0x13A0..=0x13FF | 0x1D00..=0x1D22 | 0x2100..=0x217F | 0xA730..=0xA731) {
        return None;
    }
    let find = |table: &[(char, char)]| table.iter().find(|(other, _)| *other == c).map(|(_, latin)| *latin);
    find(CLOSE).map(|latin| (latin, true)).or_else(|| find(LOOSE).map(|latin| (latin, false)))
}

/// The blocks in which most of the tables' letters lie: Latin, Greek, Cyrillic, Armenian.
const FIRST: usize = 0x131;
const LAST: usize = 0x600;
/// Marks a letter that is not close.
const LOOSELY: u8 = 0x80;
/// What each of their letters looks like: text in these scripts asks for every letter.
static NEAR: [u8; LAST - FIRST] = near();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses what is out of bounds")]
const fn near() -> [u8; LAST - FIRST] {
    let mut near = [0; LAST - FIRST];
    let mut at = 0;
    while at < CLOSE.len() + LOOSE.len() {
        let is_close = at < CLOSE.len();
        let (c, latin) = if is_close { CLOSE[at] } else { LOOSE[at - CLOSE.len()] };
        let code = c as usize;
        if FIRST <= code && code < LAST {
            near[code - FIRST] = if is_close { latin as u8 } else { latin as u8 | LOOSELY };
        }
        at += 1;
    }
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_the_tables_is_found_and_no_other() {
        for (c, latin_of) in CLOSE.iter().chain(LOOSE) {
            assert_eq!(latin(*c), Some(*latin_of), "{c}");
        }
        let found = ('\0'..=char::MAX).filter(|c| latin(*c).is_some()).count();
        assert_eq!(found, CLOSE.len() + LOOSE.len());
        assert!(CLOSE.iter().all(|(c, _)| look_alike(*c).is_some_and(|(_, is_close)| is_close)));
    }
}
