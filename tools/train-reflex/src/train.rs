//! Logistic regression by stochastic gradient descent with AdaGrad steps (Duchi, Hazan, Singer, 2011).
//!
//! A text is judged by its best window, so it is trained by it: each pass takes the window that scores highest at that
//! moment. For an injection in a long document that is, soon, the injection; for a harmless document it is what looks worst.

use octollm_core::reflex::injection::features::{STRIDE, TABLE, WINDOW};

use crate::data::Example;

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
        let mut random = 0x5eed_u64;
        for _ in 0..PASSES {
            shuffle(&mut order, &mut random);
            order.iter().for_each(|at| model.learn(&examples[*at]));
        }
        model
    }

    fn learn(&mut self, example: &Example) {
        let Some((score, from, to)) = self.best_window(example) else { return };
        let target = if example.is_injection { 1.0 } else { 0.0 };
        let weight = if example.is_injection { POSITIVE_WEIGHT } else { 1.0 };
        let error = (1.0 / (1.0 + (-score).exp()) - target) * weight;
        let window = example.window(from, to);
        let value = 1.0 / (window.len() as f32).sqrt();
        for place in window {
            let at = *place as usize;
            let gradient = error * value + DECAY * self.weights[at];
            self.squares[at] += gradient * gradient;
            self.weights[at] -= RATE * gradient / self.squares[at].sqrt();
        }
        self.bias_square += error * error;
        self.bias -= RATE * error / self.bias_square.sqrt();
    }

    /// The best window: its score, its first word, and one past its last.
    pub(crate) fn best_window(&self, example: &Example) -> Option<(f32, usize, usize)> {
        let words = example.ends.len();
        let last = words.saturating_sub(WINDOW);
        let starts = (0..last).step_by(STRIDE).chain([last]);
        let windows = starts.filter(|_| words > 0).map(|from| {
            let to = words.min(from + WINDOW);
            (self.score(example.window(from, to)), from, to)
        });
        windows.max_by(|a, b| a.0.total_cmp(&b.0))
    }

    fn score(&self, places: &[u32]) -> f32 {
        let sum: f32 = places.iter().map(|place| self.weights[*place as usize]).sum();
        self.bias + sum / (places.len().max(1) as f32).sqrt()
    }
}

fn shuffle(order: &mut [usize], random: &mut u64) {
    for at in (1..order.len()).rev() {
        *random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        order.swap(at, ((*random >> 33) % (at as u64 + 1)) as usize);
    }
}
