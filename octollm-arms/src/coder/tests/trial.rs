//! Code whose own tests are run, by an arm that the coder asks.

use octollm_core::ErrorKind;
use octollm_core::arm::{ArmDescriptor, SideEffects};
use octollm_core::orchestrator::{LocalOrchestrator, Orchestrator};
use octollm_core::task::{SubTask, TaskResult, TaskStatus};
use octollm_core::testing::arms::ScriptedArm;
use octollm_core::testing::orchestrator::planned;

use super::*;

const WRONG: &str = "def add(a, b):\n    return a - b\n";
const RIGHT: &str = "def add(a, b):\n    return a + b\n";
const TESTS: &str = "import unittest\nfrom solution import add\n\nclass Adding(unittest.TestCase):\n    def test_two(self):\n        self.assertEqual(add(1, 1), 2)\n";

fn with_tests(code: &str) -> ScriptedReply {
    let mut solution = solution(code);
    solution["tests"] = json!(TESTS);
    ScriptedReply::json(&solution)
}

/// Runs Python as the executor does, but for the sandbox: what runs here is in this file.
fn runner() -> ScriptedArm {
    let mut descriptor = ArmDescriptor::new("runner", ["code_execution"]);
    descriptor.side_effects = SideEffects::None;
    ScriptedArm::new(descriptor, |call| async move {
        let code = call.input["code"].as_str().unwrap_or_default().to_owned();
        let output = tokio::process::Command::new("python3").args(["-I", "-c", &code]).output().await;
        let output = output.map_err(|cause| {
            octollm_core::Error::new(ErrorKind::NotConfigured, "python3 does not start").with_source(cause)
        })?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(json!({
            "success": output.status.success(),
            "exit_code": output.status.code(),
            "stdout": text(&output.stdout),
            "stderr": text(&output.stderr)
        }))
    })
}

async fn task(replies: Vec<ScriptedReply>, runs: bool) -> (TaskResult, ScriptedModel) {
    let (coder, model) = coder(replies);
    let mut builder = LocalOrchestrator::builder().arm(coder);
    if runs {
        builder = builder.arm(runner());
    }
    let octo = builder.start().await.unwrap();
    let step = SubTask::new(1, "write", "coder").with_input(
        json!({"request_type": "generate", "instruction": "Add two numbers", "language": "python"}),
    );
    (octo.run(planned(vec![step]).into()).await.unwrap(), model)
}

#[tokio::test]
async fn code_that_fails_its_own_tests_is_mended_by_what_the_run_said() {
    let (result, model) = task(vec![with_tests(WRONG), with_tests(RIGHT)], true).await;
    assert_eq!(result.status, TaskStatus::Completed, "{result:?}");
    let answer = result.result.unwrap();
    assert_eq!(answer["code"], RIGHT);
    assert_eq!((&answer["test_run"]["passed"], &answer["test_run"]["ran"]), (&json!(true), &json!(1)));
    assert_eq!((answer["warnings"].as_array().unwrap().len(), result.confidence), (0, Some(0.8)));
    let given_back = model.requests()[1].messages[3].text();
    assert!(given_back.contains("AssertionError: 0 != 2"), "{given_back}");
    assert_eq!(result.usage.arm_calls, 3, "the coder, and the runner twice");
}

#[tokio::test]
async fn what_still_fails_is_answered_with_the_evidence_and_hardly_any_confidence() {
    let replies = vec![with_tests(WRONG), with_tests(WRONG), with_tests(WRONG), with_tests(RIGHT)];
    let (result, model) = task(replies, true).await;
    let answer = result.result.unwrap();
    assert_eq!((model.calls(), &answer["test_run"]["failed"]), (3, &json!(1)));
    assert!(answer["test_run"]["output"].as_str().unwrap().contains("0 != 2"));
    assert_eq!(answer["warnings"], json!(["1 of 1 tests failed; see `test_run`"]));
    assert!(result.confidence.unwrap() < 0.1, "{:?}", result.confidence);
}

#[tokio::test]
async fn without_an_arm_that_runs_code_the_answer_says_so() {
    let (result, model) = task(vec![with_tests(WRONG)], false).await;
    let answer = result.result.unwrap();
    assert_eq!((model.calls(), answer.get("test_run")), (1, None));
    assert_eq!(answer["warnings"], json!(["the tests were not run: there is no arm that runs code"]));
}
