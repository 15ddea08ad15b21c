//! Sources as passages, and which of them are nearest to a statement.
//!
//! The nearest are found by the embedder's vectors. The one that is built in compares words and parts of words, which suits
//! what is looked for: names, numbers and terms that a statement and its source have in common.

use std::collections::BTreeSet;
use std::sync::Arc;

use octollm_core::memory::{Embedder, HashedEmbedder};

use super::claims::Statement;
use crate::judge::request::TrustedSource;
use crate::sentences::sentence_ranges;

/// Bytes that a passage has, roughly.
const USUAL: usize = 600;
/// Passages that are nearest to a statement and shown for it.
const NEAREST: usize = 3;
/// So few passages are all shown.
const FEW: usize = 12;
/// Bytes of sources that an embedder other than the built-in one is given: it may take 30 ms for a passage.
const MOST_EMBEDDED: usize = 64 << 10;

/// A part of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passage {
    /// Which source, by its place in the request.
    pub(super) source: usize,
    pub(super) text: String,
}

/// The sources as passages, each of whole sentences.
pub(super) fn passages(sources: &[TrustedSource]) -> Vec<Passage> {
    let cut = |(source, text): (usize, &TrustedSource)| {
        let texts = cut(text.content()).into_iter();
        texts.map(move |text| Passage { source, text: text.to_owned() }).collect::<Vec<_>>()
    };
    sources.iter().enumerate().flat_map(cut).collect()
}

fn cut(text: &str) -> Vec<&str> {
    let (mut found, mut start, mut end) = (Vec::new(), 0, 0);
    for range in sentence_ranges(text) {
        // A sentence without an end is cut where it must be, for it may be a table or a listing of any length.
        for piece in pieces(text, range) {
            if piece.end - start > USUAL && end > start {
                found.push(text[start..end].trim());
                start = piece.start;
            }
            end = piece.end;
        }
    }
    found.push(text[start..end].trim());
    found.retain(|passage| !passage.is_empty());
    found
}

/// A range in pieces of about a passage's length, cut at line ends or between words.
fn pieces(text: &str, range: std::ops::Range<usize>) -> Vec<std::ops::Range<usize>> {
    let (mut pieces, mut start) = (Vec::new(), range.start);
    while range.end - start > USUAL {
        let mut most = start + USUAL;
        while !text.is_char_boundary(most) {
            most -= 1;
        }
        let window = &text[start..most];
        let cut = window.rfind('\n').or_else(|| window.rfind(' ')).filter(|cut| *cut > USUAL / 2);
        let end = cut.map_or(most, |cut| start + cut + 1);
        pieces.push(start..end);
        start = end;
    }
    pieces.push(start..range.end);
    pieces
}

/// The passages that each of these statements is to be held against, by their places in `passages`.
pub(super) async fn nearest(
    embedder: &Arc<dyn Embedder>,
    passages: &[Passage],
    statements: &[Statement],
) -> Vec<Vec<usize>> {
    let first = || vec![(0..passages.len().min(FEW)).collect(); statements.len()];
    if passages.len() <= FEW {
        return first();
    }
    let bytes: usize = passages.iter().map(|passage| passage.text.len()).sum();
    let there: Vec<&str> = passages.iter().map(|passage| passage.text.as_str()).collect();
    let wanted: Vec<&str> = statements.iter().map(|statement| statement.text.as_str()).collect();
    let embedder: Arc<dyn Embedder> =
        if bytes <= MOST_EMBEDDED { embedder.clone() } else { Arc::new(HashedEmbedder) };
    let vectors = match vectors(&*embedder, &there, &wanted).await {
        Ok(vectors) => Ok(vectors),
        Err(error) => {
            tracing::warn!(%error, "the embedder failed; passages are compared by their words");
            vectors_by_words(&there, &wanted).await
        }
    };
    let Ok((there, wanted)) = vectors else { return first() };
    wanted.iter().map(|wanted| best(wanted, &there)).collect()
}

/// Those of some statements together, in the order of the sources.
pub(super) fn together<'a>(near: &[Vec<usize>], passages: &'a [Passage]) -> Vec<&'a Passage> {
    let places: BTreeSet<usize> = near.iter().flatten().copied().collect();
    places.into_iter().filter_map(|at| passages.get(at)).collect()
}

type Vectors = (Vec<Vec<f32>>, Vec<Vec<f32>>);

async fn vectors(embedder: &dyn Embedder, there: &[&str], wanted: &[&str]) -> octollm_core::Result<Vectors> {
    Ok((embedder.embed(there).await?, embedder.embed(wanted).await?))
}

async fn vectors_by_words(there: &[&str], wanted: &[&str]) -> octollm_core::Result<Vectors> {
    vectors(&HashedEmbedder, there, wanted).await
}

fn best(wanted: &[f32], there: &[Vec<f32>]) -> Vec<usize> {
    let score = |vector: &Vec<f32>| vector.iter().zip(wanted).map(|(a, b)| a * b).sum::<f32>();
    let mut scored: Vec<(f32, usize)> = there.iter().map(score).zip(0..).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(NEAREST).map(|(_, at)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_cut_between_sentences_and_nothing_is_lost() {
        let sentence = "The keeper lights the lamp at dusk and writes it down. ";
        let source = TrustedSource::Text(format!("{}\n\n{}", sentence.repeat(30), "x".repeat(2_000)));
        let sources = [source.clone()];
        let passages = passages(&sources);
        assert!(passages.iter().all(|passage| passage.text.len() <= USUAL), "{passages:?}");
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        let together: String = passages.iter().map(|passage| bare(&passage.text)).collect();
        assert_eq!(together, bare(source.content()));
        assert!(passages[0].text.ends_with("down."));
    }

    #[tokio::test]
    async fn the_passage_that_speaks_of_it_is_among_the_nearest() {
        let texts = (0..40).map(|number| {
            format!("Lamp number {number} stands on rock {number} and was built by crew {number} of the coast guard.")
        });
        let sources = texts
            .map(TrustedSource::Text)
            .chain([TrustedSource::Text("The fog bell of Skerryvore weighs two tonnes.".to_owned())]);
        let sources: Vec<_> = sources.collect();
        let passages = passages(&sources);
        let statement = Statement {
            text: "Skerryvore's fog bell weighs three tonnes".to_owned(),
            place: crate::judge::response::JudgeLocation::default(),
        };
        let embedder: Arc<dyn Embedder> = Arc::new(HashedEmbedder);
        let near = nearest(&embedder, &passages, &[statement]).await;
        assert!(near[0].contains(&40) && near[0].len() <= NEAREST, "{near:?}");
        assert_eq!(together(&[vec![40, 3], vec![3]], &passages), [&passages[3], &passages[40]]);
    }
}
