//! Against a live provider: `make test-live`, which costs a fraction of a cent.
//!
//! Asks the model in `LLM_MODEL`, or the default of the first vendor with a key, or a local server that is found by
//! itself. No key, no server: the suite fails and says what to set.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::sync::Arc;

use futures_util::StreamExt;
use octollm_core::model::{
    Delta, FinishReason, Image, LanguageModel, Message, ModelRequest, OutputFormat, Part, Providers, Reason,
    Role, Tool, ToolChoice, ToolResult, Vendors,
};
use octollm_core::schema::Validator;
use serde_json::{Value, json};

async fn model() -> (Providers, Arc<dyn LanguageModel>) {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut providers =
        Providers::from_variables(Vendors::built_in().unwrap(), &variables.collect()).unwrap();
    providers.discover().await;
    let name = providers.default_model().expect("set a key and, where the vendor has no default, LLM_MODEL");
    let model = providers.model(&name).unwrap();
    (providers, model)
}

fn ask(text: &str) -> ModelRequest {
    ModelRequest { max_output_tokens: Some(2000), ..ModelRequest::new(vec![Message::user(text)]) }
}

#[tokio::test]
#[ignore = "asks a live provider: make test-live"]
async fn an_answer_comes_piece_by_piece_and_is_counted() {
    let (_, model) = model().await;
    let stream = model.stream(&ask("Count from one to twenty in words.")).await.unwrap();
    let deltas: Vec<Delta> = stream.map(|delta| delta.unwrap()).collect().await;
    assert!(deltas.iter().filter(|delta| matches!(delta, Delta::Text(_))).count() > 1, "{deltas:?}");
    assert!(matches!(deltas.last(), Some(Delta::Finished(FinishReason::Stop))), "{deltas:?}");
    assert!(deltas.iter().any(|delta| matches!(delta, Delta::Usage(tokens) if tokens.output_tokens > 0)));
}

#[tokio::test]
#[ignore = "asks a live provider: make test-live"]
async fn a_tool_is_asked_for_and_its_result_is_used() {
    let (_, model) = model().await;
    let parameters =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tool = Tool { name: "weather".into(), description: "The weather in a city, now.".into(), parameters };
    let mut request = ModelRequest { tools: vec![tool], ..ask("How is the weather in Ulm? Use the tool.") };
    let reply = model.complete(&request).await.unwrap();
    assert_eq!(reply.finish, FinishReason::ToolCalls, "{reply:?}");
    let call = reply.tool_calls.first().expect("no call").clone();
    assert!(call.arguments["city"].as_str().unwrap().contains("Ulm"));
    let result = ToolResult { call_id: call.id.clone(), content: "17 degrees, hail".into(), is_error: false };
    request.messages.push(Message::new(Role::Assistant, vec![Part::ToolCall(call)]));
    request.messages.push(Message::tool_results([result]));
    request.tool_choice = ToolChoice::Auto;
    assert!(model.complete(&request).await.unwrap().text.contains("17"));
}

#[tokio::test]
#[ignore = "asks a live provider: make test-live"]
async fn an_answer_keeps_to_a_schema_where_the_model_can() {
    let (_, model) = model().await;
    if !model.descriptor().features.json_schema {
        return;
    }
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["animal", "arms"],
        "properties": {"animal": {"type": "string"}, "arms": {"type": "integer", "minimum": 0}},
    });
    let output = OutputFormat::Schema { name: "animal".into(), schema: Arc::new(schema.clone()) };
    let reply = model.complete(&ModelRequest { output, ..ask("An octopus, as JSON.") }).await.unwrap();
    let answer: Value = serde_json::from_str(&reply.text).unwrap();
    assert_eq!(Validator::compile(&schema).unwrap().faults(&answer), []);
    assert_eq!(answer["arms"], 8);
}

#[tokio::test]
#[ignore = "asks a live provider: make test-live"]
async fn a_picture_is_seen_where_the_model_can() {
    /// A red square.
    const RED: &[u8] = include_bytes!("live_models/red.png");
    let (_, model) = model().await;
    if !model.descriptor().features.images {
        return;
    }
    let picture = Part::Image(Image::Bytes { media_type: "image/png".into(), data: Arc::from(RED) });
    let parts = vec![Part::Text("Which colour is this? One word.".into()), picture];
    let reply = model.complete(&ModelRequest::new(vec![Message::new(Role::User, parts)])).await.unwrap();
    assert!(reply.text.to_lowercase().contains("red"));
}

#[tokio::test]
#[ignore = "asks a live provider: make test-live"]
async fn a_model_that_does_not_exist_is_called_so() {
    let (providers, model) = model().await;
    let name = format!("{}/there-is-no-such-model", model.descriptor().vendor);
    let error = providers.model(&name).unwrap().complete(&ask("hello")).await.unwrap_err();
    assert_eq!(Reason::of(&error), Some(Reason::UnknownModel), "{error:?}");
}
