//! What of a text can be taken as it stands: words of letters that are their own canonical form.
//!
//! Most text beyond ASCII is that: German, Russian, Japanese have few characters that change. To know a word for one takes a
//! comparison or two per letter; to normalise it takes a search in Unicode's tables for each.

use super::MAX_WORD;
use crate::reflex::confusables;

/// Where the stretch ends that begins here, at the beginning of a word, and stands as it is. A character that may join what
/// is before it takes the last character, and the word that this belongs to, out of the stretch.
pub(super) fn end(text: &str, start: usize) -> usize {
    let mut word = Word { start, letters: 0, is_ascii: true };
    let (mut last, mut at) = (start, start);
    loop {
        let next = Next::at(text, at);
        if (next.ends_word() || word.letters == MAX_WORD) && word.is_disguised(text, at) {
            return word.start;
        }
        match next {
            Next::Settled { bytes, in_word } => {
                if !in_word || word.letters == MAX_WORD {
                    word = Word { start: at + if in_word { 0 } else { bytes }, letters: 0, is_ascii: true };
                }
                word.letters += usize::from(in_word);
                word.is_ascii &= !in_word || bytes == 1;
                (last, at) = (at, at + bytes);
            }
            Next::Break => return at,
            Next::Unknown => return word.start.min(last),
        }
    }
}

struct Word {
    start: usize,
    letters: usize,
    is_ascii: bool,
}

impl Word {
    fn is_disguised(&self, text: &str, end: usize) -> bool {
        let letters = || text.get(self.start..end).unwrap_or_default().chars();
        !self.is_ascii
            && letters().any(|c| confusables::latin(c).is_some())
            && confusables::looks_latin(letters())
    }
}

/// What stands at a place.
#[derive(Clone, Copy)]
enum Next {
    /// A character that is its own canonical form, unless a mark joins it.
    Settled { bytes: usize, in_word: bool },
    /// The end of the text, or a character that changes, ends a word and joins nothing.
    Break,
    /// Any other.
    Unknown,
}

impl Next {
    fn at(text: &str, at: usize) -> Self {
        let Some(byte) = text.as_bytes().get(at) else { return Self::Break };
        if byte.is_ascii() {
            return Self::Settled { bytes: 1, in_word: byte.is_ascii_alphanumeric() };
        }
        match text.get(at..).and_then(|rest| rest.chars().next()) {
            Some(c) if is_letter(c) => Self::Settled { bytes: c.len_utf8(), in_word: true },
            Some(c) if is_sign(c) => Self::Settled { bytes: c.len_utf8(), in_word: false },
            Some(c) if is_break(c) => Self::Break,
            _ => Self::Unknown,
        }
    }

    const fn ends_word(self) -> bool {
        matches!(self, Self::Settled { in_word: false, .. } | Self::Break)
    }
}

/// Letters that NFKC leaves as they are and that join nothing: those of the scripts that are written most. One that is missing
/// here costs time and nothing else.
pub(super) const fn is_letter(c: char) -> bool {
    matches!(c,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{131}' // Latin
        | '\u{134}'..='\u{13E}' | '\u{141}'..='\u{148}' | '\u{14A}'..='\u{17E}'
        | '\u{388}'..='\u{38A}' | '\u{38E}'..='\u{3A1}' | '\u{3A3}'..='\u{3CE}' // Greek
        | '\u{400}'..='\u{481}' | '\u{48A}'..='\u{52F}' // Cyrillic
        | '\u{5D0}'..='\u{5EA}' | '\u{620}'..='\u{64A}' | '\u{671}'..='\u{674}' // Hebrew, Arabic
        | '\u{904}'..='\u{939}' | '\u{E01}'..='\u{E30}' // Devanagari, Thai
        | '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FA}' | '\u{30FC}'..='\u{30FE}' | '\u{3005}' // Kana
        | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}') // Han, Hangul
}

/// Signs that stand for themselves between words: guillemets, inverted marks, bullets, brackets of East Asia.
const fn is_sign(c: char) -> bool {
    matches!(c, '\u{A1}' | '\u{A7}' | '\u{AB}' | '\u{BB}' | '\u{BF}' | '\u{2020}'..='\u{2022}' | '\u{20AC}' | '\u{3001}'
        | '\u{3008}'..='\u{3011}')
}

/// Signs between words that become others: dashes, quotes, the dots and marks of East Asia.
const fn is_break(c: char) -> bool {
    matches!(c, '\u{2010}'..='\u{2015}' | '\u{2018}'..='\u{201F}' | '\u{2026}' | '\u{3002}'
        | '\u{FF01}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}' | '\u{FF3B}'..='\u{FF40}' | '\u{FF5B}'..='\u{FF65}')
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization;

    use super::super::{is_invisible, joins, plain};
    use super::*;

    fn canonical(c: char) -> String {
        std::iter::once(c).nfkc().map(plain).collect()
    }

    #[test]
    fn the_tables_say_what_unicode_says() {
        for c in '\u{80}'..=char::MAX {
            let code = u32::from(c);
            if is_letter(c) || is_sign(c) {
                assert_eq!(canonical(c), c.to_string(), "{code:x}");
                assert_eq!(c.is_alphanumeric(), is_letter(c), "{code:x}");
            }
            if is_break(c) {
                assert!(canonical(c).chars().all(|c| !c.is_alphanumeric()), "{code:x}");
            }
            if is_letter(c) || is_sign(c) || is_break(c) {
                assert!(!joins(c) && !is_invisible(c), "{code:x}");
            }
        }
    }

    #[test]
    fn a_stretch_ends_before_the_word_that_has_to_be_looked_at() {
        for (text, stretch) in [
            ("Wörter außerhalb", "Wörter außerhalb"),
            ("the раypal page", "the "),
            ("says “no”", "says "),
            ("潮は七メートル上がります。", "潮は七メートル上がります"),
            ("cafe\u{301} au lait", ""),
            ("a cafe\u{301}", "a "),
            ("a. \u{301}", "a."),
            ("pаy\u{FF21}l", ""),
            ("пароль от почты", "пароль от почты"),
        ] {
            assert_eq!(&text[..end(text, 0)], stretch, "{text}");
        }
    }
}
