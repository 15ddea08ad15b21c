//! What is drawn by chance here, by the other trainer's generator.

#[path = "../../train-reflex/src/random.rs"]
mod generator;

pub(crate) use generator::Random;

impl Random {
    /// One of these, of which there is at least one.
    pub(crate) fn pick<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        &items[self.below(items.len())]
    }

    /// Whether something happens that does so in so many of 100 cases.
    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}
