//! Numbers of documents that check nothing: passports, driver's licences, medical records. Only the words before one tell what
//! it is.

use super::context::Topic;
use super::kinds::PiiType;
use super::scan::{Scan, Token};

/// Digits of the shortest number.
const FEWEST_DIGITS: usize = 5;
/// Letters and digits of the longest number.
const MOST: usize = 16;
/// Capitals of the longest part that stands before a number: `MRN-123456`.
const MOST_CAPITALS: usize = 4;

/// A number as it is written.
struct Written {
    start: usize,
    end: usize,
    digits: usize,
    letters: usize,
}

impl Scan<'_> {
    /// Takes the letters and digits in this place, and the parts that dashes join to them, if the words before name a document.
    /// Answers where it ends.
    pub(super) fn document(&mut self, start: usize, end: usize) -> Option<usize> {
        let (whole, part) = (self.written_with_dashes(start, end)?, self.written(start, end));
        let context = self.context(start, end);
        if context.says(Topic::Passport) && part.digits + part.letters == 9 && part.letters <= 1 {
            let british = part.letters == 0 && context.mentions(Topic::British);
            let kind = if british { PiiType::UkPassport } else { PiiType::UsPassport };
            return self.offer(kind, start, end, 0.0, 0.85).then_some(end);
        }
        let kind = if context.says(Topic::Medical) {
            PiiType::MedicalRecord
        } else if context.says(Topic::License) && whole.digits > FEWEST_DIGITS {
            PiiType::UsDriverLicense
        } else {
            return None;
        };
        self.offer(kind, whole.start, whole.end, 0.0, 0.8).then_some(whole.end)
    }

    /// The number that this is, or begins, if it can be one of a document. A part in the middle begins none: of `1-1-1-1` every
    /// digit would be read a dozen times.
    fn written_with_dashes(&self, start: usize, end: usize) -> Option<Written> {
        let mut to = end;
        let is_middle =
            matches!(self.slice(start.saturating_sub(2), start), [before, b'-'] if before.is_ascii_digit());
        while !is_middle && to - start <= MOST && self.byte(to) == Some(b'-') {
            let next = Token::read(self.bytes, to + 1);
            if next.digits == 0 || next.digits + next.upper < next.len() {
                break;
            }
            to = next.end;
        }
        let number = self.written(start - self.capitals_before(start), to);
        (number.digits >= FEWEST_DIGITS && number.digits + number.letters <= MOST).then_some(number)
    }

    /// Bytes of the capitals and the dash right before a number.
    fn capitals_before(&self, start: usize) -> usize {
        if self.byte_before(start) != Some(b'-') {
            return 0;
        }
        let before = self.slice(start.saturating_sub(MOST_CAPITALS + 2), start - 1);
        let capitals = before.iter().rev().take_while(|byte| byte.is_ascii_uppercase()).count();
        let glued = before.iter().rev().nth(capitals).is_some_and(u8::is_ascii_alphanumeric);
        if (1..=MOST_CAPITALS).contains(&capitals) && !glued { capitals + 1 } else { 0 }
    }

    fn written(&self, start: usize, end: usize) -> Written {
        let text = self.slice(start, end);
        let count = |test: fn(&u8) -> bool| text.iter().filter(|byte| test(byte)).count();
        Written { start, end, digits: count(u8::is_ascii_digit), letters: count(u8::is_ascii_alphabetic) }
    }
}
