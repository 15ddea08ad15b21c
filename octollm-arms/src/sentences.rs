//! Where sentences end: for those who quote them, and for those who judge them one by one.

use std::ops::Range;

/// What ends in a full stop without ending a sentence, lowercase.
const ABBREVIATIONS: &[&str] = &[
    "e.g", "i.e", "etc", "vs", "cf", "dr", "mr", "mrs", "ms", "prof", "fig", "no", "approx", "resp", "incl",
    "st", "al",
];

/// The sentences of a paragraph, without the white space around them.
///
/// A sentence ends at `.`, `!` or `?`, with what closes behind it, before white space and something that can begin a
/// sentence; not inside brackets or a code span, and not after an abbreviation.
pub(crate) fn sentence_ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    let mut depth = 0_usize;
    let mut code = false;
    // Up to here the marks and what closes behind them are known: a run of a million full stops is looked through once.
    let mut closed = 0;
    for (at, c) in text.char_indices() {
        match c {
            '`' => code = !code,
            '(' | '[' if !code => depth += 1,
            ')' | ']' if !code => depth = depth.saturating_sub(1),
            '.' | '!' | '?' if !code && depth == 0 => {
                if closed <= at {
                    closed = end_of_marks(text, at);
                }
                if at >= start && ends_sentence(text, start, at, closed) {
                    ranges.extend(trimmed(text, start..closed));
                    start = closed;
                }
            }
            _ => {}
        }
    }
    ranges.extend(trimmed(text, start..text.len()));
    ranges
}

/// Where the mark, further ones and what closes behind them end.
fn end_of_marks(text: &str, mark: usize) -> usize {
    let after = text.get(mark + 1..).unwrap_or_default();
    text.len() - after.trim_start_matches(['"', '\'', ')', '*', '_', '”', '’', '.', '!', '?']).len()
}

/// Whether the sentence that began at `start` ends at the mark at `mark`, whose kin and closing signs end at `end`.
fn ends_sentence(text: &str, start: usize, mark: usize, end: usize) -> bool {
    let (Some(before), Some(rest)) = (text.get(start..mark), text.get(end..)) else { return false };
    if !rest.starts_with(char::is_whitespace) || !begins_sentence(rest) {
        return false;
    }
    let word =
        before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default().to_lowercase();
    let initial = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    let numbering = word.chars().all(char::is_numeric) && before.trim() == word;
    !(initial || numbering || ABBREVIATIONS.contains(&word.as_str()))
}

/// Whether what comes next can be the beginning of a sentence.
fn begins_sentence(rest: &str) -> bool {
    let next = rest.trim_start_matches(|c: char| c.is_whitespace() || "/*#>-".contains(c)).chars().next();
    next.is_some_and(|next| {
        next.is_uppercase() || next.is_numeric() || "\"'`([_“‘".contains(next) || !next.is_ascii()
    })
}

fn trimmed(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let part = text.get(range.clone())?;
    let start = range.start + part.len() - part.trim_start().len();
    let end = range.start + part.trim_end().len();
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        sentence_ranges(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn sentences_end_where_a_reader_ends_them() {
        assert_eq!(split("One. Two!  Three?"), ["One.", "Two!", "Three?"]);
        assert_eq!(
            split("It costs 1.5 euros, e.g. today. Then more."),
            ["It costs 1.5 euros, e.g. today.", "Then more."]
        );
        assert_eq!(
            split("See `a. B` (or this. Not that). Yes."),
            ["See `a. B` (or this. Not that).", "Yes."]
        );
        assert_eq!(split("**Bold.** Next line.\nAnd another."), ["**Bold.**", "Next line.", "And another."]);
        assert_eq!(split("Version v1.2 of x.rs is out."), ["Version v1.2 of x.rs is out."]);
        assert_eq!(split("By J. Smith et al. in 1990."), ["By J. Smith et al. in 1990."]);
        assert_eq!(split("no end and (an open bracket. Or two"), ["no end and (an open bracket. Or two"]);
        assert!(split("  \n ").is_empty());
    }

    /// Each full stop was looked at with all that follow it.
    #[test]
    fn marks_without_end_are_looked_at_once() {
        assert_eq!(split(&".".repeat(1 << 20)).len(), 1);
        assert_eq!(split(&"a.\t".repeat(1 << 18)).len(), 1);
        assert_eq!(split(&"Go. ".repeat(1 << 16)).len(), 1 << 16);
    }
}
