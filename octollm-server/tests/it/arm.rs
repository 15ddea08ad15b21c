//! `octollm-server arm`: one arm alone, asked over HTTP as another process's orchestrator asks it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use octollm_arms::judge::Judge;
use octollm_core::Result;
use octollm_core::arm::{Arm, ArmCall, ArmDescriptor, ArmReply, HttpArm, HttpArmOptions};
use octollm_core::config::SETTINGS;
use octollm_core::model::{Models, ScriptedModel, ScriptedReply};
use octollm_core::task::Usage;
use octollm_server::http::arm_app;
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::serve_routes;

struct Service {
    child: Child,
    address: String,
    _home: TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(home: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_octollm-server"));
    let models = Models::variables().unwrap();
    SETTINGS.iter().map(|setting| setting.name).chain(models.iter().map(String::as_str)).for_each(|name| {
        command.env_remove(name);
    });
    command
        .env("LLM_DISCOVERY", "off")
        .env("OCTOLLM_HOME", home.path())
        .current_dir(home.path())
        .arg("arm")
        .args(args);
    command
}

fn service(name: &str) -> Service {
    let home = tempfile::tempdir().unwrap();
    let mut child = command(&home, &[name, "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}")).to_owned();
    Service { child, address, _home: home }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn the_executor_alone_runs_code_for_whoever_asks_in_the_protocol() {
    let service = service("executor");
    let arm = HttpArm::connect(&service.address, HttpArmOptions::default()).await.unwrap();
    assert_eq!(arm.descriptor().arm_id, "executor");
    assert_eq!(arm.descriptor().side_effects, octollm_core::task::SideEffects::Unsafe);
    assert_eq!(arm.ask_health().await.unwrap().dependencies["sandbox"], "full");

    let call = ArmCall::new(json!({"action_type": "python", "code": "print(6 * 7)"}));
    let first = arm.execute(call.clone()).await.unwrap().output;
    assert_eq!((&first["stdout"], &first["success"]), (&json!("42\n"), &json!(true)));
    // The same X-Request-ID: what came of the first, to the millisecond.
    assert_eq!(arm.execute(call).await.unwrap().output, first);

    let refused = arm
        .execute(ArmCall::new(json!({"action_type": "shell", "command": "rm", "args": ["-rf", "/"]})))
        .await;
    let refused = refused.unwrap_err();
    assert!(!refused.is_temporary() && refused.to_string().contains("policy"), "{refused:?}");
}

#[tokio::test]
async fn the_retriever_alone_answers_too() {
    let service = service("retriever");
    let arm = HttpArm::connect(&service.address, HttpArmOptions::default()).await.unwrap();
    let answer = arm.execute(ArmCall::new(json!({"query": "anything at all"}))).await.unwrap().output;
    assert_eq!(answer["total_results"], 0);
}

#[tokio::test]
async fn the_judge_and_the_guardian_alone_answer_and_the_judge_at_validate_too() {
    let judge = service("judge");
    let arm = HttpArm::connect(&judge.address, HttpArmOptions::default()).await.unwrap();
    let input = json!({"output": "one two", "acceptance_criteria": ["at most 1 word", "kind"], "validation_types": ["criteria", "safety"]});
    let answer = arm.execute(ArmCall::new(input.clone())).await.unwrap().output;
    assert_eq!((&answer["valid"], &answer["failed_criteria"]), (&json!(false), &json!(["at most 1 word"])));
    assert_eq!(
        (&answer["unverified_criteria"], &answer["checks"][1]["status"]),
        (&json!(["kind"]), &json!("unverified"))
    );
    let validate = |address: &str| {
        reqwest::Client::new()
            .post(format!("{address}/validate"))
            .body(input.to_string())
            .header("content-type", "application/json")
            .send()
    };
    let validated = validate(&judge.address).await.unwrap();
    assert_eq!(validated.status(), 200);
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&validated.bytes().await.unwrap()).unwrap(),
        answer
    );

    let guardian = service("guardian");
    let arm = HttpArm::connect(&guardian.address, HttpArmOptions::default()).await.unwrap();
    let answer = arm.execute(ArmCall::new(json!({"text": "Write to ada@example.org"}))).await.unwrap().output;
    assert_eq!(answer["issues"][0]["type"], "email");
    assert_eq!(validate(&guardian.address).await.unwrap().status(), 404);
}

async fn reply_over_http(arm: Arc<dyn Arm>, input: serde_json::Value) -> ArmReply {
    let server = serve_routes(arm_app(arm, true).unwrap(), CancellationToken::new()).await;
    let arm = HttpArm::connect(&server.url(""), HttpArmOptions::default()).await.unwrap();
    arm.execute(ArmCall::new(input)).await.unwrap()
}

#[tokio::test]
async fn whoever_calls_an_arm_learns_what_its_models_used() {
    let ruling = json!({"criterion": 1, "verdict": "not_met", "quote": null, "reason": "It is rude.", "confidence": 0.9});
    let model = ScriptedModel::in_order([ScriptedReply::json(&json!({"rulings": [ruling]})).using(500, 50)]);
    let judge = Judge::new().with_models(Models::layered(Arc::new(model))).unwrap();
    let reply =
        reply_over_http(Arc::new(judge), json!({"output": "Go away.", "acceptance_criteria": ["kind"]}))
            .await;
    let usage = &reply.usage;
    assert_eq!((usage.model_calls, usage.input_tokens, usage.output_tokens), (1, 500, 50));
    assert_eq!(reply.output["failed_criteria"], json!(["kind"]));
}

/// Uses tokens, and answers by a schema that knows no field for them.
struct Strict(ArmDescriptor);

#[async_trait]
impl Arm for Strict {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.0
    }

    async fn execute(&self, _: ArmCall) -> Result<ArmReply> {
        let usage = Usage { input_tokens: 5, ..Usage::default() };
        Ok(ArmReply { usage, ..ArmReply::new(json!({"n": 1})) })
    }
}

/// An execution plan is such an output. What it cost was told nobody.
#[tokio::test]
async fn an_output_that_may_have_no_other_fields_gets_none_and_a_header_says_what_was_used() {
    let mut descriptor = ArmDescriptor::new("strict", ["count"]);
    descriptor.output_schema =
        json!({"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": false});
    let reply = reply_over_http(Arc::new(Strict(descriptor)), json!({})).await;
    assert_eq!((reply.output, reply.usage.input_tokens), (json!({"n": 1}), 5));
}

#[test]
fn an_arm_that_is_not_there_and_one_without_a_model_say_so() {
    let home = tempfile::tempdir().unwrap();
    for (name, wanted) in [("tentacle", "own arms are coder, planner"), ("coder", "needs a model")] {
        let output = command(&home, &[name, "--port", "0"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(wanted), "{stderr}");
    }
    let output = command(&home, &["executor", "--host", "0.0.0.0"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("would let everybody in"));
}
