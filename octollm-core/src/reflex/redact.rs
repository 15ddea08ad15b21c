//! What takes the place of a finding.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::fmt::Write;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::vault::Numbers;
use super::{Finding, FindingKind, Findings, Placeholders};

/// Values whose placeholder is remembered.
const MAX_REMEMBERED: usize = 1 << 16;

/// How a finding is replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RedactStyle {
    /// Every letter and digit becomes `*`; length and punctuation stay. Of a secret the punctuation is masked, too.
    Mask,
    /// The last characters stay, at most four and at most a quarter: `************1111`. Of a secret
    /// nothing stays.
    Partial,
    /// A keyed hash, so that equal values stay recognisable: `[EMAIL:3f8a0c1d5e2b7a94]`.
    Hash,
    /// Nothing takes its place.
    Remove,
    /// Its type and a number: `<EMAIL_1>`. Equal values get the same number, and none gets one that the text already holds.
    #[default]
    Placeholder,
}

impl RedactStyle {
    /// The name, as it stands in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Partial => "partial",
            Self::Hash => "hash",
            Self::Remove => "remove",
            Self::Placeholder => "placeholder",
        }
    }
}

/// Replaces findings. It remembers which value got which placeholder, so one redactor serves one call or one task and is
/// then dropped. Of 65,536 values it remembers a keyed hash; a further one gets a number of its own wherever it stands, so
/// that a text of any length is redacted in bounded memory.
pub struct Redactor {
    style: RedactStyle,
    key: [u8; 32],
    hashers: [RandomState; 2],
    numbers: HashMap<[u64; 2], u64>,
    next: Numbers,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("style", &self.style).finish_non_exhaustive()
    }
}

impl Redactor {
    /// A redactor. `key` makes the hashes: keep it secret, or somebody hashes all telephone numbers and compares.
    pub fn new(style: RedactStyle, key: [u8; 32]) -> Self {
        let hashers = [RandomState::new(), RandomState::new()];
        Self { style, key, hashers, numbers: HashMap::new(), next: Numbers::default() }
    }

    /// The text with all findings replaced. A range that does not fit the text is cut to whole characters of it, so that
    /// findings of another text do no harm beyond being wrong.
    pub fn redact(&mut self, text: &str, findings: &Findings) -> String {
        self.reserve(text);
        let mut redacted = String::with_capacity(text.len());
        let mut done = 0;
        for finding in findings {
            let start = floor(text, finding.start).max(done);
            let end = ceil(text, finding.end);
            let Some(value) = text.get(start..end).filter(|value| !value.is_empty()) else { continue };
            redacted.push_str(text.get(done..start).unwrap_or_default());
            self.replace(finding, value, &mut redacted);
            done = end;
        }
        redacted.push_str(text.get(done..).unwrap_or_default());
        redacted
    }

    /// What takes the place of one value.
    pub fn replacement(&mut self, finding: &Finding, value: &str) -> String {
        let mut replacement = String::new();
        self.replace(finding, value, &mut replacement);
        replacement
    }

    fn replace(&mut self, finding: &Finding, value: &str, into: &mut String) {
        match self.style {
            RedactStyle::Mask | RedactStyle::Partial if finding.kind == FindingKind::Secret => {
                into.extend(value.chars().map(|c| if c.is_whitespace() { c } else { '*' }));
            }
            RedactStyle::Mask => mask(value, 0, into),
            RedactStyle::Partial => {
                let letters = value.chars().filter(|c| c.is_alphanumeric()).count();
                mask(value, (letters / 4).min(4), into);
            }
            RedactStyle::Hash => {
                let hash = self.hash(finding, value);
                // Writing to a String cannot fail.
                let _ = write!(into, "[{}:{hash}]", finding.type_name.to_uppercase());
            }
            RedactStyle::Remove => {}
            RedactStyle::Placeholder => {
                let number = self.number(&finding.type_name, value);
                let _ = write!(into, "<{}_{number}>", finding.type_name.to_uppercase());
            }
        }
    }

    /// HMAC-SHA-256 (RFC 2104) of type and value, the first 64 bits. The key is one of 32 bytes, shorter than a block.
    fn hash(&self, finding: &Finding, value: &str) -> String {
        let pad = |with: u8| {
            let mut block = [with; 64];
            block.iter_mut().zip(self.key).for_each(|(byte, key)| *byte ^= key);
            block
        };
        let inner = Sha256::new()
            .chain_update(pad(0x36))
            .chain_update(finding.type_name.as_bytes())
            .chain_update([0])
            .chain_update(value.as_bytes())
            .finalize();
        let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
        outer.iter().take(8).fold(String::with_capacity(16), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Takes note of the numbers that this text already holds, so that none of them comes to stand for something else.
    fn reserve(&mut self, text: &str) {
        if self.style == RedactStyle::Placeholder {
            self.next.reserve(text);
        }
    }

    fn number(&mut self, type_name: &str, value: &str) -> u64 {
        let hash = self.hashers.each_ref().map(|hasher| hasher.hash_one((type_name, value)));
        if let Some(number) = self.numbers.get(&hash) {
            return *number;
        }
        let number = self.next.next(&type_name.to_uppercase());
        if self.numbers.len() < MAX_REMEMBERED {
            self.numbers.insert(hash, number);
        }
        number
    }
}

/// Replacements that nobody can turn back.
impl Placeholders for Mutex<Redactor> {
    fn placeholder(&self, finding: &Finding, value: &str) -> String {
        self.lock().unwrap_or_else(PoisonError::into_inner).replacement(finding, value)
    }

    fn reserve(&self, text: &str) {
        self.lock().unwrap_or_else(PoisonError::into_inner).reserve(text);
    }
}

/// Stars for letters and digits, except for the last `shown` of them.
fn mask(value: &str, shown: usize, into: &mut String) {
    let mut hidden = value.chars().filter(|c| c.is_alphanumeric()).count().saturating_sub(shown);
    for c in value.chars() {
        let hide = c.is_alphanumeric() && hidden > 0;
        hidden -= usize::from(hide);
        into.push(if hide { '*' } else { c });
    }
}

pub(super) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

pub(super) fn ceil(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reflex::Severity;

    fn at(start: usize, end: usize) -> Finding {
        Finding {
            kind: FindingKind::Pii,
            type_name: "email".into(),
            start,
            end,
            confidence: 1.0,
            severity: Severity::Low,
            explanation: "".into(),
        }
    }

    fn redact(style: RedactStyle, text: &str, places: &[(usize, usize)]) -> String {
        let findings = Findings::resolve(places.iter().map(|(start, end)| at(*start, *end)).collect());
        Redactor::new(style, [7; 32]).redact(text, &findings)
    }

    #[test]
    fn each_style() {
        let text = "to ab@c.de!";
        for (style, expected) in [
            (RedactStyle::Mask, "to **@*.**!"),
            (RedactStyle::Partial, "to **@*.*e!"),
            (RedactStyle::Remove, "to !"),
            (RedactStyle::Placeholder, "to <EMAIL_1>!"),
        ] {
            assert_eq!(redact(style, text, &[(3, 10)]), expected);
        }
    }

    #[test]
    fn a_hash_depends_on_the_key_and_the_value_only() {
        let findings = Findings::resolve(vec![at(0, 1), at(1, 2), at(2, 3)]);
        let hashed = Redactor::new(RedactStyle::Hash, [7; 32]).redact("aab", &findings);
        let parts: Vec<_> = hashed.split_inclusive(']').collect();
        assert_eq!(parts[0], parts[1]);
        assert_ne!(parts[0], parts[2]);
        assert_ne!(hashed, Redactor::new(RedactStyle::Hash, [8; 32]).redact("aab", &findings));
    }

    #[test]
    fn equal_values_share_a_placeholder() {
        assert_eq!(
            redact(RedactStyle::Placeholder, "aba", &[(0, 1), (1, 2), (2, 3)]),
            "<EMAIL_1><EMAIL_2><EMAIL_1>"
        );
    }

    #[test]
    fn a_number_that_the_text_holds_is_not_given_out() {
        assert_eq!(
            redact(RedactStyle::Placeholder, "a, b, <EMAIL_1> and [email 3]", &[(0, 1), (3, 4)]),
            "<EMAIL_2>, <EMAIL_4>, <EMAIL_1> and [email 3]"
        );
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut redactor = Redactor::new(RedactStyle::Placeholder, [7; 32]);
        let mut place = |value: usize| redactor.replacement(&at(0, 1), &value.to_string());
        let last = (0..MAX_REMEMBERED + 10).map(&mut place).last().unwrap();
        assert_eq!(last, format!("<EMAIL_{}>", MAX_REMEMBERED + 10));
        assert_eq!(place(0), "<EMAIL_1>");
        assert_eq!(place(MAX_REMEMBERED + 5), format!("<EMAIL_{}>", MAX_REMEMBERED + 11));
        assert_eq!(redactor.numbers.len(), MAX_REMEMBERED);
    }

    #[test]
    fn overlaps_leave_nothing_behind() {
        assert_eq!(redact(RedactStyle::Remove, "0123456789", &[(0, 6), (4, 8)]), "89");
    }

    proptest! {
        #[test]
        fn any_ranges_over_any_text(
            text in any::<String>(),
            places in proptest::collection::vec((0usize..80, 0usize..80), 0..8),
            style in prop_oneof![Just(RedactStyle::Mask), Just(RedactStyle::Partial), Just(RedactStyle::Hash),
                Just(RedactStyle::Remove), Just(RedactStyle::Placeholder)],
        ) {
            let redacted = redact(style, &text, &places);
            if places.iter().all(|(start, end)| start >= end) {
                prop_assert_eq!(&redacted, &text);
            }
            if style == RedactStyle::Mask {
                prop_assert_eq!(redacted.chars().count(), text.chars().count());
            }
        }
    }
}
