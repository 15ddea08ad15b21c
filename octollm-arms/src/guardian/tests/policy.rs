use super::*;

const POLICY: &str = r#"
[[deny]]
name = "project_names"
reason = "code names of projects do not leave the company"
words = ["falcon nine", "C++ team"]

[[deny]]
name = "no_critical"
reason = "critical is for people on call"
severity = "medium"
field = "/priority"
values = ["critical", 1]

[[deny]]
name = "too_long"
reason = "notes are short"
severity = "low"
field = "/notes/*"
max_chars = 5

[[require]]
name = "ticket"
reason = "every task names its ticket"
field = "/metadata/ticket"
pattern = '^OPS-\d+$'

[[require]]
name = "greeting"
reason = "we are polite"
severity = "low"
words = ["dear", "hello"]
"#;

fn reviewed(text: &str, fields: Value) -> GuardResponse {
    let policy = Some(GuardPolicy::from_toml(POLICY).unwrap());
    let guardian = Guardian::new(GuardianOptions { policy, ..GuardianOptions::default() });
    let fields = fields.as_object().cloned().unwrap();
    let checks = vec![Check::Policy];
    guardian.check(&GuardRequest { redact: true, checks, fields, ..GuardRequest::new(text) }).unwrap()
}

fn broken(text: &str, fields: Value) -> Vec<(String, String)> {
    let issues = reviewed(text, fields).issues.into_iter();
    issues.map(|issue| (issue.type_name, issue.location.pointer)).collect()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(name, pointer)| (name.to_owned(), pointer.to_owned())).to_vec()
}

#[test]
fn what_is_in_order_breaks_nothing() {
    let fields = json!({"metadata": {"ticket": "OPS-12"}, "priority": "high", "notes": ["short"]});
    let response = reviewed("Hello, Falcon 9 is up", fields);
    assert!(response.safe && response.checked == [Check::Policy], "{response:?}");
}

#[test]
fn deny_and_require_hold_over_text_and_fields() {
    let fields = json!({
        "metadata": {"ticket": "none"}, "priority": "critical",
        "notes": {"a": "far too long", "b": "ok"}, "deep": [{"x": "about the C++ team."}]
    });
    assert_eq!(
        broken("FALCON\n nine flies", fields),
        pairs([
            ("project_names", "/text"),
            ("project_names", "/fields/deep/0/x"),
            ("no_critical", "/fields/priority"),
            ("too_long", "/fields/notes/a"),
            ("ticket", "/fields/metadata/ticket"),
            ("greeting", "/text"),
        ])
    );
    let response = reviewed("Hello", json!({"priority": 1.0}));
    assert_eq!(types(&response), ["no_critical", "ticket"]);
    assert_eq!(response.risk_level, RiskLevel::High);
}

#[test]
fn a_disguise_does_not_help() {
    assert_eq!(broken("Hello, ｆａｌｃｏｎ ni\u{200b}ne", json!({"metadata": {"ticket": "OPS-1"}})).len(), 1);
}

#[test]
fn what_is_denied_is_replaced_by_the_rules_name() {
    let fields = json!({"metadata": {"ticket": "OPS-1"}, "x": ["falcon nine"]});
    let response = reviewed("Hello Falcon Nine, falcon nine!", fields);
    assert_eq!(response.sanitized_text.as_deref(), Some("Hello <PROJECT_NAMES>, <PROJECT_NAMES>!"));
    assert_eq!(response.sanitized_fields.unwrap()["x"], json!(["<PROJECT_NAMES>"]));
}

#[test]
fn a_policy_is_read_strictly_and_all_its_faults_are_named() {
    let faults = |text: &str| {
        let error = GuardPolicy::from_toml(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.faults().iter().map(|fault| format!("{} {}", fault.pointer, fault.detail)).collect::<Vec<_>>()
    };
    let unknown = faults("[[deny]]\nname = 'a'\nreason = 'b'\npatern = 'x'\n");
    assert!(unknown[0].starts_with("line ") && unknown[0].contains("patern"), "{unknown:?}");
    assert!(faults("[deny]\n")[0].contains("sequence"), "{:?}", faults("[deny]\n"));
    let many = faults(
        "[[deny]]\nname = 'a'\nreason = ' '\npattern = '('\n[[deny]]\nname = 'a'\nreason = 'x'\n[[require]]\nname = 'A b'\n\
         reason = 'x'\nfield = 'goal'\npattern = 'x*'\nvalues = [[1]]\nwords = ['']\n",
    );
    let places: Vec<_> = many.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
    assert_eq!(
        places,
        [
            "",
            "/deny/0/reason",
            "/deny/0/pattern",
            "/deny/1/",
            "/require/0/name",
            "/require/0/pattern",
            "/require/0/words",
            "/require/0/values",
            "/require/0/field"
        ],
        "{many:?}"
    );
}

#[test]
fn a_file_that_is_not_there_names_the_setting() {
    let error = GuardPolicy::from_file(std::path::Path::new("/nowhere/policy.toml")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConfigured);
    assert!(error.hint().unwrap().contains("GUARDIAN_POLICY"));
}

#[test]
fn what_a_policy_looks_for_is_not_shown() {
    let shown = format!("{:?}", GuardPolicy::from_toml(POLICY).unwrap());
    assert!(shown.contains("project_names") && !shown.contains("falcon"), "{shown}");
}
