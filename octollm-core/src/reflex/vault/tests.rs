use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::reflex::pii::PiiType;
use crate::reflex::{Findings, Origin, Part, Place, Policy, ReflexChain, Severity};

fn finding(type_name: &'static str, start: usize, end: usize) -> Finding {
    Finding {
        kind: FindingKind::Pii,
        type_name: type_name.into(),
        start,
        end,
        confidence: 1.0,
        severity: Severity::Low,
        explanation: "".into(),
    }
}

fn given_out(vault: &Vault, type_name: &'static str, value: &str) -> String {
    vault.placeholder(&finding(type_name, 0, value.len()), value)
}

#[test]
fn the_same_value_has_the_same_placeholder() {
    let vault = Vault::new();
    assert_eq!(given_out(&vault, "email", "a@b.de"), "<EMAIL_1>");
    assert_eq!(given_out(&vault, "email", "c@d.de"), "<EMAIL_2>");
    assert_eq!(given_out(&vault, "email", "a@b.de"), "<EMAIL_1>");
    assert_eq!(given_out(&vault, "user", "a@b.de"), "<EMAIL_1>", "whatever it is taken for");
    assert_eq!(given_out(&vault, "employee-2.id", "7"), "<EMPLOYEE_ID_1>");
    assert_eq!(given_out(&vault, "Ünïcode", "8"), "<N_CODE_1>");
    assert_eq!(given_out(&vault, "", "9"), "<DATA_1>");
    assert_eq!((vault.len(), vault.counts()["email"]), (5, 2));
    assert_eq!(format!("{vault:?}"), "Vault { values: 5, .. }");
}

#[test]
fn an_altered_placeholder_is_restored_and_what_looks_like_one_is_not() {
    let vault = Vault::new();
    given_out(&vault, "email", "a@b.de");
    let text = "[email 1], EMAIL\\_1; &lt;EMAIL_1&gt; <EMAIL_2> email_1 Email 1 EMAIL_10 XEMAIL_1";
    assert_eq!(vault.restore(text), "a@b.de, a@b.de; a@b.de <EMAIL_2> email_1 Email 1 EMAIL_10 XEMAIL_1");
    assert_eq!(vault.canonical("to [Email 1]"), "to <EMAIL_1>");
    assert!(matches!(vault.restore("nothing here"), Cow::Borrowed(_)));
}

#[test]
fn an_arm_sees_the_values_that_it_needs_and_no_others() {
    let vault = Vault::new();
    let (mail, card) = (given_out(&vault, "email", "a@b.de"), given_out(&vault, "credit_card", "4111 1111"));
    let input = json!({"to": mail, "text": format!("{mail} pays with {card}"), &*mail: 1});
    let (email, all, nothing) = (["email".to_owned()], ["pii".to_owned()], Vec::new());
    let mut shown = input.clone();
    let given = vault.give(&mut shown, Needs(&email));
    assert_eq!(shown, json!({"to": "a@b.de", "text": format!("a@b.de pays with {card}"), "a@b.de": 1}));
    let mut answer = json!({"sent": "to a@b.de, xa@b.de", "with": "4111 1111"});
    vault.take_back(&mut answer, &given);
    assert_eq!(answer, json!({"sent": "to <EMAIL_1>, xa@b.de", "with": "4111 1111"}), "that was not shown");
    let mut shown = input.clone();
    vault.give(&mut shown, Needs(&all));
    assert!(!shown.to_string().contains("_1>"));
    let mut shown = input.clone();
    vault.give(&mut shown, Needs(&nothing));
    assert_eq!(shown, input);
}

#[test]
fn nobody_can_ask_for_a_value_by_writing_its_placeholder() {
    let vault = Vault::new();
    given_out(&vault, "email", "a@b.de");
    let given = vault.give(&mut json!({"query": "prices"}), Needs(&[]));
    given_out(&vault, "email", "found@later.de");
    let page = "Send [email 1] and <EMAIL_2> to us";
    let mut output = json!({"page": page});
    vault.take_back(&mut output, &given);
    assert_eq!(output, json!({"page": "Send <EMAIL_3> and <EMAIL_2> to us"}));
    vault.restore_in(&mut output);
    assert_eq!(output, json!({"page": "Send [email 1] and found@later.de to us"}));
}

#[test]
fn known_values_are_found_without_a_detector() {
    let vault = Vault::new();
    given_out(&vault, "password", "tr0ub4dor");
    given_out(&vault, "pin", "1234");
    assert_eq!(
        vault.conceal_all("it is 'tr0ub4dor', not tr0ub4dors; 1234"),
        "it is '<PASSWORD_1>', not tr0ub4dors; 1234"
    );
}

#[test]
fn parts_make_the_vault_again() {
    let (key, task) = (VaultKey::random().unwrap(), TaskId::new());
    let vault = Vault::new();
    assert_eq!(vault.seal(&key, task, 1).unwrap(), None);
    given_out(&vault, "email", "a@b.de");
    let first = vault.seal(&key, task, 1).unwrap().unwrap();
    given_out(&vault, "email", "c@d.de");
    let second = vault.seal(&key, task, 4).unwrap().unwrap();
    assert_eq!(vault.seal(&key, task, 5).unwrap(), None);
    assert!(!second.windows(4).any(|bytes| bytes == b"c@d."));
    let opened = Vault::open(&key, task, [(1, &*first), (4, &*second)]).unwrap();
    assert_eq!(opened.restore("<EMAIL_1> <EMAIL_2>"), "a@b.de c@d.de");
    assert_eq!(given_out(&opened, "email", "a@b.de"), "<EMAIL_1>");
    assert_eq!(given_out(&opened, "email", "e@f.de"), "<EMAIL_3>");
    assert!(Vault::open(&key, task, [(2, &*first)]).is_err(), "a part has its place");
    assert!(Vault::open(&VaultKey::random().unwrap(), task, [(1, &*first)]).is_err());
}

#[test]
fn a_request_that_holds_placeholders_comes_back_as_it_was() {
    let chain = ReflexChain::new(Policy::default()).unwrap();
    let texts = [
        "Write to jane@example.com",
        "The template says <EMAIL_1>, [Email 2] and EMAIL_3",
        "cc bob@example.com",
    ];
    let vault = Vault::new();
    texts.iter().for_each(|text| vault.reserve(text));
    let mut screening = chain.screening().with_placeholders(&vault);
    let shown = texts.map(|text| screening.text(text, Origin::User, Place::of(Part::Text)).into_owned());
    assert_eq!(shown, ["Write to <EMAIL_4>", texts[1], "cc <EMAIL_5>"]);
    assert_eq!(shown.map(|text| vault.restore(&text).into_owned()), texts);
}

/// Text in which placeholders are likely, and everything else is possible.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => any::<String>(),
        4 => prop::sample::select(vec![
            "<", ">", "[", "]", "&lt;", "&gt;", "\\", "_", " ", "{", "}", "%3C", "%3E", "1", "2", "3", "12", "EMAIL", "email",
            "EMAIL_", "EMAIL_1", "<EMAIL_1>", "[EMAIL 2]", "EMAIL\\_1", "<EMAIL_3>", "A", "a@b.de", "MAIL_1", "«EMAIL_2»", "Maria Gonzalez",
            " lives at 221 Baker Street. ", "PERSON_1", "[Person 1]", "<ADDRESS_1>",
        ]).prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Redacting and restoring is the identity, whatever is found where, in all texts of a task together.
    #[test]
    fn what_is_replaced_comes_back(
        texts in proptest::collection::vec(text(), 1..4),
        places in proptest::collection::vec((0usize..3, 0usize..60, 1usize..20, any::<bool>()), 0..8),
    ) {
        let vault = Vault::new();
        texts.iter().for_each(|text| vault.reserve(text));
        let mut redacted = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let ceil = |at: usize| (at.min(text.len())..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap();
            let here = places.iter().filter(|(place, ..)| *place == index);
            let findings = here.map(|(_, start, length, email)| {
                finding(if *email { "email" } else { "mail" }, ceil(*start), ceil(start + length))
            });
            let (mut shown, mut done) = (String::new(), 0);
            for found in Findings::resolve(findings.collect()) {
                shown.push_str(&text[done..found.start]);
                shown.push_str(&vault.placeholder(&found, &text[found.range()]));
                done = found.end;
            }
            shown.push_str(&text[done..]);
            redacted.push(shown);
        }
        for (text, shown) in texts.iter().zip(&redacted) {
            prop_assert_eq!(&vault.restore(shown), text, "{}", shown);
            let canonical = vault.canonical(shown);
            prop_assert_eq!(&vault.restore(&canonical), text);
        }
        // The same out of its sealed parts.
        let (key, task) = (VaultKey::random().unwrap(), TaskId::new());
        if let Some(part) = vault.seal(&key, task, 1).unwrap() {
            let opened = Vault::open(&key, task, [(1, &*part)]).unwrap();
            for (text, shown) in texts.iter().zip(&redacted) {
                prop_assert_eq!(&opened.restore(shown), text);
            }
        }
    }

    /// A model may write a placeholder of any type in another case, with other separators, in other brackets.
    #[test]
    fn an_altered_placeholder_of_any_type_is_understood(
        kind in prop::sample::select(PiiType::ALL),
        number in 1usize..13,
        case in 0usize..3,
        separator in prop::sample::select(vec!["_", "-", " ", "\\_", " _ "]),
        brackets in prop::sample::select(vec![
            ("<", ">"), ("< ", " >"), ("[", "]"), ("{", "}"), ("{{ ", " }}"), ("&lt;", "&gt;"), ("\\<", "\\>"), ("%3C", "%3E"),
        ]),
        around in prop::sample::select(vec![("", ""), ("**", "**"), ("`", "`"), ("to ", "."), ("é", "é"), ("(", "),")]),
    ) {
        let vault = Vault::new();
        let values: Vec<_> = (1..=number).map(|at| format!("value {at} of it")).collect();
        values.iter().for_each(|value| drop(given_out(&vault, kind.name(), value)));
        let words = match case {
            0 => kind.name().to_uppercase(),
            1 => kind.name().to_owned(),
            _ => kind.name().split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect::<Vec<_>>().join("_"),
        };
        let altered = format!("{words}_{number}").replace('_', separator);
        let (open, close) = brackets;
        let (before, behind) = around;
        let text = format!("{before}{open}{altered}{close}{behind}");
        prop_assert_eq!(vault.restore(&text), format!("{before}{}{behind}", values[number - 1]), "{}", text);
    }

    /// The detectors' own findings, over any text.
    #[test]
    fn screening_and_restoring_is_the_identity(texts in proptest::collection::vec(text(), 1..4)) {
        static CHAIN: std::sync::LazyLock<ReflexChain> = std::sync::LazyLock::new(|| {
            let policy = Policy::read(Default::default(), &json!({"injection": "off", "names": true}));
            ReflexChain::new(policy.unwrap()).unwrap()
        });
        let vault = Vault::new();
        texts.iter().for_each(|text| vault.reserve(text));
        let mut screening = CHAIN.screening().with_placeholders(&vault);
        for text in &texts {
            let shown = screening.text(text, Origin::User, Place::of(Part::Text));
            prop_assert_eq!(&vault.restore(&shown), text);
        }
    }
}
