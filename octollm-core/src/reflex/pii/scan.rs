//! The walk over a text: it stops at anchors (a token with digits, `@`, `:`), and hands candidates to the validators.

use super::columns::Columns;
use super::context::{Context, Contexts, Mentions, Topic, Topics};
use super::kinds::{PiiType, TypeSet};
use super::numbers::Group;

/// What a thing's context (an order number, a version) takes from the confidence.
const THING_PENALTY: f32 = 0.4;

/// A place in the canonical text that a validator accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) kind: PiiType,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) confidence: f32,
}

/// One walk over one canonical text.
pub(super) struct Scan<'t> {
    pub(super) text: &'t str,
    pub(super) bytes: &'t [u8],
    types: TypeSet,
    mentions: Mentions<'t>,
    columns: Option<Columns<'t>>,
    least: f32,
    /// The place whose words were looked at last, before it and after it: a number is tried as many things in a row, which
    /// begin at one place and end at few.
    before: Option<(usize, Topics)>,
    after: Option<(usize, Topics)>,
    pub(super) groups: Vec<Group>,
    found: Vec<Candidate>,
}

/// A run of ASCII letters, digits and underscores.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) digits: usize,
    pub(super) upper: usize,
}

impl Token {
    pub(super) fn read(bytes: &[u8], start: usize) -> Self {
        let mut token = Self { start, end: start, digits: 0, upper: 0 };
        for byte in bytes.iter().skip(start) {
            match byte {
                b'0'..=b'9' => token.digits += 1,
                b'A'..=b'Z' => token.upper += 1,
                b'a'..=b'z' | b'_' => {}
                _ => break,
            }
            token.end += 1;
        }
        token
    }

    pub(super) fn len(self) -> usize {
        self.end - self.start
    }
}

impl<'t> Scan<'t> {
    pub(super) fn new(
        text: &'t str,
        types: TypeSet,
        contexts: &'t Contexts,
        least: f32,
        columns: Option<Columns<'t>>,
    ) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            types,
            mentions: Mentions::new(contexts, text),
            columns,
            least,
            before: None,
            after: None,
            groups: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Walks over the text.
    pub(super) fn run(mut self) -> Vec<Candidate> {
        let mut at = 0;
        while let Some(byte) = self.bytes.get(at) {
            at = match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' => {
                    let token = Token::read(self.bytes, at);
                    self.token(token).max(token.end)
                }
                b'@' => self.email(at).max(at + 1),
                b':' => self.compressed_ip(at).max(at + 1),
                b'%' => self.encoded_email(at).max(at + 1),
                _ => at + 1,
            };
        }
        self.found
    }

    /// Looks at a token and answers where to go on.
    fn token(&mut self, token: Token) -> usize {
        if let Some(end) = self.uuid(token) {
            return end;
        }
        if token.digits == 0 {
            return self.word(token);
        }
        if token.len() <= 4
            && let Some(end) = self.hexadecimal_address(token.start).or_else(|| self.ordinal_date(token))
        {
            return end;
        }
        if token.digits == token.len() || self.extension(token).is_some() {
            return self.numbers(token.start);
        }
        self.identifier(token)
    }

    /// Where the UUID ends whose first part ends this token. One in a thousand holds what looks like a telephone number or an
    /// IBAN.
    pub(super) fn uuid(&self, token: Token) -> Option<usize> {
        const LENGTH: usize = 36;
        if self.byte(token.end) != Some(b'-') {
            return None;
        }
        let start = token.end.checked_sub(8).filter(|start| *start >= token.start)?;
        let text: &[u8; LENGTH] = self.slice(start, start + LENGTH).first_chunk()?;
        let is_uuid = text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        is_uuid.then_some(start + LENGTH)
    }

    /// A token without digits: part of an address of a computer, a bank's code, or the month of a date of birth.
    fn word(&mut self, token: Token) -> usize {
        if token.len() <= 4
            && matches!(self.byte(token.end), Some(b':' | b'-' | b'.'))
            && let Some(end) = self.hexadecimal_address(token.start)
        {
            return end;
        }
        if token.len() == 1 {
            return self.nie(token).unwrap_or(token.end);
        }
        if matches!(token.len(), 2 | 3)
            && let Some(end) = self.vat(token).or_else(|| self.nino(token).filter(|_| token.len() == 2))
        {
            return end;
        }
        if matches!(token.len(), 8 | 11) && token.upper == token.len() {
            return self.bic(token);
        }
        self.month_first_date(token).unwrap_or(token.end)
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    pub(super) fn byte_before(&self, at: usize) -> Option<u8> {
        self.byte(at.checked_sub(1)?)
    }

    /// The bytes of a range, cut to the text.
    pub(super) fn slice(&self, start: usize, end: usize) -> &'t [u8] {
        self.bytes.get(start..end.min(self.bytes.len())).unwrap_or_default()
    }

    pub(super) fn wants(&self, kind: PiiType) -> bool {
        self.types.has(kind)
    }

    /// What the words around a place are about.
    pub(super) fn context(&mut self, start: usize, end: usize) -> Context {
        let cell = self.columns.as_mut().and_then(|columns| columns.at(start));
        let (least, most) = cell.map_or((0, self.bytes.len()), |cell| (cell.least, cell.field.end));
        let before = match self.before {
            Some((at, topics)) if at == start => topics,
            _ => {
                let said = self.mentions.before(start, least);
                cell.map_or(said, |cell| said.or(cell.column))
            }
        };
        let after = match self.after {
            Some((at, topics)) if at == end => topics,
            _ => self.mentions.after(end, most),
        };
        (self.before, self.after) = (Some((start, before)), Some((end, after)));
        Context { before, after }
    }

    /// Whether a field of a table begins here.
    pub(super) fn begins_field(&mut self, at: usize) -> bool {
        let cell = self.columns.as_mut().and_then(|columns| columns.at(at));
        cell.is_some_and(|cell| cell.field.start == at)
    }

    /// Takes a candidate if it is sure enough: `alone` where the words around say nothing, `supported` where they speak
    /// for it, and less than alone where they speak of a thing.
    pub(super) fn offer(
        &mut self,
        kind: PiiType,
        start: usize,
        end: usize,
        alone: f32,
        supported: f32,
    ) -> bool {
        if !self.wants(kind) {
            return false;
        }
        let context = self.context(start, end);
        let confidence = if context.supports(kind) {
            supported
        } else if context.says(Topic::Thing) {
            alone - THING_PENALTY
        } else {
            alone
        };
        let taken = confidence >= self.least && confidence > 0.0;
        if taken {
            self.found.push(Candidate { kind, start, end, confidence });
        }
        taken
    }

    /// Takes a candidate that needs no context.
    pub(super) fn take(&mut self, kind: PiiType, start: usize, end: usize, confidence: f32) -> bool {
        let taken = self.wants(kind) && confidence >= self.least;
        if taken {
            self.found.push(Candidate { kind, start, end, confidence });
        }
        taken
    }
}
