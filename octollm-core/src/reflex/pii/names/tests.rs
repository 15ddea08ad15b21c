use super::lexicon::{self, Lexicon, List};
use super::model::Model;
use super::tokens::{Gap, Shape, for_each_window, word_hash};
use crate::reflex::pii::{PiiDetector, PiiOptions};
use crate::reflex::{Detectors, Policy, Preset, RedactStyle, Redactor};

fn options() -> PiiOptions {
    PiiOptions { names: true, ..PiiOptions::default() }
}

fn found(text: &str) -> Vec<(String, &str)> {
    let findings = PiiDetector::new(options()).unwrap().scan(text);
    findings.iter().map(|found| (found.type_name.to_string(), &text[found.range()])).collect()
}

#[track_caller]
fn finds(text: &str, kind: &str, value: &str) {
    assert!(found(text).contains(&(kind.to_owned(), value)), "{text}: {:?}", found(text));
}

#[test]
fn names_as_people_write_them() {
    for (text, name) in [
        ("My name is Maria Gonzalez and I need help.", "Maria Gonzalez"),
        ("Dear Mr. Thompson,\nthank you for your letter.", "Thompson"),
        ("I spoke with Vincent van Gogh yesterday.", "Vincent van Gogh"),
        ("Author: John F. Kennedy", "John F. Kennedy"),
        ("Kind regards,\nJean-Claude Dupont", "Jean-Claude Dupont"),
        ("Ich heiße Jürgen Müller und wohne in Kiel.", "Jürgen Müller"),
        ("Is Sinead O'Connor there?", "Sinead O'Connor"),
        // No list holds the surname; the given name carries it.
        ("Please ask Robert Zzyvlak about it.", "Robert Zzyvlak"),
    ] {
        finds(text, "person", name);
    }
}

#[test]
fn addresses_as_people_write_them() {
    for (text, address) in [
        ("She lived at 221B Baker Street, London NW1 6XE.", "221B Baker Street, London NW1 6XE"),
        (
            "Ship it to 412 Monterey Avenue, Springfield, IL 62704, please.",
            "412 Monterey Avenue, Springfield, IL 62704",
        ),
        ("I live at 221 Baker Street.", "221 Baker Street"),
        ("Meine Adresse lautet Goethestraße 12, 10115 Berlin.", "Goethestraße 12, 10115 Berlin"),
        ("Mi dirección es Calle de Alcalá 42, 28014 Madrid.", "Calle de Alcalá 42, 28014 Madrid"),
    ] {
        finds(text, "address", address);
    }
}

#[test]
fn nothing_is_looked_for_unless_it_is_asked_for() {
    let text = "My name is Maria Gonzalez, I live at 221 Baker Street.";
    assert_eq!(PiiDetector::new(PiiOptions::default()).unwrap().scan(text).len(), 0);
    let without = PiiOptions { without: vec!["address".into()], ..options() };
    assert_eq!(PiiDetector::new(without).unwrap().scan(text).len(), 1);
    let allowed = PiiOptions { allow: vec!["maria gonzalez".into()], ..options() };
    assert_eq!(PiiDetector::new(allowed).unwrap().scan(text).len(), 1);
}

#[test]
fn words_with_capitals_are_no_names() {
    for text in [
        "On Monday we met in Paris, and in June we go to South Africa on Christmas.",
        "The Quarterly Report of the Marketing Department is due; see Figure 3 and Table 12.",
        "We use PostgreSQL 16, React and Docker on Ubuntu with Python 3.12.",
        "CHAPTER ONE. ALL RIGHTS RESERVED. TERMS AND CONDITIONS APPLY.",
        "Add 2 Tbsp Olive Oil, 3 Cloves Garlic and 400 ml Chicken Stock.",
        "public class HashMap extends AbstractMap { private Node next; }",
        "Write to <PERSON_1> at <ADDRESS_1>, or <EMAIL_1>.",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn what_has_check_digits_keeps_its_type_beside_a_name() {
    let text = "Maria Gonzalez, maria@example.com, 4111 1111 1111 1111";
    let kinds: Vec<_> = found(text).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["person", "email", "credit_card"]);
}

#[test]
fn an_address_ends_where_a_telephone_number_begins() {
    let text = "Ship it to 412 Monterey Avenue, Springfield, IL 62704\n(415) 555-2671\nThanks";
    assert_eq!(
        found(text),
        [
            ("address".to_owned(), "412 Monterey Avenue, Springfield, IL 62704"),
            ("phone".to_owned(), "(415) 555-2671")
        ]
    );
}

#[test]
fn an_address_ends_where_the_next_line_is_about_something_else() {
    let list = "Stops: 12 Rue de Rivoli, 75001 Paris\n13 Rue de Rivoli, 75001 Paris\n";
    let addresses: Vec<_> = found(list).into_iter().map(|(_, text)| text).collect();
    assert!(addresses.iter().all(|text| !text.contains('\n')), "{addresses:?}");
    let labelled = "Ship it to 412 Monterey Avenue, Springfield, IL 62704\nTel 555";
    finds(labelled, "address", "412 Monterey Avenue, Springfield, IL 62704");
    let written = "Ship it to 412 Monterey Avenue\nSpringfield, IL 62704";
    finds(written, "address", "412 Monterey Avenue\nSpringfield, IL 62704");
}

#[test]
fn a_name_in_full_width_letters_is_found_where_it_stands() {
    finds("My name is Ｍａｒｉａ Gonzalez.", "person", "Ｍａｒｉａ Gonzalez");
}

#[test]
fn every_style_replaces_a_name() {
    let text = "My name is Maria Gonzalez. Maria Gonzalez!";
    let findings = Detectors::with(options()).unwrap().private(text);
    let redact = |style| Redactor::new(style, [7; 32]).redact(text, &findings);
    assert_eq!(redact(RedactStyle::Placeholder), "My name is <PERSON_1>. <PERSON_1>!");
    assert_eq!(redact(RedactStyle::Remove), "My name is . !");
    for style in [RedactStyle::Mask, RedactStyle::Hash, RedactStyle::Partial] {
        assert!(!redact(style).contains("Maria Gonzalez"));
    }
}

#[test]
fn a_policy_asks_for_names() {
    let policy = Policy::read(Preset::Default, &serde_json::json!({"names": true})).unwrap();
    assert!(policy.detect.names);
    let error = Policy::read(Preset::Default, &serde_json::json!({"names": "yes"})).unwrap_err();
    assert_eq!(error.faults()[0].pointer, "/names");
}

#[test]
fn a_window_slides_over_every_word() {
    let mut seen = Vec::new();
    for_each_window("Dr. J. O'Brien-Smith, 12b", Lexicon::new(&[]), |window| {
        seen.push((window[2].shape, window[2].gap, window[3].shape));
    });
    use Shape::{Alphanumeric, Capitalised, Initial, Mixed, None};
    assert_eq!(
        seen,
        [
            (Capitalised, Gap::Start, Initial),
            (Initial, Gap::Abbreviation, Mixed),
            (Mixed, Gap::Abbreviation, Capitalised),
            (Capitalised, Gap::Hyphen, Alphanumeric),
            (Alphanumeric, Gap::Comma, None),
        ]
    );
}

#[test]
fn a_lexicon_holds_what_was_put_into_it() {
    let mut filters = vec![0; lexicon::SIZE];
    lexicon::add(&mut filters, List::Given, word_hash("Maria"));
    lexicon::add(&mut filters, List::Place, word_hash("maria"));
    let lexicon = Lexicon::new(&filters);
    assert_eq!(lexicon.lists(word_hash("MARIA")), List::Given as u8 | List::Place as u8);
    assert_eq!(lexicon.lists(word_hash("Mario")), 0);
}

#[test]
fn a_broken_file_is_refused() {
    assert!(Model::embedded().is_ok());
    for file in [&b""[..], b"OLN1", b"OLN1\0\0\0\0", &[0; 524_296]] {
        assert!(Model::read(file.to_vec().leak()).is_err());
    }
}
