//! The arm within an engine that signs what its calls may do.

use octollm_core::arm::capability::CapabilityKey;
use octollm_core::arm::{Arm, ArmCall, ArmDescriptor, ArmReply, Peer, SideEffects};
use octollm_core::orchestrator::{Decision, EngineConfig, LocalOrchestrator, Orchestrator};
use octollm_core::task::{Approval, EventKind, SubTask, TaskId, TaskStatus};
use octollm_core::testing::arms::ScriptedArm;
use octollm_core::testing::orchestrator::planned;
use octollm_core::{TaskRequest, TaskResult};
use serde_json::{Value, json};

use super::{Executor, executor, with};

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

/// An executor whose policy is replaced while a person thinks.
struct Replaced {
    before: Executor,
    after: Executor,
    is_replaced: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Replaced {
    fn now(&self) -> &Executor {
        if self.is_replaced.load(std::sync::atomic::Ordering::Acquire) { &self.after } else { &self.before }
    }
}

#[async_trait::async_trait]
impl Arm for Replaced {
    fn descriptor(&self) -> &ArmDescriptor {
        self.before.descriptor()
    }

    fn preview(&self, input: &Value) -> Option<String> {
        self.now().preview(input)
    }

    async fn execute(&self, call: ArmCall) -> octollm_core::Result<ArmReply> {
        self.now().execute(call).await
    }
}

async fn becomes(octo: &LocalOrchestrator, id: TaskId, wanted: TaskStatus) -> TaskResult {
    loop {
        let result = octo.task(id).await.unwrap();
        if result.status == wanted {
            return result;
        }
        assert!(!result.status.is_terminal(), "{result:?}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_was_approved_is_what_runs_or_nothing_does() {
    const PYTHON: &str = "[interpreters.python]\nprogram = 'python3'\nscript = 'main.py'";
    for (then, ends) in [
        (PYTHON.to_owned(), TaskStatus::Completed),
        (format!("environment = {{ MODE = 'other' }}\n{PYTHON}"), TaskStatus::Failed),
        (format!("{PYTHON}\n[limits]\nmemory_mib = 1024"), TaskStatus::Failed),
    ] {
        let is_replaced = std::sync::Arc::default();
        let arm = Replaced { before: with(PYTHON), after: with(&then), is_replaced };
        let is_replaced = arm.is_replaced.clone();
        let octo = LocalOrchestrator::builder().arm(arm).start().await.unwrap();
        let input = json!({"action_type": "python", "code": "print(6 * 7)"});
        let request: TaskRequest = planned(vec![SubTask::new(1, "do it", "executor").with_input(input)]);
        let request = TaskRequest { approval: Approval::SideEffects, ..request };
        let id = octo.submit(request.into()).await.unwrap().task_id;
        becomes(&octo, id, TaskStatus::AwaitingApproval).await;
        is_replaced.store(true, std::sync::atomic::Ordering::Release);
        octo.decide(id, Decision { step: Some(1), approved: true, note: None }).await.unwrap();
        let result = becomes(&octo, id, ends).await;
        let journal = octo.journal(id, 0, 100).await.unwrap();
        let began = journal.iter().any(|event| matches!(event.kind, EventKind::StepStarted { .. }));
        assert_eq!(
            (code(&result), began),
            match ends {
                TaskStatus::Completed => (None, true),
                _ => (Some("conflict"), false),
            }
        );
    }
}
