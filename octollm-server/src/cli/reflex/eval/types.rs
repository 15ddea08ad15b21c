//! The names that other people's labels give to what the detectors find.
//!
//! A label is compared by its letters and digits alone, so that `EMAIL_ADDRESS`, `email address` and `B-EmailAddress` are one; a number
//! at its end (`GIVENNAME1`) does not matter unless it belongs to the name (`IPV4`). The names are those of Presidio, AWS
//! Comprehend, Google's and Azure's services, Nightfall, ai4privacy, Gretel, GLiNER, spaCy and CoNLL.

use octollm_core::reflex::{Finding, FindingKind};

/// Stands for every type of credential.
const ANY_SECRET: &str = "any secret";

/// What labels a detector looks for wholly: its types (several where a label does not tell them apart), and the labels.
const SYNONYMS: &[(&[&str], &str)] = &[
    (&["email"], "EMAIL EMAILADDRESS EMAILADDR MAIL MAILADDRESS"),
    (
        &["phone"],
        "PHONE PHONENUMBER PHONENUM PHONENO TELEPHONE TELEPHONENUMBER TELEPHONENUM TEL TELNUM FAX FAXNUMBER MOBILE \
         MOBILENUMBER MOBILEPHONE MOBILEPHONENUMBER CELLPHONE CELLPHONENUMBER LANDLINE LANDLINEPHONENUMBER",
    ),
    (
        &["credit_card"],
        "CREDITCARD CREDITCARDNUMBER CREDITCARDNUM CREDITCARDNO CARDNUMBER CREDITDEBITNUMBER CREDITDEBITCARD \
         CREDITDEBITCARDNUMBER DEBITCARD DEBITCARDNUMBER PAYMENTCARD PAYMENTCARDNUMBER PAN",
    ),
    (
        &["iban"],
        "IBAN IBANCODE IBANNUMBER BANKACCOUNT INTERNATIONALBANKACCOUNTNUMBER INTERNATIONALBANKINGACCOUNTNUMBER",
    ),
    (&["bic"], "BIC BICCODE SWIFT SWIFTCODE SWIFTBIC SWIFTBICCODE BICSWIFT BICSWIFTCODE"),
    (&["ip_address"], "IP IPADDRESS IPADDR IPV4 IPV6 IPV4ADDRESS IPV6ADDRESS"),
    (&["mac_address"], "MAC MACADDRESS MACADDR MACADDRESSLOCAL HARDWAREADDRESS"),
    (
        &["btc_address", "eth_address"],
        "CRYPTO CRYPTOADDRESS CRYPTOWALLET CRYPTOWALLETADDRESS WALLETADDRESS CRYPTOCURRENCYADDRESS",
    ),
    (&["btc_address"], "BTCADDRESS BITCOIN BITCOINADDRESS BITCOINWALLET"),
    (&["eth_address"], "ETHADDRESS ETHEREUM ETHEREUMADDRESS ETHEREUMWALLET"),
    (
        &["us_ssn", "us_itin"],
        "SSN SSNNUMBER USSSN SOCIALSECURITY SOCIALSECURITYNUMBER SOCIALSECURITYNUM USSOCIALSECURITYNUMBER",
    ),
    (&["us_ssn", "us_itin", "fr_nir", "uk_nino"], "SOCIALNUMBER SOCIALNUM"),
    (
        &["us_itin", "us_ssn"],
        "ITIN USITIN USINDIVIDUALTAXPAYERIDENTIFICATION USINDIVIDUALTAXPAYERIDENTIFICATIONNUMBER \
         USINDIVIDUALTAXIDENTIFICATIONNUMBER",
    ),
    (
        &["us_bank_routing"],
        "USBANKROUTING USBANKROUTINGMICR BANKROUTING BANKROUTINGNUMBER ROUTINGNUMBER ABA ABANUMBER ABAROUTING \
         ABAROUTINGNUMBER",
    ),
    (
        &["us_driver_license", "uk_driver_licence"],
        "USDRIVERLICENSE USDRIVERSLICENSE USDRIVERSLICENSENUMBER USDRIVERLICENSENUMBER DRIVERLICENSE DRIVERSLICENSE \
         DRIVERLICENSENUM DRIVERSLICENSENUM DRIVERLICENSENUMBER DRIVERSLICENSENUMBER DRIVERLICENCE DRIVERSLICENCE \
         DRIVINGLICENSE DRIVINGLICENCE DRIVINGLICENSENUMBER DRIVINGLICENCENUMBER DRIVERID",
    ),
    (
        &["uk_driver_licence", "us_driver_license"],
        "UKDRIVERLICENCE UKDRIVERSLICENCE UKDRIVERLICENSE UKDRIVERSLICENSENUMBER UKDRIVINGLICENCE",
    ),
    (
        &["us_passport", "uk_passport"],
        "USPASSPORT USPASSPORTNUMBER UKPASSPORT UKPASSPORTNUMBER USUKPASSPORTNUMBER PASSPORT PASSPORTNUMBER PASSPORTNUM \
         PASSPORTNO",
    ),
    (
        &["uk_nhs"],
        "UKNHS NHS NHSNUMBER UKNHSNUMBER UKNATIONALHEALTHNUMBER UKNATIONALHEALTHSERVICENUMBER \
         NATIONALHEALTHSERVICENUMBER",
    ),
    (
        &["uk_nino"],
        "UKNINO NINO NATIONALINSURANCENUMBER UKNATIONALINSURANCENUMBER UKNATIONALINSURANCE NATIONALINSURANCE",
    ),
    (
        &["es_nif"],
        "ESNIF ESNIE ESDNI NIF DNI NIE SPAINNIFNUMBER SPAINNIENUMBER SPAINDNINUMBER SPANISHDNI SPANISHNIE",
    ),
    (&["it_fiscal_code"], "ITFISCALCODE CODICEFISCALE FISCALCODE ITALYFISCALCODE"),
    (
        &["de_tax_id"],
        "DETAXID DETAXIDENTIFICATIONNUMBER STEUERID STEUERIDENTIFIKATIONSNUMMER GERMANYTAXPAYERIDENTIFICATIONNUMBER",
    ),
    (&["fr_nir"], "FRNIR NIR FRANCENIR FRSOCIALSECURITYNUMBER"),
    (&["pl_pesel"], "PLPESEL PESEL POLANDPESELNUMBER PLNATIONALID"),
    (&["nl_bsn"], "NLBSN BSN NETHERLANDSBSNNUMBER NLCITIZENSSERVICENUMBER BURGERSERVICENUMMER"),
    (&["eu_vat"], "EUVAT VAT VATID VATNUMBER"),
    (&["medical_record"], "MEDICALRECORD MEDICALRECORDNUMBER MRN PATIENTID PATIENTNUMBER"),
    (&["date_of_birth"], "DATEOFBIRTH DOB BOD BIRTHDATE BIRTHDAY"),
    (&["password"], "PASSWORD PASS PASSWD"),
    (&["url_credentials", "password"], "DATABASECONNECTIONSTRING CONNECTIONSTRING"),
    (&["private_key"], "PRIVATEKEY"),
    (&["jwt"], "JWT JSONWEBTOKEN"),
    (&["aws_access_key"], "AWSACCESSKEY AWSACCESSKEYID"),
    (
        &[ANY_SECRET],
        "APIKEY SECRET SECRETKEY TOKEN ACCESSTOKEN AUTHTOKEN ACCESSKEY CREDENTIAL CREDENTIALS CRYPTOGRAPHICKEY \
         ENCRYPTIONKEY RANDOMLYGENERATEDTOKEN AWSCREDENTIALS AWSSECRETKEY AWSSECRETACCESSKEY AZUREAUTHTOKEN GCPAPIKEY \
         GCPCREDENTIALS BASICAUTHHEADER OAUTHCLIENTSECRET",
    ),
];

/// The same for what only the tagger looks for, on request.
const NAMED: &[(&[&str], &str)] = &[
    (
        &["person"],
        "PERSON PERSONNAME NAME FULLNAME PER FIRSTNAME MIDDLENAME LASTNAME GIVENNAME SURNAME FAMILYNAME PATIENT DOCTOR",
    ),
    (&["address"], "ADDRESS STREETADDRESS STREET FULLADDRESS POSTALADDRESS HOMEADDRESS"),
];

/// Labels of which only a part is looked for: a date is personal only where somebody was born, an account only where its
/// number checks itself.
const PARTIAL: &[(&[&str], &str)] = &[
    (&["date_of_birth"], "DATETIME DATE"),
    (&["iban"], "ACCOUNT ACCOUNTNUMBER ACCOUNTNUM BANKACCOUNTNUMBER"),
    (
        &["us_itin", "us_ssn", "de_tax_id", "it_fiscal_code", "es_nif", "pl_pesel", "nl_bsn", "eu_vat"],
        "TAXID TAXNUM TAXNUMBER TAXIDENTIFICATIONNUMBER EUTAXIDENTIFICATIONNUMBER",
    ),
    (
        &["es_nif", "it_fiscal_code", "fr_nir", "pl_pesel", "nl_bsn", "us_ssn", "uk_nino"],
        "ID IDNUM IDNUMBER IDCARD IDCARDNUM IDCARDNUMBER IDENTITYCARDNUMBER NATIONALID NATIONALIDNUMBER GOVERNMENTID",
    ),
    (&["eu_vat"], "ITVATCODE"),
];

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
    lookup(label).map_or(Coverage::None, |(coverage, _)| coverage)
}

/// Whether a finding is what the label means.
pub(super) fn matches(label: &str, finding: &Finding) -> bool {
    let of = |name: &&str| {
        *name == finding.type_name || *name == ANY_SECRET && finding.kind == FindingKind::Secret
    };
    squashed(label) == squashed(&finding.type_name)
        || lookup(label).is_some_and(|(_, types)| types.iter().any(of))
}

/// How a label is covered, and by which types.
fn lookup(label: &str) -> Option<(Coverage, &'static [&'static str])> {
    let label = squashed(label);
    let unnumbered = label.trim_end_matches(|c: char| c.is_ascii_digit());
    [label.as_str(), unnumbered].into_iter().find_map(|label| {
        let tables =
            [(Coverage::Structured, SYNONYMS), (Coverage::Named, NAMED), (Coverage::Partial, PARTIAL)];
        tables.into_iter().find_map(|(coverage, table)| {
            let line = table.iter().find(|(_, labels)| labels.split_whitespace().any(|one| one == label))?;
            Some((coverage, line.0))
        })
    })
}

/// A label's letters and digits in upper case, without the mark of where in an entity a word stands (`B-PER`).
fn squashed(label: &str) -> String {
    let bytes = label.as_bytes();
    let marked = matches!(bytes, [b'B' | b'I' | b'L' | b'U' | b'S' | b'E' | b'b' | b'i', b'-', _, ..]);
    let name = if marked { label.get(2..).unwrap_or(label) } else { label };
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use octollm_core::reflex::pii::PiiType;
    use octollm_core::reflex::{Detectors, Severity};

    use super::*;

    fn finding(kind: FindingKind, type_name: &str) -> Finding {
        Finding {
            kind,
            type_name: type_name.to_owned().into(),
            start: 0,
            end: 1,
            confidence: 1.0,
            severity: Severity::High,
            explanation: String::new().into(),
        }
    }

    fn means(label: &str, type_name: &str) -> bool {
        matches(label, &finding(FindingKind::Pii, type_name))
    }

    #[test]
    fn labels_of_known_sets_mean_what_they_say() {
        for (type_name, labels) in [
            ("email", "EMAIL EMAIL_ADDRESS EMAILADDRESS email Email-Address B-EMAIL"),
            ("phone", "PHONE_NUMBER PHONENUMBER TELEPHONENUM TEL fax_number PhoneNumber I-PHONE"),
            (
                "credit_card",
                "CREDIT_CARD CREDITCARDNUMBER CREDIT_DEBIT_NUMBER CreditCardNumber credit_debit_card",
            ),
            ("iban", "IBAN IBAN_CODE InternationalBankingAccountNumber ACCOUNTNUM"),
            ("bic", "BIC SWIFT_CODE swift_bic_code"),
            ("ip_address", "IP IPV4 IPV6 IP_ADDRESS ipv4"),
            ("mac_address", "MAC MAC_ADDRESS"),
            ("btc_address", "CRYPTO BITCOINADDRESS"),
            ("eth_address", "CRYPTO ETHEREUMADDRESS"),
            ("us_ssn", "US_SSN SSN SOCIALNUMBER SOCIALNUM USSocialSecurityNumber US_SOCIAL_SECURITY_NUMBER"),
            ("us_itin", "US_ITIN US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER TAXNUM"),
            ("us_bank_routing", "BANK_ROUTING ABA_ROUTING_NUMBER US_BANK_ROUTING_MICR bank_routing_number"),
            (
                "us_driver_license",
                "US_DRIVER_LICENSE DRIVERLICENSENUM DRIVERLICENSE DRIVER_ID US_DRIVERS_LICENSE_NUMBER",
            ),
            ("us_passport", "PASSPORT PASSPORTNUM PASSPORT_NUMBER US_PASSPORT USUKPassportNumber"),
            ("uk_nhs", "UK_NHS UKNationalHealthNumber UK_NATIONAL_HEALTH_SERVICE_NUMBER"),
            ("uk_nino", "UK_NINO UK_NATIONAL_INSURANCE_NUMBER SOCIALNUM"),
            ("es_nif", "ES_NIF ES_NIE SPAIN_NIF_NUMBER IDCARDNUM"),
            ("date_of_birth", "DATE_OF_BIRTH DATEOFBIRTH DOB BOD DATE DATE_TIME"),
            ("medical_record", "MEDICALRECORD MRN medical_record_number"),
            ("person", "PERSON PER B-PER GIVENNAME1 LASTNAME FIRSTNAME full_name"),
            ("address", "STREET_ADDRESS STREETADDRESS ADDRESS"),
        ] {
            for label in labels.split(' ') {
                assert!(means(label, type_name), "{label} should mean {type_name}");
                assert_ne!(coverage(label), Coverage::None, "{label}");
            }
        }
    }

    #[test]
    fn labels_that_name_something_else_mean_nothing() {
        for label in
            ["ORG", "LOC", "CITY", "VEHICLEVIN", "CREDITCARDCVV", "MASKEDNUMBER", "URL", "USERNAME", ""]
        {
            assert_eq!(coverage(label), Coverage::None, "{label}");
            assert!(!PiiType::ALL.iter().any(|kind| means(label, kind.name())), "{label}");
        }
        assert!(!means("IPV4", "email") && !means("ETHEREUMADDRESS", "btc_address"));
    }

    #[test]
    fn a_label_for_keys_means_every_credential_and_no_personal_data() {
        let detectors = Detectors::new().unwrap();
        for text in ["AKIAIOSFODNN7EXAMPLE", "password = hunter2!x"] {
            let found = detectors.private(text);
            assert!(found.iter().any(|found| matches("API_KEY", found)), "{text}");
        }
        assert!(!means("API_KEY", "email") && !means("SECRET", "password"));
    }

    #[test]
    fn every_type_is_its_own_label() {
        for kind in PiiType::ALL {
            assert!(means(&kind.name().to_uppercase(), kind.name()), "{}", kind.name());
            assert_ne!(coverage(kind.name()), Coverage::None, "{}", kind.name());
        }
    }
}
