//! What could be a placeholder, also as a model may have altered it.
//!
//! Every placeholder ends with a number, so a text is walked from number to number: what stands before and behind one
//! decides. Nothing else costs more than a look at a byte, and no byte is looked at more often than its few neighbours.

use std::borrow::Cow;
use std::ops::Range;

/// Digits that a placeholder's number has at most.
const MOST_DIGITS: usize = 10;
/// Bytes of the longest name, with what separates its words.
const LONGEST_NAME: usize = 64;
/// Characters that may separate two words of a name, or the name from its number.
const MOST_SEPARATORS: usize = 3;
/// Blanks between a bracket and what it encloses.
const MOST_BLANKS: usize = 2;

/// What may enclose a placeholder: as we write it, and as models, HTML, JSON and addresses rewrite it. Where one begins like
/// another, the longer one comes first.
const BRACKETS: [(&str, &str); 15] = [
    ("<", ">"),
    ("[", "]"),
    ("{{", "}}"),
    ("{", "}"),
    ("&lt;", "&gt;"),
    ("\\<", "\\>"),
    ("\\[", "\\]"),
    ("\\u003c", "\\u003e"),
    ("%3c", "%3e"),
    ("\u{ff1c}", "\u{ff1e}"),
    ("\u{27e8}", "\u{27e9}"),
    ("\u{2039}", "\u{203a}"),
    ("\u{ab}", "\u{bb}"),
    ("\u{3010}", "\u{3011}"),
    ("\u{300c}", "\u{300d}"),
];

/// Something in a text that reads like a placeholder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Candidate<'t> {
    /// All of it, brackets included.
    pub(super) range: Range<usize>,
    /// As we would write it, without brackets: `EMAIL_1`.
    pub(super) name: Cow<'t, str>,
}

/// Everything in the text that reads like a placeholder, in order, without overlaps.
pub(super) fn candidates(text: &str) -> impl Iterator<Item = Candidate<'_>> {
    numbers(text).filter_map(move |digits| {
        let is_number = digits.len() <= MOST_DIGITS && !text.get(digits.clone())?.starts_with('0');
        if !is_number {
            return None;
        }
        bracketed(text, &digits).or_else(|| bare(text, &digits))
    })
}

/// Names and digits that could become a placeholder if the text around them were taken away: `xEMAIL_12` holds `EMAIL_1`.
/// What comes is everything before the digits that could be a name, and all the digits.
pub(super) fn glued(text: &str) -> impl Iterator<Item = (String, &str)> {
    numbers(text).filter_map(move |digits| {
        let name = name_before(text, digits.start)?;
        Some((unescaped(name).trim_end_matches('_').to_owned(), text.get(digits)?))
    })
}

/// The runs of digits.
fn numbers(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..)?;
        let start = at + rest.iter().position(u8::is_ascii_digit)?;
        let digits = bytes.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        at = start + digits;
        Some(start..at)
    })
}

fn bracketed<'t>(text: &'t str, digits: &Range<usize>) -> Option<Candidate<'t>> {
    let rest = text.get(digits.end..)?;
    let behind = rest.trim_start_matches(' ');
    let blanks = rest.len() - behind.len();
    if blanks > MOST_BLANKS {
        return None;
    }
    let from = words_before(text, digits.start);
    let closes = BRACKETS.into_iter().filter(|(_, close)| starts_with(behind, close));
    closes.into_iter().find_map(|(open, close)| {
        // A bracket may end with a letter (`%3c`), which then looks like the name's first.
        let (start, at) = [from, from + 1].into_iter().find_map(|at| {
            let before = text.get(..at)?.trim_end_matches(' ');
            let opens = at - before.len() <= MOST_BLANKS && ends_with(before, open);
            opens.then(|| (before.len() - open.len(), at))
        })?;
        let name = name(text, at..digits.start, digits)?;
        Some(Candidate { range: start..digits.end + blanks + close.len(), name })
    })
}

/// `EMAIL_1` without brackets: only as we write it, with no letter, digit or `_` on either side.
fn bare<'t>(text: &'t str, digits: &Range<usize>) -> Option<Candidate<'t>> {
    let name = name_before(text, digits.start)?;
    let start = digits.start - name.len();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let alone = !text.get(..start)?.ends_with(is_word) && !text.get(digits.end..)?.starts_with(is_word);
    let begins = name.starts_with(|c: char| c.is_ascii_uppercase());
    let name = if name.contains('\\') {
        Cow::Owned(format!("{}{}", unescaped(name), text.get(digits.clone())?))
    } else {
        Cow::Borrowed(text.get(start..digits.end)?)
    };
    (alone && begins).then_some(Candidate { range: start..digits.end, name })
}

/// The upper case name before this place, `_` and Markdown's `\_` included; it ends with one of them.
fn name_before(text: &str, end: usize) -> Option<&str> {
    let before = text.get(..end)?.strip_suffix('_')?;
    let is_part = |byte: &&u8| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'\\');
    let length = before.bytes().rev().take(LONGEST_NAME).take_while(|byte| is_part(&byte)).count();
    let name = text.get(before.len() - length..end)?.trim_start_matches('\\');
    name.contains(|c: char| c.is_ascii_uppercase()).then_some(name)
}

/// Where the letters and separators before this place begin.
fn words_before(text: &str, end: usize) -> usize {
    let before = text.as_bytes().get(..end).unwrap_or_default();
    let is_part = |byte: &&u8| byte.is_ascii_alphabetic() || is_separator(**byte);
    end - before.iter().rev().take(LONGEST_NAME).take_while(is_part).count()
}

/// The name that these words and this number come to.
fn name<'t>(text: &'t str, words: Range<usize>, digits: &Range<usize>) -> Option<Cow<'t, str>> {
    let as_written = text.get(words.start..digits.end)?;
    let words = text.get(words)?;
    if words.strip_suffix('_').is_some_and(is_exact) {
        return Some(Cow::Borrowed(as_written));
    }
    let mut name = String::with_capacity(as_written.len());
    let mut separators = 0;
    for byte in words.bytes() {
        if is_separator(byte) {
            separators += 1;
            if separators > MOST_SEPARATORS {
                return None;
            }
            continue;
        }
        if separators > 0 && !name.is_empty() {
            name.push('_');
        }
        separators = 0;
        name.push(byte.to_ascii_uppercase().into());
    }
    if name.is_empty() {
        return None;
    }
    name.push('_');
    name.push_str(text.get(digits.clone())?);
    Some(Cow::Owned(name))
}

/// Words as we write them: upper case, one `_` between two.
fn is_exact(words: &str) -> bool {
    words.split('_').all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase()))
}

fn unescaped(name: &str) -> String {
    name.replace('\\', "")
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b'_' | b'-' | b' ' | b'\\')
}

/// Whether the text begins with this, which is in lower case.
fn starts_with(text: &str, what: &str) -> bool {
    text.get(..what.len()).is_some_and(|start| start.eq_ignore_ascii_case(what))
}

fn ends_with(text: &str, what: &str) -> bool {
    let start = text.len().checked_sub(what.len());
    start.and_then(|start| text.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(what))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<(&str, String)> {
        candidates(text).map(|found| (&text[found.range], found.name.into_owned())).collect()
    }

    #[test]
    fn altered_placeholders_are_still_understood() {
        for altered in [
            "<EMAIL_1>",
            "<email_1>",
            "< EMAIL_1 >",
            "<EMAIL 1>",
            "<Email-1>",
            "<EMAIL1>",
            "[EMAIL_1]",
            "[EMAIL 1]",
            "{EMAIL_1}",
            "{{EMAIL_1}}",
            "EMAIL_1",
            "EMAIL\\_1",
            "<EMAIL\\_1>",
            "&lt;EMAIL_1&gt;",
            "&LT;email_1&GT;",
            "\\<EMAIL_1\\>",
            "\\[EMAIL\\_1\\]",
            "\\u003cEMAIL_1\\u003e",
            "%3CEMAIL_1%3E",
            "＜EMAIL_1＞",
            "«EMAIL_1»",
        ] {
            for text in [altered.to_owned(), format!("to {altered}."), format!("é{altered}é")] {
                if altered == "EMAIL_1" || altered == "EMAIL\\_1" {
                    continue;
                }
                assert_eq!(found(&text), [(altered, "EMAIL_1".to_owned())], "{text}");
            }
        }
        assert_eq!(
            found("to EMAIL_1, EMAIL\\_2."),
            [("EMAIL_1", "EMAIL_1".into()), ("EMAIL\\_2", "EMAIL_2".into())]
        );
        assert_eq!(found("`CREDIT_CARD_12`"), [("CREDIT_CARD_12", "CREDIT_CARD_12".into())]);
        assert_eq!(found("[credit card 12]"), [("[credit card 12]", "CREDIT_CARD_12".into())]);
    }

    #[test]
    fn what_stands_around_an_exact_placeholder_stays() {
        for (text, whole) in [
            ("<<EMAIL_1>>", "<EMAIL_1>"),
            ("[<EMAIL_1>]", "<EMAIL_1>"),
            ("\\<EMAIL_1>", "<EMAIL_1>"),
            ("&lt;<EMAIL_1>&gt;", "<EMAIL_1>"),
            ("x<EMAIL_1>2", "<EMAIL_1>"),
            ("<EMAIL_1", "EMAIL_1"),
        ] {
            assert_eq!(found(text), [(whole, "EMAIL_1".to_owned())], "{text}");
        }
    }

    #[test]
    fn what_merely_looks_like_one_is_left_alone() {
        for text in [
            "email_1",
            "Email 1",
            "the first e-mail 1",
            "XEMAIL_1x",
            "EMAIL_1_2x",
            "éEMAIL_1",
            "EMAIL_01",
            "<1>",
            "_1",
            "<EMAIL____1>",
            "[1]",
            "<EMAIL_12345678901>",
            "(email 1)",
            "<email_1   >",
            "XEMAIL_1",
        ] {
            assert!(found(text).iter().all(|(_, name)| name != "EMAIL_1"), "{text}: {:?}", found(text));
        }
    }

    #[test]
    fn a_name_is_seen_however_it_is_glued() {
        let all: Vec<_> = glued("comEMAIL_12 a XY\\_3x email_1").collect();
        assert_eq!(all, [("EMAIL".to_owned(), "12"), ("XY".to_owned(), "3")]);
    }

    proptest! {
        #[test]
        fn any_text(text in any::<String>(), near in "[<>\\[\\]{}A-Ca-c_1-3 \\\\%&;lgtu0é-]{0,40}") {
            for text in [text, near] {
                let mut end = 0;
                for found in candidates(&text) {
                    prop_assert!(found.range.start >= end && text.get(found.range.clone()).is_some());
                    end = found.range.end;
                }
                let _ = glued(&text).count();
            }
        }
    }
}
