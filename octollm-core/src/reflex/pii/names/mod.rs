//! Names of persons and street addresses. They have no check digits; a small linear model tells them by the words themselves, by
//! how they are written and by what stands around them.
//!
//! Only words with a capital and numbers are looked at. Neighbours that the model takes for parts of a name, or of an address,
//! become one finding, with the small words between them (`van der`, `rue du`). A name that is written in lower case or in a
//! script without capitals is not found. Who was a public person is not known: "Albert Einstein" is a name.

pub mod lexicon;
pub mod model;
mod spans;
mod streets;
#[cfg(test)]
mod tests;
pub mod tokens;

use super::kinds::PiiType;
use super::scan::Candidate;
use crate::error::Result;
use model::Model;
use spans::Spans;

/// Finds names and street addresses.
#[derive(Debug, Clone)]
pub struct NameTagger {
    model: Model,
}

impl NameTagger {
    /// With the weights that come with the library.
    ///
    /// # Errors
    /// Only a defect of this library.
    pub fn new() -> Result<Self> {
        Ok(Self { model: Model::embedded()? })
    }

    /// Names and addresses of a canonical text that are at least this sure, around what has a structure.
    pub(super) fn scan(
        &self,
        text: &str,
        structured: &[Candidate],
        least: f32,
        wants: impl Fn(PiiType) -> bool,
    ) -> Vec<Candidate> {
        let mut spans = Spans::new(text);
        tokens::for_each_window(text, self.model.lexicon(), |window| {
            let [.., token, _, _] = window;
            if token.shape.is_candidate() {
                spans.push(token, self.model.judge(window));
            }
        });
        let mut taken: Vec<(usize, usize)> =
            structured.iter().map(|found| (found.start, found.end)).collect();
        taken.sort_unstable();
        let mut found = spans.finish();
        found.retain(|found| found.confidence >= least && wants(found.kind));
        found.into_iter().filter_map(|found| cut(text, found, &taken)).collect()
    }
}

/// A finding without what has a structure of its own: an address ends where a telephone number begins.
fn cut(text: &str, found: Candidate, taken: &[(usize, usize)]) -> Option<Candidate> {
    let next = taken.partition_point(|(start, _)| *start < found.start);
    let before = next.checked_sub(1).and_then(|at| taken.get(at)).map_or(0, |(_, end)| *end);
    let start = found.start.max(before);
    let end = taken.get(next).map_or(found.end, |(start, _)| found.end.min(*start));
    if (start, end) == (found.start, found.end) {
        return Some(found);
    }
    let edge = |c: char| !c.is_alphanumeric();
    let left = text.get(start..end)?;
    let end = start + left.trim_end_matches(edge).len();
    let start = start + left.len() - left.trim_start_matches(edge).len();
    let left = text.get(start..end)?;
    let told = left.contains(char::is_alphabetic)
        && (found.kind == PiiType::PersonName || left.contains(char::is_numeric));
    told.then_some(Candidate { start, end, ..found })
}
