//! The words of a criterion, so that a rule can tell whether it understands all of them.

/// Stands for something that the criterion quotes.
pub(super) const QUOTED: &str = "\u{1}";

/// Words at the beginning that change nothing: what is judged, and that it is a demand.
const LEAD: [&str; 24] = [
    "a", "an", "and", "answer", "be", "code", "have", "is", "are", "it", "its", "must", "needs", "ought",
    "output", "program", "response", "result", "shall", "should", "solution", "text", "the", "to",
];

/// A criterion as its words and what it quotes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wording {
    /// In lower case, without punctuation; [`QUOTED`] for each quotation.
    words: Vec<String>,
    pub(super) quoted: Vec<String>,
}

impl Wording {
    /// Reads a criterion.
    pub(super) fn of(criterion: &str) -> Self {
        let (mut plain, mut quoted) = (String::new(), Vec::new());
        let mut rest = criterion.trim();
        while let Some((before, inner, after)) = quotation(rest) {
            plain.push_str(before);
            plain.push_str(&format!(" {QUOTED} "));
            quoted.push(inner.to_owned());
            rest = after;
        }
        plain.push_str(rest);
        let bare = |word: &str| word.trim_matches(|c: char| ".,:;!?()".contains(c)).to_lowercase();
        let words = plain.split_whitespace().map(bare).filter(|word| !word.is_empty());
        Self { words: words.collect(), quoted }
    }

    /// The words that say something.
    pub(super) fn core(&self) -> Vec<&str> {
        let words = self.words.iter().map(String::as_str);
        words.skip_while(|word| LEAD.contains(word)).collect()
    }
}

/// The text before a quotation, what it quotes, and the text after it.
fn quotation(text: &str) -> Option<(&str, &str, &str)> {
    const MARKS: [(char, char); 4] = [('"', '"'), ('`', '`'), ('\u{201c}', '\u{201d}'), ('\'', '\'')];
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let closing = MARKS.iter().find(|(open, _)| *open == c).map(|(_, close)| *close);
        // An apostrophe within a word opens nothing.
        if let Some(close) = closing.filter(|_| c != '\'' || !before.is_alphanumeric()) {
            let inner = text.get(at + c.len_utf8()..)?;
            let ends = |(at, found): &(usize, char)| {
                let next = inner.get(at + found.len_utf8()..).and_then(|rest| rest.chars().next());
                *found == close && (close != '\'' || !next.is_some_and(char::is_alphanumeric))
            };
            if let Some((end, close)) = inner.char_indices().find(ends)
                && end > 0
            {
                return Some((text.get(..at)?, inner.get(..end)?, inner.get(end + close.len_utf8()..)?));
            }
        }
        before = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_criterion_is_read_as_words_and_quotations() {
        let read = |criterion: &str| {
            let wording = Wording::of(criterion);
            (wording.core().join(" ").replace(QUOTED, "Q"), wording.quoted)
        };
        let q = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(read("The output must contain \"Ada L.\"."), ("contain Q".into(), q(&["Ada L."])));
        assert_eq!(read("It's `a` and 'b'"), ("it's Q and Q".into(), q(&["a", "b"])));
        assert_eq!(
            read("Mentions “x”, not 'rock 'n' roll'"),
            ("mentions Q not Q roll'".into(), q(&["x", "rock 'n"]))
        );
        assert_eq!(read("Is at most 5 words (long)!"), ("at most 5 words long".into(), q(&[])));
        assert_eq!(read("It is \"\""), ("\"\"".into(), q(&[])));
    }
}
