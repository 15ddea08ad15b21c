//! Semantic search from the command line with the real all-MiniLM-L6-v2, out of the folder that `OCTOLLM_TEST_MINILM`
//! names. `make test` fetches it and runs this; by hand: `make minilm`, then
//! `OCTOLLM_TEST_MINILM=$PWD/target/minilm cargo test -p octollm-server --features candle --test semantic -- --ignored`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use octollm_core::config::SETTINGS;
use serde_json::Value;
use tempfile::TempDir;

const QUERY: &str = "Can I get my money back?";

fn minilm() -> PathBuf {
    std::env::var_os("OCTOLLM_TEST_MINILM").expect("OCTOLLM_TEST_MINILM names the model's folder").into()
}

/// A home with notes of which one answers, in other words than the question's.
fn desk() -> TempDir {
    let desk = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("refunds.md", "Reimbursements of a purchase are paid within two weeks.\n"),
        ("hours.md", "The office is open on weekdays from nine to five.\n"),
        ("octopus.md", "An octopus has eight arms, three hearts and a good memory.\n"),
        ("trains.md", "The last train to the coast leaves at midnight.\n"),
    ] {
        std::fs::write(desk.path().join(name), text).unwrap();
    }
    desk
}

fn octo(desk: &Path, embedder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_octollm-server"));
    for setting in &SETTINGS {
        command.env_remove(setting.name);
    }
    // No test asks a model of whoever runs it.
    for name in octollm_core::model::Models::variables().unwrap() {
        command.env_remove(name);
    }
    command.env("LLM_DISCOVERY", "off");
    command.args(args).current_dir(desk).env("OCTOLLM_HOME", desk.join(".home"));
    command.env("OCTOLLM_EMBEDDER", embedder).output().unwrap()
}

fn done(output: Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The notes that were found, best first.
fn found(response: &Value) -> Vec<&str> {
    let results = response["results"].as_array().unwrap().iter();
    results.map(|result| result["source"].as_str().unwrap().rsplit('/').next().unwrap()).collect()
}

#[test]
#[ignore = "needs the weights of MiniLM: run by `make test`"]
fn a_question_in_other_words_finds_its_answer_and_by_letters_it_does_not() {
    let (desk, model, hashed) = (desk(), minilm(), Path::new("hashed"));
    done(octo(desk.path(), hashed, &["index", ".", "--json"]));
    let by_letters = done(octo(desk.path(), hashed, &["search", QUERY, "--json"]));
    assert!(!found(&by_letters).contains(&"refunds.md"), "{by_letters:#}");

    let other = tempfile::tempdir().unwrap();
    let report = done(octo(desk.path(), &model, &["index", &other.path().display().to_string(), "--json"]));
    assert_eq!(report["added"], 0, "indexing anything embeds everything again: {report:#}");
    let by_meaning = done(octo(desk.path(), &model, &["search", QUERY, "--json"]));
    assert_eq!(by_meaning["method_used"], "hybrid");
    assert_eq!(found(&by_meaning).first(), Some(&"refunds.md"), "{by_meaning:#}");
}

#[test]
#[ignore = "needs the weights of MiniLM: run by `make test`"]
fn an_index_of_another_embedder_is_never_mixed_and_that_is_said() {
    let (desk, model, hashed) = (desk(), minilm(), Path::new("hashed"));
    done(octo(desk.path(), hashed, &["index", ".", "--json"]));

    let searched = octo(desk.path(), &model, &["search", "octopus", "--json"]);
    let said = String::from_utf8_lossy(&searched.stderr).into_owned();
    assert!(said.contains("the index was made with another embedder"), "{said}");
    let by_words = done(searched);
    assert_eq!((&by_words["method_used"], found(&by_words)), (&"keyword".into(), vec!["octopus.md"]));

    let refused = octo(desk.path(), &model, &["search", "octopus", "--method", "vector"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("hint: index the documents again"));

    let doctor = octo(desk.path(), &model, &["doctor", "--json"]);
    let report: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    assert_eq!(check(&report, "index")["ok"], false);
    assert_eq!(check(&report, "embedder")["ok"], true);

    done(octo(desk.path(), &model, &["index", ".", "--json"]));
    let report = done(octo(desk.path(), &model, &["doctor", "--json"]));
    assert_eq!(report["healthy"], true, "{report:#}");
    assert!(check(&report, "embedder")["detail"].as_str().unwrap().contains("semantic"), "{report:#}");
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap()
}

#[test]
#[ignore = "needs the weights of MiniLM: run by `make test`"]
fn a_folder_without_a_model_is_refused_with_what_to_do() {
    let desk = desk();
    for args in [&["search", "octopus"][..], &["index", "."], &["run", "What is an octopus?"]] {
        let output = octo(desk.path(), desk.path(), args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains("config.json, reason: it is missing") && said.contains("hint: name a folder"),
            "{said}"
        );
    }
    let tasks = octo(desk.path(), desk.path(), &["tasks", "list"]);
    assert!(tasks.status.success(), "listing tasks needs no model");
}
