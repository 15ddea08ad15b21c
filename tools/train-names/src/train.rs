//! Multinomial logistic regression by stochastic gradient descent with AdaGrad steps (Duchi, Hazan, Singer, 2011).

use octollm_core::reflex::pii::names::lexicon::{Lexicon, SIZE};
use octollm_core::reflex::pii::names::model::{Class, FEATURES, HEADER, MAGIC, OWN, ROWS, features, softmax};
use octollm_core::reflex::pii::names::tokens::{Token, for_each_window};

use crate::random::Random;

const PASSES: usize = 4;
const RATE: f32 = 0.12;
/// Of 100 times that a token is learnt, how often without knowing the word itself.
const WITHOUT_OWN: usize = 35;

/// Of 100 texts, how many are learnt as if no list held a name.
const WITHOUT_LISTS: usize = 6;

/// What the lists are in training.
pub(crate) struct Filters {
    pub(crate) names: Vec<u8>,
    pub(crate) no_names: Vec<u8>,
}

impl Filters {
    /// The filters for one text.
    pub(crate) fn pick(&self, random: &mut Random) -> Lexicon<'_> {
        Lexicon::new(if random.percent(WITHOUT_LISTS) { &self.no_names } else { &self.names })
    }

    /// Those with names.
    pub(crate) fn full(&self) -> Lexicon<'_> {
        Lexicon::new(&self.names)
    }
}

/// The candidates of one text.
#[derive(Default)]
pub(crate) struct Example {
    tokens: Vec<([u16; FEATURES], Class)>,
}

impl Example {
    /// A text with spans; everything else is ordinary.
    pub(crate) fn new(text: &str, spans: &[(usize, usize, Class)], lexicon: Lexicon<'_>) -> Self {
        let mut example = Self::default();
        for_each_window(text, lexicon, |window| {
            let token = &window[2];
            let span = spans.iter().find(|(start, end, _)| *start <= token.start && token.start < *end);
            if token.shape.is_candidate() {
                example.add(window, span.map_or(Class::Other, |(_, _, class)| *class));
            }
        });
        example
    }

    pub(crate) fn add(&mut self, window: &[Token; 5], class: Class) {
        self.tokens.push((features(window), class));
    }
}

/// Weights being trained.
pub(crate) struct Linear {
    weights: Vec<[f32; 4]>,
    squares: Vec<[f32; 4]>,
}

impl Linear {
    pub(crate) fn train(examples: &[Example]) -> Self {
        let mut model = Self { weights: vec![[0.0; 4]; ROWS], squares: vec![[1e-2; 4]; ROWS] };
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let mut random = Random(0x5eed);
        for _ in 0..PASSES {
            random.shuffle(&mut order);
            for at in &order {
                for (rows, class) in &examples[*at].tokens {
                    let from = if random.percent(WITHOUT_OWN) { OWN } else { 0 };
                    model.learn(&rows[from..], *class);
                }
            }
        }
        model
    }

    fn learn(&mut self, rows: &[u16], class: Class) {
        let shares = softmax(self.sums(rows));
        for (at, share) in shares.iter().enumerate() {
            let gradient = share - if at == class as usize { 1.0 } else { 0.0 };
            if gradient.abs() < 1e-3 {
                continue;
            }
            for row in rows {
                let row = usize::from(*row);
                self.squares[row][at] += gradient * gradient;
                self.weights[row][at] -= RATE * gradient / self.squares[row][at].sqrt();
            }
        }
    }

    fn sums(&self, rows: &[u16]) -> [f32; 4] {
        let mut sums = [0.0; 4];
        for row in rows {
            for (sum, weight) in sums.iter_mut().zip(self.weights[usize::from(*row)]) {
                *sum += weight;
            }
        }
        sums
    }

    /// The file that the library embeds.
    pub(crate) fn file(&self, filters: &[u8]) -> Vec<u8> {
        let largest = self
            .weights
            .iter()
            .flatten()
            .fold(f32::MIN_POSITIVE, |largest, weight| largest.max(weight.abs()));
        let scale = largest / 32_767.0;
        let mut file = Vec::with_capacity(HEADER + SIZE + ROWS * 8);
        file.extend(MAGIC);
        file.extend(scale.to_le_bytes());
        file.extend(filters);
        self.weights
            .iter()
            .flatten()
            .for_each(|weight| file.extend(((weight / scale).round() as i16).to_le_bytes()));
        file
    }
}

/// Prints how many tokens of each class are found, and how many of those that are taken for one are.
pub(crate) fn report(model: &Linear, examples: &[Example]) {
    let mut counts = [[0usize; 4]; 4];
    for (rows, class) in examples.iter().flat_map(|example| &example.tokens) {
        let sums = model.sums(rows);
        let best = (0..4).max_by(|a, b| sums[*a].total_cmp(&sums[*b])).unwrap_or(0);
        counts[*class as usize][best] += 1;
    }
    for class in Class::ALL {
        let at = class as usize;
        let (labelled, taken): (usize, usize) =
            (counts[at].iter().sum(), counts.iter().map(|row| row[at]).sum());
        let found = counts[at][at] as f64;
        println!(
            "  {class:?}: {labelled} tokens, recall {:.3}, precision {:.3}",
            found / labelled.max(1) as f64,
            found / taken.max(1) as f64
        );
    }
}
