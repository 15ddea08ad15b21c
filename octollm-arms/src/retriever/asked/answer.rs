//! An answer in a model's words, with its quotes looked up.

use std::ops::Range;

use octollm_core::Fault;
use octollm_core::model::CallContext;
use octollm_core::model::prompts::Values;
use octollm_core::model::structured::Shape;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Reader, question, shown};
use crate::retriever::check::Said;
use crate::retriever::cite::{self, Cited};
use crate::retriever::request::Check;
use crate::retriever::search::Found;

/// Passages that an answer is made from.
const MOST: usize = 8;
/// Bytes of each.
const MOST_BYTES: usize = 2_000;
/// Sentences that are taken from a model which was told to say six.
const MOST_SENTENCES: usize = 12;
/// Characters of a sentence.
const LONGEST: usize = 600;

/// What a model answers.
#[derive(Debug, Deserialize, JsonSchema)]
struct Answer {
    /// None where the passages do not answer.
    sentences: Vec<Sentence>,
}

/// A sentence, and what it rests on.
#[derive(Debug, Deserialize, JsonSchema)]
struct Sentence {
    text: String,
    /// The number of the passage, from 1.
    passage: usize,
    /// The words in it that say so, word for word.
    quote: String,
}

impl Reader {
    /// The sentences that a model answers with, none where it finds no answer; or why there are none to be had. Their citations
    /// are checked, also against the files if `files` may be read. That none of them holds is a reason, too.
    pub(in crate::retriever) async fn answer(
        &self,
        query: &str,
        found: &[Found],
        files: bool,
        context: CallContext,
    ) -> Result<Vec<Cited>, String> {
        let read: Vec<Found> = found.iter().take(MOST).cloned().collect();
        let passages = shown(read.iter().map(|one| &one.chunk), MOST_BYTES);
        let values = Values::new().words("passages", passages).words("question", question(query));
        let count = read.len();
        let shape =
            Shape::of::<Answer>("answer").map(|shape| shape.checked(move |answer| faults(answer, count)));
        let expert = self.expert(context);
        let Answer { sentences } = expert.ask(&expert.prompts.answer, &values, shape).await?;
        // Files are looked into.
        let checking = tokio::task::spawn_blocking(move || checked(sentences, &read, files));
        let cited = checking.await.map_err(|_| "the check of its citations broke off".to_owned())?;
        match cited.iter().any(|one| one.citation.check == Check::Verified) || cited.is_empty() {
            true => Ok(cited),
            false => Err("nothing that it said has a quote that holds".to_owned()),
        }
    }
}

fn checked(sentences: Vec<Sentence>, read: &[Found], files: bool) -> Vec<Cited> {
    let sentences = sentences.into_iter().zip(1..);
    sentences.filter_map(|(sentence, index)| sentence.cited(index, read, files)).collect()
}

impl Sentence {
    /// With the place of its quote: in the passage that it names, or else in another that was shown.
    fn cited(self, index: u32, read: &[Found], files: bool) -> Option<Cited> {
        let said = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let named = read.get(self.passage.checked_sub(1)?)?;
        let place = |one: &Found| place(&self.quote, &one.chunk.content);
        let (found, range) = match std::iter::once(named).chain(read).find(|one| place(one).is_some()) {
            Some(found) => (found, place(found)),
            None => (named, None),
        };
        let backed = Said::InOwnWords(&said);
        let citation = match range {
            Some(range) => cite::checked(index, &found.chunk, range, backed, files)?,
            None => cite::absent(index, found, self.quote),
        };
        Some(Cited { said, citation })
    }
}

/// Where a quotation stands in a text, but for white space: a model may have joined lines.
fn place(quote: &str, text: &str) -> Option<Range<usize>> {
    let wanted: Vec<char> = quote.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect();
    let mut there: Vec<(char, usize)> = Vec::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match (c.is_whitespace(), there.last()) {
            (true, Some((' ', _)) | None) => {}
            (true, _) => there.push((' ', at)),
            (false, _) => there.push((c, at)),
        }
    }
    if wanted.iter().filter(|c| c.is_alphanumeric()).count() < 2 {
        return None;
    }
    let found = there.windows(wanted.len()).find(|window| window.iter().map(|(c, _)| c).eq(&wanted))?;
    let ((_, start), (last, end)) = (found.first()?, found.last()?);
    Some(*start..end + last.len_utf8())
}

fn faults(answer: &Value, count: usize) -> Vec<Fault> {
    let sentences = answer.get("sentences").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut faults = Vec::new();
    if sentences.len() > MOST_SENTENCES {
        faults.push(Fault::new("/sentences", format!("must not have more than {MOST_SENTENCES} sentences")));
    }
    for (at, sentence) in sentences.iter().enumerate() {
        let text = sentence.get("text").and_then(Value::as_str).unwrap_or_default();
        if text.trim().is_empty() || text.chars().count() > LONGEST {
            faults.push(Fault::new(
                format!("/sentences/{at}/text"),
                format!("must have 1 to {LONGEST} characters that are not all white space"),
            ));
        }
        if !sentence
            .get("passage")
            .and_then(Value::as_u64)
            .is_some_and(|number| (1..=count as u64).contains(&number))
        {
            faults.push(Fault::new(format!("/sentences/{at}/passage"), format!("must be 1 to {count}")));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_found_over_line_ends_and_nowhere_else() {
        let text = "The lamp burns\n  whale oil – größer.\tIt is lit.";
        let found = |quote: &str| place(quote, text).map(|range| &text[range]);
        assert_eq!(found("burns whale oil"), Some("burns\n  whale oil"));
        assert_eq!(found(" größer. It  is lit. "), Some("größer.\tIt is lit."));
        assert_eq!(found("burns gas"), None);
        assert_eq!(found("."), None);
        assert_eq!(found(""), None);
        assert_eq!(place("lamp", ""), None);
    }
}
