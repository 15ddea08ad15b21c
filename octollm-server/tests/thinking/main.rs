//! A free goal, planned and answered by a model over real HTTP. The model is the script of `examples/scripted_model`.
//!
//! `make test` runs it; by hand: `OCTOLLM_PYTHON=.venv/bin/python cargo test --test thinking -- --ignored`, with `--nocapture`
//! to see what the guides' tasks cost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod guides;
mod support;
mod veil;

use octollm_core::arm::{Arm, ArmCall, HttpArm, HttpArmOptions};
use serde_json::{Value, json};

use support::{Model, result};

const GOAL: &str = "Compare how OctoLLM survives a crash with how it limits what arms do";

#[test]
#[ignore = "needs Python: run by `make test`"]
fn a_free_goal_is_planned_run_and_answered() {
    let (model, home) = (Model::start(), tempfile::tempdir().unwrap());
    assert!(model.octo(home.path(), &["index", "docs"]).status.success());

    let first = result(&model.octo(home.path(), &["run", GOAL, "--json"]));
    assert_eq!((&first["status"], &first["plan"]["source"]), (&"completed".into(), &"model".into()));
    assert_eq!(first["steps"].as_array().unwrap().len(), 2);
    assert_eq!(first["usage"]["model_calls"], 3);
    assert!(first["usage"]["input_tokens"].as_u64().unwrap() > 1000);
    assert!(first["result"]["answer"].as_str().unwrap().contains("circuit breaker"));

    // The same wish in other words: only the integration still asks the model.
    let again = "Please compare how OctoLLM survives a crash with how it limits what arms do!";
    let second = result(&model.octo(home.path(), &["run", again, "--json"]));
    assert_eq!((&second["plan"]["source"], &second["usage"]["model_calls"]), (&"cache".into(), &1.into()));

    let people = model.octo(home.path(), &["run", GOAL]);
    let said = String::from_utf8_lossy(&people.stdout).into_owned();
    assert!(said.starts_with("Both rest on the same idea") && said.contains("how-it-works.md:"), "{said}");
}

/// The guides' first task.
#[test]
#[ignore = "needs Python: run by `make test`"]
fn a_function_is_asked_for_and_comes_with_tests_and_an_explanation() {
    let (model, home) = (Model::start(), tempfile::tempdir().unwrap());
    let goal = "Write a Python function to calculate fibonacci numbers";
    let first = result(&model.octo(home.path(), &["run", goal, "--json"]));
    assert_eq!((&first["status"], &first["plan"]["source"]), (&"completed".into(), &"model".into()));
    let solution = &first["result"];
    assert!(solution["code"].as_str().unwrap().starts_with("def fibonacci"), "{solution}");
    assert!(solution["tests"].as_str().unwrap().contains("unittest") && solution["explanation"].is_string());
    assert_eq!((&solution["language"], first["usage"]["model_calls"].as_u64()), (&"python".into(), Some(3)));
    assert_eq!(first["confidence"].as_f64().map(|confidence| (confidence * 100.0).round()), Some(81.0));

    // What the models say is shown while they say it: first the brain's words, then the coder's.
    let shown = model.octo(home.path(), &["run", &format!("{goal} quickly"), "--events"]);
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    let events: Vec<Value> = shown
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    let said = |step: Value| -> String {
        let deltas = events.iter().filter(|event| event["type"] == "model.delta" && event["step"] == step);
        deltas.map(|event| event["text"].as_str().unwrap()).collect()
    };
    assert!(said(Value::Null).contains("required_capabilities") && said(1.into()).contains("def fibonacci"));

    // The guides' task again in other words: the plan is known, only the code is written anew.
    let again = "Please implement a Python function which computes Fibonacci numbers";
    let second = result(&model.octo(home.path(), &["run", again, "--json"]));
    assert_eq!((&second["plan"]["source"], &second["usage"]["model_calls"]), (&"cache".into(), &1.into()));
    let tokens = |result: &Value| {
        result["usage"]["input_tokens"].as_u64().unwrap() + result["usage"]["output_tokens"].as_u64().unwrap()
    };
    println!("tokens with a new plan: {}, with a known one: {}", tokens(&first), tokens(&second));
    assert!(tokens(&second) < tokens(&first));
}

/// The guides' pipeline: the model's first answer fails its own tests, which nobody but a run of them can tell.
fn has_been_mended_and_checked(result: &Value) {
    assert_eq!(result["status"], "completed", "{result}");
    let arms: Vec<_> =
        result["steps"].as_array().unwrap().iter().map(|step| step["arm_id"].as_str().unwrap()).collect();
    assert_eq!(arms, ["coder", "judge", "executor"]);
    let solution = &result["result"];
    assert!(solution["code"].as_str().unwrap().contains("text[::-1]"), "{solution}");
    assert!(solution["tests"].is_string() && solution["explanation"].is_string());
    let run = &solution["test_run"];
    assert_eq!(
        (&run["passed"], &run["ran"], &run["failed"]),
        (&true.into(), &3.into(), &0.into()),
        "{solution}"
    );
    assert!(run["output"].as_str().unwrap().contains("Ran 3 tests"), "{run}");
    assert_eq!(result["steps"][1]["output"]["valid"], true);
    assert_eq!(result["steps"][2]["output"]["success"], true);
}

fn solution_of(result: &Value) -> &str {
    result["result"]["code"].as_str().unwrap()
}

#[test]
#[ignore = "needs Python: run by `make test`"]
fn code_that_fails_its_own_tests_is_mended_judged_and_run_before_it_is_answered() {
    let (model, home) = (Model::start(), tempfile::tempdir().unwrap());
    let goal = "Write a Python function to reverse a string, with docstring and unit tests";
    let planned = result(&model.octo(home.path(), &["run", goal, "--json"]));
    assert_eq!(planned["plan"]["source"], "model");
    has_been_mended_and_checked(&planned);
    // Intent, plan, the wrong answer, the right one, and the judge's question about the docstring.
    assert_eq!(planned["usage"]["model_calls"], 5);
    let judged = &planned["steps"][1]["output"];
    let decided: Vec<_> = judged["criteria"].as_array().unwrap().iter().collect();
    assert_eq!((&decided[0]["status"], &decided[0]["decided_by"]), (&"passed".into(), &"model".into()));
    assert!(solution_of(&planned).contains(decided[0]["evidence"].as_str().unwrap()), "{judged}");
    assert_eq!((&decided[1]["status"], &decided[1]["decided_by"]), (&"passed".into(), &"run".into()));
    assert!(decided[1]["evidence"].as_str().unwrap().contains("Ran 3 tests"), "{judged}");
    let by_playbook =
        result(&model.octo(home.path(), &["run", goal, "--playbook", "write_python", "--json"]));
    assert_eq!(by_playbook["plan"]["source"], "playbook");
    has_been_mended_and_checked(&by_playbook);
    assert_eq!(by_playbook["steps"][1]["output"]["passed_criteria"], json!(["All unit tests pass"]));

    let people = model.octo(home.path(), &["run", goal]);
    let said = String::from_utf8_lossy(&people.stdout).into_owned();
    assert!(said.contains("Test run: 3 passed\n") && said.contains("Ran 3 tests"), "{said}");
}

/// The playbook ran the module, but not its tests, and answered what the coder itself had warned of.
#[test]
#[ignore = "needs Python: run by `make test`"]
fn code_that_stays_wrong_is_no_answer() {
    let (model, home) = (Model::start(), tempfile::tempdir().unwrap());
    let goal = "Write a Python function to double a number, with unit tests";
    let output = model.octo(home.path(), &["run", goal, "--playbook", "write_python", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&result["status"], &result["steps"][2]["status"]), (&"failed".into(), &"skipped".into()));
    let run = &result["steps"][0]["output"]["test_run"];
    assert_eq!((&run["passed"], &run["failed"]), (&false.into(), &1.into()), "{run}");
    assert!(result["error"]["message"].as_str().unwrap().contains("1 of 1 failed"), "{}", result["error"]);
}

/// The model puts the second first, and says one thing that its quote holds and one that it does not.
#[test]
#[ignore = "needs Python: run by `make test`"]
fn what_is_found_is_put_in_order_and_answered_by_a_model_whose_quotes_are_looked_up() {
    let (model, home) = (Model::start(), tempfile::tempdir().unwrap());
    assert!(model.octo(home.path(), &["index", "docs"]).status.success());
    let question = "How does a task survive a crash?";
    let plain = result(&model.octo(home.path(), &["search", question, "--json"]));
    let asked = ["search", question, "--rerank", "--synthesis", "model", "--json"];
    let read = result(&model.octo(home.path(), &asked));
    assert_eq!((&read["reranked"], &read["synthesis_by"]), (&true.into(), &"model".into()), "{read:#}");
    assert_eq!(read["results"][0]["content"], plain["results"][1]["content"]);
    assert_eq!(read["results"][1]["content"], plain["results"][0]["content"]);
    let citations = read["citations"].as_array().unwrap().iter();
    let checks: Vec<_> = citations.map(|one| one["check"].as_str().unwrap()).collect();
    assert_eq!((checks, &read["unverified"]), (vec!["verified", "unrelated"], &1.into()));
    assert!(
        read["synthesis"]
            .as_str()
            .unwrap()
            .ends_with("goes on where it was. [1] A task that crashes is started over 3 times. [2?]")
    );

    // What the script has no answer to is a model that fails.
    let output = model
        .octo(home.path(), &["search", "Which limits does a call have?", "--rerank", "--synthesis", "model"]);
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && notes.contains("in the order of the search: "), "{notes}");
    assert!(notes.contains("made of quotes, not by a model: "), "{notes}");

    // The same within a task: the step's usage has both calls.
    let plan = json!({"subtasks": [{
        "step": 1, "action": "Search", "required_arm": "retriever", "acceptance_criteria": [], "depends_on": [],
        "estimated_duration_seconds": 1, "input": {"query": question, "rerank": true, "synthesis": "model"}
    }], "estimated_duration_seconds": 1, "confidence": 0.9, "source": "caller"});
    let file = home.path().join("plan.json");
    std::fs::write(&file, plan.to_string()).unwrap();
    let ran =
        result(&model.octo(home.path(), &["run", question, "--plan", file.to_str().unwrap(), "--json"]));
    assert_eq!(
        (&ran["usage"]["model_calls"], &ran["steps"][0]["output"]["reranked"]),
        (&2.into(), &true.into()),
        "{ran:#}"
    );
}

#[test]
#[ignore = "needs Python: run by `make test`"]
fn where_the_model_fails_the_rules_stand_in_and_the_result_says_so() {
    let (model, home) = (Model::start(), tempfile::tempdir().unwrap());
    assert!(model.octo(home.path(), &["index", "docs"]).status.success());
    let question = "How does a step that is in flight go on after the process died?";
    let result = result(&model.octo(home.path(), &["run", question, "--json"]));
    assert_eq!((&result["status"], &result["plan"]["source"]), (&"completed".into(), &"playbook".into()));
    assert!(
        result["plan"]["rationale"].as_str().unwrap().starts_with("planned by rules, because no model did")
    );
}

/// A planner alone had nobody who kept the arms that it plans with.
#[tokio::test]
#[ignore = "needs Python: run by `make test`"]
async fn each_arm_alone_answers_in_the_protocol() {
    let (model, home) = (Model::start(), tempfile::tempdir().unwrap());
    let reverse = "Write a Python function that can reverse a string, with docstring and unit tests";
    for (name, input, answers) in [
        ("coder", json!({"request_type": "generate", "instruction": reverse, "language": "python"}), "/code"),
        ("planner", json!({"goal": GOAL}), "/subtasks/1/required_arm"),
        (
            "judge",
            json!({"output": "Hello", "acceptance_criteria": ["at most 2 words"]}),
            "/passed_criteria/0",
        ),
        ("executor", json!({"action_type": "python", "code": "print(6 * 7)"}), "/stdout"),
        ("retriever", json!({"query": "anything at all"}), "/method_used"),
        ("guardian", json!({"text": "Write to ada@example.org"}), "/issues/0/type"),
    ] {
        let service = model.arm(home.path(), name);
        let arm = HttpArm::connect(service.url(), HttpArmOptions::default()).await.unwrap();
        assert_eq!(arm.descriptor().arm_id, name);
        let health = arm.ask_health().await.unwrap();
        assert!(health.version.starts_with(char::is_numeric), "{name}: {health:?}");
        let reply = arm.execute(ArmCall::new(input)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(reply.output.pointer(answers).is_some(), "{name}: {}", reply.output);
        assert_eq!(reply.usage.model_calls, u64::from(["coder", "planner"].contains(&name)), "{name}");
    }
}
