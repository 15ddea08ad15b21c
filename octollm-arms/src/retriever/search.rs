//! Finds chunks: by words, by vectors, or by both.

use std::collections::{HashMap, HashSet};

use octollm_core::memory::{Chunk, KeywordQuery, VectorQuery};
use octollm_core::{Error, ErrorKind, Result};

use super::fuse::fuse;
use super::index::Index;
use super::request::{Method, SearchRequest};
use super::words;

/// Chunks that each way of searching looks for at least, so that the fusion has something to weigh.
const DEPTH: usize = 50;

/// A hybrid search takes what only the vectors know from this cosine up. Below, the built-in embedder finds letters in
/// common, not matter; and what is found by words as well needs no threshold.
const LEAST_COSINE: f32 = 0.2;

/// A chunk with its score.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) chunk: Chunk,
    pub(super) score: f32,
}

/// Everything that was found, best first, and how.
pub(super) struct Findings {
    pub(super) found: Vec<Found>,
    pub(super) method: Method,
}

/// Searches as the request says; `limit` is left to the caller.
///
/// # Errors
/// `conflict` if vectors are asked for and they are another embedder's; `storage`; what the embedder says.
pub(super) async fn search(index: &Index, request: &SearchRequest) -> Result<Findings> {
    let depth = DEPTH.max(request.limit as usize * 3);
    let has_vectors = request.method == Method::Keyword || index.has_vectors(&request.collection).await?;
    let (mut found, method) = match request.method {
        Method::Keyword => (keyword(index, request, depth).await?, Method::Keyword),
        Method::Vector if !has_vectors => (no_vectors(index, request).await?, Method::Vector),
        Method::Vector => (vector(index, request, depth).await?, Method::Vector),
        // Words alone still answer; the next ingest brings the vectors back.
        Method::Hybrid | Method::Sql | Method::Web | Method::Pages if !has_vectors => {
            (words_alone(index, request, depth).await?, Method::Keyword)
        }
        // The others are not for the index.
        Method::Hybrid | Method::Sql | Method::Web | Method::Pages => {
            (hybrid(index, request, depth).await?, Method::Hybrid)
        }
    };
    // A threshold is meant for the method that was asked for; BM25 has another measure.
    if method == request.method {
        found.retain(|one| request.min_score.is_none_or(|least| one.score >= least));
    }
    Ok(Findings { found: distinct(found), method })
}

async fn keyword(index: &Index, request: &SearchRequest, limit: usize) -> Result<Vec<Found>> {
    let query = KeywordQuery { text: words::telling(&request.query), limit, filter: request.filter() };
    let hits = index.documents.search(&request.collection, query).await?;
    Ok(hits.into_iter().map(|hit| Found { chunk: hit.chunk, score: hit.score }).collect())
}

/// Ids and cosines of the nearest chunks.
async fn nearest(index: &Index, request: &SearchRequest, limit: usize) -> Result<Vec<(String, f32)>> {
    let embedded = index.embedder.embed(&[&request.query]).await?;
    let Some(vector) = embedded.into_iter().next() else { return Ok(Vec::new()) };
    let query = VectorQuery { vector, limit, filter: request.filter(), min_score: None };
    let hits = index.vectors.search(&request.collection, query).await?;
    Ok(hits.into_iter().map(|hit| (hit.id, hit.score)).collect())
}

async fn vector(index: &Index, request: &SearchRequest, limit: usize) -> Result<Vec<Found>> {
    let nearest = nearest(index, request, limit).await?;
    load(index, &request.collection, nearest, HashMap::new()).await
}

async fn hybrid(index: &Index, request: &SearchRequest, limit: usize) -> Result<Vec<Found>> {
    let (by_words, nearest) =
        futures_util::future::try_join(keyword(index, request, limit), nearest(index, request, limit))
            .await?;
    let words: Vec<String> = by_words.iter().map(|one| one.chunk.id.clone()).collect();
    let known: HashMap<String, Chunk> =
        by_words.into_iter().map(|one| (one.chunk.id.clone(), one.chunk)).collect();
    let near = nearest.into_iter().filter(|(id, cosine)| *cosine >= LEAST_COSINE || known.contains_key(id));
    let near: Vec<String> = near.map(|(id, _)| id).collect();
    load(index, &request.collection, fuse(&[words, near]), known).await
}

/// The chunks of these ids in this order; ids that no chunk has any more are left out.
async fn load(
    index: &Index,
    collection: &str,
    scores: Vec<(String, f32)>,
    mut known: HashMap<String, Chunk>,
) -> Result<Vec<Found>> {
    let wanted: Vec<String> =
        scores.iter().map(|(id, _)| id).filter(|id| !known.contains_key(*id)).cloned().collect();
    if !wanted.is_empty() {
        let chunks = index.documents.chunks(collection, &wanted).await?;
        known.extend(chunks.into_iter().map(|chunk| (chunk.id.clone(), chunk)));
    }
    let found = scores.into_iter().filter_map(|(id, score)| Some(Found { chunk: known.remove(&id)?, score }));
    Ok(found.collect())
}

/// A hybrid search where there are no vectors of this embedder.
async fn words_alone(index: &Index, request: &SearchRequest, limit: usize) -> Result<Vec<Found>> {
    if let Some(found) = index.vectors.spec(&request.collection).await? {
        tracing::warn!(
            collection = request.collection,
            indexed_with = found.embedder,
            embedder = index.embedder.id(),
            "the index was made with another embedder: only words are searched until it is indexed again"
        );
    }
    keyword(index, request, limit).await
}

async fn no_vectors(index: &Index, request: &SearchRequest) -> Result<Vec<Found>> {
    if index.vectors.spec(&request.collection).await?.is_none() {
        return Ok(Vec::new());
    }
    Err(Error::new(ErrorKind::Conflict, "the collection's vectors are another embedder's")
        .with_context("collection", request.collection.clone())
        .with_context("embedder", index.embedder.id().to_owned())
        .with_hint(
            "index the documents again, which embeds them with this embedder, or search with `keyword`",
        ))
}

/// Leaves out what says nothing new: the same text in another file, and lines that a better chunk of the same file
/// already holds.
fn distinct(found: Vec<Found>) -> Vec<Found> {
    let mut texts = HashSet::new();
    let mut ranges: HashMap<String, Vec<(u32, u32)>> = HashMap::new();
    let mut kept = Vec::new();
    for one in found {
        let chunk = &one.chunk;
        let held = ranges.entry(chunk.source.clone()).or_default();
        let lines = (chunk.start_line, chunk.end_line);
        let inside =
            held.iter().any(|(start, end)| *start <= lines.0 && lines.1 <= *end && lines.0 < lines.1);
        if inside || !texts.insert(chunk.content.trim().to_owned()) {
            continue;
        }
        held.push(lines);
        kept.push(one);
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn found(source: &str, content: &str, lines: (u32, u32)) -> Found {
        let id = format!("{source}{lines:?}{content}");
        let chunk = Chunk {
            id,
            source: source.to_owned(),
            content: content.to_owned(),
            start_line: lines.0,
            end_line: lines.1,
            metadata: Map::new(),
        };
        Found { chunk, score: 1.0 }
    }

    #[test]
    fn copies_and_covered_lines_are_left_out() {
        let kept = distinct(vec![
            found("a.md", "one", (1, 9)),
            found("copy.md", "one\n", (4, 4)),
            found("a.md", "part", (3, 5)),
            found("a.md", "next", (9, 12)),
            found("a.md", "piece 1 of a long line", (20, 20)),
            found("a.md", "piece 2 of a long line", (20, 20)),
        ]);
        let lines: Vec<_> = kept.iter().map(|one| one.chunk.start_line).collect();
        assert_eq!(lines, [1, 9, 20, 20]);
    }
}
