//! Reads goals with a model, and with the rules where the model cannot be had.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde_json::Value;

use super::{IntentParser, RulesIntentParser};
use crate::error::{Error, Fault, Result};
use crate::model::prompts::{Prompts, Values};
use crate::model::structured::{Shape, typed};
use crate::model::{Models, Purpose};
use crate::orchestrator::{Thought, asking};
use crate::task::{IntentSource, ParsedIntent, TaskRequest};

/// Reads goals with a model. Where that fails the rules read them, and the intent's `source` says so.
#[derive(Debug, Clone)]
pub struct ModelIntentParser {
    models: Models,
    prompts: Prompts,
}

impl ModelIntentParser {
    /// A parser that asks these models.
    pub fn new(models: Models, prompts: Prompts) -> Self {
        Self { models, prompts }
    }

    async fn ask(&self, request: &TaskRequest, thought: &Thought) -> Result<ParsedIntent> {
        let model = self.models.require(Purpose::Intent)?;
        let values = Values::new()
            .data("capabilities", &asking::capabilities(&thought.arms))
            .data("goal", request.goal.trim())
            .list("constraints", &request.constraints)
            .json("context", &asking::context(request));
        let question = asking::request(&self.prompts.intent, &values, Purpose::Intent, thought)?;
        let intent: ParsedIntent = typed(&*model, &question, &shape(thought)?).await?.value;
        Ok(ParsedIntent { source: IntentSource::Model, ..intent })
    }
}

#[async_trait]
impl IntentParser for ModelIntentParser {
    async fn parse(&self, request: &TaskRequest, thought: &Thought) -> Result<ParsedIntent> {
        match self.ask(request, thought).await {
            Ok(intent) => Ok(as_asked(intent, request)),
            Err(error) if asking::rules_may_stand_in(&error) => {
                warn(thought, &error);
                RulesIntentParser.parse(request, thought).await
            }
            Err(error) => Err(error),
        }
    }
}

/// What the caller said outright counts more than what a model read.
fn as_asked(mut intent: ParsedIntent, request: &TaskRequest) -> ParsedIntent {
    if !request.required_capabilities.is_empty() {
        intent.required_capabilities.clone_from(&request.required_capabilities);
    }
    for given in &request.constraints {
        if !intent.constraints.contains(given) {
            intent.constraints.push(given.clone());
        }
    }
    intent
}

/// An intent that asks only for capabilities that there are.
fn shape(thought: &Thought) -> Result<Shape> {
    let arms = thought.arms.iter().flat_map(|arm| &arm.descriptor.capabilities);
    let known: BTreeSet<String> = arms.cloned().collect();
    let check = move |value: &Value| {
        let wanted = value.get("required_capabilities").and_then(Value::as_array).into_iter().flatten();
        let unknown =
            wanted.enumerate().filter(|(_, name)| !name.as_str().is_some_and(|name| known.contains(name)));
        let fault = |(index, _): (usize, &Value)| {
            let names: Vec<_> = known.iter().map(String::as_str).collect();
            Fault::new(
                format!("/required_capabilities/{index}"),
                format!("must be one of: {}", names.join(", ")),
            )
        };
        unknown.map(fault).collect()
    };
    Ok(Shape::of::<ParsedIntent>("intent")?.checked(check))
}

fn warn(thought: &Thought, error: &Error) {
    let task = thought.call.task_id.map(|id| id.to_string()).unwrap_or_default();
    tracing::warn!(task, %error, "no model read the goal; the rules do");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::arm::ArmDescriptor;
    use crate::error::ErrorKind;
    use crate::model::{ScriptedModel, ScriptedReply};

    fn thought() -> Thought {
        Thought::about([ArmDescriptor::new("weather", ["weather_forecast"]).into()])
    }

    fn answer(capability: &str) -> ScriptedReply {
        ScriptedReply::json(&json!({
            "goal": "Get the forecast for Paris", "required_capabilities": [capability],
            "constraints": ["5 days"], "context": {"location": "Paris", "days": 5},
            "complexity": "simple", "confidence": 0.9, "source": "model",
        }))
    }

    fn parser(replies: impl IntoIterator<Item = ScriptedReply>) -> (ModelIntentParser, Arc<ScriptedModel>) {
        let model = Arc::new(ScriptedModel::in_order(replies));
        (ModelIntentParser::new(Models::new(model.clone()), Prompts::embedded().unwrap()), model)
    }

    #[tokio::test]
    async fn a_goal_is_read_with_the_data_that_it_contains() {
        let (parser, model) = parser([answer("weather_forecast")]);
        let mut request = TaskRequest::new("What will the weather be like in Paris?");
        request.constraints.push("in Celsius".into());
        let intent = parser.parse(&request, &thought()).await.unwrap();
        assert_eq!((intent.source, intent.confidence), (IntentSource::Model, Some(0.9)));
        assert_eq!(intent.context["location"], "Paris");
        assert_eq!(intent.constraints, ["5 days", "in Celsius"]);
        assert!(model.requests()[0].messages[0].text().contains("weather_forecast"));
    }

    #[tokio::test]
    async fn an_unknown_capability_goes_back_once() {
        let (parser, model) = parser([answer("teleportation"), answer("weather_forecast")]);
        let intent = parser.parse(&TaskRequest::new("Weather in Paris, please"), &thought()).await.unwrap();
        assert_eq!(intent.required_capabilities, ["weather_forecast"]);
        let told = model.requests()[1].messages.last().unwrap().clone();
        let told = format!("{}{told:?}", serde_json::to_string(&told).unwrap());
        assert!(told.contains("/required_capabilities/0"), "{told}");
    }

    #[tokio::test]
    async fn the_rules_stand_in_and_say_so() {
        let down = Error::new(ErrorKind::Unavailable, "the model is down");
        let (parser, _) = parser([ScriptedReply::refuse(down)]);
        let intent = parser.parse(&TaskRequest::new("Get the weather forecast"), &thought()).await.unwrap();
        assert_eq!(intent.source, IntentSource::Rules);
        assert_eq!(intent.required_capabilities, ["weather_forecast"]);
    }

    #[tokio::test]
    async fn without_money_the_rules_do_not_stand_in() {
        let broke = Error::new(ErrorKind::BudgetExceeded, "nothing is left");
        let (parser, _) = parser([ScriptedReply::refuse(broke)]);
        let error =
            parser.parse(&TaskRequest::new("Get the weather forecast"), &thought()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BudgetExceeded);
    }
}
