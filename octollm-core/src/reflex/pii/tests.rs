use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::reflex::Severity;

fn detector() -> &'static PiiDetector {
    static DETECTOR: LazyLock<PiiDetector> =
        LazyLock::new(|| PiiDetector::new(PiiOptions::default()).unwrap());
    &DETECTOR
}

/// What was found, as (type, text).
fn found(text: &str) -> Vec<(String, String)> {
    let findings = detector().scan(text);
    findings.iter().map(|finding| (finding.type_name.to_string(), text[finding.range()].to_owned())).collect()
}

fn finds(text: &str, kind: &str, value: &str) {
    assert_eq!(found(text), [(kind.to_owned(), value.to_owned())], "{text}");
}

fn finds_nothing(text: &str) {
    assert_eq!(found(text), [], "{text}");
}

#[test]
fn escapes_are_no_part_of_what_stands_beside_them() {
    finds(r#"{"msg":"from\njane@example.com\tor"}"#, "email", "jane@example.com");
    finds(r#"{"m":"\u00fcjane@example.com"}"#, "email", "jane@example.com");
    finds(r"paid\n4539148803436467\nnow", "credit_card", "4539148803436467");
    finds(r"to\tDE89370400440532013000\r\n", "iban", "DE89370400440532013000");
}

#[test]
fn labels_in_capitals_are_context() {
    finds("Телефон: 8 912 345 67 89", "phone", "8 912 345 67 89");
    finds("ДАТА РОЖДЕНИЯ: 12.03.1985", "date_of_birth", "12.03.1985");
}

#[test]
fn a_number_with_its_country_is_one_beside_an_order() {
    finds("My order is late, +1 (415) 555-0132", "phone", "+1 (415) 555-0132");
    finds("Call +1(415)823-4132ext.55 now", "phone", "+1(415)823-4132ext.55");
    finds("Call (415) 823-4132 Ext. 12 now", "phone", "(415) 823-4132 Ext. 12");
    finds("It costs little. Mobile 5550132", "phone", "5550132");
    finds("the item was returned. Call 5550132", "phone", "5550132");
    finds("Appelez le 06 65 95 34 42 de 14 h a 18 h", "phone", "06 65 95 34 42");
    finds("link/ether 52:54:00:12:34:56 brd", "mac_address", "52:54:00:12:34:56");
    finds("field,value\nSSN,536228741\n", "us_ssn", "536228741");
    finds("Hi Ann, my social security number is\n536228741, thank you\n", "us_ssn", "536228741");
    finds("id,amount ($),phone\n1,4,5550132\n", "phone", "5550132");
    finds_nothing("date,reach,call_id\n2024-01-01,1250000,1250001\n");
    finds("My SSN536-90-4399.", "us_ssn", "536-90-4399");
    finds("Tel0431 350690", "phone", "0431 350690");
    finds("up on port 4: 001A.2b3C.4D5E", "mac_address", "001A.2b3C.4D5E");
    finds_nothing("1234.5678.9012 and dead.beef.cafe, ffff.ffff.ffff, v1.001a.2b3c.4d5e.9");
    finds("mail jane@xn--bcher-kva.xn--p1ai now", "email", "jane@xn--bcher-kva.xn--p1ai");
    finds("invoice +49 30 12345678", "phone", "+49 30 12345678");
}

/// One in a thousand had a telephone number or an IBAN in it.
#[test]
fn a_uuid_is_one_thing() {
    for id in ["e78da107-0796-4656-8845-25fd1a3c6027", "9d1c6521-466a-4e10-be42-25fd1a3c6027"] {
        for text in [id.to_owned(), id.to_uppercase(), format!("task-{id}-step-1"), format!("req_{id}")] {
            finds_nothing(&text);
        }
    }
    finds_nothing("part-00687-98246294-aa4c-43a9-9d3b-0eb3eb8e2b10.parquet");
    finds("ab-0796-4656-8845", "phone", "0796-4656-8845");
}

#[test]
fn the_name_of_a_column_is_context_for_all_its_lines() {
    let mut text = String::from("id,ssn,dob,mobile,passport_no,amount\n");
    for line in 0..40 {
        text.push_str(&format!(
            "{},5362287{:02},1985-03-12,5550132{:03},912803456,{}\n",
            line,
            line + 10,
            line,
            400_000_000 + line
        ));
    }
    let found = found(&text);
    let count = |kind: &str| found.iter().filter(|(found, _)| found == kind).count();
    let kinds = ["us_ssn", "date_of_birth", "phone", "us_passport"];
    assert_eq!((kinds.map(count), found.len()), ([40; 4], 160), "{found:?}");
    // What stands in the next column is about the next column.
    finds_nothing("order_id,count\n5550132,4\n");
    finds_nothing("phone,id\n,912803456\n");
    finds_nothing("id,server_version,phone_model\n1,10.2.3.4,5550132\n2,10.2.3.5,5550133\n");
    finds("id,server\n1,10.2.3.4\n", "ip_address", "10.2.3.4");
    finds("Here:\nname;phone;note\nAnn;5550132;x\n", "phone", "5550132");
    finds("name,note\nAnn,\"call me at 5550132, please\"\n", "phone", "5550132");
}

#[test]
fn numbers_in_rows_and_decimals_are_nothing_personal() {
    for text in [
        "loss 0.2434291481071980 at step 12",
        "1 2233 2962 4 6262 1316888 2322258 12",
        "[51 118 138 222 38 70 175 242 61 234 12]",
        "4110 8 2871 1846 329 83 6550 22",
        "4825897 693707 4236 S",
        "0000010: 51 a5 28 6f  06 65 95 34 42",
        "06 65 95 34 42 b3 5c",
        "message 361619046194235075 deleted",
    ] {
        finds_nothing(text);
    }
    finds("de 06 65 95 34 42", "phone", "06 65 95 34 42");
    finds("card 361619046194235075", "credit_card", "361619046194235075");
    finds("my card: 411111 1111 111111", "credit_card", "411111 1111 111111");
    finds("4111 1111 1111 1111 12/27 123", "credit_card", "4111 1111 1111 1111");
}

#[test]
fn ranges_exponents_clauses_and_clocks_are_nothing_personal() {
    for text in [
        "merged:2021-08-21..2021-10-01",
        "Decimal('1.2345E+12345680')",
        "as defined in clause 252.227-7013",
        "10:20:30:40:50:60",
        "0123 4567 8901 2345",
        "the new phone costs 1299999 won",
        "the call 12345678 returned at once",
        "update to 6.5.254.31, upgrade from 9.7.106.18",
        "pod web-ce243824b evicted, web-35204225b",
    ] {
        finds_nothing(text);
    }
    finds("mac: 10:20:30:40:50:60", "mac_address", "10:20:30:40:50:60");
    finds("DNI 12345678z", "es_nif", "12345678z");
    finds("call 252.227-7013", "phone", "252.227-7013");
}

#[test]
fn each_type_in_a_sentence() {
    for (text, kind, value) in [
        ("write to Jane.Doe+x@mail.example.co.uk.", "email", "Jane.Doe+x@mail.example.co.uk"),
        ("<mailto:müller@example.de>", "email", "müller@example.de"),
        ("paid with 4111 1111 1111 1111 today", "credit_card", "4111 1111 1111 1111"),
        ("amex 3782-822463-10005", "credit_card", "3782-822463-10005"),
        ("to GB82 WEST 1234 5698 7654 32 please", "iban", "GB82 WEST 1234 5698 7654 32"),
        ("IBAN: DE89370400440532013000", "iban", "DE89370400440532013000"),
        ("BIC: DEUTDEFF500", "bic", "DEUTDEFF500"),
        ("from 192.168.17.4 at noon", "ip_address", "192.168.17.4"),
        ("host 2001:db8::8a2e:370:7334.", "ip_address", "2001:db8::8a2e:370:7334"),
        ("mac 00:1B:44:11:3A:B7", "mac_address", "00:1B:44:11:3A:B7"),
        ("mac 00-1b-44-11-3a-b7", "mac_address", "00-1b-44-11-3a-b7"),
        ("send to 1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "btc_address", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"),
        (
            "send to bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "btc_address",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        ),
        (
            "pay 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed now",
            "eth_address",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        ),
        ("born on 12 March 1985 in Kiel", "date_of_birth", "12 March 1985"),
        ("Date of birth: March 12th, 1985", "date_of_birth", "March 12th, 1985"),
        ("MRN: 00847261", "medical_record", "00847261"),
        ("ssn 123-45-6789", "us_ssn", "123-45-6789"),
        ("her ITIN is 912-70-1234", "us_itin", "912-70-1234"),
        ("routing number 021000021", "us_bank_routing", "021000021"),
        ("my driver's license is D1234567", "us_driver_license", "D1234567"),
        ("passport no. 912803456", "us_passport", "912803456"),
        ("British passport 925665416", "uk_passport", "925665416"),
        ("NHS number 943 476 5919", "uk_nhs", "943 476 5919"),
        ("NI number AB 12 34 56 C", "uk_nino", "AB 12 34 56 C"),
        ("licence MORGA657054SM9IJ", "uk_driver_licence", "MORGA657054SM9IJ"),
        ("DNI 12345678Z", "es_nif", "12345678Z"),
        ("DNI 12345678-Z", "es_nif", "12345678-Z"),
        ("NIE X1234567L", "es_nif", "X1234567L"),
        ("CF RSSMRA85T10A562S", "it_fiscal_code", "RSSMRA85T10A562S"),
        ("Steuer-ID 86 095 742 719", "de_tax_id", "86 095 742 719"),
        ("NIR 2 55 08 14 168 025 38", "fr_nir", "2 55 08 14 168 025 38"),
        ("PESEL 44051401359", "pl_pesel", "44051401359"),
        ("BSN 111222333", "nl_bsn", "111222333"),
        ("VAT DE136695976", "eu_vat", "DE136695976"),
    ] {
        finds(text, kind, value);
    }
}

#[test]
fn a_spaced_ssn_is_found() {
    finds("it is 123 45 6789 I think", "us_ssn", "123 45 6789");
}

/// A number behind a comma was taken for decimals, so that a table showed all but its first column.
#[test]
fn the_fields_of_a_table_are_found() {
    finds("17,4111111111111111,x", "credit_card", "4111111111111111");
    finds("id,ssn\n1,536-22-8741\n", "us_ssn", "536-22-8741");
    finds("3,192.168.17.4,ok", "ip_address", "192.168.17.4");
    let two = [("credit_card", "4111111111111111"), ("credit_card", "5555555555554444")];
    assert_eq!(
        found("4111111111111111,5555555555554444"),
        two.map(|(kind, value)| (kind.to_owned(), value.to_owned()))
    );
    finds_nothing(
        "We sold 12 345 678 of them; call us. A call centre with 1 234 567 calls and 10 000 000 more",
    );
    finds_nothing("1,234,567,890 people paid $1,234,567.89, or 3,14159265 of it");
}

#[test]
fn cards_are_found_however_their_groups_are_joined() {
    for card in [
        "4111.1111.1111.1111",
        "4111  1111  1111  1111",
        "4111 - 1111 - 1111 - 1111",
        "4111/1111/1111/1111",
        "3782.822463.10005",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    ] {
        finds(&format!("the card is {card}, thanks"), "credit_card", card);
    }
    finds_nothing("1.2.3.4.5.6.7.8, 4111.1111.1111.1112, 2019.2020.2021.2022");
}

#[test]
fn dates_of_birth_in_many_languages() {
    for (before, date) in [
        ("born on the ", "5th of May 1990"),
        ("birthday: ", "12th March 1985"),
        ("D.O.B. ", "12-Mar-85"),
        ("birthdate=", "1985-03-12"),
        ("geb. ", "12.03.1985"),
        ("Geburtsdatum: ", "12. März 1985"),
        ("geboren am ", "1. Dez. 1985"),
        ("née le ", "12 février 1985"),
        ("né le ", "1er août 1990"),
        ("nacido el ", "12 de marzo de 1985"),
        ("nata il ", "12 giugno 1985"),
        ("nascida em ", "3 de outubro de 1985"),
        ("geboren op ", "12 maart 1985"),
        ("urodzona ", "12 października 1985"),
        ("född ", "1985-03-12"),
        ("родилась ", "12 марта 1985"),
        ("生年月日:", "1985年3月12日"),
        ("出生日期: ", "1985-03-12"),
        ("생년월일 ", "1985년 3월 12일"),
    ] {
        finds(&format!("{before}{date}"), "date_of_birth", date);
        finds_nothing(&format!("{date} was a Tuesday"));
    }
    finds("birthDate: 1985-03-12T00:00:00Z", "date_of_birth", "1985-03-12");
    finds_nothing("born 12 miles from 1985 Main Street, in 4 months of 2020, 12 de junio");
}

#[test]
fn documents_are_found_with_all_their_parts() {
    finds("MRN 00-12-34-56", "medical_record", "00-12-34-56");
    finds("patient ID PT-123456.", "medical_record", "PT-123456");
    finds("Medical Record #: MR-2023-00123", "medical_record", "MR-2023-00123");
    finds("driver's license: A123-4567-8901", "us_driver_license", "A123-4567-8901");
    finds_nothing("part PT-123456, A123-4567-8901, medical record-keeping");
}

#[test]
fn numbers_of_countries_are_found_however_they_are_grouped() {
    finds("AB-12-34-56-C", "uk_nino", "AB-12-34-56-C");
    finds("12.345.678-Z", "es_nif", "12.345.678-Z");
    finds("X-1234567-L", "es_nif", "X-1234567-L");
    finds("BSN 1112.22.333", "nl_bsn", "1112.22.333");
    finds("SSN 536 - 22 - 8741", "us_ssn", "536 - 22 - 8741");
    finds("IBANDE89370400440532013000", "iban", "DE89370400440532013000");
    finds("DE89.3704.0044.0532.0130.00", "iban", "DE89.3704.0044.0532.0130.00");
    finds_nothing("IBAN is long, X-1234567-M, 12.345.678-A, 111 222 333");
}

#[test]
fn addresses_of_mail_as_pages_and_names_write_them() {
    for (text, address) in [
        ("/login?email=john%40example.com&next=/", "john%40example.com"),
        ("to Petra.O'Neil@uni-köln.example", "Petra.O'Neil@uni-köln.example"),
        ("почта: иван@пример.рф", "иван@пример.рф"),
        ("name=f'john@example.com'", "john@example.com"),
        ("ivan@example.com.Спасибо", "ivan@example.com"),
    ] {
        finds(text, "email", address);
    }
    finds("mail git@example.com today", "email", "git@example.com");
    finds_nothing("git clone git@github.com:org/repo.git or ssh://git@gitlab.example.com/org/repo");
    finds_nothing("100%40 of %40, a%40b, width: 50%40px;");
}

/// A word about the next number, or about the one before, was taken for one about this.
#[test]
fn a_word_belongs_to_the_number_that_it_stands_by() {
    finds("passport 912803456. Call me", "us_passport", "912803456");
    finds("943-476-5919 (NHS no)", "uk_nhs", "943-476-5919");
    let phone = |number: &str| ("phone".to_owned(), number.to_owned());
    assert_eq!(found("P.IVA 00743110157. Cell. 347 123 4567"), [phone("347 123 4567")]);
    assert_eq!(found("office 415-555-0199. Account number 000123456789"), [phone("415-555-0199")]);
    assert_eq!(found("2345 6789 0124, mobile +91 98765 43210"), [phone("+91 98765 43210")]);
    finds_nothing("CNPJ 11.222.333/0001-81, 1 75 07 69 123 456 21");
    assert_eq!(found("415 555 0132 415 555 0133").len(), 2);
}

#[test]
fn mastercards_of_the_two_series_are_found() {
    finds("2223000048400011", "credit_card", "2223000048400011");
}

#[test]
fn iso_dates_of_birth_are_found_and_other_dates_are_not() {
    finds("DOB: 1985-03-12", "date_of_birth", "1985-03-12");
    finds("born 12.3.1985", "date_of_birth", "12.3.1985");
    finds_nothing("released on 2024-03-12 at 10:30:00, 2024-03-12T10:30:00Z, 03/12/2024");
}

#[test]
fn short_ipv6_addresses_are_found_and_paths_are_not() {
    finds("ping fe80::1 now", "ip_address", "fe80::1");
    finds("ip ::ffff:192.0.2.1 now", "ip_address", "::ffff:192.0.2.1");
    finds_nothing("std::vec::Vec, a::b, items[::2], cafe::babe, at 12:30:45, fd::1x");
}

#[test]
fn telephones_as_people_write_them() {
    for number in [
        "+1 (415) 555-2671",
        "+44 20 7946 0958",
        "+44 (0)20 7946 0958",
        "+49 30 901820",
        "+919876543210",
        "(415) 555-2671",
        "415-555-2671",
        "1-415-555-2671",
        "020 7946 0958",
        "07700 900123",
        "0121 496 0123",
        "01 23 45 67 89",
        "02.27.96.63.08",
        "03-1234-5678",
        "0049 30 901820",
        "06-12345678",
        "(85) 5986-8343",
        "415-555-2671x739",
        "415-555-2671 ext. 12",
    ] {
        finds(&format!("Her line: {number}, or so"), "phone", number);
    }
    finds("call 51-16-34-25", "phone", "51-16-34-25");
    finds("電話は03-1234-5678です", "phone", "03-1234-5678");
}

/// A word about telephones made one of every number near it.
#[test]
fn years_and_counts_are_no_telephones() {
    finds_nothing("the mobile first 2023-2024 plan");
    finds_nothing("Phone revenue 2019-2023");
    finds_nothing("call 2023-2024 a success");
    finds_nothing("contact lens 2022-2023");
    finds_nothing("call volume 1234567");
    finds_nothing("call function 12345678");
    finds_nothing("Mobile users in 2024: 12345678");
    finds_nothing("Q1 2024: 123-456-7890 units");
    finds_nothing("DE89 3704 0044 0532 0130 01");
    finds_nothing("call about DE89 3704 0044 0532 0130 01");
    finds("call me on 415-555-2671", "phone", "415-555-2671");
    finds("mobile 0151 2345678", "phone", "0151 2345678");
    finds("Tel. 030 901820", "phone", "030 901820");
    finds("phone: 5552671", "phone", "5552671");
}

#[test]
fn addresses_of_four_digits_are_found_where_a_computer_is_meant() {
    for (text, address) in [
        ("connect to 8.8.8.8:53 failed", "8.8.8.8"),
        ("8.8.8.8:443", "8.8.8.8"),
        ("from 5.6.7.8 port 22", "5.6.7.8"),
        ("http://5.6.7.8/x", "5.6.7.8"),
        ("nameserver 1.0.0.1", "1.0.0.1"),
        ("8.8.8.8 - - [10/Oct/2000:13:55:36] \"GET /\"", "8.8.8.8"),
    ] {
        finds(text, "ip_address", address);
    }
    finds_nothing("version 1.2.3.4, then 1.2.3.4: see section 1.2.3.4");
}

#[test]
fn an_address_of_mail_ends_before_a_dash() {
    for text in ["jane@example.com--bob", "jane@example.com-2024", "jane@example.com-----BEGIN"] {
        finds(text, "email", "jane@example.com");
    }
    finds("jane@my-host.co-op.example", "email", "jane@my-host.co-op.example");
    finds_nothing("react@18.2.beta-1, next@1.0.0-canary");
}

#[test]
fn vat_numbers_are_found_however_they_are_grouped() {
    for number in ["BE 0428.759.497", "BE0428.759.497", "ATU 13585627", "FR 40 303 265 045", "GB 980 7806 84"]
    {
        finds(&format!("our VAT number is {number}."), "eu_vat", number);
    }
    finds("P.IVA IT00743110157, Milano", "eu_vat", "IT00743110157");
    // A letter among the check digits is telling by itself.
    finds("contact NL004495445B01 today", "eu_vat", "NL004495445B01");
    finds("contact IE6433435F today", "eu_vat", "IE6433435F");
}

#[test]
fn vat_numbers_need_the_right_check_digits_and_a_word_for_them() {
    finds_nothing("VAT DE136695977, VAT BE0428759498");
    finds_nothing("part DE136695976 of the order, bolts for IT 00743110157 and SE123456789701");
    finds_nothing("VAT DE136695976x and VAT_DE136695976_1");
}

#[test]
fn addresses_that_identify_nobody_are_left_alone() {
    finds_nothing(
        "ping 127.0.0.1, bind 0.0.0.0:8080, mask 255.255.255.0, mDNS 224.0.0.251, curl http://169.254.169.254/",
    );
    finds_nothing(
        "server ::1 and ff02::fb, address ::ffff:127.0.0.1, host ff:ff:ff:ff:ff:ff, 00:00:00:00:00:00",
    );
    finds("allow 127.0.0.1, ::1 and 203.0.113.9", "ip_address", "203.0.113.9");
}

#[test]
fn order_numbers_are_not_identity_numbers() {
    finds_nothing("order 123456789 shipped");
    finds_nothing("Order number: 123-45-6789");
    finds_nothing("123456789 and 021000021 and 111222333 and 44051401359");
    finds_nothing("invoice 4155552671, version 10.20.30.40, ISBN 978-3-16-148410-0");
}

#[test]
fn ordinary_numbers_are_nothing() {
    finds_nothing("Art.-Nr. 123-456-7890, Rechnung 030 1234567, factura 415-555-0132");
    finds_nothing("pi is 3.14159265358979, 1,234,567.89, 100 200 300, 2 + 2 = 4, $4111111111111111");
    finds_nothing("rows 080 087 078 069, 0049 0020 0068 0061, 1234567890123456, v1.2.3.4");
    finds_nothing("icon@2x.png, npm i react@18.2.0, @decorator, a @ b, me@localhost");
}

#[test]
fn wrong_check_digits_are_refused() {
    finds_nothing("4111 1111 1111 1112");
    finds_nothing("GB82 WEST 1234 5698 7654 33");
    finds_nothing("X1234567A and RSSMRA85T10A562T and 1BoatSLRHtKNngkdXEeobR76b53LETtpyU");
}

#[test]
fn context_raises_confidence() {
    let confidence = |text| detector().scan(text)[0].confidence;
    assert!(confidence("social security number 123-45-6789") > confidence("it is 123-45-6789"));
    assert!(confidence("call 415-555-2671") > confidence("it is 415-555-2671"));
}

#[test]
fn disguised_values_are_found_where_they_stand() {
    finds("card ４１１１\u{200B} １１１１ 1111 1111!", "credit_card", "４１１１\u{200B} １１１１ 1111 1111");
    finds("メールはtanaka@example.co.jpです。", "email", "tanaka@example.co.jp");
}

#[test]
fn options_choose_what_is_looked_for() {
    let scan = |options| {
        PiiDetector::new(options).unwrap().scan("a@b.example, ssn 123-45-6789, c@corp.example").len()
    };
    assert_eq!(scan(PiiOptions::default()), 3);
    assert_eq!(scan(PiiOptions { locales: vec![Locale::International], ..PiiOptions::default() }), 2);
    assert_eq!(scan(PiiOptions { without: vec!["email".to_owned()], ..PiiOptions::default() }), 1);
    let allow = vec!["A@B.example".to_owned(), "@corp.example".to_owned()];
    assert_eq!(scan(PiiOptions { allow, ..PiiOptions::default() }), 1);
    assert_eq!(scan(PiiOptions { min_confidence: 0.98, ..PiiOptions::default() }), 1);
}

fn custom(name: &str, pattern: &str) -> CustomPattern {
    CustomPattern { name: name.into(), pattern: pattern.into(), confidence: 0.9, severity: Severity::High }
}

#[test]
fn custom_patterns_are_found_in_texts_of_any_length() {
    let options = PiiOptions { custom: vec![custom("badge", r"\bB-\d{5}\b")], ..PiiOptions::default() };
    let detector = PiiDetector::new(options).unwrap();
    let text = "größe B-12345 ".repeat(2000);
    assert_eq!(detector.scan(&text).iter().filter(|finding| finding.type_name == "badge").count(), 2000);
}

fn matches(pattern: &str, text: &str) -> Vec<(usize, usize)> {
    let options = PiiOptions { custom: vec![custom("own", pattern)], ..PiiOptions::default() };
    let findings = PiiDetector::new(options).unwrap().scan(text);
    findings.iter().filter(|found| found.type_name == "own").map(|found| (found.start, found.end)).collect()
}

/// Anchors matched at the edges of the windows, too.
#[test]
fn anchors_of_custom_patterns_are_those_of_the_text() {
    let text = "x".repeat(20_000);
    assert_eq!(matches("^x", &text), [(0, 1)]);
    assert_eq!(matches(r"\Ax", &text), [(0, 1)]);
    assert_eq!(matches("x$", &text), [(19_999, 20_000)]);
    assert_eq!(matches(r"\bEMP", &format!("{}EMP ", "a".repeat(3584))), []);
    assert_eq!(matches(r"x{3}", &"x".repeat(9000)).len(), 3000);
}

#[test]
fn custom_matches_of_512_bytes_are_found_whole_wherever_they_stand() {
    let value = format!("Z{}Z", "a".repeat(510));
    for before in (0..9000).step_by(97) {
        let text = format!("{}{value}{}", "-".repeat(before), "-".repeat(5000));
        assert_eq!(matches("Za+Z", &text), [(before, before + 512)]);
        assert_eq!(matches("[Za]+", &text), [(before, before + 512)]);
    }
}

#[test]
fn bad_options_are_refused_all_at_once() {
    let options = PiiOptions {
        min_confidence: 2.0,
        without: vec!["emial".into()],
        custom: vec![custom("Bad Name", "a"), custom("open", "(secret"), custom("huge", r"\w{1000}{100}")],
        ..PiiOptions::default()
    };
    let error = PiiDetector::new(options).unwrap_err();
    let pointers: Vec<_> = error.faults().iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        ["/min_confidence", "/without/0", "/custom/0/name", "/custom/1/pattern", "/custom/2/pattern"]
    );
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(error.faults()[3].detail, "unclosed group (character 1)");
}

/// A few megabytes of what would never end if anything here were quadratic.
#[test]
fn repeated_patterns_take_linear_time() {
    let detector = detector();
    for unit in [
        "a@", "1 ", "1-", "::", "a:", "GB82", "4111 ", "@a.", "+1", "(1)", "Jan 1, ", "x", "0x", "é1",
        "\u{301}1",
    ] {
        detector.scan(&unit.repeat((1 << 18) / unit.len()));
    }
}

proptest! {
    #[test]
    fn any_text_gives_places_on_boundaries(text in any::<String>()) {
        for finding in &detector().scan(&text) {
            prop_assert!(text.get(finding.range()).is_some_and(|value| !value.is_empty()));
        }
    }

    #[test]
    fn texts_full_of_anchors_give_places_on_boundaries(
        text in "[0-9@:.()+ \\-xaGB８ а\u{200B}\u{301}日ー]{0,80}"
    ) {
        let findings = detector().scan(&text);
        for finding in &findings {
            prop_assert!(text.get(finding.range()).is_some());
            prop_assert!((0.5..=1.0).contains(&finding.confidence));
        }
    }

    /// Of these letters no word can be made that says what the number is: "ean" and "vin" speak against a card.
    #[test]
    fn a_valid_number_is_found_wherever_it_stands(before in "[bcfghjqxé日 ]{0,20}", after in "[ ,.;!?)][bcfghjqxé日 ]{0,20}") {
        let text = format!("{before} 4111111111111111{after}");
        let findings = detector().scan(&text);
        prop_assert!(findings.iter().any(|finding| finding.type_name == "credit_card"));
    }
}
