//! Numbers: a chain of digit groups (`4111 1111 1111 1111`, `123-45-6789`) is read once, then each group is tried as the
//! beginning of an identifier, the most telling formats first.

use super::checks;
use super::context::Topic;
use super::kinds::PiiType;
use super::phone;
use super::scan::{Scan, Token};

/// Groups of one chain; a longer one is read in parts.
const MAX_GROUPS: usize = 64;
/// Digits of the longest number that is looked for.
const MAX_DIGITS: usize = 20;
/// Digits that are no decimals and no thousands.
const FIELD: usize = 9;
/// Confidence of telephone numbers that look like a count as well.
const COUNTABLE: f32 = 0.5;
/// Bytes between two groups of one number.
const MAX_GAP: usize = 3;

/// A run of digits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where the number ends if this is its last group: behind an extension (`x12`).
    pub(super) tail: usize,
    /// What stands between the group before and this one.
    pub(super) gap: Gap,
}

/// What stands between two groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// Nothing: the first group.
    First,
    Space,
    Dash,
    Dot,
    Slash,
    /// A closing parenthesis, and what follows it.
    Closing,
    /// Anything else: ` - `, ` (`.
    Mixed,
}

impl Gap {
    /// The gap that these bytes are, if they link two groups.
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            b" " => Some(Self::Space),
            b"-" => Some(Self::Dash),
            b"." => Some(Self::Dot),
            b"/" => Some(Self::Slash),
            [b')', rest @ ..] if rest.iter().all(|byte| b" -./".contains(byte)) => Some(Self::Closing),
            // From one to another: `2021-10-01..2021-12-31`.
            [.., b'.', b'.'] | [b'.', b'.', ..] => None,
            [_, ..] if bytes.len() <= MAX_GAP && bytes.iter().all(|byte| b" -./()".contains(byte)) => {
                Some(Self::Mixed)
            }
            _ => None,
        }
    }
}

impl Group {
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }
}

/// The digits of some groups, side by side.
#[derive(Debug, Default)]
pub(super) struct Digits {
    bytes: [u8; MAX_DIGITS],
    len: usize,
}

impl Digits {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn extend(&mut self, digits: &[u8]) -> Option<()> {
        self.bytes.get_mut(self.len..self.len + digits.len())?.copy_from_slice(digits);
        self.len += digits.len();
        Some(())
    }
}

/// A number that was recognised: how many groups it takes.
type Used = Option<usize>;

impl Scan<'_> {
    /// Reads the chain of groups that begins here and looks for numbers in it. Answers where it ends.
    pub(super) fn numbers(&mut self, start: usize) -> usize {
        let mut groups = std::mem::take(&mut self.groups);
        groups.clear();
        let end = self.read_chain(start, &mut groups);
        let (mut rest, mut skipped) = (groups.as_slice(), false);
        while !rest.is_empty() {
            let used = self.number(rest, skipped);
            skipped = used.is_none();
            rest = rest.get(used.unwrap_or(1)..).unwrap_or_default();
        }
        self.groups = groups;
        end
    }

    fn read_chain(&self, start: usize, groups: &mut Vec<Group>) -> usize {
        let (mut at, mut gap, mut end) = (start, Gap::First, start);
        while groups.len() < MAX_GROUPS {
            let token = Token::read(self.bytes, at);
            let digits_end = if token.digits == token.len() {
                Some(token.end)
            } else {
                self.extension(token).or_else(|| self.day_before_time(token).filter(|_| groups.len() == 2))
            };
            let Some(digits_end) = digits_end.filter(|_| self.uuid(token).is_none()) else { break };
            groups.push(Group { start: at, end: digits_end, tail: self.tail(digits_end), gap });
            end = token.end;
            if digits_end != token.end {
                break;
            }
            let width =
                self.slice(end, end + MAX_GAP + 1).iter().take_while(|byte| !byte.is_ascii_digit()).count();
            let Some(link) = Gap::of(self.slice(end, end + width)) else { break };
            (at, gap) = (end + width, link);
            if !self.byte(at).is_some_and(|byte| byte.is_ascii_digit()) {
                break;
            }
        }
        end
    }

    /// Where the digits of `2136x739` or `2136ext.739` end.
    pub(super) fn extension(&self, token: Token) -> Option<usize> {
        let digits =
            self.slice(token.start, token.end).iter().take_while(|byte| byte.is_ascii_digit()).count();
        let end = token.start + digits;
        ((3..=10).contains(&digits) && digits < token.len() && self.tail(end) >= token.end).then_some(end)
    }

    /// Where the day of `1985-03-12T00:00` ends, if this is the token of the day.
    fn day_before_time(&self, token: Token) -> Option<usize> {
        let is_day = matches!(self.slice(token.start, token.end), [a, b, b'T', ..]
            if a.is_ascii_digit() && b.is_ascii_digit());
        is_day.then_some(token.start + 2)
    }

    /// The end of a number together with a written-out extension: ` ext. 12`, ` x 12`, `x12`.
    fn tail(&self, end: usize) -> usize {
        let rest = self.slice(end, end + 20);
        let word = rest.strip_prefix(b" ").or_else(|| rest.strip_prefix(b", ")).unwrap_or(rest);
        let extension = [&b"ext. "[..], b"ext.", b"ext ", b"ext", b"x ", b"x", b"extension "]
            .iter()
            .filter(|name| word.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name)))
            .find_map(|name| {
                word.get(name.len()..).filter(|rest| rest.first().is_some_and(u8::is_ascii_digit))
            });
        let Some(extension) = extension else { return end };
        let digits = extension.iter().take_while(|byte| byte.is_ascii_digit()).count();
        end + rest.len() - extension.len() + digits.min(6)
    }

    /// The digits of the first `count` groups.
    pub(super) fn digits(&self, groups: &[Group], count: usize) -> Option<Digits> {
        let mut digits = Digits::default();
        for group in groups.get(..count)? {
            digits.extend(self.slice(group.start, group.end))?;
        }
        Some(digits)
    }

    /// The number that begins with these groups; `skipped` says that the group before them belongs to none.
    fn number(&mut self, groups: &[Group], skipped: bool) -> Used {
        if self.is_amount(groups) || are_decimals(groups) {
            return None;
        }
        self.ip_v4(groups)
            .or_else(|| self.card(groups))
            .or_else(|| self.fr_nir(groups))
            .or_else(|| self.date(groups))
            .or_else(|| self.international_phone(groups, skipped))
            .or_else(|| self.ssn(groups, skipped))
            .or_else(|| self.nhs(groups))
            .or_else(|| self.spanish(groups))
            .or_else(|| self.bare(groups))
            .or_else(|| if self.is_rest(groups, skipped) { None } else { self.phone(groups) })
            .or_else(|| self.numbered_document(groups))
    }

    /// Whether what stands before makes it an amount or a fraction: `$`, `1,234`. A long number or several groups behind a comma
    /// are the next field of a table: `17,4111111111111111`.
    fn is_amount(&mut self, groups: &[Group]) -> bool {
        let [first, more @ ..] = groups else { return false };
        match self.byte_before(first.start) {
            Some(b',') => {
                let digit_before = first.start.checked_sub(2).and_then(|at| self.byte(at));
                digit_before.is_some_and(|byte| byte.is_ascii_digit())
                    && more.is_empty()
                    && first.len() < FIELD
                    && !self.begins_field(first.start)
            }
            Some(b'$') => true,
            _ => false,
        }
    }

    fn card(&mut self, groups: &[Group]) -> Used {
        let first = groups.first()?;
        let gap = groups.get(1).map_or(Gap::First, |group| group.gap);
        let dictated = self.begins_digit_by_digit(groups);
        let usual = matches!(gap, Gap::Space | Gap::Dash) || is_printed_as_card(groups);
        let most = if dictated { MAX_DIGITS } else { 7 };
        let (mut total, mut valid) = (0, None);
        for (at, group) in groups.iter().enumerate().take(most) {
            if at > 0 && (group.gap != gap || !usual) {
                break;
            }
            total += group.len();
            if (13..=19).contains(&total) && (at == 0 || (3..=7).contains(&group.len()) || at >= 3) {
                let digits = self.digits(groups, at + 1)?;
                if checks::card_network(digits.as_slice()) && checks::luhn(digits.as_slice()) {
                    valid = Some((at + 1, group.end, total));
                }
            }
            if total >= 19 {
                break;
            }
        }
        let (used, end, total) = valid?;
        let alone = match total {
            _ if used > 1 && (dictated || is_printed_as_card(groups)) => 0.95,
            // One in ten of all lists of numbers passes the check somewhere.
            _ if used > 1 => 0.0,
            // As long as hardly any card is, and as ids are.
            17 | 18 => 0.4,
            _ => 0.85,
        };
        self.offer(PiiType::CreditCard, first.start, end, alone, 0.99).then_some(used)
    }

    /// Whether the digits stand one by one from here on, and not already before: `4 5 3 9 ...`, as they are dictated.
    fn begins_digit_by_digit(&self, groups: &[Group]) -> bool {
        let first = groups.first().map_or(0, |group| group.start);
        let before = self.slice(first.saturating_sub(3), first);
        let continues = matches!(before, [rest @ .., digit, b' ' | b'-']
            if digit.is_ascii_digit() && !rest.last().is_some_and(u8::is_ascii_digit));
        !continues && groups.len() >= 13 && groups.iter().take(13).all(|group| group.len() == 1)
    }

    fn fr_nir(&mut self, groups: &[Group]) -> Used {
        let first = groups.first()?;
        let mut total = 0;
        for (at, group) in groups.iter().enumerate().take(7) {
            total += group.len();
            if at > 0 && group.gap != Gap::Space || total > 15 {
                return None;
            }
            if total == 15 {
                let digits = self.digits(groups, at + 1)?;
                let printed = matches!(lengths::<7>(groups), [15, ..] | [13, 2, ..] | [1, 2, 2, 2, 3, 3, 2]);
                let alone = if printed { 0.8 } else { 0.0 };
                return (checks::fr_nir(digits.as_slice())
                    && self.offer(PiiType::FrNir, first.start, group.end, alone, 0.98))
                .then_some(at + 1);
            }
        }
        None
    }

    /// Social security and taxpayer numbers: `123-45-6789`, `123 45 6789`.
    fn ssn(&mut self, groups: &[Group], skipped: bool) -> Used {
        let [first, middle, last, ..] = groups else { return None };
        let gap = middle.gap;
        if [first.len(), middle.len(), last.len()] != [3, 2, 4] || last.gap != gap {
            return None;
        }
        let alone = match gap {
            Gap::Dash => 0.85,
            // One of many numbers in a row.
            Gap::Space if skipped || groups.get(3).is_some_and(|next| next.gap == Gap::Space) => 0.0,
            Gap::Space => 0.6,
            Gap::Dot | Gap::Mixed => 0.4,
            _ => return None,
        };
        let digits = self.digits(groups, 3)?;
        let kind = if checks::us_ssn(digits.as_slice()) {
            PiiType::UsSsn
        } else if checks::us_itin(digits.as_slice()) {
            PiiType::UsItin
        } else {
            return None;
        };
        let continues = groups.get(3).is_some_and(|next| next.gap == gap && gap == Gap::Dash);
        let taken = !continues && self.offer(kind, first.start, last.end, alone, 0.98);
        taken.then_some(3)
    }

    fn nhs(&mut self, groups: &[Group]) -> Used {
        let used = match groups {
            [a, b, c, ..] if [a.len(), b.len(), c.len()] == [3, 3, 4] => 3,
            [only, ..] if only.len() == 10 => 1,
            _ => return None,
        };
        let digits = self.digits(groups, used)?;
        let (start, end) = (groups.first()?.start, groups.get(used - 1)?.end);
        (checks::uk_nhs(digits.as_slice()) && self.offer(PiiType::UkNhs, start, end, 0.3, 0.95))
            .then_some(used)
    }

    /// `12345678-Z`, `12.345.678-Z`: the letter of a DNI stands apart.
    fn spanish(&mut self, groups: &[Group]) -> Used {
        let (used, digits) = match groups {
            [only, ..] if only.len() == 8 => (1, self.digits(groups, 1)?),
            [a, b, c, ..] if [a.len(), b.len(), c.len()] == [2, 3, 3] => (3, self.digits(groups, 3)?),
            _ => return None,
        };
        let (start, end) = (groups.first()?.start, groups.get(used - 1)?.end);
        let [b'-' | b' ', letter @ b'A'..=b'Z'] = self.slice(end, end + 2) else { return None };
        if self.byte(end + 2).is_some_and(|next| next.is_ascii_alphanumeric()) {
            return None;
        }
        let mut nif = [*letter; 9];
        nif.get_mut(..8)?.copy_from_slice(digits.as_slice());
        (checks::es_nif(&nif) && self.offer(PiiType::EsNif, start, end + 2, 0.6, 0.97)).then_some(used)
    }

    /// Numbers in one group, whose check digits pass by chance too often to be believed without context.
    fn bare(&mut self, groups: &[Group]) -> Used {
        type Rule = (PiiType, fn(&[u8]) -> bool, f32);
        const RULES: &[Rule] = &[
            (PiiType::UsBankRouting, checks::us_routing, 0.95),
            (PiiType::NlBsn, checks::nl_bsn, 0.95),
            (PiiType::UsSsn, checks::us_ssn, 0.9),
            (PiiType::UsItin, checks::us_itin, 0.9),
            (PiiType::PlPesel, checks::pl_pesel, 0.97),
            (PiiType::DeTaxId, checks::de_tax_id, 0.95),
        ];
        let first = groups.first()?;
        let used = if first.len() < 9 { split_number(groups)? } else { 1 };
        let end = groups.get(used - 1)?.end;
        let digits = self.digits(groups, used)?;
        let taken = RULES.iter().any(|(kind, check, supported)| {
            check(digits.as_slice()) && self.offer(*kind, first.start, end, 0.0, *supported)
        });
        taken.then_some(used)
    }

    /// Whether the groups are the rest of something longer that is none of what is looked for: a mistyped IBAN, `DE89 3704 0044`.
    fn is_rest(&self, groups: &[Group], skipped: bool) -> bool {
        let start = groups.first().map_or(0, |group| group.start);
        let iban = matches!(self.slice(start.saturating_sub(5), start),
            [a, b, c, d, b' ' | b'-' | b'.'] if [a, b].iter().all(|byte| byte.is_ascii_uppercase())
                && [c, d].iter().all(|byte| byte.is_ascii_digit()));
        skipped && goes_on(groups) || iban && groups.len() > 2
    }

    fn international_phone(&mut self, groups: &[Group], skipped: bool) -> Used {
        let first = groups.first()?;
        let before = self.byte_before(first.start);
        let plus =
            before == Some(b'+') || before == Some(b'(') && self.byte_before(first.start - 1) == Some(b'+');
        let digits = self.slice(first.start, first.end);
        if !plus && !digits.starts_with(b"00") || plus && self.is_exponent(first.start - 1) {
            return None;
        }
        if !plus && groups.get(1).is_some_and(|next| self.slice(next.start, next.end).starts_with(b"00")) {
            return None;
        }
        if !plus && self.is_rest(groups, skipped) {
            return None;
        }
        let used = phone::international(groups, digits, plus)?;
        let lead = usize::from(plus) + usize::from(plus && before == Some(b'('));
        let end = groups.get(used - 1)?.tail;
        // With its sign it is one beside an order's number, too.
        let alone = if plus { 0.92 } else { 0.7 };
        self.offer(PiiType::Phone, first.start - lead, end, alone, 0.98).then_some(used)
    }

    /// Whether the sign here belongs to a number in scientific notation: `1.2345E+12345680`.
    fn is_exponent(&self, sign: usize) -> bool {
        matches!(self.slice(sign.saturating_sub(2), sign), [digit, b'e' | b'E'] if digit.is_ascii_digit() || *digit == b'.')
    }

    fn phone(&mut self, groups: &[Group]) -> Used {
        let first = groups.first()?;
        if groups.iter().take(phone::MAX_PARTS).map(Group::len).sum::<usize>() < phone::FEWEST {
            return None;
        }
        let opened = self.byte_before(first.start) == Some(b'(');
        // The beginning of what is as long as a card, and has no right check digit: `0123 4567 8901 2345`.
        if is_printed_as_card(groups) && groups.len() > 3 {
            return None;
        }
        // A list of codes: `080 087 078`.
        if groups.len() > 2 && groups.iter().take(3).all(|group| self.byte(group.start) == Some(b'0')) {
            return None;
        }
        let digits = self.digits(groups, groups.len().min(3)).or_else(|| self.digits(groups, 1))?;
        let shape = phone::national(groups, digits.as_slice(), opened)?;
        let start =
            first.start - usize::from(opened && groups.get(1).is_some_and(|next| next.gap == Gap::Closing));
        let end = groups.get(shape.used - 1)?.tail;
        let before = self.byte_before(start);
        let part_of_name = before.is_some_and(|byte| b"#$_/.".contains(&byte));
        let value = before == Some(b'=') && !self.context(start, end).says(Topic::Phone);
        if (part_of_name || value) && shape.alone < 0.7 || self.is_dumped(groups) {
            return None;
        }
        if shape.alone <= COUNTABLE
            && (self.are_years(groups) || self.context(start, end).mentions(Topic::Count))
        {
            return None;
        }
        self.offer(PiiType::Phone, start, end, shape.alone, shape.supported).then_some(shape.used)
    }

    /// Whether it is of pairs among more pairs of hexadecimal digits: `51 a5 28 6f  06 65 95 34 42 b3`.
    fn is_dumped(&self, groups: &[Group]) -> bool {
        let pairs = groups.iter().take_while(|group| group.len() == 2).take(5);
        let Some((first, last)) = groups.first().zip(pairs.clone().last()) else { return false };
        let pair = |word: Option<&[u8]>| {
            word.is_some_and(|word| word.len() == 2 && word.iter().all(u8::is_ascii_hexdigit))
        };
        let words = |from: usize, to: usize| {
            self.slice(from, to).split(|byte| *byte == b' ').filter(|word| !word.is_empty())
        };
        let mut before = words(first.start.saturating_sub(7), first.start).rev();
        let mut after = words(last.end, last.end + 7);
        // `de 14`, as words stand in prose, is no byte and another one.
        let is_byte =
            |word: &[u8]| word.iter().any(u8::is_ascii_digit) && word.iter().any(u8::is_ascii_alphabetic);
        let bytes = |words: [Option<&[u8]>; 2]| {
            words.iter().all(|word| pair(*word)) && words.iter().flatten().any(|word| is_byte(word))
        };
        pairs.count() == 5 && (bytes([before.next(), before.next()]) || bytes([after.next(), after.next()]))
    }

    /// `2019-2023`: from a year to a year.
    fn are_years(&self, groups: &[Group]) -> bool {
        let year = |group: &Group| {
            let digits = self.slice(group.start, group.end);
            digits.len() == 4 && (digits.starts_with(b"19") || digits.starts_with(b"20"))
        };
        matches!(groups, [from, to, ..] if year(from) && year(to))
    }

    /// Passports, driver's licences and medical records that are plain numbers: nothing but the words around tells.
    fn numbered_document(&mut self, groups: &[Group]) -> Used {
        let first = groups.first()?;
        let end = self.document(first.start, first.end)?;
        Some(groups.iter().take_while(|group| group.end <= end).count())
    }
}

/// Whether the groups are joined among themselves as the first is to the group before it: the rest of a longer number.
fn goes_on(groups: &[Group]) -> bool {
    matches!(groups, [first, second, ..] if first.gap == second.gap && matches!(first.gap, Gap::Space | Gap::Dot))
}

/// Whether a group is what stands behind a decimal point: `0.2434291481071980`.
fn are_decimals(groups: &[Group]) -> bool {
    let [first, rest @ ..] = groups else { return false };
    first.gap == Gap::Dot && rest.first().is_none_or(|next| next.gap != Gap::Dot)
}

/// Whether the groups are those that are printed on a card, whatever stands between them.
fn is_printed_as_card(groups: &[Group]) -> bool {
    matches!(groups, [a, b, c, d, ..] if [a, b, c, d].iter().all(|group| group.len() == 4))
        || matches!(groups, [a, b, c, ..] if [a.len(), b.len()] == [4, 6] && matches!(c.len(), 4 | 5))
}

/// The digits of each of the first groups; zero where there is none.
fn lengths<const N: usize>(groups: &[Group]) -> [usize; N] {
    let mut lengths = [0; N];
    for (length, group) in lengths.iter_mut().zip(groups) {
        *length = group.len();
    }
    lengths
}

/// `86 095 742 719`, as German tax numbers are printed; `1112.22.333` and `111 222 333`, as Dutch ones are.
fn split_number(groups: &[Group]) -> Used {
    match lengths(groups) {
        [2, 3, 3, 3] => Some(4),
        [4, 2, 3, _] | [3, 3, 3, _] => Some(3),
        _ => None,
    }
}
