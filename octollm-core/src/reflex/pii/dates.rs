//! Dates. A date is personal where the words around it say that somebody was born; everywhere else it is recognised only
//! so that nothing takes it for another number.

use super::checks;
use super::context::Topic;
use super::kinds::PiiType;
use super::numbers::{Gap, Group};
use super::scan::{Scan, Token};

/// Beginnings of the names of months in German, French, Spanish, Italian, Portuguese, Dutch, Polish, the Scandinavian
/// languages and Russian, as far as they are not the English ones; in lower case, four letters at most.
const OTHER_MONTHS: &[&str] = &[
    "mär", "jän", "mai", "okt", "dez", "fév", "avr", "juin", "juil", "aoû", "aou", "déc", "ene", "abr",
    "ago", "dic", "gen", "mag", "giu", "lug", "set", "ott", "fev", "out", "maa", "mrt", "mei", "maj", "sty",
    "lut", "kwi", "cze", "lip", "sie", "wrz", "paź", "lis", "gru", "янв", "фев", "мар", "апр", "мая", "июн",
    "июл", "авг", "сен", "окт", "ноя", "дек",
];

/// Characters of the longest name of a month.
const LONGEST_MONTH: usize = 12;

/// What stands between a day and a month, and between a month and a year; the longest first where one begins another.
const AFTER_DAY: &[&str] = &[
    "st of ", "nd of ", "rd of ", "th of ", " of ", " de ", ". ", ".", "st ", "nd ", "rd ", "th ", "er ",
    " ", "-", "/",
];
const AFTER_MONTH: &[&str] = &[" de ", " del ", " of ", ", ", ". ", " ", "-", "/"];

/// Whether these letters begin the English name of a month.
fn begins_a_month(letters: [u8; 3]) -> bool {
    matches!(
        &letters.map(|letter| letter.to_ascii_lowercase()),
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
    )
}

impl Scan<'_> {
    /// A date in digits: `1985-03-12`, `12.3.1985`, `3/12/85`; or the day before a month's name.
    pub(super) fn date(&mut self, groups: &[Group]) -> Option<usize> {
        let first = groups.first()?;
        let written = match first.len() {
            1 | 2 => self.date_after_day(first.end),
            4 => self.date_after_year(first.end),
            _ => None,
        };
        if let Some(end) = written {
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

    /// `12th March 1985`: where the year ends, if the day is this token.
    pub(super) fn ordinal_date(&mut self, day: Token) -> Option<usize> {
        if !matches!(day.digits, 1 | 2)
            || day.len() != day.digits + 2
            || !self.byte(day.start)?.is_ascii_digit()
        {
            return None;
        }
        let end = self.date_after_day(day.start + day.digits)?;
        self.birth(day.start, end).then_some(end)
    }

    /// `12 March 1985`, `12. März 1985`, `12 de marzo de 1985`: where the year ends, if the day ends here.
    fn date_after_day(&self, day: usize) -> Option<usize> {
        let month = self.skip(day, AFTER_DAY)?;
        let month_end = self.month(month)?;
        let year = self.skip(month_end, AFTER_MONTH)?;
        self.year(year).or_else(|| self.short_year(year))
    }

    /// `1985年3月12日`, `1985년 3월 12일`: where it ends, if the year ends here.
    fn date_after_year(&self, year: usize) -> Option<usize> {
        let mut at = year;
        for (unit, digits) in [("年년", 2), ("月월", 2)] {
            let sign = self.text.get(at..)?.chars().next().filter(|sign| unit.contains(*sign))?;
            at += sign.len_utf8();
            at += usize::from(self.byte(at) == Some(b' '));
            let width = self.slice(at, at + digits).iter().take_while(|byte| byte.is_ascii_digit()).count();
            at += if width > 0 { width } else { return None };
        }
        let sign = self.text.get(at..)?.chars().next().filter(|sign| "日일号".contains(*sign))?;
        Some(at + sign.len_utf8())
    }

    /// Where the name of a month ends that begins here.
    fn month(&self, at: usize) -> Option<usize> {
        let word = self.text.get(at..)?.chars().take(LONGEST_MONTH).take_while(|c| c.is_alphabetic());
        let mut begin = ['\0'; 4];
        for (slot, c) in begin.iter_mut().zip(word.clone()) {
            *slot = c.to_lowercase().next().unwrap_or(c);
        }
        let begins = |month: &&str| month.chars().zip(begin).all(|(letter, found)| letter == found);
        let known = self.begins_english_month(at) || OTHER_MONTHS.iter().any(begins);
        known.then(|| at + word.map(char::len_utf8).sum::<usize>())
    }

    /// `March 12, 1985`: where the year ends, if a date of birth begins with this word.
    pub(super) fn month_first_date(&mut self, month: Token) -> Option<usize> {
        if !self.wants(PiiType::DateOfBirth) || !self.is_month(month) {
            return None;
        }
        let day = Token::read(self.bytes, self.skip(month.end, &[". ", " "])?);
        let ordinal = matches!(self.slice(day.end.saturating_sub(2), day.end), b"st" | b"nd" | b"rd" | b"th");
        if !(1..=2).contains(&day.digits) || day.len() != day.digits + 2 * usize::from(ordinal) {
            return None;
        }
        let end = self.year(self.skip(day.end, &[", ", " ", ","])?)?;
        self.birth(month.start, end).then_some(end)
    }

    fn year(&self, at: usize) -> Option<usize> {
        let year = Token::read(self.bytes, at);
        let is_year = year.digits == 4 && year.len() == 4 && matches!(self.slice(at, at + 2), b"19" | b"20");
        is_year.then_some(year.end)
    }

    /// `-85`: two digits that are no more than that.
    fn short_year(&self, at: usize) -> Option<usize> {
        let year = Token::read(self.bytes, at);
        let joined = matches!(self.byte_before(at), Some(b'-' | b'/'));
        (joined && year.digits == 2 && year.len() == 2).then_some(year.end)
    }

    fn skip(&self, at: usize, fillers: &[&str]) -> Option<usize> {
        let rest = self.slice(at, at + 6);
        fillers.iter().find(|filler| rest.starts_with(filler.as_bytes())).map(|filler| at + filler.len())
    }

    fn is_month(&self, token: Token) -> bool {
        if token.digits > 0 || !(3..=10).contains(&token.len()) {
            return false;
        }
        self.begins_english_month(token.start)
    }

    fn begins_english_month(&self, at: usize) -> bool {
        let letters = self.bytes.get(at..).and_then(|rest| rest.first_chunk::<3>());
        letters.is_some_and(|letters| begins_a_month(*letters))
    }
}
