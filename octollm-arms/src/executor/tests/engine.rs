//! The arm within an engine that signs what its calls may do.

use octollm_core::arm::capability::CapabilityKey;
use octollm_core::arm::{ArmDescriptor, Peer, SideEffects};
use octollm_core::orchestrator::{EngineConfig, LocalOrchestrator, Orchestrator};
use octollm_core::task::SubTask;
use octollm_core::testing::arms::ScriptedArm;
use octollm_core::testing::orchestrator::planned;
use octollm_core::{TaskRequest, TaskResult};
use serde_json::{Value, json};

use super::executor;

async fn octo() -> std::sync::Arc<LocalOrchestrator> {
    let key = CapabilityKey::random().unwrap();
    let config = EngineConfig { capability_key: Some(key.clone()), ..EngineConfig::default() };
    let descriptor =
        ArmDescriptor { side_effects: SideEffects::None, ..ArmDescriptor::new("asker", ["asking"]) };
    // Has what it is given run by whoever can run code, as a coder has its tests.
    let asker = ScriptedArm::new(descriptor, |call| async move {
        let whom = Peer::capability("code_execution");
        call.ask(&whom, (*call.input).clone()).await.map(|reply| reply.output)
    });
    LocalOrchestrator::builder()
        .config(config)
        .arm(executor().guarded_by(key))
        .arm(asker)
        .start()
        .await
        .unwrap()
}

async fn run(arm: &str, restricted_to: &[&str], input: &Value) -> TaskResult {
    let request: TaskRequest = planned(vec![SubTask::new(1, "do it", arm).with_input(input.clone())]);
    let required_capabilities = restricted_to.iter().map(|name| (*name).to_owned()).collect();
    octo().await.run(TaskRequest { required_capabilities, ..request }.into()).await.unwrap()
}

fn code(result: &TaskResult) -> Option<&str> {
    result.error.as_ref().map(|error| error.code.as_str())
}

#[tokio::test]
async fn a_task_does_what_it_is_restricted_to_whatever_its_plan_says() {
    let (python, shell) = (
        json!({"action_type": "python", "code": "print(1)"}),
        json!({"action_type": "shell", "command": "echo 1"}),
    );
    let only = ["code_execution"];
    assert_eq!(code(&run("executor", &only, &python).await), None);
    assert_eq!(code(&run("executor", &[], &shell).await), None);
    assert_eq!(code(&run("executor", &only, &shell).await), Some("unauthorized"));
}

#[tokio::test]
async fn an_arm_that_asks_for_code_to_be_run_gets_no_command_run() {
    let run_by_another = run("asker", &[], &json!({"action_type": "python", "code": "print(6 * 7)"})).await;
    assert_eq!(run_by_another.result.as_ref().unwrap()["stdout"], "42\n", "{run_by_another:?}");
    let command = run("asker", &[], &json!({"action_type": "shell", "command": "echo 1"})).await;
    assert_eq!(code(&command), Some("unauthorized"), "{command:?}");
}
