//! The process that is killed.

use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use octollm_core::arm::{ArmDescriptor, SideEffects};
use octollm_core::memory::{SharedMemory, SqliteMemory, SqliteOptions};
use octollm_core::orchestrator::{LocalOrchestrator, Orchestrator};
use octollm_core::task::{ExecutionPlan, PlanSource, SubTask, TaskRequest};
use octollm_core::testing::arms::ScriptedArm;
use serde_json::json;

/// Does nothing in a usual run: the parent sets the variables.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_child() {
    let Ok(database) = std::env::var("OCTOLLM_CRASH_DATABASE") else { return };
    let address = std::env::var("OCTOLLM_CRASH_WORLD").unwrap();
    let world = Arc::new(Mutex::new(TcpStream::connect(address).unwrap()));
    let memory = SqliteMemory::open(SqliteOptions::new(database)).await.unwrap();
    let octo = LocalOrchestrator::builder()
        .memory(SharedMemory::sqlite(memory))
        .arm(counted("counted", SideEffects::None, world.clone()))
        .arm(counted("kept", SideEffects::Idempotent, world.clone()))
        .start()
        .await
        .unwrap();
    if std::env::var_os("OCTOLLM_CRASH_SUBMIT").is_some() {
        submit_for_ever(&*octo, &world).await;
    }
    std::future::pending::<()>().await;
}

async fn submit_for_ever(octo: &dyn Orchestrator, world: &Mutex<TcpStream>) {
    // Every other task begins before it is accepted.
    for first in [0, 1].into_iter().cycle() {
        let arm = |step: u32| if step % 2 == first { "kept" } else { "counted" };
        let chain = (1..=5).map(|step| SubTask::new(step, "count", arm(step)).after((1..step).last()));
        let request = TaskRequest {
            plan: Some(Arc::new(ExecutionPlan::new(PlanSource::Caller, chain.collect()))),
            ..TaskRequest::new(format!("Count every step for {} from outside", nobody()))
        };
        let accepted = octo.submit(request.into()).await.unwrap();
        tell(world, &format!("accepted {}", accepted.task_id));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// An address of a person that nobody is.
fn nobody() -> String {
    format!("{}@example.com", octollm_core::TaskId::new().to_string().replace("task-", "n"))
}

/// An arm whose every call is seen from outside before it answers.
fn counted(id: &str, side_effects: SideEffects, world: Arc<Mutex<TcpStream>>) -> ScriptedArm {
    let mut descriptor = ArmDescriptor::new(id, ["counting"]);
    (descriptor.max_concurrent, descriptor.side_effects) = (1000, side_effects);
    ScriptedArm::new(descriptor, move |call| {
        tell(&world, &format!("did {} {}", call.task_id, call.step));
        async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(json!({"step": call.step}))
        }
    })
}

fn tell(world: &Mutex<TcpStream>, what: &str) {
    let mut world = world.lock().unwrap();
    writeln!(world, "{what}").unwrap();
}
