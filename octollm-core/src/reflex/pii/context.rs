//! Words beside a candidate, which make it more or less likely.
//!
//! `12345678` is a number; after "patient id" it is a medical record. Only the neighbourhoods of candidates are looked at, and where
//! they overlap each byte but once: of a text of nothing but numbers every place is in the neighbourhood of a dozen of them.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use super::kinds::PiiType;
use crate::error::{Error, ErrorKind, Result};
use crate::reflex::capitals;

/// Bytes before a candidate that are its context.
const BEFORE: usize = 48;
/// Bytes after a candidate that are its context.
const AFTER: usize = 20;
/// Bytes that are looked at together where neighbourhoods follow each other.
const BLOCK: usize = 128;
/// Words behind this many bytes of what is looked at are forgotten.
const KEPT: usize = 512;

/// What a context is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Phone,
    Card,
    Iban,
    Bic,
    Ssn,
    Itin,
    Routing,
    License,
    Passport,
    British,
    Nhs,
    Nino,
    Birth,
    Medical,
    Nif,
    TaxDe,
    Nir,
    Pesel,
    Bsn,
    Ip,
    Vat,
    /// What makes a number anything but personal: an order, a version, a part.
    Thing,
    /// What is counted, and what counts: `call volume 1234567`.
    Count,
}

const WORDS: &[(Topic, &[&str])] = &[
    (
        Topic::Phone,
        &[
            "phone",
            "tel:",
            "tel.",
            "tel ",
            "telephone",
            "telefon",
            "téléphone",
            "teléfono",
            "telefono",
            "mobile",
            "cell",
            "mobil",
            "handy",
            "fax",
            "call",
            "dial",
            "ring me",
            "sms",
            "whatsapp",
            "text me",
            "reach",
            "contact",
            "hotline",
            "landline",
            "office",
            "answering",
            "voicemail",
            "ph:",
            "numero di",
            "móvil",
            "portable",
            "電話",
            "电话",
            "手机",
            "携帯",
            "전화",
            "телефон",
            "llám",
            "appel",
            "anruf",
            "rufnummer",
            "erreichbar",
            "chiam",
            "zadzwoń",
            "bel me",
            "ligue",
        ],
    ),
    (
        Topic::Card,
        &["card", "cc ", "cc:", "visa", "mastercard", "amex", "karte", "carte", "tarjeta", "carta", "カード"],
    ),
    (Topic::Iban, &["iban", "account", "konto", "compte", "cuenta", "wire", "transfer"]),
    (Topic::Bic, &["bic", "swift"]),
    (Topic::Ssn, &["ssn", "social security", "soc sec", "s.s.n", "social insurance"]),
    (Topic::Itin, &["itin", "taxpayer", "tax id"]),
    (Topic::Routing, &["routing", "aba ", "aba:", "aba#", "transit", "rtn"]),
    (
        Topic::License,
        &[
            "driver's lic",
            "drivers lic",
            "driver lic",
            "driving lic",
            "driver's permit",
            "dl#",
            "dl:",
            "dl number",
            "dl no",
            "dmv",
            "dvla",
        ],
    ),
    (Topic::Passport, &["passport", "reisepass", "passeport", "pasaporte", "passaporto"]),
    (Topic::British, &["uk ", "u.k.", "british", "gb ", "united kingdom", "hm passport", "dvla"]),
    (Topic::Nhs, &["nhs", "national health"]),
    (Topic::Nino, &["nino", "national insurance", "ni number", "ni no"]),
    (
        Topic::Birth,
        &[
            "birth",
            "born",
            "dob",
            "d.o.b",
            "bday",
            "b-day",
            "geboren",
            "geburt",
            "naissance",
            "né le",
            "née le",
            "nacimiento",
            "nacido",
            "nacida",
            "nascita",
            "nato il",
            "nata il",
            "geboortedatum",
            "urodz",
            "ur. ",
            "geb.",
            "nascimento",
            "nascido",
            "nascida",
            "född",
            "født",
            "doğum",
            "生年月日",
            "出生",
            "生日",
            "생년월일",
            "생일",
            "рождения",
            "родился",
            "родилась",
        ],
    ),
    (
        Topic::Medical,
        &[
            "mrn",
            "medical record",
            "patient id",
            "patient no",
            "patient number",
            "patient #",
            "chart no",
            "chart number",
            "hospital no",
            "hospital number",
            "health record",
            "medical id",
        ],
    ),
    (Topic::Nif, &["dni", "nie", "nif"]),
    (Topic::TaxDe, &["steuer", "idnr", "tax id", "tin ", "tin:"]),
    (Topic::Nir, &["nir", "sécurité sociale", "securite sociale", "sécu", "insee"]),
    (Topic::Pesel, &["pesel"]),
    (Topic::Bsn, &["bsn", "burgerservice", "sofi"]),
    (
        Topic::Ip,
        &[
            "ip ", "ip:", "ip-", "ipv4", "ipv6", "address", "host", "server", "addr", "ping", "client",
            "dns", "hwaddr", "bssid", "mac:", "mac ", "ether", "arp ", "nic ", "wlan",
        ],
    ),
    (
        Topic::Vat,
        &[
            "vat",
            "ust",
            "umsatzsteuer",
            "uid",
            "tva",
            "iva",
            "btw",
            "mwst",
            "moms",
            "nip",
            "partita",
            "dph",
            "alv",
            "áfa",
            "tax number",
            "tax no",
            "tax reg",
        ],
    ),
    (
        Topic::Thing,
        &[
            "order",
            "invoice",
            "ticket",
            "case no",
            "tracking",
            "reference",
            "ref ",
            "ref:",
            "ref.",
            "part no",
            "part number",
            "section",
            "sku",
            "serial",
            "version",
            "ver.",
            "release",
            "build",
            "isbn",
            "issn",
            "item",
            "product",
            "model no",
            "article",
            "transaction",
            "confirmation",
            "booking",
            "parcel",
            "doi",
            "commit",
            "bestell",
            "artikel",
            "art.-nr",
            "art.nr",
            "rechnung",
            "sendung",
            "facture",
            "factura",
            "fattura",
            "commande",
            "pedido",
            "batch",
            "firmware",
            "upgrade to",
            "upgrade from",
            "update to",
            "updated to",
            "upgraded to",
            "bump",
            "roll back",
            "v8 to",
            "chromium",
            "asin",
            "upc",
            "ean",
            "vin",
        ],
    ),
    (
        Topic::Count,
        &[
            "volume",
            "revenue",
            "function",
            "units",
            "users in",
            "subscribers",
            "subscriptions",
            "downloads",
            "costs",
            "cost ",
            "price",
            "returned",
            "kostet",
            "coûte",
            "cuesta",
        ],
    ),
];

/// Finds context words; built once.
#[derive(Debug)]
pub(super) struct Contexts {
    words: AhoCorasick,
    topics: Vec<Topic>,
    /// Bytes of the longest word.
    longest: usize,
}

impl Contexts {
    pub(super) fn new() -> Result<Self> {
        let mut all = Vec::new();
        for (topic, words) in WORDS {
            let forms = |word: &&'static str| {
                let capitals = capitals::of(word).into_iter().map(Cow::Owned);
                std::iter::once(Cow::Borrowed(*word)).chain(capitals).map(|form| (form, *topic))
            };
            all.extend(words.iter().flat_map(forms));
        }
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(all.iter().map(|(word, _)| word.as_ref()))
            .map_err(|cause| {
                Error::new(ErrorKind::Internal, "the context words do not compile").with_source(cause)
            })?;
        let longest = all.iter().map(|(word, _)| word.len()).max().unwrap_or(0);
        Ok(Self { words, topics: all.into_iter().map(|(_, topic)| topic).collect(), longest })
    }

    /// What the name of a column is about: `date_of_birth`, `homePhone`. Of `phone_model` it is a thing.
    pub(super) fn of_column(&self, name: &str) -> Topics {
        let last = name.rsplit(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty());
        let last = last.unwrap_or_default().to_lowercase();
        if ABOUT.contains(&last.as_str()) {
            return Topics(1 << Topic::Thing as u32);
        }
        let spaced = format!("{} ", name.replace(['_', '-', '.'], " "));
        let bytes = spaced.as_bytes();
        let begins = |at: usize| match (at.checked_sub(1).and_then(|at| bytes.get(at)), bytes.get(at)) {
            (Some(before), Some(first)) => {
                !before.is_ascii_alphabetic() || before.is_ascii_lowercase() && first.is_ascii_uppercase()
            }
            _ => true,
        };
        let found = self.words.find_overlapping_iter(bytes).filter(|word| begins(word.start()));
        let topics = found.filter_map(|word| self.topics.get(word.pattern().as_usize()));
        // `call_id`, `cell_id`; but `passport_id` is what identifies a person.
        let topics = topics.filter(|topic| last != "id" || **topic != Topic::Phone);
        Topics(topics.fold(0, |all, topic| all | 1 << *topic as u32))
    }
}

/// Last words of the names of columns that are about something else than what they mention, and words that only call in prose.
const ABOUT: &[&str] = &[
    "call", "calls", "reach", "count", "counts", "users", "type", "types", "model", "version", "status",
    "errors", "cost", "costs", "minutes", "duration", "clicks", "visits", "views", "share", "rate", "brand",
];

/// A context word where it stands.
#[derive(Debug, Clone, Copy)]
struct Mention {
    start: usize,
    end: usize,
    topic: Topic,
    /// Whether it is the end of a longer word.
    is_inside: bool,
}

/// The context words of a text, as far as they were asked for.
pub(super) struct Mentions<'t> {
    contexts: &'t Contexts,
    bytes: &'t [u8],
    /// By their beginning.
    found: VecDeque<Mention>,
    /// All words that begin here are among them.
    looked: Range<usize>,
}

impl<'t> Mentions<'t> {
    pub(super) fn new(contexts: &'t Contexts, text: &'t str) -> Self {
        Self { contexts, bytes: text.as_bytes(), found: VecDeque::new(), looked: 0..0 }
    }

    /// What the words before `start` are about, and not before `least`.
    pub(super) fn before(&mut self, start: usize, least: usize) -> Topics {
        let from = start.saturating_sub(BEFORE).max(least).min(start);
        let part = self.bytes.get(from..start).unwrap_or_default();
        self.look(from..start);
        let first = match ended(part) {
            Some(at) => from + at,
            None if part.len() < BEFORE || from == least => from,
            // A word that begins with the neighbourhood may be the end of another one.
            None => from + 1,
        };
        let words = self.beginning_at(first).take_while(|word| word.start < start);
        Topics::of(words.filter(|word| word.end <= start && !word.is_inside))
    }

    /// What the words after `end` are about, and not after `most`.
    pub(super) fn after(&mut self, end: usize, most: usize) -> Topics {
        let part = self.bytes.get(end..most.min(end + AFTER)).unwrap_or_default();
        let to = end + clause(part);
        self.look(end..to);
        let words = self.beginning_at(end).take_while(|word| word.start < to);
        Topics::of(words.filter(|word| word.end <= to && (word.start == end || !word.is_inside)))
    }

    fn beginning_at(&self, at: usize) -> impl Iterator<Item = &Mention> {
        self.found.range(self.found.partition_point(|word| word.start < at)..)
    }

    /// Finds all words that begin in a range.
    fn look(&mut self, range: Range<usize>) {
        let is_near = (self.looked.start..=self.looked.end).contains(&range.start);
        if is_near && range.end <= self.looked.end {
            return;
        }
        let to =
            if is_near { range.end.max(self.looked.end + BLOCK) } else { range.end }.min(self.bytes.len());
        if !is_near {
            self.found.clear();
            self.looked = range.start..range.start;
        }
        let from = self.looked.end;
        let part = self.bytes.get(from..self.bytes.len().min(to + self.contexts.longest)).unwrap_or_default();
        let known = self.found.len();
        for word in self.contexts.words.find_overlapping_iter(part).filter(|word| from + word.start() < to) {
            let Some(topic) = self.contexts.topics.get(word.pattern().as_usize()) else { continue };
            let (start, end) = (from + word.start(), from + word.end());
            let before = start.checked_sub(1).and_then(|at| self.bytes.get(at));
            let is_inside = before.is_some_and(u8::is_ascii_alphabetic);
            self.found.push_back(Mention { start, end, topic: *topic, is_inside });
        }
        // They come by their ends.
        self.found.make_contiguous().get_mut(known..).unwrap_or_default().sort_by_key(|word| word.start);
        self.looked.end = to;
        self.forget();
    }

    fn forget(&mut self) {
        let from = self.looked.end.saturating_sub(KEPT);
        if from > self.looked.start + KEPT {
            self.looked.start = from;
            self.found.drain(..self.found.partition_point(|word| word.start < from));
        }
    }
}

/// Behind another number's full stop: what stands before it is about that number.
fn ended(before: &[u8]) -> Option<usize> {
    let ends = |part: &[u8]| matches!(part, [digit, b'.', b' '] if digit.is_ascii_digit());
    before.windows(3).rposition(ends).map(|at| at + 3)
}

/// Where the clause ends that goes on behind a number.
fn clause(after: &[u8]) -> usize {
    let ends = |part: &[u8]| matches!(part, [b'\n', ..] | [b',' | b';' | b'.' | b'!' | b'?', b' ']);
    after.windows(2).position(ends).unwrap_or(after.len())
}

/// What some words are about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Topics(u32);

impl Topics {
    /// What these words are about. What is counted before a word about telephones is not what follows it: `It costs little. Mobile`.
    fn of<'m>(words: impl Iterator<Item = &'m Mention>) -> Self {
        words.fold(Self(0), |topics, word| topics.then(word.topic))
    }

    fn then(self, topic: Topic) -> Self {
        let over = if topic == Topic::Phone { 1 << Topic::Count as u32 } else { 0 };
        Self(self.0 & !over | 1 << topic as u32)
    }

    /// What either of them is about.
    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether they are about nothing.
    pub(super) fn is_nothing(self) -> bool {
        self.0 == 0
    }

    fn has(self, topic: Topic) -> bool {
        self.0 & (1 << topic as u32) != 0
    }
}

/// What the words around a candidate are about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    pub(super) before: Topics,
    pub(super) after: Topics,
}

impl Context {
    /// Whether the words before it are about this.
    pub(super) fn says(self, topic: Topic) -> bool {
        self.before.has(topic)
    }

    /// Whether the words before or after it are about this.
    pub(super) fn mentions(self, topic: Topic) -> bool {
        self.before.has(topic) || self.after.has(topic)
    }

    /// Whether the words are about what a type needs.
    pub(super) fn supports(self, kind: PiiType) -> bool {
        let topic = match kind {
            PiiType::Phone => Topic::Phone,
            PiiType::CreditCard => Topic::Card,
            PiiType::Iban => Topic::Iban,
            PiiType::Bic => Topic::Bic,
            PiiType::UsSsn => Topic::Ssn,
            PiiType::UsItin => Topic::Itin,
            PiiType::UsBankRouting => Topic::Routing,
            PiiType::UsDriverLicense | PiiType::UkDriverLicence => Topic::License,
            PiiType::UsPassport | PiiType::UkPassport => Topic::Passport,
            PiiType::UkNhs => Topic::Nhs,
            PiiType::UkNino => Topic::Nino,
            PiiType::DateOfBirth => Topic::Birth,
            PiiType::MedicalRecord => Topic::Medical,
            PiiType::EsNif => Topic::Nif,
            PiiType::DeTaxId => Topic::TaxDe,
            PiiType::FrNir => Topic::Nir,
            PiiType::PlPesel => Topic::Pesel,
            PiiType::NlBsn => Topic::Bsn,
            PiiType::EuVat => Topic::Vat,
            PiiType::IpAddress | PiiType::MacAddress => Topic::Ip,
            PiiType::Email
            | PiiType::BtcAddress
            | PiiType::EthAddress
            | PiiType::ItFiscalCode
            | PiiType::PersonName
            | PiiType::StreetAddress => {
                return false;
            }
        };
        self.mentions(topic)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each neighbourhood by itself, from its beginning to its end.
    fn one_by_one(contexts: &Contexts, part: &[u8], is_cut: bool) -> u32 {
        let mut topics = Vec::new();
        for found in contexts.words.find_overlapping_iter(part) {
            let inside = found.start().checked_sub(1).is_some_and(|at| part[at].is_ascii_alphabetic());
            if !(inside || is_cut && found.start() == 0) {
                topics.push((found.start(), contexts.topics[found.pattern().as_usize()]));
            }
        }
        topics.sort_by_key(|(start, _)| *start);
        topics.into_iter().fold(Topics(0), |topics, (_, topic)| topics.then(topic)).0
    }

    proptest! {
        #[test]
        fn neighbourhoods_that_overlap_are_read_as_if_each_was_alone(
            text in proptest::collection::vec(prop_oneof![
                proptest::sample::select(WORDS.iter().flat_map(|(_, words)| *words).copied().collect::<Vec<_>>()).prop_map(str::to_owned),
                "[a-z]{0,9}", "[0-9]{1,30}", "[ \n.:,é]{1,2}", "[0-9][.] ", "[ ]{40,200}",
            ], 0..40),
            places in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..40), 1..20),
            in_order in any::<bool>(),
        ) {
            let (text, contexts) = (text.concat(), Contexts::new().unwrap());
            let mut mentions = Mentions::new(&contexts, &text);
            let mut places: Vec<_> = places.iter().map(|(at, length)| (at.index(text.len() + 1), *length)).collect();
            if in_order {
                places.sort_unstable();
            }
            for (start, length) in places {
                let before = &text.as_bytes()[start.saturating_sub(BEFORE)..start];
                let (from, is_cut) = ended(before).map_or((0, start > BEFORE), |at| (at, false));
                prop_assert_eq!(mentions.before(start, 0).0, one_by_one(&contexts, &before[from..], is_cut));
                let end = (start + length).min(text.len());
                let after = &text.as_bytes()[end..text.len().min(end + AFTER)];
                prop_assert_eq!(mentions.after(end, text.len()).0, one_by_one(&contexts, &after[..clause(after)], false));
            }
        }
    }
}
