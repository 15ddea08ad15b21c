//! Whether a citation holds: the quote stands where it is said to stand, now as well, and the words that it backs are its
//! own.
//!
//! What does not hold is answered all the same, marked, and counted: a reader who is told is better off than one who is
//! shown less. The check begins at the citation and looks the place up anew, so that it finds the faults of whoever made it,
//! be that this code or a model.

use std::collections::HashSet;
use std::path::Path;

use octollm_core::memory::Chunk;

use super::cite;
use super::extract::{self, Kind};
use super::request::{Check, Citation};
use super::words;

/// Bytes of a file that is looked into.
const MOST_BYTES: u64 = 10 << 20;
/// The part of a claim's words that its quote must have. The rest may be of the column's or the section's name.
const LEAST_SHARED: f32 = 0.6;

/// The part of a claim's telling words that its quote, or the heading above it, must have where they are not the quote's own.
const LEAST_COMMON: f32 = 0.5;

/// What a quote is to back.
pub(super) enum Said<'a> {
    /// The quote itself, as it is read.
    Quoted(&'a str),
    /// What somebody made of it.
    InOwnWords(&'a str),
}

/// Looks up a citation of `chunk` that backs `said`; also in the file as it is now, if `files` may be read.
pub(super) fn check(chunk: &Chunk, citation: &Citation, said: Option<Said<'_>>, files: bool) -> Check {
    if !stands(chunk, citation) {
        return Check::Absent;
    }
    let backed = match said {
        None => true,
        Some(Said::Quoted(said)) => backs(&citation.quote, said),
        Some(Said::InOwnWords(said)) => supports(chunk, &citation.quote, said),
    };
    if !backed {
        return Check::Unrelated;
    }
    if files && is_verbatim(chunk) && !stands_in_file(citation) {
        return Check::Changed;
    }
    Check::Verified
}

/// Whether what was read has the quote in these lines.
fn stands(chunk: &Chunk, citation: &Citation) -> bool {
    let cited = citation.start_line..=citation.end_line;
    let lines = chunk.content.split('\n').enumerate();
    let lines = lines.filter(|(at, _)| cited.contains(&cite::number(chunk, *at))).map(|(_, line)| line);
    has(lines, &citation.quote)
}

fn has<'a>(lines: impl Iterator<Item = &'a str>, quote: &str) -> bool {
    let lines: Vec<&str> = lines.map(|line| line.trim_end_matches('\r')).collect();
    !quote.trim().is_empty() && lines.join("\n").contains(&quote.replace("\r\n", "\n"))
}

/// Whether the words that are said are the quote's.
fn backs(quote: &str, said: &str) -> bool {
    let there: HashSet<String> = words::words(quote).into_iter().collect();
    let said = words::words(said);
    let shared = said.iter().filter(|word| there.contains(*word)).count();
    shared as f32 >= LEAST_SHARED * said.len() as f32
}

/// Whether what is said in other words can rest on the quote: it shares half of its telling words, and every number.
/// That it follows from it is for a reader to see; that it has nothing to do with it, or counts otherwise, is seen here.
fn supports(chunk: &Chunk, quote: &str, said: &str) -> bool {
    let heading = chunk.metadata.get("heading").and_then(|heading| heading.as_str()).unwrap_or_default();
    let (quoted, above) = (words::stems(quote), words::stems(heading));
    let said = words::query_stems(said);
    let is_there =
        |word: &String| quoted.iter().chain(&above).any(|there| words::likeness(word, there) > 0.0);
    let is_number = |word: &&String| word.starts_with(|c: char| c.is_numeric());
    let shared = said.iter().filter(|word| is_there(word)).count();
    shared as f32 >= LEAST_COMMON * said.len() as f32
        && said.iter().filter(is_number).all(|number| quoted.contains(number) || above.contains(number))
}

/// Whether the lines of the passage are those of a file, as they stand in it.
fn is_verbatim(chunk: &Chunk) -> bool {
    matches!(cite::kind(&chunk.metadata), Kind::Text | Kind::Markdown | Kind::Code)
        && chunk.metadata.contains_key("kind")
        && !cite::is_on_the_web(chunk)
}

fn stands_in_file(citation: &Citation) -> bool {
    let path = Path::new(&citation.source);
    // A pipe would be waited for.
    if !path.is_file() {
        return false;
    }
    let Ok(Some(bytes)) = extract::read_at_most(path, MOST_BYTES) else { return false };
    let Ok(text) = extract::decode(bytes) else { return false };
    let (first, last) = (citation.start_line as usize, citation.end_line as usize);
    has(text.lines().skip(first.saturating_sub(1)).take((last + 1).saturating_sub(first)), &citation.quote)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn chunk() -> Chunk {
        Chunk {
            id: "1".to_owned(),
            source: "no/such/file.md".to_owned(),
            content: "The lamp burns whale oil.\nIt is lit at dusk.\nThe tower is white.".to_owned(),
            start_line: 7,
            end_line: 9,
            metadata: Map::from_iter([("kind".to_owned(), json!("markdown"))]),
        }
    }

    fn citation(lines: (u32, u32), quote: &str) -> Citation {
        Citation {
            start_line: lines.0,
            end_line: lines.1,
            quote: quote.to_owned(),
            ..cite::whole_of(&chunk(), 1)
        }
    }

    #[test]
    fn a_quote_must_stand_in_its_lines() {
        let check = |lines, quote| check(&chunk(), &citation(lines, quote), None, false);
        assert_eq!(check((7, 7), "burns whale oil"), Check::Verified);
        assert_eq!(check((7, 8), "oil.\nIt is lit"), Check::Verified);
        for (lines, quote) in [
            ((8, 8), "burns whale oil"),
            ((7, 7), "burns gas"),
            ((7, 9), ""),
            ((70, 90), "It"),
            ((9, 7), "It"),
        ] {
            assert_eq!(check(lines, quote), Check::Absent, "{lines:?} {quote}");
        }
    }

    #[test]
    fn a_claim_must_be_in_the_words_of_its_quote() {
        let said = |said| {
            check(&chunk(), &citation((7, 7), "The lamp burns whale oil."), Some(Said::Quoted(said)), false)
        };
        assert_eq!(said("The lamp burns whale oil."), Check::Verified);
        assert_eq!(said("The *lamp* burns oil"), Check::Verified);
        assert_eq!(said("The keepers are relieved once a month."), Check::Unrelated);
    }

    #[test]
    fn a_claim_in_other_words_must_share_words_and_every_number() {
        let quote = "The lamp burns 12 litres of whale oil a night.";
        let chunk = Chunk {
            content: quote.to_owned(),
            metadata: Map::from_iter([("heading".to_owned(), json!("Lighthouse of 1852"))]),
            ..chunk()
        };
        let said = |said| {
            let citation =
                Citation { start_line: 7, end_line: 7, quote: quote.to_owned(), ..cite::whole_of(&chunk, 1) };
            check(&chunk, &citation, Some(Said::InOwnWords(said)), false)
        };
        assert_eq!(said("Each night, 12 litres of oil are burnt."), Check::Verified);
        assert_eq!(said("The lighthouse of 1852 burns whale oil."), Check::Verified);
        assert_eq!(said("The lamp burns 14 litres of whale oil a night."), Check::Unrelated);
        assert_eq!(said("The lamp burns 1 litre of whale oil a night."), Check::Unrelated);
        assert_eq!(said("Keepers are relieved every month, by boat, from the harbour."), Check::Unrelated);
    }

    #[test]
    fn a_file_that_is_gone_or_other_than_it_was_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.md");
        let looked_up = |text: Option<&str>| {
            match text {
                Some(text) => std::fs::write(&file, text).unwrap(),
                None => std::fs::remove_file(&file).unwrap(),
            }
            let source = file.display().to_string();
            let citation = Citation { source, ..citation((8, 8), "It is lit at dusk.") };
            check(&chunk(), &citation, None, true)
        };
        let before = "\n".repeat(7);
        assert_eq!(looked_up(Some(&format!("{before}It is lit at dusk.\r\n"))), Check::Verified);
        assert_eq!(looked_up(Some(&format!("\n{before}It is lit at dusk.\n"))), Check::Changed);
        assert_eq!(looked_up(Some("")), Check::Changed);
        assert_eq!(looked_up(None), Check::Changed);
    }
}
