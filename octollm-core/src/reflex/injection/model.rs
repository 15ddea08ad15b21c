//! The linear model: a table of weights and a sum.
//!
//! The score of a window is `bias + sum of weights / sqrt(features)`: a logit, above 0 if the model thinks an injection
//! likelier than not. Dividing by the root keeps long windows comparable with short ones.

use std::collections::VecDeque;
use std::ops::Range;

use super::features::{self, STRIDE, TABLE, WINDOW, Word};
use crate::error::{Error, ErrorKind, Result};

/// The first bytes of a file of weights; the last is the version of the format and of the features.
pub const MAGIC: [u8; 4] = *b"OLR1";

/// Bytes before the weights: magic, then scale, bias and the two thresholds as 32-bit floats, little-endian.
pub const HEADER: usize = 20;

/// Weights, and the thresholds that were frozen with them.
#[derive(Debug, Clone)]
pub struct Model {
    weights: &'static [u8],
    scale: f32,
    bias: f32,
    /// From this score on a text of one window is an injection.
    pub threshold: f32,
    /// From this score on the best window of a longer text is one.
    pub window_threshold: f32,
}

/// How a text was judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The score of the window that scores highest, less the threshold that applies: an injection from 0 on.
    pub margin: f32,
    /// Where that window stands.
    pub range: Range<usize>,
}

impl Model {
    /// The weights that come with the library.
    ///
    /// # Errors
    /// If the embedded file was built wrong.
    pub fn embedded() -> Result<Self> {
        Self::read(include_bytes!("../../../data/injection/weights.bin"))
    }

    fn read(file: &'static [u8]) -> Result<Self> {
        let broken = || Error::new(ErrorKind::Internal, "the weights of the injection detector are broken");
        let float = |at: usize| {
            let bytes = file.get(at..at + 4).and_then(|bytes| bytes.first_chunk::<4>());
            bytes.map(|bytes| f32::from_le_bytes(*bytes)).ok_or_else(broken)
        };
        let weights = file.get(HEADER..).filter(|weights| weights.len() == TABLE * 2);
        if !file.starts_with(&MAGIC) {
            return Err(broken());
        }
        Ok(Self {
            weights: weights.ok_or_else(broken)?,
            scale: float(4)?,
            bias: float(8)?,
            threshold: float(12)?,
            window_threshold: float(16)?,
        })
    }

    /// Judges a canonical text; `None` if it has no words.
    pub fn judge(&self, text: &str) -> Option<Judgement> {
        let mut windows =
            Windows { model: self, words: VecDeque::new(), sum: 0, count: 0, seen: 0, best: None };
        features::for_each_word(text, |word| windows.push(&word));
        windows.finish()
    }

    fn weight(&self, place: u32) -> i64 {
        let at = place as usize * 2;
        let bytes = self.weights.get(at..at + 2).and_then(|bytes| bytes.first_chunk::<2>());
        bytes.map_or(0, |bytes| i64::from(i16::from_le_bytes(*bytes)))
    }
}

/// The last words of a text, and the best window so far. Sums are of integers, hence exact.
struct Windows<'m> {
    model: &'m Model,
    words: VecDeque<Seen>,
    sum: i64,
    count: usize,
    seen: usize,
    best: Option<(f32, Range<usize>)>,
}

struct Seen {
    sum: i64,
    count: usize,
    range: Range<usize>,
}

impl Windows<'_> {
    fn push(&mut self, word: &Word<'_>) {
        let sum = word.features.iter().map(|place| self.model.weight(*place)).sum();
        self.sum += sum;
        self.count += word.features.len();
        self.words.push_back(Seen { sum, count: word.features.len(), range: word.range.clone() });
        if self.words.len() > WINDOW
            && let Some(first) = self.words.pop_front()
        {
            self.sum -= first.sum;
            self.count -= first.count;
        }
        self.seen += 1;
        if self.seen >= WINDOW && (self.seen - WINDOW).is_multiple_of(STRIDE) {
            self.look();
        }
    }

    fn look(&mut self) {
        let (Some(first), Some(last)) = (self.words.front(), self.words.back()) else { return };
        let score = self.model.bias + self.sum as f32 * self.model.scale / (self.count.max(1) as f32).sqrt();
        if self.best.as_ref().is_none_or(|(best, _)| score > *best) {
            self.best = Some((score, first.range.start..last.range.end));
        }
    }

    fn finish(mut self) -> Option<Judgement> {
        self.look();
        let threshold = if self.seen > WINDOW { self.model.window_threshold } else { self.model.threshold };
        self.best.map(|(score, range)| Judgement { margin: score - threshold, range })
    }
}
