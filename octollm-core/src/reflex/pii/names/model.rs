//! The linear model: of every feature one row of four weights, one for each class; a token is of the class with the
//! largest sum. The sums' softmax says how sure that is.

use super::lexicon::{self, Lexicon};
use super::tokens::{Gap, Shape, Token};
use crate::error::{Error, ErrorKind, Result};

/// What a token belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// Ordinary words and numbers.
    Other,
    /// Part of a person's name.
    Person,
    /// Part of a street address.
    Address,
    /// Part of another proper name: a place, a company, a product.
    Proper,
}

impl Class {
    /// All of them, in the order of the weights.
    pub const ALL: [Self; 4] = [Self::Other, Self::Person, Self::Address, Self::Proper];
}

/// The first bytes of a file of weights; the last is the version of the format and of the features.
pub const MAGIC: [u8; 4] = *b"OLN1";
/// Bytes before the weights: magic, and the scale as a 32-bit float, little-endian.
pub const HEADER: usize = 8;
/// Rows of the table.
pub const ROWS: usize = 1 << 15;
/// Features of a token.
pub const FEATURES: usize = 34;
/// How many of the first features know the word itself. In training they are left out now and then, so that a name is
/// recognised by its surroundings, too.
pub const OWN: usize = 3;

const CLASSES: usize = Class::ALL.len();

/// The rows that a token touches: itself in the middle of its neighbours.
pub fn features(window: &[Token; 5]) -> [u16; FEATURES] {
    let [before, last, token, next, after] = window;
    let shape = |token: &Token| token.shape as u32;
    let gap = |token: &Token| token.gap as u32;
    // Words in lower case are no names, whatever list they are in.
    let lists = |token: &Token| if token.shape == Shape::Lower { 16 } else { u32::from(token.lists) };
    let gaps = gap(token) << 4 | if next.shape == Shape::None { 15 } else { gap(next) };
    let begins = u32::from(token.gap.begins());
    let near = |token: &Token, gap: Gap| token.word ^ (u32::from(gap.begins()) << 31);
    let size = u32::from(token.length.min(12));
    let (last_word, next_word) = (near(last, token.gap), near(next, next.gap));
    let all_shapes = [before, last, token, next, after].iter().fold(0, |all, token| all << 4 | shape(token));
    let values = [
        token.word,
        token.word ^ shape(token).wrapping_mul(0x9e37),
        token.word ^ gaps.wrapping_mul(0x0001_0003) ^ begins,
        token.ends[0],
        token.ends[1],
        token.ends[2],
        shape(token) << 8 | size,
        last_word,
        next_word,
        near(before, last.gap),
        near(after, after.gap),
        pair(before.word, last_word),
        pair(next_word, after.word),
        all_shapes << 8 ^ gaps,
        all_shapes,
        gaps << 8 | shape(token) << 4 | shape(next),
        pair(last_word, shape(token) << 4 | gap(token)),
        pair(next_word, shape(token) << 4 | gap(next)),
        pair(last.ends[2], shape(last) << 8 | gap(token)),
        pair(next.ends[2], shape(next) << 8 | gap(next)),
        pair(next.ends[0], shape(next)),
        pair(last_word, token.word),
        pair(token.word, next_word),
        pair(last_word, next_word) ^ shape(token),
        7,
        lists(token) << 8 | shape(token),
        lists(token) << 8 | begins << 5 | gap(token),
        pair(lists(last) << 5 | lists(token), gap(token)),
        pair(lists(token) << 5 | lists(next), gap(next)),
        pair(lists(last) << 10 | lists(token) << 5 | lists(next), gaps),
        pair(last_word, lists(token)),
        pair(next_word, lists(token)),
        pair(all_shapes, lists(token)),
        pair(lists(before) << 8 | lists(last) << 5 | lists(token), gap(last) << 4 | gap(token)),
    ];
    let mut rows = [0; FEATURES];
    for (template, (row, value)) in (1u32..).zip(rows.iter_mut().zip(values)) {
        *row = place(template, value);
    }
    rows
}

fn pair(one: u32, other: u32) -> u32 {
    one.wrapping_mul(0x85eb_ca6b).rotate_left(13) ^ other.wrapping_mul(0xc2b2_ae35)
}

/// A row for a value of a template (the finaliser of MurmurHash3).
const fn place(template: u32, value: u32) -> u16 {
    let mut hash = value ^ template.wrapping_mul(0x9e37_79b1);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    ((hash ^ (hash >> 16)) as usize % ROWS) as u16
}

/// How sure the model is of each class; together 1.
pub type Probabilities = [f32; CLASSES];

/// Weights.
#[derive(Debug, Clone)]
pub struct Model {
    rows: &'static [[u8; 2 * CLASSES]],
    lexicon: Lexicon<'static>,
    scale: f32,
}

impl Model {
    /// The weights that come with the library.
    ///
    /// # Errors
    /// If the embedded file was built wrong.
    pub fn embedded() -> Result<Self> {
        Self::read(include_bytes!("../../../../data/names/weights.bin"))
    }

    /// Weights out of a file of [`MAGIC`], the scale and a table, as the trainer writes it.
    ///
    /// # Errors
    /// If it is no such file.
    pub fn read(file: &'static [u8]) -> Result<Self> {
        let broken = || Error::new(ErrorKind::Internal, "the weights of the tagger of names are broken");
        let scale = file.get(MAGIC.len()..).and_then(|rest| rest.first_chunk::<4>()).ok_or_else(broken)?;
        let (filters, rows) =
            file.get(HEADER..).and_then(|rest| rest.split_at_checked(lexicon::SIZE)).ok_or_else(broken)?;
        let (rows, rest) = rows.as_chunks();
        if !file.starts_with(&MAGIC) || rows.len() != ROWS || !rest.is_empty() {
            return Err(broken());
        }
        Ok(Self { rows, lexicon: Lexicon::new(filters), scale: f32::from_le_bytes(*scale) })
    }

    /// Its lists of words.
    pub const fn lexicon(&self) -> Lexicon<'static> {
        self.lexicon
    }

    /// What the token in the middle is.
    pub fn judge(&self, window: &[Token; 5]) -> Probabilities {
        let mut sums = [0i32; CLASSES];
        for row in features(window) {
            let Some(row) = self.rows.get(usize::from(row)) else { continue };
            for (sum, weight) in sums.iter_mut().zip(row.as_chunks::<2>().0) {
                *sum += i32::from(i16::from_le_bytes(*weight));
            }
        }
        softmax(sums.map(|sum| sum as f32 * self.scale))
    }
}

/// Shares out of sums.
pub fn softmax(sums: Probabilities) -> Probabilities {
    let largest = sums.iter().copied().fold(f32::MIN, f32::max);
    let shares = sums.map(|sum| (sum - largest).exp());
    let total: f32 = shares.iter().sum();
    shares.map(|share| share / total)
}
