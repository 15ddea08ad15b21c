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
        let mut rest = groups.as_slice();
        while !rest.is_empty() {
            let used = self.number(rest).unwrap_or(1);
            rest = rest.get(used..).unwrap_or_default();
        }
        self.groups = groups;
        end
    }

    fn read_chain(&self, start: usize, groups: &mut Vec<Group>) -> usize {
        let (mut at, mut gap, mut end) = (start, Gap::First, start);
        while groups.len() < MAX_GROUPS {
            let token = Token::read(self.bytes, at);
            let digits_end =
                if token.digits == token.len() { Some(token.end) } else { self.extension(token) };
            let Some(digits_end) = digits_end else { break };
            groups.push(Group { start: at, end: digits_end, tail: self.tail(token.end), gap });
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

    /// Where the digits of `2136x739` end.
    pub(super) fn extension(&self, token: Token) -> Option<usize> {
        let text = self.slice(token.start, token.end);
        let x = text.iter().position(|byte| !byte.is_ascii_digit())?;
        let extension = text.get(x + 1..)?;
        let is_extension = (3..=10).contains(&x)
            && matches!(text.get(x), Some(b'x' | b'X'))
            && (1..=6).contains(&extension.len())
            && extension.iter().all(u8::is_ascii_digit);
        is_extension.then_some(token.start + x)
    }

    /// The end of a number together with a written-out extension: ` ext. 12`, ` x 12`.
    fn tail(&self, end: usize) -> usize {
        let rest = self.slice(end, end + 14);
        let Some(word) = rest.strip_prefix(b" ").or_else(|| rest.strip_prefix(b", ")) else { return end };
        let extension = [&b"ext. "[..], b"ext ", b"ext.", b"x ", b"x", b"extension "]
            .iter()
            .find_map(|name| word.strip_prefix(*name))
            .filter(|rest| rest.first().is_some_and(u8::is_ascii_digit));
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

    fn number(&mut self, groups: &[Group]) -> Used {
        let first = groups.first()?;
        if self.follows_decimal(first.start) {
            return None;
        }
        self.ip_v4(groups)
            .or_else(|| self.card(groups))
            .or_else(|| self.fr_nir(groups))
            .or_else(|| self.date(groups))
            .or_else(|| self.international_phone(groups))
            .or_else(|| self.ssn(groups))
            .or_else(|| self.nhs(groups))
            .or_else(|| self.spanish(groups))
            .or_else(|| self.bare(groups))
            .or_else(|| self.phone(groups))
            .or_else(|| self.numbered_document(groups))
    }

    /// Whether what stands before makes it a fraction, an amount or part of a name: `$`, `1,`, `#`.
    fn follows_decimal(&self, start: usize) -> bool {
        match self.byte_before(start) {
            Some(b',') => {
                start.checked_sub(2).and_then(|at| self.byte(at)).is_some_and(|byte| byte.is_ascii_digit())
            }
            Some(b'$') => true,
            _ => false,
        }
    }

    fn card(&mut self, groups: &[Group]) -> Used {
        let first = groups.first()?;
        let gap = groups.get(1).map_or(Gap::First, |group| group.gap);
        let (mut total, mut valid) = (0, None);
        for (at, group) in groups.iter().enumerate().take(7) {
            if at > 0 && (group.gap != gap || !matches!(gap, Gap::Space | Gap::Dash)) {
                break;
            }
            total += group.len();
            if (13..=19).contains(&total) && (at == 0 || (3..=7).contains(&group.len()) || at >= 3) {
                let digits = self.digits(groups, at + 1)?;
                if checks::card_network(digits.as_slice()) && checks::luhn(digits.as_slice()) {
                    valid = Some((at + 1, group.end, at > 0));
                }
            }
            if total >= 19 {
                break;
            }
        }
        let (used, end, grouped) = valid?;
        let alone = if grouped { 0.95 } else { 0.85 };
        self.offer(PiiType::CreditCard, first.start, end, alone, 0.99).then_some(used)
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
                return (checks::fr_nir(digits.as_slice())
                    && self.offer(PiiType::FrNir, first.start, group.end, 0.8, 0.98))
                .then_some(at + 1);
            }
        }
        None
    }

    /// Social security and taxpayer numbers: `123-45-6789`, `123 45 6789`.
    fn ssn(&mut self, groups: &[Group]) -> Used {
        let [first, middle, last, ..] = groups else { return None };
        let gap = middle.gap;
        if [first.len(), middle.len(), last.len()] != [3, 2, 4] || last.gap != gap {
            return None;
        }
        let alone = match gap {
            Gap::Dash => 0.85,
            Gap::Space => 0.6,
            Gap::Dot => 0.4,
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

    /// `12345678-Z`: the letter of a DNI stands apart.
    fn spanish(&mut self, groups: &[Group]) -> Used {
        let first = groups.first().filter(|group| group.len() == 8)?;
        let letter = self
            .slice(first.end, first.end + 2)
            .strip_prefix(b"-")
            .or_else(|| self.slice(first.end, first.end + 2).strip_prefix(b" "))?;
        let letter = letter.first().filter(|byte| byte.is_ascii_uppercase())?;
        if self.byte(first.end + 2).is_some_and(|next| next.is_ascii_alphanumeric()) {
            return None;
        }
        let mut nif = [*letter; 9];
        nif.get_mut(..8)?.copy_from_slice(self.slice(first.start, first.end));
        (checks::es_nif(&nif) && self.offer(PiiType::EsNif, first.start, first.end + 2, 0.6, 0.97))
            .then_some(1)
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
        let used = if first.len() < 9 { self.split_tax_id(groups)? } else { 1 };
        let end = groups.get(used - 1)?.end;
        let digits = self.digits(groups, used)?;
        let taken = RULES.iter().any(|(kind, check, supported)| {
            check(digits.as_slice()) && self.offer(*kind, first.start, end, 0.0, *supported)
        });
        taken.then_some(used)
    }

    /// `86 095 742 719`, as German tax numbers are printed.
    fn split_tax_id(&self, groups: &[Group]) -> Used {
        let [a, b, c, d, ..] = groups else { return None };
        ([a.len(), b.len(), c.len(), d.len()] == [2, 3, 3, 3]).then_some(4)
    }

    fn international_phone(&mut self, groups: &[Group]) -> Used {
        let first = groups.first()?;
        let before = self.byte_before(first.start);
        let plus =
            before == Some(b'+') || before == Some(b'(') && self.byte_before(first.start - 1) == Some(b'+');
        let digits = self.slice(first.start, first.end);
        if !plus && !digits.starts_with(b"00") {
            return None;
        }
        if !plus && groups.get(1).is_some_and(|next| self.slice(next.start, next.end).starts_with(b"00")) {
            return None;
        }
        let used = phone::international(groups, digits, plus)?;
        let lead = usize::from(plus) + usize::from(plus && before == Some(b'('));
        let end = groups.get(used - 1)?.tail;
        let alone = if plus { 0.9 } else { 0.7 };
        self.offer(PiiType::Phone, first.start - lead, end, alone, 0.98).then_some(used)
    }

    fn phone(&mut self, groups: &[Group]) -> Used {
        let first = groups.first()?;
        let opened = self.byte_before(first.start) == Some(b'(');
        // A list of codes: `080 087 078`.
        if groups.len() > 2 && groups.iter().take(3).all(|group| self.byte(group.start) == Some(b'0')) {
            return None;
        }
        let digits = self.digits(groups, groups.len().min(3)).or_else(|| self.digits(groups, 1))?;
        let shape = phone::national(groups, digits.as_slice(), opened)?;
        let start =
            first.start - usize::from(opened && groups.get(1).is_some_and(|next| next.gap == Gap::Closing));
        let end = groups.get(shape.used - 1)?.tail;
        if self.byte_before(start).is_some_and(|byte| b"=#$_/.".contains(&byte)) && shape.alone < 0.7 {
            return None;
        }
        self.offer(PiiType::Phone, start, end, shape.alone, shape.supported).then_some(shape.used)
    }

    /// Passports, driver's licences and medical records that are plain numbers: nothing but the words around tells.
    fn numbered_document(&mut self, groups: &[Group]) -> Used {
        let first = groups.first()?;
        self.document(first.start, first.end, first.len(), 0).then_some(1)
    }

    /// A document's number with this many digits and letters, if the words before it name the document.
    pub(super) fn document(&mut self, start: usize, end: usize, digits: usize, letters: usize) -> bool {
        if digits < 5 || digits + letters > 16 {
            return false;
        }
        let context = self.context(start, end);
        if context.says(Topic::Passport) && digits + letters == 9 && letters <= 1 {
            let british = letters == 0 && context.mentions(Topic::British);
            let kind = if british { PiiType::UkPassport } else { PiiType::UsPassport };
            return self.offer(kind, start, end, 0.0, 0.85);
        }
        if context.says(Topic::Medical) {
            return self.offer(PiiType::MedicalRecord, start, end, 0.0, 0.8);
        }
        context.says(Topic::License)
            && digits >= 6
            && self.offer(PiiType::UsDriverLicense, start, end, 0.0, 0.8)
    }
}
