//! Words and numbers of a text, with what a model may know of each: hashes of the word and its ends, its shape, and what
//! stands before it. A walk keeps five of them, whatever the length of the text.

use super::lexicon::{Lexicon, List};

/// How a token is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Shape {
    /// No token: before the first and after the last.
    #[default]
    None,
    /// `street`
    Lower,
    /// `Street`
    Capitalised,
    /// `STREET`
    Capitals,
    /// `J`
    Initial,
    /// `McDonald`, `JavaScript`
    Mixed,
    /// `12`
    Digits,
    /// `12b`
    Alphanumeric,
    /// A script without capitals.
    Caseless,
}

impl Shape {
    /// Whether a name or a part of an address may look like this.
    pub const fn is_candidate(self) -> bool {
        !matches!(self, Self::None | Self::Lower | Self::Caseless)
    }

    const fn has_digits(self) -> bool {
        matches!(self, Self::Digits | Self::Alphanumeric)
    }
}

/// What stands before a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Gap {
    /// Nothing: it is the first.
    #[default]
    Start,
    /// White space.
    Space,
    /// A comma.
    Comma,
    /// A line break.
    Line,
    /// The end of a sentence.
    Sentence,
    /// The dot of an abbreviation or an initial.
    Abbreviation,
    /// A hyphen without spaces.
    Hyphen,
    /// A colon.
    Colon,
    /// A quote or a bracket.
    Quote,
    /// An apostrophe.
    Apostrophe,
    /// Anything else, as in code and addresses of the web.
    Other,
}

impl Gap {
    /// Whether a sentence begins after it, or something that is written like one.
    pub const fn begins(self) -> bool {
        matches!(self, Self::Start | Self::Line | Self::Sentence | Self::Quote)
    }
}

/// A word or a number.
#[derive(Debug, Clone, Copy, Default)]
pub struct Token {
    /// Its first byte.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// How it is written.
    pub shape: Shape,
    /// What stands before it.
    pub gap: Gap,
    /// Characters, 255 at most.
    pub length: u8,
    /// A hash of the word in lower case.
    pub word: u32,
    /// Hashes of its first three, last two and last three characters.
    pub ends: [u32; 3],
    /// Lists that hold the word: see [`lexicon`](super::lexicon).
    pub lists: u8,
}

impl Token {
    /// Whether a list holds it.
    pub const fn is_in(&self, list: List) -> bool {
        self.lists & list as u8 != 0
    }

    /// Whether a list of names holds it.
    pub const fn is_name(&self) -> bool {
        self.is_in(List::Given) || self.is_in(List::Family)
    }

    /// Whether it holds a digit.
    pub const fn has_digits(&self) -> bool {
        self.shape.has_digits()
    }
}

/// Bytes of the longest token; a longer run of letters is cut.
const MAX_TOKEN: usize = 64;

/// Calls `see` with every token, the two before it and the two after it; the token itself is in the middle.
pub fn for_each_window(text: &str, lexicon: Lexicon<'_>, mut see: impl FnMut(&[Token; 5])) {
    let mut window = [Token::default(); 5];
    let mut slide = |token: Token| {
        window.rotate_left(1);
        window[4] = token;
        if window[2].shape != Shape::None {
            see(&window);
        }
    };
    let (mut at, mut before) = (0, Token::default());
    while let Some((mut token, end)) = next_token(text, at, &before) {
        token.lists = if token.has_digits() { 0 } else { lexicon.lists(token.word) };
        slide(token);
        (at, before) = (end, token);
    }
    slide(Token::default());
    slide(Token::default());
}

/// The first token at or after `at`, and where to go on.
fn next_token(text: &str, at: usize, before: &Token) -> Option<(Token, usize)> {
    let rest = text.get(at..)?;
    let skipped = rest.find(char::is_alphanumeric)?;
    let gap = gap(rest.get(..skipped).unwrap_or_default(), before);
    let start = at + skipped;
    let end = start + token_length(text.get(start..).unwrap_or_default());
    let token = text.get(start..end).unwrap_or_default();
    Some((describe(token, start, gap), end))
}

fn token_length(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    let mut letters = 0;
    while let Some((at, c)) = chars.next() {
        if at >= MAX_TOKEN {
            return at;
        }
        if c.is_alphanumeric() {
            letters += 1;
            continue;
        }
        // `O'Brien` is one word, `Mary's` is a name and what it owns.
        let joins =
            matches!(c, '\'' | '’') && letters <= 2 && chars.peek().is_some_and(|(_, c)| c.is_uppercase());
        if !joins {
            return at;
        }
    }
    text.len()
}

fn gap(text: &str, before: &Token) -> Gap {
    let abbreviates = matches!(before.shape, Shape::Initial)
        || before.length <= 4 && matches!(before.shape, Shape::Capitalised | Shape::Mixed);
    let mut gap = if before.shape == Shape::None { Gap::Start } else { Gap::Other };
    let mut spaces_only = true;
    for c in text.chars().take(16) {
        gap = match c {
            '\n' => return Gap::Line,
            ' ' | '\t' | '\r' if spaces_only && gap != Gap::Start => Gap::Space,
            ' ' | '\t' | '\r' => gap,
            ',' | ';' if gap != Gap::Quote => Gap::Comma,
            '.' if abbreviates => Gap::Abbreviation,
            '.' | '!' | '?' => Gap::Sentence,
            '-' | '–' if text.len() <= 3 => Gap::Hyphen,
            ':' => Gap::Colon,
            '"' | '“' | '”' | '(' | ')' | '[' | ']' | '«' | '»' if gap != Gap::Sentence => Gap::Quote,
            '\'' | '’' if text.len() <= 3 => Gap::Apostrophe,
            '"' | ')' | '”' | '\'' | '’' => gap,
            _ => Gap::Other,
        };
        spaces_only &= matches!(c, ' ' | '\t' | '\r');
    }
    gap
}

fn describe(text: &str, start: usize, gap: Gap) -> Token {
    let mut lower = [0u32; MAX_TOKEN];
    let (mut length, mut upper, mut small, mut digits, mut caseless) = (0usize, 0, 0, 0, 0);
    let mut first_upper = false;
    for c in text.chars() {
        upper += usize::from(c.is_uppercase());
        small += usize::from(c.is_lowercase());
        digits += usize::from(c.is_ascii_digit());
        caseless += usize::from(c.is_alphabetic() && !c.is_lowercase() && !c.is_uppercase());
        first_upper |= length == 0 && c.is_uppercase();
        if let Some(place) = lower.get_mut(length) {
            *place = u32::from(c.to_lowercase().next().unwrap_or(c));
            length += 1;
        }
    }
    let shape = match (digits, caseless, upper, small) {
        (1.., _, 0, 0) => Shape::Digits,
        (1.., ..) => Shape::Alphanumeric,
        (_, 1.., ..) => Shape::Caseless,
        (_, _, 1, 0) if length == 1 => Shape::Initial,
        (_, _, 1.., 0) => Shape::Capitals,
        (_, _, 1, _) if first_upper => Shape::Capitalised,
        (_, _, 1.., _) => Shape::Mixed,
        _ => Shape::Lower,
    };
    let lower = lower.get(..length).unwrap_or_default();
    let part = |from: usize, to: usize| hash(lower.get(from..to).unwrap_or(lower));
    Token {
        start,
        end: start + text.len(),
        shape,
        gap,
        length: u8::try_from(length).unwrap_or(u8::MAX),
        word: if digits > 0 { digit_word(length, shape) } else { hash(lower) },
        ends: [
            part(0, length.min(3)),
            part(length.saturating_sub(2), length),
            part(length.saturating_sub(3), length),
        ],
        lists: 0,
    }
}

/// Numbers are alike but for their length.
fn digit_word(length: usize, shape: Shape) -> u32 {
    hash(&[u32::from(b'#'), length.min(7) as u32, shape as u32])
}

/// FNV-1a (Fowler, Noll, Vo) over characters.
fn hash(chars: &[u32]) -> u32 {
    chars.iter().fold(0x811c_9dc5, |hash, c| (hash ^ c).wrapping_mul(0x0100_0193))
}

/// The hash of a word, as a [`Token`] has it.
pub fn word_hash(word: &str) -> u32 {
    word.chars()
        .flat_map(char::to_lowercase)
        .fold(0x811c_9dc5, |hash, c| (hash ^ u32::from(c)).wrapping_mul(0x0100_0193))
}
