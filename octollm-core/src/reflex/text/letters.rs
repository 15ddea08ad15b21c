//! Which characters are letters or digits.
//!
//! The standard library searches a compressed table for every character beyond ASCII, which takes ten times as long as all else that is
//! done with it. Here it is a bit of a plain table, which is asked for in blocks of 64 when the first of a block is met: a process
//! has the blocks of the scripts that it has seen.

use std::sync::atomic::{AtomicU64, Ordering};

/// Characters of a block: the bits of a word.
const BLOCK: usize = 64;
const BLOCKS: usize = (char::MAX as usize + 1) / BLOCK;

/// A bit for every character.
static LETTERS: [AtomicU64; BLOCKS] = [const { AtomicU64::new(0) }; BLOCKS];
/// A bit for every block that has been filled in.
static KNOWN: [AtomicU64; BLOCKS / BLOCK] = [const { AtomicU64::new(0) }; BLOCKS / BLOCK];

/// Whether it is a letter or a digit of any script.
#[inline]
pub(in crate::reflex) fn is_letter(c: char) -> bool {
    let (block, bit) = (c as usize / BLOCK, c as usize % BLOCK);
    let is_known = KNOWN
        .get(block / BLOCK)
        .is_some_and(|known| known.load(Ordering::Acquire) >> (block % BLOCK) & 1 == 1);
    let letters = match LETTERS.get(block) {
        Some(letters) if is_known => letters.load(Ordering::Relaxed),
        _ => fill(block),
    };
    letters >> bit & 1 == 1
}

/// Asks for a block. Several threads may; they write the same.
#[cold]
fn fill(block: usize) -> u64 {
    let is_letter =
        |bit: &usize| char::from_u32((block * BLOCK + bit) as u32).is_some_and(char::is_alphanumeric);
    let letters = (0..BLOCK).filter(is_letter).fold(0, |letters, bit| letters | 1 << bit);
    if let (Some(place), Some(known)) = (LETTERS.get(block), KNOWN.get(block / BLOCK)) {
        place.store(letters, Ordering::Relaxed);
        known.fetch_or(1 << (block % BLOCK), Ordering::Release);
    }
    letters
}

/// Whether a character is of a block without capitals, and hence its own lower case. One that is missing here costs a search and
/// nothing else.
#[inline]
pub(in crate::reflex) const fn is_caseless(c: char) -> bool {
    matches!(c, '\u{5D0}'..='\u{109F}' | '\u{1100}'..='\u{139F}' | '\u{2000}'..='\u{20FF}' | '\u{2190}'..='\u{24B5}'
        | '\u{2500}'..='\u{2BFF}' | '\u{2E00}'..='\u{A63F}' | '\u{AC00}'..='\u{FF20}' | '\u{1F000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_capitals_is_its_own_lower_case() {
        for c in ('\0'..=char::MAX).filter(|c| is_caseless(*c)) {
            assert!(c.to_lowercase().eq([c]), "{:x}", u32::from(c));
        }
    }

    #[test]
    fn the_table_says_what_the_standard_library_says() {
        for _ in 0..2 {
            for c in '\0'..=char::MAX {
                assert_eq!(is_letter(c), c.is_alphanumeric(), "{:x}", u32::from(c));
            }
        }
    }
}
