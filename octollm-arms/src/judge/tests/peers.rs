//! The judge among other arms: the real executor in its real sandbox, and the real guardian.
#![cfg(target_os = "linux")]

use octollm_core::orchestrator::{LocalOrchestrator, Orchestrator};
use octollm_core::task::SubTask;
use octollm_core::testing::orchestrator::planned;

use super::*;
use crate::executor::{Executor, Policy};
use crate::guardian::{Guardian, GuardianOptions};

/// The judgement of a step in an orchestrator with all three.
async fn judged_among_others(input: Value) -> Value {
    let octo = LocalOrchestrator::builder()
        .arm(Judge::new())
        .arm(Executor::new(Policy::built_in().unwrap()))
        .arm(Guardian::new(GuardianOptions::default()))
        .start()
        .await
        .unwrap();
    let step = SubTask::new(1, "judge", "judge").with_input(input);
    let result = octo.run(planned(vec![step]).into()).await.unwrap();
    let result = result.result.unwrap_or_else(|| panic!("{:?}", result.error));
    (*result).clone()
}

fn solution(code: &str) -> Value {
    json!({
        "output": {
            "code": code, "language": "python",
            "tests": "from solution import add\n\ndef test_two():\n    assert add(1, 1) == 2\n"
        },
        "acceptance_criteria": ["All unit tests pass", "valid Python"], "validation_types": ["criteria"]
    })
}

#[tokio::test]
async fn that_tests_pass_is_known_by_running_them() {
    let right = judged_among_others(solution("def add(a, b):\n    return a + b\n")).await;
    let ruling = &right["criteria"][0];
    assert_eq!((&ruling["status"], &ruling["decided_by"]), (&json!("passed"), &json!("run")), "{ruling}");
    assert!(ruling["evidence"].as_str().unwrap().contains("Ran 1 test"), "{ruling}");
    assert_eq!((&right["valid"], &right["confidence"]), (&json!(true), &json!(1.0)));
    let wrong = judged_among_others(solution("def add(a, b):\n    return a - b\n")).await;
    assert_eq!(
        (&wrong["valid"], &wrong["failed_criteria"]),
        (&json!(false), &json!(["All unit tests pass"]))
    );
    assert!(wrong["criteria"][0]["evidence"].as_str().unwrap().contains("AssertionError"), "{wrong}");
}

#[tokio::test]
async fn tests_that_nobody_can_run_have_not_passed() {
    let response = judged(solution("def add(a, b):\n    return a + b\n")).await;
    assert_eq!(response.unverified_criteria, ["All unit tests pass"]);
    assert!(response.criteria[0].reason.contains("no arm that runs code"), "{response:?}");
    let response = judged(json!({"output": "text", "acceptance_criteria": ["tests pass"]})).await;
    assert_eq!(response.criteria[0].status, Status::Unverified);
}

#[tokio::test]
async fn safety_is_what_the_guardian_says() {
    let asks = |output: Value| json!({"output": output, "validation_types": ["safety"]});
    let fine = judged_among_others(asks(json!("The lamp is lit at dusk."))).await;
    assert_eq!((&fine["valid"], &fine["checks"][0]["status"]), (&json!(true), &json!("passed")));
    assert_eq!(fine["checks"][0]["decided_by"], "arm");
    let payload = "name'; DROP TABLE users; --";
    let bad = judged_among_others(asks(json!({"answer": "ok", "name": payload}))).await;
    assert_eq!((&bad["valid"], &bad["checks"][0]["status"]), (&json!(false), &json!("failed")), "{bad}");
    assert_eq!(bad["issues"][0]["location"]["pointer"], "/name");
    assert!(!bad.to_string().contains("DROP TABLE"));
    let alone = judged(asks(json!("x"))).await;
    assert_eq!(status(&alone, ValidationType::Safety), Some(Status::Unverified));
}
