//! The names that other people's labels give to what the detectors find.

/// The detectors' types for each name, in upper case.
const SYNONYMS: &[(&[&str], &[&str])] = &[
    (&["EMAIL", "EMAIL_ADDRESS", "MAIL"], &["email"]),
    (&["PHONE", "PHONE_NUMBER", "PHONENUMBER", "TELEPHONE", "TELEPHONENUM", "TEL", "FAX"], &["phone"]),
    (
        &["CREDIT_CARD", "CREDITCARD", "CREDIT_CARD_NUMBER", "CREDITCARDNUMBER", "CARD_NUMBER"],
        &["credit_card"],
    ),
    (&["IBAN", "IBAN_CODE", "BANK_ACCOUNT"], &["iban"]),
    (&["BIC", "SWIFT", "SWIFT_CODE", "SWIFT_BIC"], &["bic"]),
    (&["IP", "IP_ADDRESS", "IPV4", "IPV6", "IPADDRESS"], &["ip_address"]),
    (&["MAC", "MAC_ADDRESS"], &["mac_address"]),
    (
        &["CRYPTO", "BITCOIN", "BITCOINADDRESS", "ETHEREUMADDRESS", "CRYPTO_ADDRESS"],
        &["btc_address", "eth_address"],
    ),
    (&["BTC_ADDRESS"], &["btc_address"]),
    (&["ETH_ADDRESS"], &["eth_address"]),
    (&["US_SSN", "SSN", "SOCIALNUMBER", "SOCIAL_SECURITY_NUMBER"], &["us_ssn", "us_itin"]),
    (&["US_ITIN", "ITIN"], &["us_itin", "us_ssn"]),
    (&["US_BANK_ROUTING", "ABA_ROUTING_NUMBER", "ROUTING_NUMBER", "ABA"], &["us_bank_routing"]),
    (
        &[
            "US_DRIVER_LICENSE",
            "DRIVER_LICENSE",
            "DRIVERLICENSE",
            "DRIVERLICENSENUM",
            "DRIVER_LICENSE_NUMBER",
        ],
        &["us_driver_license", "uk_driver_licence"],
    ),
    (&["UK_DRIVER_LICENCE", "UK_DRIVING_LICENCE"], &["uk_driver_licence", "us_driver_license"]),
    (
        &["US_PASSPORT", "UK_PASSPORT", "PASSPORT", "PASSPORT_NUMBER", "PASSPORTNUM"],
        &["us_passport", "uk_passport"],
    ),
    (&["UK_NHS", "NHS", "NHS_NUMBER"], &["uk_nhs"]),
    (&["UK_NINO", "NINO"], &["uk_nino"]),
    (&["ES_NIF", "ES_NIE", "ES_DNI", "NIF", "DNI", "NIE"], &["es_nif"]),
    (&["IT_FISCAL_CODE", "CODICE_FISCALE"], &["it_fiscal_code"]),
    (&["DE_TAX_ID", "STEUER_ID"], &["de_tax_id"]),
    (&["FR_NIR", "NIR"], &["fr_nir"]),
    (&["PL_PESEL", "PESEL"], &["pl_pesel"]),
    (&["NL_BSN", "BSN"], &["nl_bsn"]),
    (&["EU_VAT", "VAT", "VAT_NUMBER"], &["eu_vat"]),
    (&["MEDICAL_RECORD", "MEDICAL_RECORD_NUMBER", "MRN"], &["medical_record"]),
    (&["DATE_OF_BIRTH", "DOB", "BIRTHDATE"], &["date_of_birth"]),
    (&["PASSWORD", "PASS"], &["password"]),
];

/// The same for what only the tagger looks for, on request.
const NAMED: &[(&[&str], &[&str])] = &[
    (&["PERSON", "PERSON_NAME", "NAME", "FULL_NAME", "PER"], &["person"]),
    (&["ADDRESS", "STREET_ADDRESS", "STREET", "STREETADDRESS"], &["address"]),
];

/// Labels of which only a part is looked for: a date is personal only where somebody was born.
const PARTIAL: &[(&str, &[&str])] = &[("DATE_TIME", &["date_of_birth"]), ("DATE", &["date_of_birth"])];

/// How a label relates to the detectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Coverage {
    /// All of it is looked for.
    Structured,
    /// Some of it.
    Partial,
    /// The tagger of names looks for it, where it is asked to.
    Named,
    /// None of it.
    None,
}

/// What the detectors look for under a label.
pub(super) fn coverage(label: &str) -> Coverage {
    let label = label.to_uppercase();
    if SYNONYMS.iter().any(|(names, types)| names.contains(&label.as_str()) || is_own(types, &label)) {
        Coverage::Structured
    } else if NAMED.iter().any(|(names, _)| names.contains(&label.as_str())) {
        Coverage::Named
    } else if PARTIAL.iter().any(|(name, _)| *name == label) {
        Coverage::Partial
    } else {
        Coverage::None
    }
}

/// Whether a finding of this type is what the label means.
pub(super) fn matches(label: &str, type_name: &str) -> bool {
    let label = label.to_uppercase();
    let synonym = SYNONYMS
        .iter()
        .chain(NAMED)
        .any(|(names, types)| names.contains(&label.as_str()) && types.contains(&type_name));
    let partial = PARTIAL.iter().any(|(name, types)| *name == label && types.contains(&type_name));
    synonym || partial || type_name.to_uppercase() == label
}

fn is_own(types: &[&str], label: &str) -> bool {
    types.iter().any(|name| name.to_uppercase() == label)
}
