//! Dates. A date is personal where the words around it say that somebody was born; everywhere else it is recognised only
//! so that nothing takes it for another number.

use super::checks;
use super::context::Topic;
use super::kinds::PiiType;
use super::numbers::{Gap, Group};
use super::scan::{Scan, Token};

/// The first three letters of month names in English, German, Spanish and Italian, in lower case.
fn begins_a_month(letters: [u8; 3]) -> bool {
    matches!(
        &letters,
        b"jan"
            | b"feb"
            | b"mar"
            | b"apr"
            | b"may"
            | b"jun"
            | b"jul"
            | b"aug"
            | b"sep"
            | b"oct"
            | b"nov"
            | b"dec"
    ) || matches!(
        &letters,
        b"mai"
            | b"dez"
            | b"okt"
            | b"ene"
            | b"abr"
            | b"ago"
            | b"dic"
            | b"gen"
            | b"mag"
            | b"giu"
            | b"lug"
            | b"set"
            | b"ott"
    )
}

impl Scan<'_> {
    /// A date in digits: `1985-03-12`, `12.3.1985`, `3/12/85`; or the day before a month's name.
    pub(super) fn date(&mut self, groups: &[Group]) -> Option<usize> {
        let first = groups.first()?;
        if let Some(end) = self.day_first_date(first) {
            return self.birth(first.start, end).then_some(1);
        }
        if first.len() == 8 && self.compact_date(first) {
            return self.birth(first.start, first.end).then_some(1);
        }
        let [_, middle, last, ..] = groups else { return None };
        if middle.gap != last.gap || !matches!(middle.gap, Gap::Dash | Gap::Slash | Gap::Dot) {
            return None;
        }
        let [a, b, c] = [first, middle, last].map(|group| self.value(group));
        let lengths = [first.len(), middle.len(), last.len()];
        let full = match lengths {
            [4, 1..=2, 1..=2] => checks::is_date(a, b, c) || checks::is_date(a, c, b),
            [1..=2, 1..=2, 4] => checks::is_date(c, b, a) || checks::is_date(c, a, b),
            [1..=2, 1..=2, 2] => checks::is_date(1900 + c, b, a) || checks::is_date(1900 + c, a, b),
            _ => false,
        };
        let continues = groups.get(3).is_some_and(|next| next.gap == middle.gap);
        if !full || continues {
            return None;
        }
        let born = self.birth(first.start, last.end);
        (born || lengths.iter().sum::<usize>() > 5 && lengths.contains(&4)).then_some(3)
    }

    fn value(&self, group: &Group) -> u32 {
        std::str::from_utf8(self.slice(group.start, group.end))
            .ok()
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(0)
    }

    /// `19850312`
    fn compact_date(&self, group: &Group) -> bool {
        let part =
            |from, to| self.value(&Group { start: group.start + from, end: group.start + to, ..*group });
        checks::is_date(part(0, 4), part(4, 6), part(6, 8))
            || checks::is_date(part(4, 8), part(2, 4), part(0, 2))
    }

    fn birth(&mut self, start: usize, end: usize) -> bool {
        self.wants(PiiType::DateOfBirth)
            && self.context(start, end).says(Topic::Birth)
            && self.offer(PiiType::DateOfBirth, start, end, 0.0, 0.9)
    }

    /// `12 March 1985`, `12th of March, 1985`: where the year ends, if the day is this group.
    fn day_first_date(&self, day: &Group) -> Option<usize> {
        if day.len() > 2 {
            return None;
        }
        let at = self.skip(day.end, &[b". ", b".", b" ", b"-"])?;
        let month = Token::read(self.bytes, at);
        self.is_month(month).then_some(())?;
        self.year(self.skip(month.end, &[b", ", b". ", b" ", b"-"])?)
    }

    /// `March 12, 1985`: where the year ends, if a date of birth begins with this word.
    pub(super) fn month_first_date(&mut self, month: Token) -> Option<usize> {
        if !self.wants(PiiType::DateOfBirth) || !self.is_month(month) {
            return None;
        }
        let day = Token::read(self.bytes, self.skip(month.end, &[b". ", b" "])?);
        let ordinal = matches!(self.slice(day.end.saturating_sub(2), day.end), b"st" | b"nd" | b"rd" | b"th");
        if !(1..=2).contains(&day.digits) || day.len() != day.digits + 2 * usize::from(ordinal) {
            return None;
        }
        let end = self.year(self.skip(day.end, &[b", ", b" ", b","])?)?;
        self.birth(month.start, end).then_some(end)
    }

    fn year(&self, at: usize) -> Option<usize> {
        let year = Token::read(self.bytes, at);
        let is_year = year.digits == 4 && year.len() == 4 && matches!(self.slice(at, at + 2), b"19" | b"20");
        is_year.then_some(year.end)
    }

    fn skip(&self, at: usize, fillers: &[&[u8]]) -> Option<usize> {
        let rest = self.slice(at, at + 4);
        fillers.iter().find(|filler| rest.starts_with(filler)).map(|filler| at + filler.len())
    }

    fn is_month(&self, token: Token) -> bool {
        if token.digits > 0 || !(3..=10).contains(&token.len()) {
            return false;
        }
        let letters = self.bytes.get(token.start..).and_then(|rest| rest.first_chunk::<3>());
        letters.is_some_and(|letters| begins_a_month(letters.map(|letter| letter.to_ascii_lowercase())))
    }
}
