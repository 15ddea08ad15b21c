//! Tokens that belong together, as one finding.

use super::lexicon::List;
use super::model::{Class, Probabilities};
use super::streets::{AFTER_STREET, BEFORE_STREET, is_street};
use super::tokens::{Gap, Shape, Token};
use crate::reflex::pii::kinds::PiiType;
use crate::reflex::pii::scan::Candidate;

/// Bytes between two tokens of one name or address.
const MOST_BETWEEN: usize = 24;
/// How sure the first word or number of one has to be.
const FIRST: f32 = 0.5;
/// How sure a further word of a name has to be.
const MORE_OF_A_NAME: f32 = 0.15;
/// How sure a further word or number of an address has to be.
const MORE_OF_AN_ADDRESS: f32 = 0.35;
/// How sure a name of one word has to be.
const ALONE: f32 = 0.8;
/// Tokens of one name.
const LONGEST_NAME: usize = 6;
/// Tokens of one address.
const LONGEST_ADDRESS: usize = 24;

/// Digits that the number of a house has, where that of a postcode has more.
const HOUSE: usize = 3;
/// What a line below an address begins with that is not part of it.
const NEXT_LINE: &[&str] = &["tel", "telephone", "telefon", "phone", "mobile", "fax", "email", "mail", "web"];

/// Small words within names.
const PARTICLES: &[&str] = &[
    "de", "van", "von", "der", "den", "da", "di", "del", "della", "la", "le", "el", "al", "bin", "ibn", "y",
    "e", "ten", "ter", "dos", "das", "do", "du", "zu", "af", "av",
];

/// A run of tokens of one class.
struct Run {
    class: Class,
    start: usize,
    end: usize,
    tokens: usize,
    digits: bool,
    letters: bool,
    sum: f32,
    most: f32,
    /// Whether a list of names holds a word of it.
    listed: bool,
    /// Whether a word of it says that it is an address.
    street: bool,
    last: Token,
}

impl Run {
    const fn new(class: Class, first: &Token) -> Self {
        Self {
            class,
            start: first.start,
            end: first.end,
            tokens: 0,
            digits: false,
            letters: false,
            sum: 0.0,
            most: 0.0,
            listed: false,
            street: false,
            last: *first,
        }
    }

    /// Whether it is a name: a list holds a word of it, and where it is one word alone it is sure and no ordinary one.
    fn is_name(&self) -> bool {
        let alone =
            self.most >= ALONE && self.last.shape == Shape::Capitalised && !self.last.is_in(List::Ordinary);
        self.letters && self.listed && (self.tokens > 1 || alone)
    }
}

/// Whether a word is in capitals, and no list says that it is a name: in a text that shouts, capitals tell nothing.
const fn is_shouted(token: &Token) -> bool {
    matches!(token.shape, Shape::Capitals) && (token.is_in(List::Ordinary) || !token.is_name())
}

/// Whether a word may be the surname to a given name before it: written like a name, and no ordinary word unless a particle
/// (`van`) stands before it.
fn is_surname(token: &Token, particle: bool) -> bool {
    let written = matches!(token.shape, Shape::Capitalised | Shape::Mixed);
    written && token.gap == Gap::Space && (particle || !token.is_in(List::Ordinary))
}

/// The runs of a text.
pub(super) struct Spans<'t> {
    text: &'t str,
    open: Option<Run>,
    found: Vec<Candidate>,
}

impl<'t> Spans<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, open: None, found: Vec::new() }
    }

    /// Takes the next word or number.
    pub(super) fn push(&mut self, token: &Token, probabilities: Probabilities) {
        let [_, person, address, _] = probabilities;
        if let Some(sure) = self.goes_on(token, person, address) {
            self.take(token, sure);
            return;
        }
        let (class, sure) =
            if person >= address { (Class::Person, person) } else { (Class::Address, address) };
        if sure < FIRST || class == Class::Person && is_shouted(token) {
            return;
        }
        self.close();
        self.open = Some(Run::new(class, token));
        self.take(token, sure);
    }

    /// How sure it is that a token goes on with the open run, if it does: what goes on needs less to be believed.
    fn goes_on(&self, token: &Token, person: f32, address: f32) -> Option<f32> {
        let run = self.open.as_ref().filter(|run| self.links(run, token))?;
        if run.class == Class::Address {
            return (address > person && address >= MORE_OF_AN_ADDRESS).then_some(address);
        }
        if is_shouted(token) {
            return None;
        }
        let particle =
            self.text.get(run.end..token.start).is_some_and(|text| text.contains(char::is_alphabetic));
        let surname = run.last.is_in(List::Given) && is_surname(token, particle);
        (surname || person >= MORE_OF_A_NAME && person >= address).then_some(person)
    }

    fn take(&mut self, token: &Token, sure: f32) {
        let Some(run) = &mut self.open else { return };
        run.end = token.end;
        run.last = *token;
        run.listed |= token.is_name();
        run.tokens += 1;
        run.sum += sure;
        run.most = run.most.max(sure);
        run.street |= run.class == Class::Address
            && is_street(self.text.get(token.start..token.end).unwrap_or_default());
        run.digits |= token.has_digits();
        run.letters |= !token.has_digits() && token.length > 2;
    }

    /// What was found.
    pub(super) fn finish(mut self) -> Vec<Candidate> {
        self.close();
        self.found
    }

    /// Whether a token goes on with a run, by what stands between.
    fn links(&self, run: &Run, token: &Token) -> bool {
        let Some(between) = self.text.get(run.end..token.start).filter(|text| text.len() <= MOST_BETWEEN)
        else {
            return false;
        };
        let words = || between.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        match run.class {
            Class::Person => {
                let dotted = token.gap == Gap::Abbreviation && run.last.length <= 2;
                let close = dotted || matches!(token.gap, Gap::Space | Gap::Hyphen | Gap::Apostrophe);
                let plain = between.chars().all(|c| c.is_alphabetic() || " .-'’".contains(c));
                run.tokens < LONGEST_NAME && close && plain && words().all(|word| PARTICLES.contains(&word))
            }
            _ => {
                let plain = !between.contains(['!', '?', ':', '<', '>', '=', '{', '"']);
                let lines = between.matches('\n').count();
                let ends = token.gap == Gap::Sentence || lines > 0 && self.begins_anew(run, between, token);
                run.tokens < LONGEST_ADDRESS && plain && lines <= 2 && !ends && words().count() <= 3
            }
        }
    }

    /// Whether a token on a new line belongs to something else than the address before it: to the next row of a table, to the
    /// next address of a list, to a telephone number.
    fn begins_anew(&self, run: &Run, between: &str, token: &Token) -> bool {
        let word = self.text.get(token.start..token.end).unwrap_or_default();
        let house = word.len() <= HOUSE && word.bytes().all(|byte| byte.is_ascii_digit());
        between.contains('|')
            || house && run.street && run.digits
            || NEXT_LINE.iter().any(|label| word.eq_ignore_ascii_case(label))
    }

    fn close(&mut self) {
        let Some(run) = self.open.take() else { return };
        match run.class {
            // A name is as sure as its surest word: the surname after a given name may be any word.
            Class::Person if run.is_name() => {
                self.add(PiiType::PersonName, run.start, run.end, run.most);
            }
            Class::Address if run.digits && run.letters => {
                let (start, end) = (self.back(run.start), self.on(run.end));
                if run.street || (start, end) != (run.start, run.end) {
                    self.add(
                        PiiType::StreetAddress,
                        start,
                        self.inward(end),
                        run.sum / run.tokens.max(1) as f32,
                    );
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, kind: PiiType, start: usize, end: usize, confidence: f32) {
        // Never as sure as what has check digits.
        self.found.push(Candidate { kind, start, end, confidence: confidence.min(0.95) });
    }

    /// Where an address begins with the word for a street before it.
    fn back(&self, start: usize) -> usize {
        let before = self.text.get(..start).unwrap_or_default().trim_end_matches([' ', '.']);
        let word = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        if BEFORE_STREET.contains(&word) { before.len() - word.len() } else { start }
    }

    /// Where an address ends whose last word is the first half of a British postcode: `NW1 6XE`.
    fn inward(&self, end: usize) -> usize {
        let before = self.text.get(..end).unwrap_or_default();
        let half = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().as_bytes();
        let outward = matches!(half, [b'A'..=b'Z', .., b'0'..=b'9' | b'A'..=b'Z'] if half.len() <= 4)
            && half.iter().any(u8::is_ascii_digit);
        let after = self.text.as_bytes().get(end..).unwrap_or_default();
        let inward = matches!(after, [b' ', b'0'..=b'9', b'A'..=b'Z', b'A'..=b'Z', rest @ ..]
            if !rest.first().is_some_and(u8::is_ascii_alphanumeric));
        if outward && inward { end + 4 } else { end }
    }

    /// Where an address ends with the word for a street after it.
    fn on(&self, end: usize) -> usize {
        let after = self.text.get(end..).and_then(|rest| rest.strip_prefix(' ')).unwrap_or_default();
        let width = after.find(|c: char| !c.is_alphanumeric()).unwrap_or(after.len());
        let word = after.get(..width).unwrap_or_default();
        if AFTER_STREET.contains(&word) { end + 1 + width } else { end }
    }
}
