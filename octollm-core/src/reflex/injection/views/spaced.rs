//! Letters with spaces or signs between them, read as words again.

use super::{encoded, words};

/// Letters of which one word hardly ever has more: a longer run has lost the gaps between its words.
const MAX_PLAIN: usize = 14;
/// Bytes of runs without gaps that are cut into words: an order fits, and a text of nothing else costs no more.
const MAX_CUT: usize = 4096;

/// Fewest letters of a word with signs between: not `a.m.` nor `e.g.`
const MIN_DOTTED: usize = 3;

/// How many letters a word has if one sign stands between each two: `i.g.n.o.r.e`, `i-g-n-o-r-e`, `с.к.а.ж.и`; otherwise none. In
/// scripts without spaces a sentence is one word, and a comma stands where a letter does.
pub(super) fn dotted(word: &[u8]) -> usize {
    let Ok(word) = str::from_utf8(word) else { return 0 };
    let word = word.trim_end_matches(|c: char| c.is_ascii_punctuation());
    let (mut letters, mut others) = (0, 0);
    for (at, c) in word.chars().enumerate() {
        match at % 2 {
            0 if c.is_alphabetic() => letters += 1,
            0 => others += 1,
            _ if c.is_ascii_punctuation() => {}
            _ => return 0,
        }
    }
    if letters >= MIN_DOTTED && others * MIN_DOTTED <= letters { letters } else { 0 }
}

/// Joins letters that stand alone; two spaces end a word. Where there are no gaps between words, common words are cut out. A line ends
/// a sentence, as it did. Only in a word it shows which letters look like others, so what was joined is brought into canonical form.
pub(super) fn joined(text: &str) -> String {
    let mut joiner = Joiner { text: String::with_capacity(text.len()), ..Joiner::default() };
    for piece in text.split_inclusive([' ', '\n']) {
        let part = piece.trim_end_matches([' ', '\n']);
        if part.chars().nth(1).is_none() && !part.is_empty() {
            joiner.word.push_str(part);
            joiner.is_foreign |= !part.is_ascii();
            continue;
        }
        joiner.end_word();
        match undotted(part) {
            Some(word) => {
                joiner.is_foreign |= !word.is_ascii();
                joiner.word = word;
            }
            None => joiner.word.push_str(part),
        }
        joiner.end_word();
        if piece.ends_with('\n') {
            joiner.gap = '\n';
        }
    }
    joiner.end_word();
    if joiner.is_foreign { encoded::canonical(joiner.text) } else { joiner.text }
}

/// What stands at every other place, if the same sign stands between. Signs at the end stay, but for those between them.
fn undotted(part: &str) -> Option<String> {
    let part = without_sign_before(part);
    let word = part.trim_end_matches(|c: char| c.is_ascii_punctuation());
    let sign = word.chars().nth(1).filter(char::is_ascii_punctuation)?;
    let is_between = |signs: &str, first: usize| signs.chars().skip(first).step_by(2).all(|c| c == sign);
    if word.chars().nth(2).is_none() || !is_between(word, 1) {
        return None;
    }
    let end = part.get(word.len()..).unwrap_or_default();
    let goes_on = end.len() > 1 && is_between(end, 0);
    let (skipped, step) = if goes_on { (1, 2) } else { (0, 1) };
    Some(word.chars().step_by(2).chain(end.chars().skip(skipped).step_by(step)).collect())
}

/// A dotted word without the sign between it and the end of the line before.
fn without_sign_before(part: &str) -> &str {
    let mut chars = part.chars();
    match (chars.next(), chars.next(), chars.next()) {
        (Some(first), Some(second), Some(third))
            if first == third && first.is_ascii_punctuation() && second.is_alphanumeric() =>
        {
            part.get(1..).unwrap_or_default()
        }
        _ => part,
    }
}

struct Joiner {
    text: String,
    word: String,
    /// What stands before the next word.
    gap: char,
    /// Bytes that may yet be cut.
    left: usize,
    /// Whether anything beyond ASCII was joined.
    is_foreign: bool,
}

impl Default for Joiner {
    fn default() -> Self {
        Self { text: String::new(), word: String::new(), gap: ' ', left: MAX_CUT, is_foreign: false }
    }
}

impl Joiner {
    /// Appends what has been joined, and a gap before it.
    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(self.gap);
        }
        self.gap = ' ';
        if self.word.len() > MAX_PLAIN && self.left > 0 {
            self.cut();
        } else {
            self.text.push_str(&self.word);
        }
        self.word.clear();
    }

    /// Appends the words of a run, or what it decodes to.
    fn cut(&mut self) {
        let mut end = self.left.min(self.word.len());
        while !self.word.is_char_boundary(end) {
            end -= 1;
        }
        self.left -= end;
        let (run, rest) = self.word.split_at(end);
        match encoded::runs(run.as_bytes()).find_map(encoded::decoded) {
            Some(decoded) => self.text.push_str(&decoded),
            None => words::cut(run, &mut self.text),
        }
        self.text.push_str(rest);
    }
}
