use octollm_core::arm::{ArmContext, TypedArm};
use octollm_core::model::layers::{Link, LinkOptions, guarded};
use octollm_core::model::prompts::Prompts;
use octollm_core::model::{Models, ScriptedModel, ScriptedReply};
use octollm_core::orchestrator::{ModelTaskPlanner, RulesTaskPlanner};
use octollm_core::task::{Grant, PlanSource};
use serde_json::json;

use super::*;

#[derive(Deserialize, JsonSchema)]
struct Place {
    #[serde(rename = "location")]
    _location: String,
}

#[derive(Serialize, JsonSchema)]
struct Weather {
    sky: &'static str,
}

fn weather() -> TypedArm {
    let look = |_: Place, _: ArmContext| async { Ok(Weather { sky: "grey" }) };
    TypedArm::new("weather", ["weather_forecast"], look)
}

/// A registry with the weather and a planner that asks this model.
fn planner(model: &ScriptedModel) -> (Arc<Registry>, Arc<Planner>) {
    let guarded = guarded(Arc::new(model.clone()), &Link::new(&LinkOptions::default()));
    let prompts = Prompts::embedded().unwrap();
    let planner = ModelTaskPlanner::new(Models::new(guarded), prompts, RulesTaskPlanner::default());
    let registry = Arc::new(Registry::default());
    let arm = Arc::new(Planner::new(Arc::new(planner), &registry));
    registry.add(Arc::new(weather()), None).unwrap();
    registry.add(arm.clone(), None).unwrap();
    (registry, arm)
}

fn call() -> ArmCall {
    ArmCall::new(json!({
        "goal": "Say whether I need an umbrella in Paris",
        "constraints": ["Be brief"],
        "context": {"location": "Paris"}
    }))
}

fn plan() -> ScriptedReply {
    ScriptedReply::json(&json!({
        "subtasks": [{
            "step": 1,
            "action": "Look up the weather in Paris",
            "required_arm": "weather",
            "input": {"location": "Paris"},
            "acceptance_criteria": [],
            "depends_on": [],
            "estimated_duration_seconds": 1
        }],
        "confidence": 0.7,
        "rationale": "The weather decides."
    }))
    .using(900, 80)
}

#[tokio::test]
async fn a_plan_is_made_of_the_other_arms() {
    let model = ScriptedModel::in_order([plan()]);
    let (_registry, arm) = planner(&model);
    let reply = arm.execute(call()).await.unwrap();
    let plan: ExecutionPlan = serde_json::from_value(reply.output.clone()).unwrap();
    assert_eq!((plan.source, plan.subtasks[0].required_arm.as_str()), (PlanSource::Model, "weather"));
    assert_eq!((reply.confidence, reply.usage.input_tokens), (Some(0.7), 900));
    assert_eq!(Validator::compile(&arm.descriptor().output_schema).unwrap().faults(&reply.output), []);
    let asked: String = model.requests()[0].messages.iter().map(|message| message.text()).collect();
    assert!(asked.contains("weather_forecast") && asked.contains("Be brief"));
    assert!(!asked.contains("\"arm_id\":\"planner\""), "{asked}");
}

#[tokio::test]
async fn what_the_task_rules_forbid_is_refused_before_a_model_is_asked() {
    let model = ScriptedModel::in_order([]);
    let (_registry, arm) = planner(&model);
    for input in
        [json!({"goal": "short"}), json!({"goal": "          x          "}), json!({"goal": 1}), json!({})]
    {
        let error = arm.execute(ArmCall::new(input)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!error.faults().is_empty());
    }
    assert_eq!(model.calls(), 0);
}

#[tokio::test]
async fn it_plans_within_its_grant() {
    let model = ScriptedModel::in_order([plan()]);
    let (_registry, arm) = planner(&model);
    let mut call = call();
    call.grant = Grant { tokens: Some(50), cost_usd: None };
    let error = arm.execute(call).await.unwrap_err();
    assert_eq!((error.kind(), model.calls()), (ErrorKind::BudgetExceeded, 0));
}

#[tokio::test]
async fn a_registry_that_is_gone_is_no_registry_without_arms() {
    let model = ScriptedModel::in_order([]);
    let (registry, arm) = planner(&model);
    drop(registry);
    assert_eq!(arm.execute(call()).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(Arc::strong_count(&arm), 1);
}
