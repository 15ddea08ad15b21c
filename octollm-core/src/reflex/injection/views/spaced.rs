//! Letters with spaces or signs between them, read as words again.

use super::words;

/// Letters of which one word hardly ever has more: a longer run has lost the gaps between its words.
const MAX_PLAIN: usize = 14;
/// Bytes of runs without gaps that are cut into words: an order fits, and a text of nothing else costs no more.
const MAX_CUT: usize = 8192;

/// Fewest letters of a word with signs between: not `a.m.` nor `e.g.`
const MIN_DOTTED: usize = 3;

/// How many letters a word has if one sign stands between each two: `i.g.n.o.r.e`, `i-g-n-o-r-e`; otherwise none.
pub(super) fn dotted(word: &[u8]) -> usize {
    let end = word.iter().rposition(|byte| !byte.is_ascii_punctuation()).map_or(0, |last| last + 1);
    let word = word.get(..end).unwrap_or_default();
    let is_dotted = word.len() >= 2 * MIN_DOTTED - 1
        && word.iter().step_by(2).all(|byte| byte.is_ascii_alphabetic() || *byte == b'\'')
        && word.iter().skip(1).step_by(2).all(u8::is_ascii_punctuation);
    if is_dotted { word.len() / 2 + 1 } else { 0 }
}

/// Joins letters that stand alone; two spaces end a word. Where there are no gaps between words, common words are cut out.
pub(super) fn joined(text: &str) -> String {
    let mut joiner = Joiner { text: String::with_capacity(text.len()), word: String::new(), left: MAX_CUT };
    for part in text.split([' ', '\n']) {
        if let Some(word) = undotted(part) {
            joiner.end_word();
            joiner.word = word;
            joiner.end_word();
        } else if part.chars().nth(1).is_none() && !part.is_empty() {
            joiner.word.push_str(part);
        } else {
            joiner.end_word();
            joiner.word.push_str(part);
            joiner.end_word();
        }
    }
    joiner.end_word();
    joiner.text
}

/// What stands at every other place, if the same sign stands between; signs at the end stay.
fn undotted(part: &str) -> Option<String> {
    let word = part.trim_end_matches(|c: char| c.is_ascii_punctuation());
    let sign = word.chars().nth(1).filter(char::is_ascii_punctuation)?;
    let dotted = word.chars().nth(2).is_some() && word.chars().skip(1).step_by(2).all(|c| c == sign);
    let end = part.get(word.len()..).unwrap_or_default();
    dotted.then(|| word.chars().step_by(2).chain(end.chars()).collect())
}

struct Joiner {
    text: String,
    word: String,
    /// Bytes that may yet be cut.
    left: usize,
}

impl Joiner {
    /// Appends what has been joined, and a space before it.
    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        if self.word.len() > MAX_PLAIN && self.left > 0 {
            let mut end = self.left.min(self.word.len());
            while !self.word.is_char_boundary(end) {
                end -= 1;
            }
            let (run, rest) = self.word.split_at(end);
            words::cut(run, &mut self.text);
            self.text.push_str(rest);
            self.left -= end;
        } else {
            self.text.push_str(&self.word);
        }
        self.word.clear();
    }
}
