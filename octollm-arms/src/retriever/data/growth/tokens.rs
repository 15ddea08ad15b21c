//! The words of a statement as SQLite cuts them, as far as it matters for its growth.

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or a keyword, in small letters.
    Word(String),
    /// What stands in quotes, which SQLite takes for a name where it wants one, whatever the quotes.
    Quoted(String),
    Open,
    Close,
    Dot,
    Star,
    /// Numbers, operators and separators.
    Other,
}

impl Token {
    /// What it may be the name of.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Word(name) | Self::Quoted(name) => Some(name),
            _ => None,
        }
    }
}

/// Cuts a text. Comments are nothing.
pub(super) fn tokens(sql: &str) -> Vec<Token> {
    let mut rest = sql;
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (token, length) = next(rest, first);
        found.extend(token);
        rest = rest.get(length..).unwrap_or_default();
    }
    found
}

/// What the text begins with, and how many bytes that is.
fn next(rest: &str, first: char) -> (Option<Token>, usize) {
    match first {
        '-' if rest.starts_with("--") => (None, rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => {
            let end = rest.get(2..).and_then(|inside| inside.find("*/"));
            (None, end.map_or(rest.len(), |at| at + 4))
        }
        '\'' | '"' | '`' => quoted(rest, first),
        '[' => {
            let end = rest.find(']').unwrap_or(rest.len());
            let name = rest.get(1..end).unwrap_or_default();
            (Some(Token::Quoted(name.to_ascii_lowercase())), (end + 1).min(rest.len()))
        }
        '(' => (Some(Token::Open), 1),
        ')' => (Some(Token::Close), 1),
        '.' => (Some(Token::Dot), 1),
        '*' => (Some(Token::Star), 1),
        c if c.is_ascii_whitespace() => (None, 1),
        c if in_a_name(c) => {
            let end = rest.find(|c| !in_a_name(c)).unwrap_or(rest.len());
            let word = || Token::Word(rest.get(..end).unwrap_or_default().to_ascii_lowercase());
            (Some(if c.is_ascii_digit() { Token::Other } else { word() }), end)
        }
        c => (Some(Token::Other), c.len_utf8()),
    }
}

fn in_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii()
}

fn quoted(text: &str, mark: char) -> (Option<Token>, usize) {
    let mut name = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == mark && chars.next_if(|(_, next)| *next == mark).is_none() {
            return (Some(Token::Quoted(name)), at + 1);
        }
        name.push(c.to_ascii_lowercase());
    }
    (Some(Token::Quoted(name)), text.len())
}
