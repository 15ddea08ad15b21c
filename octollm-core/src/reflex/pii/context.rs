//! Words beside a candidate, which make it more or less likely.
//!
//! `12345678` is a number; after "patient id" it is a medical record. Only the neighbourhood of a candidate is looked at,
//! never the whole text: the cost of a candidate is bounded.

use aho_corasick::{AhoCorasick, MatchKind};

use super::kinds::PiiType;
use crate::error::{Error, ErrorKind, Result};

/// Bytes before a candidate that are its context.
const BEFORE: usize = 48;
/// Bytes after a candidate that are its context.
const AFTER: usize = 20;

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
        &["ip ", "ip:", "ip-", "ipv4", "ipv6", "address", "host", "server", "addr", "ping", "client", "dns"],
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
            "asin",
            "upc",
            "ean",
            "vin",
        ],
    ),
];

/// Finds context words; built once.
#[derive(Debug)]
pub(super) struct Contexts {
    words: AhoCorasick,
    topics: Vec<Topic>,
}

impl Contexts {
    pub(super) fn new() -> Result<Self> {
        let topics = WORDS.iter().flat_map(|(topic, words)| words.iter().map(|_| *topic)).collect();
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(WORDS.iter().flat_map(|(_, words)| *words))
            .map_err(|cause| {
                Error::new(ErrorKind::Internal, "the context words do not compile").with_source(cause)
            })?;
        Ok(Self { words, topics })
    }

    /// What the words before `start` are about.
    pub(super) fn before(&self, text: &str, start: usize) -> Topics {
        let before = text.as_bytes().get(start.saturating_sub(BEFORE)..start).unwrap_or_default();
        // What stands before another number's full stop is about that number.
        let ended =
            before.windows(3).rposition(|part| matches!(part, [digit, b'.', b' '] if digit.is_ascii_digit()));
        let (from, cut) = ended.map_or((0, before.len() == BEFORE), |at| (at + 3, false));
        Topics(self.topics(before.get(from..).unwrap_or_default(), cut))
    }

    /// What the words after `end` are about.
    pub(super) fn after(&self, text: &str, end: usize) -> Topics {
        let bytes = text.as_bytes();
        let after = bytes.get(end..bytes.len().min(end + AFTER)).unwrap_or_default();
        let ends = |part: &[u8]| matches!(part, [b'\n', ..] | [b',' | b';' | b'.' | b'!' | b'?', b' ']);
        let end = after.windows(2).position(ends).unwrap_or(after.len());
        Topics(self.topics(after.get(..end).unwrap_or_default(), false))
    }

    /// The topics of some words, of which the first may be `cut`.
    fn topics(&self, part: &[u8], cut: bool) -> u32 {
        let mut topics = 0;
        for found in self.words.find_overlapping_iter(part) {
            let inside =
                found.start().checked_sub(1).and_then(|at| part.get(at)).is_some_and(u8::is_ascii_alphabetic);
            if let Some(topic) = self.topics.get(found.pattern().as_usize())
                && !inside
                && !(cut && found.start() == 0)
            {
                topics |= 1 << *topic as u32;
            }
        }
        topics
    }
}

/// What some words are about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Topics(u32);

impl Topics {
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
