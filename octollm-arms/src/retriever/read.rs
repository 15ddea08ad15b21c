//! Pages that are named in a question: read for it, and not kept.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use octollm_core::memory::Chunk;
use octollm_core::{Error, ErrorKind, Result};

use super::ingest::chunks_of;
use super::request::SearchRequest;
use super::search::Found;
use super::words;
use crate::pages::ReadPages;

/// Pages that are asked for at once.
const AT_ONCE: usize = 4;

/// What the pages say that the request names, best first, and which of them were not read.
///
/// # Errors
/// Those of the first page if none could be read.
pub(super) async fn search(
    pages: &Arc<dyn ReadPages>,
    request: &SearchRequest,
) -> Result<(Vec<Found>, Vec<String>)> {
    let mut urls: Vec<String> = request.urls.iter().map(|url| url.trim().to_owned()).collect();
    let mut seen = HashSet::new();
    urls.retain(|url| seen.insert(url.clone()));
    let read = stream::iter(urls).map(|url| {
        let pages = Arc::clone(pages);
        async move { (read(&*pages, &url).await, url) }
    });
    let (mut chunks, mut notes, mut failed) = (Vec::new(), Vec::new(), None);
    for (outcome, url) in read.buffered(AT_ONCE).collect::<Vec<_>>().await {
        match outcome {
            Ok(of_page) => chunks.extend(of_page),
            Err(error) => {
                notes.push(format!("{url} was not read: {error}"));
                failed.get_or_insert(error);
            }
        }
    }
    match failed {
        Some(error) if chunks.is_empty() => Err(error),
        _ => Ok((ranked(&request.query, chunks, request.min_score), notes)),
    }
}

async fn read(pages: &dyn ReadPages, url: &str) -> Result<Vec<Chunk>> {
    let page = pages.read(url).await?;
    let reading = tokio::task::spawn_blocking(move || chunks_of(page)).await;
    let read = reading
        .map_err(|cause| Error::new(ErrorKind::Internal, "reading a page broke off").with_source(cause))?;
    read.map_err(|reason| Error::new(ErrorKind::InvalidInput, format!("the page {reason}")))
}

/// The chunks by the part of the question's words that they have, where a word weighs more the fewer of them have it.
/// What has none comes last, in the order of the text.
fn ranked(query: &str, chunks: Vec<Chunk>, least: Option<f32>) -> Vec<Found> {
    let wanted = words::query_stems(query);
    let stems = |chunk: &Chunk| -> HashSet<String> {
        let heading = chunk.metadata.get("heading").and_then(|heading| heading.as_str());
        words::stems(heading.unwrap_or_default()).into_iter().chain(words::stems(&chunk.content)).collect()
    };
    let held: Vec<_> = chunks.iter().map(stems).collect();
    let rarity = |stem: &String| {
        let holders = held.iter().filter(|stems| stems.contains(stem)).count();
        (1.0 + held.len() as f32 / (holders as f32 + 1.0)).ln()
    };
    let weights: Vec<f32> = wanted.iter().map(rarity).collect();
    let total = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let score = |stems: &HashSet<String>| {
        let held = wanted.iter().zip(&weights).filter(|(stem, _)| stems.contains(*stem));
        held.map(|(_, weight)| weight).sum::<f32>() / total
    };
    let scores: Vec<f32> = held.iter().map(score).collect();
    let found = chunks.into_iter().zip(scores).map(|(chunk, score)| Found { chunk, score });
    let mut found: Vec<_> = found.filter(|one| least.is_none_or(|least| one.score >= least)).collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found
}
