//! A provider's answer as passages.

use std::collections::HashSet;

use octollm_core::memory::Chunk;
use octollm_core::{Error, ErrorKind, Result};
use reqwest::Url;
use serde_json::{Map, Value};

use super::providers::Provider;
use crate::retriever::cite::WEB;
use crate::retriever::extract;
use crate::retriever::fuse::fuse;
use crate::retriever::search::Found;

/// Characters of a title and of a passage that are kept.
const MOST_TITLE: usize = 300;
const MOST_TEXT: usize = 8_000;

/// Reads an answer.
///
/// # Errors
/// `arm_failed` if it is not the provider's format.
pub(super) fn read(provider: &Provider, body: &[u8], limit: usize) -> Result<Vec<Found>> {
    let malformed = |what: &'static str| {
        Error::new(
            ErrorKind::ArmFailed,
            "the provider of web searches answered in another format than its own",
        )
        .with_context("provider", provider.name)
        .with_context("what", what)
        .with_hint("check WEB_SEARCH_URL and WEB_SEARCH_PROVIDER: they may not belong together")
    };
    let document: Value = serde_json::from_slice(body).map_err(|_| malformed("no JSON"))?;
    let object = document.as_object().ok_or_else(|| malformed("no JSON object"))?;
    let results = match document.pointer(provider.results) {
        Some(Value::Array(results)) => results,
        // Providers leave the list out where nothing was found, but an object of another kind is no answer.
        None if !object.contains_key("error") && !object.is_empty() => return Ok(Vec::new()),
        _ => return Err(malformed("no list of results")),
    };
    let mut seen = HashSet::new();
    let read = results.iter().filter_map(|result| passage(provider, result));
    let chunks: Vec<_> = read.filter(|chunk| seen.insert(chunk.id.clone())).take(limit).collect();
    if chunks.is_empty() && !results.is_empty() {
        return Err(malformed("results without title, address and words"));
    }
    Ok(ranked(chunks))
}

fn ranked(chunks: Vec<Chunk>) -> Vec<Found> {
    let scores = fuse(&[chunks.iter().map(|chunk| chunk.id.clone()).collect()]);
    chunks.into_iter().zip(scores).map(|(chunk, (_, score))| Found { chunk, score }).collect()
}

/// A result as a passage of the page that it names; nothing where it names none.
fn passage(provider: &Provider, result: &Value) -> Option<Chunk> {
    let [title, url, words] = provider.fields.map(|name| result.get(name).and_then(Value::as_str));
    let url: Url = url?.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"))?;
    let title: String = seen(title.unwrap_or_default()).chars().take(MOST_TITLE).collect();
    let words: String = seen(words.unwrap_or_default()).chars().take(MOST_TEXT).collect();
    let content = if words.is_empty() { title.clone() } else { words };
    if content.is_empty() {
        return None;
    }
    let mut metadata = Map::from_iter([
        ("kind".to_owned(), WEB.into()),
        ("source".to_owned(), url.as_str().into()),
        ("provider".to_owned(), provider.name.into()),
    ]);
    if !title.is_empty() {
        metadata.insert("heading".to_owned(), title.into());
    }
    Some(Chunk {
        id: url.to_string(),
        source: url.into(),
        start_line: 1,
        end_line: u32::try_from(content.lines().count().max(1)).unwrap_or(u32::MAX),
        content,
        metadata,
    })
}

/// What a reader sees of words that may have markup in them (`<strong>`, `&amp;`), line by line.
fn seen(text: &str) -> String {
    if !text.contains(['<', '&']) {
        return text.trim().to_owned();
    }
    extract::html(text).text.trim().to_owned()
}
