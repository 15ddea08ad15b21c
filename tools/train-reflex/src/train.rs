//! Logistic regression by stochastic gradient descent with AdaGrad steps (Duchi, Hazan, Singer, 2011).
//!
//! A text is judged by its best window, so it is trained by it: each pass takes the window that scores highest at that
//! moment. For an injection in a long document that is, soon, the injection; for a harmless document it is what looks worst.

use std::ops::Range;

use octollm_core::reflex::injection::features::{self, TABLE};

use crate::data::Example;
use crate::random::Random;

const PASSES: usize = 12;
const RATE: f32 = 0.15;
/// Shrinks what is seldom confirmed.
const DECAY: f32 = 2e-6;
/// Injections are fewer than harmless texts, and missing one costs no more than a false alarm.
const POSITIVE_WEIGHT: f32 = 2.0;

/// Weights being trained.
pub(crate) struct Linear {
    pub(crate) weights: Vec<f32>,
    pub(crate) bias: f32,
    squares: Vec<f32>,
    bias_square: f32,
}

impl Linear {
    pub(crate) fn train(examples: &[Example]) -> Self {
        let mut model =
            Self { weights: vec![0.0; TABLE], bias: 0.0, squares: vec![1e-3; TABLE], bias_square: 1.0 };
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let mut random = Random(0x5eed);
        for _ in 0..PASSES {
            random.shuffle(&mut order);
            order.iter().for_each(|at| model.learn(&examples[*at]));
        }
        model
    }

    fn learn(&mut self, example: &Example) {
        let Some((score, window)) = self.best_window(example) else { return };
        let target = if example.is_injection { 1.0 } else { 0.0 };
        let weight = if example.is_injection { POSITIVE_WEIGHT } else { 1.0 };
        let error = (1.0 / (1.0 + (-score - example.phrases).exp()) - target) * weight;
        let value = 1.0 / (example.places(window.clone()).len() as f32).sqrt();
        for place in example.places(window) {
            let at = *place as usize;
            let gradient = error * value + DECAY * self.weights[at];
            self.squares[at] += gradient * gradient;
            self.weights[at] -= RATE * gradient / self.squares[at].sqrt();
        }
        self.bias_square += error * error;
        self.bias -= RATE * error / self.bias_square.sqrt();
    }

    /// The score of a text, with what its phrases add.
    pub(crate) fn score(&self, example: &Example) -> Option<f32> {
        self.best_window(example).map(|(score, _)| score + example.phrases)
    }

    /// The score of the best window, and its words.
    fn best_window(&self, example: &Example) -> Option<(f32, Range<usize>)> {
        let mut sum = 0.0_f64;
        let mut sums = vec![0.0];
        for word in 0..example.words() {
            let places = example.places(word..word + 1);
            sum += places.iter().map(|place| f64::from(self.weights[*place as usize])).sum::<f64>();
            sums.push(sum);
        }
        let windows = features::windows(example.words()).filter(|window| !window.is_empty());
        let scored = windows.map(|window| {
            let count = example.places(window.clone()).len() as f32;
            (self.bias + (sums[window.end] - sums[window.start]) as f32 / count.sqrt(), window)
        });
        scored.max_by(|a, b| a.0.total_cmp(&b.0))
    }
}
