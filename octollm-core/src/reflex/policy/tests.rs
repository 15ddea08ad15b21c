use serde_json::json;

use super::*;

fn injection(severity: Severity) -> Finding {
    Finding {
        kind: FindingKind::Injection,
        type_name: "instruction_override".into(),
        start: 0,
        end: 1,
        confidence: 1.0,
        severity,
        explanation: "".into(),
    }
}

#[test]
fn by_default_only_what_a_user_says_is_refused() {
    let policy = Policy::default();
    assert_eq!(policy.action(&injection(Severity::Critical), Origin::User), Action::Refuse);
    assert_eq!(policy.action(&injection(Severity::High), Origin::User), Action::Flag);
    for origin in [Origin::Arm, Origin::Document, Origin::Tool] {
        assert_eq!(policy.action(&injection(Severity::Critical), origin), Action::Redact);
    }
}

#[test]
fn a_section_changes_what_it_names_and_leaves_the_rest() {
    let section = json!({
        "pii": "flag",
        "injection": {"arm": "flag", "external": {"critical": "refuse"}, "low": "off"},
        "style": "mask",
        "allow": ["@example.com"],
    });
    let policy = Policy::read(Preset::Default, &section).unwrap();
    assert_eq!(policy.pii, Rules::all(Action::Flag));
    assert_eq!(policy.secrets, Policy::default().secrets);
    let at = |severity, origin| policy.action(&injection(severity), origin);
    assert_eq!(at(Severity::Critical, Origin::Document), Action::Refuse);
    assert_eq!(at(Severity::Critical, Origin::Arm), Action::Flag);
    assert_eq!(at(Severity::High, Origin::Document), Action::Redact);
    assert_eq!(at(Severity::Low, Origin::User), Action::Off);
    assert_eq!(policy.style, RedactStyle::Mask);
    assert_eq!(policy.detect.allow, ["@example.com"]);
}

#[test]
fn every_fault_names_its_place_and_what_is_allowed() {
    let section = json!({
        "policy": "severe",
        "pii": {"user": {"hgih": "flag"}},
        "secrets": "hide",
        "locales": ["atlantis"],
        "without": ["email", "shoe_size"],
        "colour": 1,
        "allow": "jane@example.com",
        "injection": {"external": {"low": "hide"}},
        "custom": [{"name": "a", "pattern": "x"}, {"name": "b"}, {"name": "c", "pattern": "x", "level": 1}],
    });
    let error = Policy::read(Preset::Default, &section).unwrap_err();
    let faults: Vec<_> =
        error.faults().iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail)).collect();
    let types: Vec<_> = crate::reflex::pii::PiiType::ALL.iter().map(|kind| kind.name()).collect();
    let faults: Vec<_> = faults.iter().map(|fault| fault.replace(&types.join(", "), "LIST")).collect();
    insta::assert_snapshot!(faults.join("\n"), @r#"
    /policy: must be default, strict, lenient or off, not "severe"
    : `colour` is not known; known are policy, secrets, pii, injection, style, locales, names, without, min_confidence, allow, custom
    /injection/external/low: must be off, flag, redact or refuse, not "hide"
    /pii/user/hgih: is not known; known are low, medium, high and critical
    /secrets: must be off, flag, redact or refuse, not "hide"
    /allow: value is not of type "array"
    /custom/1: "pattern" is a required property
    /custom/2/level: is not a known field
    /locales/0: must be one of "international", "us", "uk", "es", "it", "de", "fr", "pl", "nl"
    /without/1: must be one of LIST
    "#);
}

#[test]
fn patterns_of_the_configuration_that_find_nothing_or_everything_are_refused() {
    let section = json!({"custom": [{"name": "pii", "pattern": "x"}, {"name": "badge", "pattern": ""}]});
    let error = Policy::read(Preset::Default, &section).unwrap_err();
    let faults: Vec<_> =
        error.faults().iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail)).collect();
    insta::assert_snapshot!(faults.join("\n"), @r"
    /custom/0/name: is the name of a kind; choose another
    /custom/1/pattern: must not be empty
    ");
}

#[test]
fn off_is_off_and_nothing_else_is() {
    assert!(Policy::of(Preset::Off).is_off());
    for preset in [Preset::Default, Preset::Strict, Preset::Lenient] {
        assert!(!Policy::of(preset).is_off());
    }
    assert!(!Policy::of(Preset::Off).looks_for(FindingKind::Pii, Origin::User));
}
