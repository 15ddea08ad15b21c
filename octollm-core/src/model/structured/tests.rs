//! Everything that models do wrong, in every way of asking.

#[cfg(feature = "http")]
mod over_http;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::error::ErrorKind;
use crate::model::{Features, Message, OutputFormat, Reason, Role, ScriptedModel, ScriptedReply, ToolChoice};

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Forecast {
    place: String,
    #[schemars(range(min = -90, max = 60))]
    degrees: i8,
    note: Option<String>,
    #[serde(default)]
    sources: Vec<String>,
}

const SCHEMA: Features =
    Features { json_schema: true, json_object: true, tools: true, images: false, prompt_cache: false };
const TOOLS: Features = Features { json_schema: false, ..SCHEMA };
const JSON: Features = Features { tools: false, ..TOOLS };
const WORDS: Features = Features { json_object: false, ..JSON };

fn asking(features: Features, replies: impl IntoIterator<Item = ScriptedReply>) -> ScriptedModel {
    ScriptedModel::in_order(replies).described(|model| model.features = features)
}

fn request() -> ModelRequest {
    ModelRequest::new(vec![Message::system("You know the weather."), Message::user("How is Lyon?")])
}

fn shape() -> Shape {
    Shape::of::<Forecast>("forecast").unwrap()
}

async fn ask(model: &ScriptedModel) -> Result<Structured<Forecast>> {
    typed(model, &request(), &shape()).await
}

/// An answer with this text, in the way that the model was asked for it.
fn said(features: Features, text: &str) -> ScriptedReply {
    let reply = if features == TOOLS {
        ScriptedReply::default().and_tool_call("forecast", text)
    } else {
        ScriptedReply::text(text)
    };
    reply.using(10, 5)
}

const GOOD: &str = r#"{"place": "Lyon", "degrees": 21, "note": null, "sources": null}"#;

/// What a model may say first, and whether that can be used at once.
const FIRST: [(&str, &str, bool); 12] = [
    ("clean", GOOD, true),
    ("without what is optional", r#"{"place": "Lyon", "degrees": 21}"#, true),
    ("in a fence", "```json\n{\"place\": \"Lyon\", \"degrees\": 21}\n```", true),
    ("with words around", "Sure [1]: {\"place\": \"Lyon\", \"degrees\": 21} {enjoy}!", true),
    ("thought over", r#"{"place": "Lyon"} - no: {"place": "Lyon", "degrees": 21}"#, true),
    ("a wrong type", r#"{"place": "Lyon", "degrees": "warm"}"#, false),
    ("out of range", r#"{"place": "Lyon", "degrees": 99}"#, false),
    ("something missing", r#"{"degrees": 21}"#, false),
    ("null where something must be", r#"{"place": null, "degrees": 21}"#, false),
    ("a list", r#"[{"degrees": 21}]"#, false),
    ("cut in the middle", r#"{"place": "Lyon", "degrees": 21, "sources": ["a"#, false),
    ("nothing", "", false),
];

#[tokio::test]
async fn the_matrix_of_faults() {
    let mut table = String::new();
    for (name, features) in [("schema", SCHEMA), ("tool", TOOLS), ("json", JSON), ("words", WORDS)] {
        let (mut at_once, mut repaired, mut failed) = (0, 0, 0);
        for (what, first, usable) in FIRST {
            let model = asking(features, [said(features, first), said(features, GOOD)]);
            let answer = ask(&model).await.unwrap_or_else(|error| panic!("{name}, {what}: {error}"));
            assert_eq!((answer.value.place.as_str(), answer.value.degrees), ("Lyon", 21), "{name}, {what}");
            assert_eq!(answer.repaired, !usable, "{name}, {what}");
            assert_eq!(answer.usage.model_calls, if usable { 1 } else { 2 });
            assert_eq!(answer.usage.tokens(), 15 * answer.usage.model_calls);
            if usable {
                at_once += 1
            } else {
                repaired += 1
            }
            if !usable {
                let model = asking(features, [said(features, first), said(features, first)]);
                let error = ask(&model).await.unwrap_err();
                assert_eq!(
                    (error.kind(), error.context("reason")),
                    (ErrorKind::InvalidInput, Some("structured_output"))
                );
                assert!(!error.faults().is_empty() && model.calls() == 2, "{name}, {what}");
                failed += 1;
            }
        }
        table.push_str(&format!(
            "{name}: {at_once} at once, {repaired} repaired, {failed} failed when repeated\n"
        ));
    }
    insta::assert_snapshot!(table, @"
    schema: 5 at once, 7 repaired, 7 failed when repeated
    tool: 5 at once, 7 repaired, 7 failed when repeated
    json: 5 at once, 7 repaired, 7 failed when repeated
    words: 5 at once, 7 repaired, 7 failed when repeated
    ");
}

#[tokio::test]
async fn each_way_of_asking_says_the_shape() {
    for features in [SCHEMA, TOOLS, JSON, WORDS] {
        let model = asking(features, [said(features, GOOD)]);
        ask(&model).await.unwrap();
        let asked = &model.requests()[0];
        let told = asked
            .messages
            .iter()
            .any(|message| message.role == Role::System && message.text().contains("\"degrees\""));
        let by_schema = matches!(&asked.output, OutputFormat::Schema { name, schema } if name == "forecast" && schema["additionalProperties"] == false);
        let by_tool = asked.tool_choice == ToolChoice::Named("forecast".into())
            && asked.tools[0].parameters["required"] == json!(["degrees", "note", "place", "sources"]);
        let words = matches!(features, JSON | WORDS);
        assert_eq!((by_schema, by_tool, told), (features == SCHEMA, features == TOOLS, words));
        assert_eq!(asked.output == OutputFormat::Json, features == JSON);
    }
}

#[tokio::test]
async fn an_open_schema_is_told_in_words_too() {
    let open = Shape::new("anything", &json!({"type": "object", "properties": {"input": {}}})).unwrap();
    let model = asking(SCHEMA, [ScriptedReply::text(r#"{"input": [1]}"#)]);
    structured(&model, &request(), &open).await.unwrap();
    let asked = &model.requests()[0];
    assert!(matches!(asked.output, OutputFormat::Schema { .. }));
    assert_eq!(asked.messages[0].text(), "You know the weather.");
    assert!(
        asked.messages[1].role == Role::System && asked.messages[1].text().ends_with("{\n  input?: any\n}")
    );
}

#[tokio::test]
async fn the_faults_go_back_with_their_places() {
    for features in [SCHEMA, TOOLS] {
        let wrong = r#"{"place": "Lyon", "degrees": 99}"#;
        let model = asking(features, [said(features, wrong), said(features, GOOD)]);
        ask(&model).await.unwrap();
        let asked = serde_json::to_string(&model.requests()[1].messages).unwrap();
        assert!(
            asked.contains("- /degrees: ") && asked.contains("less than") | asked.contains("maximum"),
            "{asked}"
        );
        assert_eq!(asked.contains("\"is_error\":true"), features == TOOLS);
    }
}

#[tokio::test]
async fn a_model_that_talks_instead_of_calling_is_understood() {
    let model = asking(TOOLS, [ScriptedReply::text(GOOD)]);
    assert!(!ask(&model).await.unwrap().repaired);
    let model = asking(TOOLS, [ScriptedReply::text("I would rather not."), said(TOOLS, GOOD)]);
    assert!(ask(&model).await.unwrap().repaired);
    let model = asking(TOOLS, [said(TOOLS, "{\"place\": "), said(TOOLS, GOOD)]);
    assert!(ask(&model).await.unwrap().repaired);
}

#[tokio::test]
async fn what_was_cut_or_withheld_is_called_that_and_not_repaired() {
    let half = r#"{"place": "Lyon", "degr"#;
    let model = asking(SCHEMA, [ScriptedReply::text(half).finishing(FinishReason::Length)]);
    let error = ask(&model).await.unwrap_err();
    assert_eq!((error.kind(), model.calls()), (ErrorKind::TooLarge, 1));
    assert_eq!(raw_answer(&error).unwrap().text(), half);
    let model = asking(SCHEMA, [ScriptedReply::text("").finishing(FinishReason::ContentFilter)]);
    let error = ask(&model).await.unwrap_err();
    assert_eq!((Reason::of(&error), model.calls()), (Some(Reason::ContentRefused), 1));
    let model = asking(SCHEMA, [ScriptedReply::refuse(Reason::Auth.error("no key"))]);
    assert_eq!(Reason::of(&ask(&model).await.unwrap_err()), Some(Reason::Auth));
}

#[tokio::test]
async fn the_error_repeats_nothing_that_was_said() {
    let secret = r#"{"place": 4711, "degrees": "a-secret"}"#;
    let model = asking(SCHEMA, [said(SCHEMA, secret), said(SCHEMA, secret)]);
    let error = ask(&model).await.unwrap_err();
    let shown = format!("{error} {error:?} {:?}", raw_answer(&error));
    assert!(!shown.contains("a-secret") && !shown.contains("4711"), "{shown}");
    assert_eq!(raw_answer(&error).unwrap().text(), secret);
    let pointers: Vec<_> = error.faults().iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/degrees", "/place"]);
}

#[tokio::test]
async fn a_rule_beyond_the_schema_is_given_back_too() {
    let warm = |value: &Value| match value["degrees"].as_i64() {
        Some(20..) => Vec::new(),
        _ => vec![Fault::new("/degrees", "must be warm")],
    };
    let cold = r#"{"place": "Lyon", "degrees": 3}"#;
    let model = asking(SCHEMA, [said(SCHEMA, cold), said(SCHEMA, GOOD)]);
    let answer = structured(&model, &request(), &shape().checked(warm)).await.unwrap();
    assert!(answer.repaired);
    assert!(model.requests()[1].messages.last().unwrap().text().contains("- /degrees: must be warm"));
}

#[tokio::test]
async fn what_is_no_object_is_wrapped_for_the_model_only() {
    let shape = Shape::new("a list!", &json!({"type": "array", "items": {"type": "integer"}})).unwrap();
    assert_eq!(shape.name(), "a_list_");
    for answer in [r#"{"value": [1, 2]}"#, "[1, 2]"] {
        let model = asking(SCHEMA, [ScriptedReply::text(answer)]);
        assert_eq!(structured(&model, &request(), &shape).await.unwrap().value, json!([1, 2]));
        let OutputFormat::Schema { schema, .. } = &model.requests()[0].output else { panic!("no schema") };
        assert_eq!((&schema["type"], &schema["required"]), (&json!("object"), &json!(["value"])));
    }
    let faulty = [ScriptedReply::text(r#"{"value": ["x"]}"#), ScriptedReply::text(r#"{"value": ["x"]}"#)];
    assert!(structured(&asking(SCHEMA, faulty), &request(), &shape).await.is_err());
    assert!(Shape::new("broken", &json!({"type": "no-such-type"})).is_err());
}
