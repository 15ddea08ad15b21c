//! Documents put together of texts that are there: harmless ones, and ones in which an injection stands.
//!
//! Without them nothing long would be harmless but a few sources, and an order would hardly ever stand among other words.

use std::ops::Range;

use crate::data::{Labelled, OWN, OWN_DOCUMENTS, PLANTED, is_held_back};

/// Harmless documents that are put together.
const DOCUMENTS: usize = 1000;
/// Those that are put together of lines that are hard to tell.
const HARD: usize = 800;
/// Harmless texts that say the same again and again.
const REPEATED: usize = 400;
/// Documents into which each order is planted that is only one within a document.
const CARRIERS: usize = 3;
/// Sources that are prose, in which nobody asks an assistant for anything.
const PROSE: [&str; 2] = [OWN_DOCUMENTS, "bipia_ctx_train"];
/// Bytes up to which an injection is put into documents.
const SHORT: usize = 300;

/// The orders of our own that are only ones within a document, each in some. What is held back is put into documents that are.
pub(crate) fn planted(orders: &[Labelled], rows: &[Labelled]) -> Vec<Labelled> {
    let carriers =
        |held| Picker::of(rows, move |row| row.source == OWN_DOCUMENTS && is_held_back(row) == held);
    let mut carriers = [carriers(false), carriers(true)];
    let of = |(at, order): (usize, &Labelled)| {
        let carrier = &mut carriers[usize::from(is_held_back(order))];
        let (text, place) = plant(&carrier.join(1 + at % 2), &order.text, at / 3);
        Labelled { text, source: PLANTED.to_owned(), order: Some(place), ..order.clone() }
    };
    orders.iter().flat_map(|order| [order; CARRIERS]).enumerate().map(of).collect()
}

/// Documents of rows.
pub(crate) fn of(rows: &[Labelled]) -> Vec<Labelled> {
    let is_prose = |row: &Labelled| PROSE.contains(&row.source.as_str());
    let (mut any, mut prose) = (Picker::of(rows, |_| true), Picker::of(rows, is_prose));
    let mut own = Picker::of(rows, |row| row.source == OWN);
    let injections = rows.iter().filter(|row| row.is_injection && row.source != PLANTED);
    let injections = injections.filter(|row| row.text.len() < SHORT);
    let mut texts: Vec<(String, Option<Range<usize>>)> =
        (0..DOCUMENTS).map(|at| (any.join(3 + at % 9), None)).collect();
    texts.extend((0..DOCUMENTS).map(|at| (prose.join(1 + at % 5), None)));
    texts.extend((0..HARD).map(|at| (format!("{}\n{}", any.join(at % 3), own.join(2 + at % 7)), None)));
    texts.extend((0..REPEATED).map(|at| (again(any.next(), 2 + at % 60), None)));
    texts.extend((0..REPEATED).map(|at| (again(own.next(), 2 + at % 20), None)));
    texts.extend(injections.enumerate().map(|(at, injection)| {
        let carrier = if at % 4 == 0 { any.join(1 + at % 7) } else { prose.join(1 + at % 3) };
        let (text, order) = plant(&carrier, &injection.text, at);
        (text, Some(order))
    }));
    let labelled = |(group, (text, order)): (usize, (String, Option<Range<usize>>))| Labelled {
        text,
        is_injection: order.is_some(),
        source: "documents".to_owned(),
        group,
        order,
    };
    texts.into_iter().enumerate().map(labelled).collect()
}

/// A document with an order at its end, its head, or between two of its sentences; and where.
fn plant(document: &str, order: &str, nth: usize) -> (String, Range<usize>) {
    let gap = if nth.is_multiple_of(2) { "\n" } else { " " };
    let ends: Vec<usize> = document.match_indices(['\n', '.']).map(|(at, _)| at + 1).collect();
    let at = match ends.get(nth * 31 % ends.len().max(1)) {
        _ if nth.is_multiple_of(5) => 0,
        Some(end) if nth % 5 < 3 => *end,
        _ => document.len(),
    };
    let (before, after) = document.split_at(at);
    let before = if before.is_empty() { String::new() } else { format!("{before}{gap}") };
    let text = format!("{before}{order}{gap}{}", after.trim_start());
    (text, before.len()..before.len() + order.len())
}

/// The first words of a text, so many times.
fn again(text: &str, times: usize) -> String {
    let few: Vec<&str> = text.split_whitespace().take(3 + times % 7).collect();
    format!("{} ", few.join(" ")).repeat(times)
}

/// Walks over the harmless texts among rows with a stride that has no common factor with their count: over all of them, far from
/// their neighbours.
struct Picker<'a> {
    texts: Vec<&'a str>,
    at: usize,
}

impl<'a> Picker<'a> {
    fn of(rows: &'a [Labelled], is_wanted: impl Fn(&Labelled) -> bool) -> Self {
        let rows = rows.iter().filter(|row| !row.is_injection && is_wanted(row));
        Self { texts: rows.map(|row| row.text.as_str()).collect(), at: 0 }
    }

    fn next(&mut self) -> &'a str {
        self.at += 7919;
        self.texts.get(self.at % self.texts.len().max(1)).copied().unwrap_or_default()
    }

    fn join(&mut self, count: usize) -> String {
        (0..count).map(|_| self.next()).collect::<Vec<_>>().join("\n")
    }
}
