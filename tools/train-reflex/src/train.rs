//! Logistic regression by stochastic gradient descent with AdaGrad steps (Duchi, Hazan, Singer, 2011).
//!
//! A text is judged by its best window, so it is trained by it: each pass takes the window that scores highest at that
//! moment. For an injection in a long document that is, soon, the injection; for a harmless document it is what looks worst.

use std::ops::Range;

use octollm_core::reflex::injection::features::{Form, TABLE};

use crate::data::Example;
use crate::random::Random;

const PASSES: usize = 12;
/// The weights after each of the last passes are averaged: what swings from one pass to the next evens out.
const AVERAGED: usize = 6;
const RATE: f32 = 0.15;
/// The same for what words say more in a document: slower, so that only what all texts do not say is learnt there.
const DOCUMENT_RATE: f32 = RATE / 2.0;
/// Shrinks what is seldom confirmed.
const DECAY: f32 = 2e-6;
/// Injections are fewer than harmless texts, and missing one costs no more than a false alarm.
const POSITIVE_WEIGHT: f32 = 2.0;

/// Weights being trained.
pub(crate) struct Linear {
    /// Of each place: in any text, and on top of that in a document.
    pub(crate) weights: Vec<[f32; 2]>,
    /// Of messages and of documents.
    biases: [f32; 2],
    squares: Vec<[f32; 2]>,
    bias_squares: [f32; 2],
}

impl Linear {
    pub(crate) fn train(examples: &[Example]) -> Self {
        let mut model = Self {
            weights: vec![[0.0; 2]; TABLE],
            biases: [0.0; 2],
            squares: vec![[1e-3; 2]; TABLE],
            bias_squares: [1.0; 2],
        };
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let mut random = Random(0x5eed);
        let (mut weights, mut biases) = (vec![[0.0; 2]; TABLE], [0.0; 2]);
        for pass in 0..PASSES {
            random.shuffle(&mut order);
            order.iter().for_each(|at| model.learn(&examples[*at]));
            if pass >= PASSES - AVERAGED {
                weights
                    .as_flattened_mut()
                    .iter_mut()
                    .zip(model.weights.as_flattened())
                    .for_each(|(sum, weight)| *sum += weight);
                biases.iter_mut().zip(model.biases).for_each(|(sum, bias)| *sum += bias);
            }
        }
        let share = 1.0 / AVERAGED as f32;
        weights.as_flattened_mut().iter_mut().for_each(|weight| *weight *= share);
        Self { weights, biases: biases.map(|bias| bias * share), ..model }
    }

    /// Learns the window that says most of what the text is. Where it is known where an injection stands, that is one of it, and the
    /// rest is a harmless text.
    fn learn(&mut self, example: &Example) {
        let windows = self.scored(example);
        let best = |windows: Vec<(f32, Range<usize>)>| windows.into_iter().max_by(|a, b| a.0.total_cmp(&b.0));
        let Some(order) = &example.order else {
            if let Some(window) = best(windows) {
                self.step(example, window, example.is_injection);
            }
            return;
        };
        let shared =
            |window: &Range<usize>| window.end.min(order.end).saturating_sub(window.start.max(order.start));
        let holds = |window: &Range<usize>| 2 * shared(window) >= window.len().min(order.len());
        let rest = windows.iter().filter(|(_, window)| shared(window) == 0).cloned().collect();
        let here = windows.into_iter().filter(|(_, window)| holds(window)).collect();
        for (window, is_injection) in [(best(here), true), (best(rest), false)] {
            if let Some(window) = window {
                self.step(example, window, is_injection);
            }
        }
    }

    fn step(&mut self, example: &Example, (score, window): (f32, Range<usize>), is_injection: bool) {
        let target = if is_injection { 1.0 } else { 0.0 };
        let weight = if is_injection { POSITIVE_WEIGHT } else { 1.0 };
        let phrases = if example.order.is_some() && !is_injection { 0.0 } else { example.phrases };
        let error = (1.0 / (1.0 + (-score - phrases).exp()) - target) * weight;
        let value = 1.0 / (example.places(window.clone()).len() as f32).sqrt();
        for place in example.places(window) {
            let (weights, squares) = (&mut self.weights[*place as usize], &mut self.squares[*place as usize]);
            let learnt = weights.iter_mut().zip(squares).zip([RATE, DOCUMENT_RATE]);
            for ((weight, squares), rate) in learnt.take(of_form(example.form)) {
                let gradient = error * value + DECAY * *weight;
                *squares += gradient * gradient;
                *weight -= rate * gradient / squares.sqrt();
            }
        }
        let form = example.form as usize;
        self.bias_squares[form] += error * error;
        self.biases[form] -= RATE * error / self.bias_squares[form].sqrt();
    }

    pub(crate) fn bias(&self, form: Form) -> f32 {
        self.biases[form as usize]
    }

    /// The score of a text, with what its phrases add.
    pub(crate) fn score(&self, example: &Example) -> Option<f32> {
        self.best_window(example).map(|(score, _)| score + example.phrases)
    }

    /// The score of the best window, and its words.
    fn best_window(&self, example: &Example) -> Option<(f32, Range<usize>)> {
        self.scored(example).into_iter().max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// All windows with their scores.
    fn scored(&self, example: &Example) -> Vec<(f32, Range<usize>)> {
        let mut sum = 0.0_f64;
        let mut sums = vec![0.0];
        for word in 0..example.words() {
            let places = example.places(word..word + 1);
            let weights =
                places.iter().flat_map(|place| &self.weights[*place as usize][..of_form(example.form)]);
            sum += weights.map(|weight| f64::from(*weight)).sum::<f64>();
            sums.push(sum);
        }
        let scored = example.windows.iter().cloned().map(|window| {
            let count = example.places(window.clone()).len() as f32;
            (self.bias(example.form) + (sums[window.end] - sums[window.start]) as f32 / count.sqrt(), window)
        });
        scored.collect()
    }
}

/// How many of a place's weights a text of this form has.
fn of_form(form: Form) -> usize {
    match form {
        Form::Message => 1,
        Form::Document => 2,
    }
}
