//! Acceptance criteria: by rules where they say something that can be counted or looked up, else by others.
//!
//! A rule decides only about a criterion that it understands as a whole. "At most 50 words" is one, "at most 50 words on
//! the weather" is none: what is left over may be what matters. Where a rule would have to guess (the word is there in
//! another case, nobody knows which text is meant) it says nothing.

mod counts;
mod rules;
mod runs;
mod wording;

pub(super) use rules::{Ground, ruling};
pub(super) use runs::about_tests;
