//! Cuts what is too long for one chunk: between lines first, inside a line only where the line alone is too long.

use super::{MOST, Piece, TARGET, length};
use crate::retriever::extract::Line;

/// Characters that two neighbours share at most.
const OVERLAP: usize = 200;

/// Pieces that cover all of `lines`, each at most [`MOST`] characters. With `overlap`, a piece begins with the last
/// line or sentence of the one before, if that is short.
pub(super) fn split(lines: &[Line<'_>], overlap: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut end = 0;
    while let Some(line) = lines.get(end) {
        if line.text.chars().count() > MOST {
            pieces.extend(lines.get(start..end).and_then(|run| Piece::of(run, None)));
            pieces.extend(parts_of(line, overlap));
            end += 1;
            start = end;
        } else if end > start && length(lines.get(start..=end).unwrap_or_default()) > TARGET {
            pieces.extend(lines.get(start..end).and_then(|run| Piece::of(run, None)));
            start = if overlap { begin_of_next(lines, start, end) } else { end };
            end = end.max(start + 1);
        } else {
            end += 1;
        }
    }
    pieces.extend(lines.get(start..end).and_then(|run| Piece::of(run, None)));
    pieces
}

/// The line before `end`, if it may be repeated: short, not blank, not all there was, and the next line still fits.
fn begin_of_next(lines: &[Line<'_>], start: usize, end: usize) -> usize {
    let before = end.saturating_sub(1);
    let short = lines.get(before).is_some_and(|line| {
        let chars = line.text.chars().count();
        chars <= OVERLAP && !line.text.trim().is_empty()
    });
    let fits = lines.get(before..=end).is_some_and(|run| length(run) <= TARGET);
    if before > start && short && fits { before } else { end }
}

/// The parts of one line that is too long.
fn parts_of(line: &Line<'_>, overlap: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = line.text;
    loop {
        let cut = cut_in(rest);
        let (part, after) = rest.split_at(cut);
        let part_line = Line { number: line.number, text: part.trim_end() };
        pieces.extend(Piece::of(&[part_line], None));
        if after.trim().is_empty() {
            return pieces;
        }
        let shared = if overlap { last_sentence(part) } else { "" };
        // `shared` is a proper suffix of `part`, so that every turn leaves less than the one before.
        let next = cut - shared.len();
        rest = rest.get(next..).unwrap_or(after).trim_start();
    }
}

/// Where to cut `text`: all of it if it is short enough, else after a sentence, else after a word, else anywhere.
fn cut_in(text: &str) -> usize {
    let byte_of = |chars: usize| text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
    let limit = byte_of(TARGET);
    if byte_of(MOST) == text.len() {
        return text.len();
    }
    let least = byte_of(TARGET / 2);
    let window = text.get(least..limit).unwrap_or_default();
    let sentence = window.rfind(['.', '!', '?']).and_then(|at| {
        let after = at + 1;
        window.get(after..)?.starts_with(char::is_whitespace).then_some(least + after)
    });
    let word = || window.rfind(char::is_whitespace).map(|at| least + at);
    sentence.or_else(word).filter(|cut| *cut > 0).unwrap_or(limit)
}

/// The last sentence of `part` where it is short and not all of it, else nothing.
fn last_sentence(part: &str) -> &str {
    let body = part.trim_end().trim_end_matches(['.', '!', '?']);
    let Some(at) = [". ", "! ", "? "].into_iter().filter_map(|end| body.rfind(end)).max() else { return "" };
    let sentence = part.get(at + 2..).unwrap_or_default();
    if sentence.chars().count() <= OVERLAP { sentence } else { "" }
}
