//! From what was found to what is answered: results, sentences, and where each of them stands.

use std::ops::Range;

use octollm_core::memory::Chunk;
use serde_json::{Map, Value};

use super::check::{self, Said};
use super::extract::Kind;
use super::request::{Check, Citation, SearchResult};
use super::search::Found;
use super::synthesis::{self, Passage};

/// Chunks that an answer is taken from, more than are shown: the best sentence need not be in the best chunk.
const PASSAGES: usize = 30;
/// The label that keeps the number of each line, where the lines of a chunk do not follow each other.
pub(super) const LINES: &str = "lines";

/// The kind of what a provider of web searches shows of a page.
pub(super) const WEB: &str = "web";

/// Whether it is of a page, or of what a provider shows of one.
pub(super) fn is_on_the_web(chunk: &Chunk) -> bool {
    is_address(&chunk.source) || chunk.metadata.get("kind").and_then(Value::as_str) == Some(WEB)
}

/// Whether this is the address of a page: a place in it is the page.
pub(super) fn is_address(source: &str) -> bool {
    source.starts_with("https://") || source.starts_with("http://")
}

/// The label of a chunk that begins inside a fenced listing.
pub(super) const IN_LISTING: &str = "in_listing";

/// A sentence of the answer with its place.
pub(super) struct Cited {
    /// The words as they are read.
    pub(super) said: String,
    /// Where they stand.
    pub(super) citation: Citation,
}

/// The sentences that answer the query, numbered from 1; none if nothing does. Their citations are checked, also against the
/// files if `files` may be read.
pub(super) fn answer(query: &str, found: &[Found], files: bool) -> Vec<Cited> {
    let passages: Vec<Passage<'_>> = found.iter().take(PASSAGES).enumerate().map(passage).collect();
    let sentences = synthesis::answer(query, &passages).into_iter().zip(1..);
    sentences
        .filter_map(|(sentence, index)| {
            let chunk = &found.get(sentence.passage)?.chunk;
            let citation = checked(index, chunk, sentence.range, Said::Quoted(&sentence.said), files)?;
            Some(Cited { said: sentence.said, citation })
        })
        .collect()
}

fn passage((rank, found): (usize, &Found)) -> Passage<'_> {
    let labels = &found.chunk.metadata;
    Passage {
        content: &found.chunk.content,
        heading: labels.get("heading").and_then(Value::as_str),
        kind: kind(labels),
        in_listing: labels.contains_key(IN_LISTING),
        rank,
    }
}

pub(super) fn kind(labels: &Map<String, Value>) -> Kind {
    Kind::named(labels.get("kind").and_then(Value::as_str).unwrap_or_default())
}

/// The sentences in one text, each with its number in brackets if citations are wanted, and a question mark if the citation
/// did not hold.
pub(super) fn synthesis(answer: &[Cited], marked: bool) -> Option<String> {
    let said = answer.iter().map(|one| match marked {
        true if one.citation.check != Check::Verified => format!("{} [{}?]", one.said, one.citation.index),
        true => format!("{} [{}]", one.said, one.citation.index),
        false => one.said.clone(),
    });
    let text = said.collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// A chunk as a result: its labels, and where it stands.
pub(super) fn result(found: &Found, rank: u32) -> SearchResult {
    let Found { chunk, score } = found;
    let mut metadata = chunk.metadata.clone();
    metadata.remove(LINES);
    metadata.remove(IN_LISTING);
    metadata.insert("start_line".to_owned(), chunk.start_line.into());
    metadata.insert("end_line".to_owned(), chunk.end_line.into());
    metadata.insert("locator".to_owned(), place(chunk, chunk.start_line, chunk.end_line).into());
    SearchResult {
        content: chunk.content.clone(),
        source: chunk.source.clone(),
        score: *score,
        rank,
        metadata,
    }
}

/// A checked citation of a whole chunk; its quote is the chunk's first line.
pub(super) fn whole(found: &Found, index: u32, files: bool) -> Citation {
    let citation = whole_of(&found.chunk, index);
    Citation { check: check::check(&found.chunk, &citation, None, files), ..citation }
}

pub(super) fn whole_of(chunk: &Chunk, index: u32) -> Citation {
    let quote = chunk.content.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Citation {
        index,
        source: chunk.source.clone(),
        start_line: chunk.start_line,
        end_line: chunk.end_line,
        locator: place(chunk, chunk.start_line, chunk.end_line),
        quote: quote.to_owned(),
        check: Check::default(),
    }
}

/// A citation of these bytes of a chunk.
fn citation(index: u32, chunk: &Chunk, range: Range<usize>) -> Option<Citation> {
    let before = chunk.content.get(..range.start)?.matches('\n').count();
    let quote = chunk.content.get(range)?;
    let start_line = number(chunk, before);
    let end_line = number(chunk, before + quote.matches('\n').count());
    let locator = place(chunk, start_line, end_line);
    Some(Citation {
        index,
        source: chunk.source.clone(),
        start_line,
        end_line,
        locator,
        quote: quote.to_owned(),
        check: Check::default(),
    })
}

/// A citation of these bytes of a chunk that backs what is said, looked up.
pub(super) fn checked(
    index: u32,
    chunk: &Chunk,
    range: Range<usize>,
    said: Said<'_>,
    files: bool,
) -> Option<Citation> {
    let citation = citation(index, chunk, range)?;
    Some(Citation { check: check::check(chunk, &citation, Some(said), files), ..citation })
}

/// A citation of what the chunk does not have.
pub(super) fn absent(index: u32, found: &Found, quote: String) -> Citation {
    Citation { quote, check: Check::Absent, ..whole_of(&found.chunk, index) }
}

/// The number of a chunk's line, by its place in the chunk from 0.
pub(super) fn number(chunk: &Chunk, at: usize) -> u32 {
    let given = chunk.metadata.get(LINES).and_then(|lines| lines.get(at)).and_then(Value::as_u64);
    let given = given.and_then(|number| u32::try_from(number).ok());
    given.unwrap_or_else(|| chunk.start_line.saturating_add(u32::try_from(at).unwrap_or(u32::MAX)))
}

/// `path:line`, `path:start-end`, or `path#page=3` where lines are pages; of a page on the web, its address.
fn place(chunk: &Chunk, start: u32, end: u32) -> String {
    let source = &chunk.source;
    match (kind(&chunk.metadata), start == end) {
        (Kind::Pdf, _) => format!("{source}#page={start}"),
        _ if is_address(source) => source.clone(),
        (_, true) => format!("{source}:{start}"),
        (_, false) => format!("{source}:{start}-{end}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chunk(kind: &str, lines: Option<Value>) -> Chunk {
        let mut metadata = Map::from_iter([("kind".to_owned(), json!(kind))]);
        metadata.extend(lines.map(|lines| (LINES.to_owned(), lines)));
        Chunk {
            id: "1".to_owned(),
            source: "docs/a".to_owned(),
            content: "one\ntwo\nthree".to_owned(),
            start_line: 12,
            end_line: 20,
            metadata,
        }
    }

    #[test]
    fn a_locator_can_be_opened() {
        let locators = |chunk: &Chunk| {
            [citation(1, chunk, 0..3), citation(2, chunk, 1..7)].map(|one| one.unwrap().locator)
        };
        assert_eq!(locators(&chunk("markdown", None)), ["docs/a:12", "docs/a:12-13"]);
        assert_eq!(locators(&chunk("html", Some(json!([12, 17, 20])))), ["docs/a:12", "docs/a:12-17"]);
        assert_eq!(locators(&chunk("pdf", Some(json!([3, 3, 4])))), ["docs/a#page=3", "docs/a#page=3"]);
    }

    #[test]
    fn a_quote_is_what_stands_there() {
        let chunk = chunk("text", None);
        assert_eq!(citation(1, &chunk, 4..13).unwrap().quote, "two\nthree");
        assert_eq!(citation(1, &chunk, 4..99), None);
        let found = Found { chunk, score: 0.5 };
        assert_eq!(whole(&found, 1, false).locator, "docs/a:12-20");
        assert_eq!(whole(&found, 1, false).quote, "one");
    }
}
