//! What can be counted about prose without knowing its language: how long sentences are, and whether one is there twice.
//! Scripts that set no spaces between words are not measured.

use std::collections::HashSet;

use super::tally::{REPEATED_SENTENCE, SENTENCE, Tally};
use crate::judge::parts::{Places, paragraphs};
use crate::judge::response::JudgeLocation;
use crate::sentences::sentence_ranges;

/// Words of a sentence that is worth measuring: less is a heading, a label, a name.
const FEWEST: usize = 3;
/// Words of a sentence that nobody says twice by chance.
const TELLING: usize = 5;
/// Characters of one word, on average, beyond which it is not words that spaces part.
const LONGEST_WORDS: usize = 20;

/// Measures a text.
pub(super) fn measure(pointer: &str, text: &str, tally: &mut Tally) {
    let (mut known, mut places) = (HashSet::new(), Places::of(pointer, text));
    for (start, paragraph) in paragraphs(text) {
        for range in sentence_ranges(paragraph) {
            let sentence = &paragraph[range.clone()];
            let words: Vec<&str> =
                sentence.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).collect();
            let letters: usize = words.iter().map(|word| word.chars().count()).sum();
            if words.len() < FEWEST || letters > words.len() * LONGEST_WORDS {
                continue;
            }
            let place = places.at(start + range.start);
            tally.value(&SENTENCE, words.len(), || ("a sentence".to_owned(), place.clone()));
            if words.len() >= TELLING {
                let again = !known.insert(words.join(" ").to_lowercase());
                tally.state(&REPEATED_SENTENCE, again.then(|| said_before(place)));
            }
        }
    }
}

fn said_before(place: JudgeLocation) -> (String, JudgeLocation) {
    ("this sentence stands before already".to_owned(), place)
}
