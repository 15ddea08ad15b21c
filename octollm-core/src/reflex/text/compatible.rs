//! Unicode's compatibility form, NFKC, of one character after another.
//!
//! The iterator that normalises any text keeps room to sort marks in and looks for what composes. A character that stands alone needs
//! neither, and most are their own form or become letters that join nothing.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{compose, decompose_compatible, is_combining_mark};

/// Characters of the longest form.
const LONGEST: usize = 18;

/// Calls `each` with the characters of the form of one.
pub(super) fn for_each(c: char, mut each: impl FnMut(char)) {
    let (mut parts, mut count) = ([c; LONGEST], 0);
    decompose_compatible(c, |part| {
        if let Some(place) = parts.get_mut(count) {
            *place = part;
        }
        count += 1;
    });
    match parts.get(..count) {
        Some([only]) => each(*only),
        Some([first, rest @ ..]) if rest.iter().filter(|part| joins(**part)).count() <= 1 => {
            let mut last = *first;
            for part in rest {
                match compose(last, *part).filter(|_| joins(*part)) {
                    Some(composed) => last = composed,
                    None => {
                        each(last);
                        last = *part;
                    }
                }
            }
            each(last);
        }
        // A letter with marks that is one again.
        Some([first, rest @ ..])
            if rest.iter().try_fold(*first, |one, part| compose(one, *part)) == Some(c) =>
        {
            each(c);
        }
        _ => std::iter::once(c).nfkc().for_each(each),
    }
}

/// Whether it is of the blocks of words and of whole phrases in one character, which grow most.
pub(super) const fn is_long(c: char) -> bool {
    matches!(c, '\u{3300}'..='\u{33FF}' | '\u{FDF0}'..='\u{FDFC}')
}

/// The form of a letter and the marks on it.
pub(super) fn form(text: &str) -> impl Iterator<Item = char> {
    text.nfkc()
}

/// Whether it may join the character before it.
fn joins(c: char) -> bool {
    !c.is_ascii() && (is_combining_mark(c) || matches!(c, '\u{1161}'..='\u{11FF}' | '\u{10000}'..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_has_the_form_that_unicode_gives_it() {
        for c in '\0'..=char::MAX {
            let (mut form, unicode) = (String::new(), std::iter::once(c).nfkc().collect::<String>());
            for_each(c, |c| form.push(c));
            assert_eq!(form, unicode, "{:x}", u32::from(c));
        }
    }
}
