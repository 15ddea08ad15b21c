//! The types of personal data that are known, and what holds for each of them.

use crate::reflex::Severity;

/// Where a type of personal data belongs: packs that can be switched off together.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Locale {
    /// Everywhere: e-mail, cards, IBAN, addresses of computers.
    International,
    /// United States.
    Us,
    /// United Kingdom.
    Uk,
    /// Spain.
    Es,
    /// Italy.
    It,
    /// Germany.
    De,
    /// France.
    Fr,
    /// Poland.
    Pl,
    /// Netherlands.
    Nl,
}

macro_rules! pii_types {
    ($($variant:ident $name:literal $locale:ident $severity:ident $words:literal,)*) => {
        /// A type of personal data.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum PiiType {
            $(#[doc = concat!($words, ".")] $variant,)*
        }

        impl PiiType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name, as it stands in findings and configuration.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The pack that it belongs to.
            pub const fn locale(self) -> Locale {
                match self { $(Self::$variant => Locale::$locale,)* }
            }

            /// How much harm is done by giving it away.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// What it is, in words.
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }
    };
}

pii_types! {
    Email "email" International Medium "an e-mail address",
    Phone "phone" International Medium "a telephone number",
    CreditCard "credit_card" International High "a payment card number",
    Iban "iban" International High "an international bank account number (IBAN)",
    Bic "bic" International Low "a bank identifier (BIC)",
    IpAddress "ip_address" International Low "an IP address",
    MacAddress "mac_address" International Low "a hardware (MAC) address",
    BtcAddress "btc_address" International Medium "a Bitcoin address",
    EthAddress "eth_address" International Medium "an Ethereum address",
    DateOfBirth "date_of_birth" International Medium "a date of birth",
    MedicalRecord "medical_record" International High "a medical record number",
    UsSsn "us_ssn" Us High "a US social security number",
    UsItin "us_itin" Us High "a US taxpayer number (ITIN)",
    UsBankRouting "us_bank_routing" Us Medium "a US bank routing number (ABA)",
    UsDriverLicense "us_driver_license" Us High "a US driver's licence number",
    UsPassport "us_passport" Us High "a US passport number",
    UkNhs "uk_nhs" Uk High "a UK NHS number",
    UkNino "uk_nino" Uk High "a UK national insurance number",
    UkPassport "uk_passport" Uk High "a UK passport number",
    UkDriverLicence "uk_driver_licence" Uk High "a UK driving licence number",
    EsNif "es_nif" Es High "a Spanish tax number (DNI or NIE)",
    ItFiscalCode "it_fiscal_code" It High "an Italian fiscal code",
    DeTaxId "de_tax_id" De High "a German tax number (Steuer-ID)",
    FrNir "fr_nir" Fr High "a French social security number (NIR)",
    PlPesel "pl_pesel" Pl High "a Polish PESEL number",
    NlBsn "nl_bsn" Nl High "a Dutch citizen service number (BSN)",
    EuVat "eu_vat" International Medium "a European VAT number",
    PersonName "person" International Medium "a person's name",
    StreetAddress "address" International Medium "a street address",
}

impl PiiType {
    /// The type of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether it has no structure, and is looked for on request only: see [`PiiOptions::names`](super::PiiOptions::names).
    pub const fn is_named(self) -> bool {
        matches!(self, Self::PersonName | Self::StreetAddress)
    }

    /// Its bit in a [`TypeSet`].
    const fn bit(self) -> u64 {
        1 << self as u64
    }
}

/// A set of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TypeSet(u64);

impl TypeSet {
    pub(super) fn of(types: impl IntoIterator<Item = PiiType>) -> Self {
        Self(types.into_iter().fold(0, |set, kind| set | kind.bit()))
    }

    pub(super) const fn has(self, kind: PiiType) -> bool {
        self.0 & kind.bit() != 0
    }
}
