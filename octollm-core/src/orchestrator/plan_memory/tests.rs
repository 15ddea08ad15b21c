//! Tasks that say again what an earlier one said.

use std::sync::Arc;

use super::*;
use crate::model::{Models, ScriptedModel, ScriptedReply};
use crate::orchestrator::{EngineConfig, LocalOrchestrator, Orchestrator};
use crate::task::TaskResult;
use crate::testing::arms;

/// Reads goals and plans for the echo arm; takes what the goal says into the plan if it is told to.
fn model() -> Arc<ScriptedModel> {
    Arc::new(ScriptedModel::matching(|request| {
        let asked = request.messages.iter().map(crate::model::Message::text).collect::<String>();
        let reply = if asked.contains("You read goals") {
            json!({"goal": "Echo it", "required_capabilities": ["echo"], "constraints": [], "context": {},
                   "complexity": "simple", "confidence": 0.9, "source": "model"})
        } else {
            let input =
                if asked.contains("literally") { json!({"said": "Paris"}) } else { json!({"said": "it"}) };
            json!({"subtasks": [{"step": 1, "action": "Echo", "required_arm": "echo", "input": input}], "confidence": 0.9})
        };
        ScriptedReply::json(&reply).using(100, 20)
    }))
}

struct World {
    octo: Arc<LocalOrchestrator>,
    model: Arc<ScriptedModel>,
}

impl World {
    async fn new(reuse: PlanReuse) -> Self {
        let model = model();
        let config = EngineConfig { plan_reuse: reuse, ..EngineConfig::default() };
        let builder = LocalOrchestrator::builder().config(config).arm(arms::echo());
        let octo = builder.models(Models::layered(model.clone())).start().await.unwrap();
        Self { octo, model }
    }

    /// Runs it to its end, and waits until what is to be remembered is.
    async fn run(&self, request: TaskRequest) -> TaskResult {
        let result = self.octo.run(request.into()).await.unwrap();
        assert_eq!(result.status, TaskStatus::Completed, "{result:?}");
        let memory = PlanMemory::new(self.octo.memory().clone(), PlanReuse::default());
        for _ in 0..200 {
            let known = memory.candidates(&TaskRequest::new("Echo what I say")).await.unwrap();
            if !known.is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        result
    }
}

fn source(result: &TaskResult) -> PlanSource {
    result.plan.as_ref().unwrap().source
}

#[tokio::test]
async fn the_same_wish_in_other_words_needs_no_model() {
    let world = World::new(PlanReuse::default()).await;
    let first = world.run(TaskRequest::new("Please write an echo of what I say")).await;
    assert_eq!((source(&first), first.usage.model_calls), (PlanSource::Model, 2));
    let second = world.run(TaskRequest::new("Create an echo of what I say!")).await;
    assert_eq!((source(&second), second.usage.model_calls), (PlanSource::Cache, 0));
    assert_eq!(second.result, first.result);
    assert_eq!(world.model.calls(), 2);
    let third = world.run(TaskRequest::new("Create an echo of what nobody says")).await;
    assert_eq!(source(&third), PlanSource::Model);
}

#[tokio::test]
async fn other_terms_are_another_wish() {
    let world = World::new(PlanReuse::default()).await;
    world.run(TaskRequest::new("Write an echo of what I say")).await;
    let constrained =
        TaskRequest { constraints: vec!["loudly".into()], ..TaskRequest::new("Write an echo of what I say") };
    assert_eq!(source(&world.run(constrained).await), PlanSource::Model);
}

#[tokio::test]
async fn a_plan_that_took_a_value_over_serves_no_other_value() {
    let world = World::new(PlanReuse::default()).await;
    let about = |city: &str| {
        let mut request = TaskRequest::new("Echo the city literally, as it stands");
        request.context.insert("city".into(), city.into());
        request
    };
    assert_eq!(source(&world.run(about("Paris")).await), PlanSource::Model);
    assert_eq!(source(&world.run(about("Rome")).await), PlanSource::Model);
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let world = World::new(PlanReuse { enabled: false, ..PlanReuse::default() }).await;
    let goal = "Write an echo of what I say";
    for _ in 0..2 {
        let result = world.octo.run(goal.into()).await.unwrap();
        assert_eq!(source(&result), PlanSource::Model);
    }
    assert_eq!(world.model.calls(), 4);
}
