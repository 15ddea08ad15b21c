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
    for (at, c) in text.char_indices() {
        match c {
            '`' => code = !code,
            '(' | '[' if !code => depth += 1,
            ')' | ']' if !code => depth = depth.saturating_sub(1),
            '.' | '!' | '?' if !code && depth == 0 => {
                if let Some(end) = end_of_sentence(text, start, at) {
                    ranges.extend(trimmed(text, start..end));
                    start = end;
                }
            }
            _ => {}
        }
    }
    ranges.extend(trimmed(text, start..text.len()));
    ranges
}

/// Where the sentence that began at `start` ends, if the mark at `mark` ends it.
fn end_of_sentence(text: &str, start: usize, mark: usize) -> Option<usize> {
    let after = text.get(mark + 1..)?;
    let rest = after.trim_start_matches(['"', '\'', ')', '*', '_', '”', '’', '.', '!', '?']);
    let end = text.len() - rest.len();
    if !rest.starts_with(char::is_whitespace) {
        return None;
    }
    let next = rest.trim_start_matches(|c: char| c.is_whitespace() || "/*#>-".contains(c)).chars().next()?;
    let begins = next.is_uppercase() || next.is_numeric() || "\"'`([_“‘".contains(next) || !next.is_ascii();
    let word = text.get(start..mark)?.rsplit([' ', '\n', '(']).next().unwrap_or_default().to_lowercase();
    let initial = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    let numbering = word.chars().all(char::is_numeric) && text.get(start..mark)?.trim() == word;
    (begins && !initial && !numbering && !ABBREVIATIONS.contains(&word.as_str())).then_some(end)
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
}
