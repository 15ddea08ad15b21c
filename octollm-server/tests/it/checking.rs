//! The judge and the guardian as a person meets them: no key, no plan, one command.

use std::path::Path;
use std::process::{Command, Output};

use octollm_core::config::SETTINGS;
use octollm_core::model::Models;
use serde_json::{Value, json};

fn run(home: &Path, arguments: &[&str], policy: Option<&Path>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_octollm-server"));
    for setting in &SETTINGS {
        command.env_remove(setting.name);
    }
    for name in Models::variables().unwrap() {
        command.env_remove(name);
    }
    command.env("LLM_DISCOVERY", "off").env("OCTOLLM_HOME", home).current_dir(home).args(arguments);
    if let Some(policy) = policy {
        command.env("GUARDIAN_POLICY", policy);
    }
    command.output().unwrap()
}

fn result(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let task: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{:?}", output.stderr));
    assert_eq!(task["status"], "completed", "{task}");
    task["result"].clone()
}

#[test]
fn a_text_is_checked_for_personal_data() {
    let home = tempfile::tempdir().unwrap();
    let context = json!({"text": "Write to ada@example.org", "redact": true}).to_string();
    let arguments = ["run", "Check this text for personal data", "--context", &context, "--json"];
    let result = result(&run(home.path(), &arguments, None));
    assert_eq!((&result["safe"], &result["risk_level"]), (&json!(false), &json!("medium")));
    assert_eq!(result["sanitized_text"], "Write to <EMAIL_1>");
    assert!(!result["issues"].to_string().contains("ada"));
}

#[test]
fn a_document_is_validated_against_its_schema() {
    let home = tempfile::tempdir().unwrap();
    let context = json!({
        "output": {"name": "Ada", "age": "seven"},
        "expected_schema": {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["name"]}
    })
    .to_string();
    let arguments = ["run", "Validate this JSON against the schema", "--context", &context, "--json"];
    let result = result(&run(home.path(), &arguments, None));
    assert_eq!(
        (&result["valid"], &result["issues"][0]["location"]["pointer"]),
        (&json!(false), &json!("/age"))
    );
}

#[test]
fn the_operators_policy_holds_and_a_broken_one_stops_the_program() {
    let home = tempfile::tempdir().unwrap();
    let policy = home.path().join("policy.toml");
    std::fs::write(&policy, "[[deny]]\nname = 'project'\nreason = 'secret'\nwords = ['falcon']\n").unwrap();
    let context = json!({"text": "about Falcon", "checks": ["policy"]}).to_string();
    let arguments = ["run", "Check safety of the text", "--context", &context, "--json"];
    let found = result(&run(home.path(), &arguments, Some(&policy)));
    assert_eq!((&found["blocked"], &found["issues"][0]["type"]), (&json!(true), &json!("project")));
    std::fs::write(&policy, "[[deny]]\nname = 'project'\nreason = 'secret'\nword = ['falcon']\n").unwrap();
    let output = run(home.path(), &arguments, Some(&policy));
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("policy.toml") && said.contains("word"), "{said}");
}
