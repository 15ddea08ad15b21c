//! Settings that change what a model is told and whether it is asked: from where they are written down to what the model
//! sees.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::routing::post;
use axum::{Json, Router};
use octollm_core::ErrorKind;
use octollm_core::arm::ArmDescriptor;
use octollm_core::task::{SubTask, TaskRequest, TaskResult};
use octollm_core::testing::arms::ScriptedArm;
use octollm_core::testing::orchestrator::planned;
use octollm_server::settings::{Settings, Sources};
use octollm_server::{LocalOptions, Session};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A model that knows one place, and remembers what it was asked.
async fn model() -> (String, Arc<Mutex<Vec<Value>>>) {
    let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
    let remembered = asked.clone();
    let answer = move |Json(request): Json<Value>| async move {
        remembered.lock().unwrap().push(request);
        let message = json!({"role": "assistant", "content": r#"{"place": "Lyon"}"#});
        Json(json!({
            "id": "c", "model": "test", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 50, "completion_tokens": 5},
        }))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let app = Router::new().route("/v1/chat/completions", post(answer));
    tokio::spawn(async { axum::serve(listener, app).await });
    (url, asked)
}

fn settings(home: &Path, url: &str, more: &[(&str, &str)]) -> Settings {
    let home = home.display().to_string();
    let own = [
        ("OCTOLLM_HOME", home.as_str()),
        ("OPENAI_BASE_URL", url),
        ("LLM_MODEL", "openai/test"),
        ("LLM_DISCOVERY", "off"),
    ];
    let program = own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
    let folder = Path::new(&home).to_owned();
    Settings::load(&Sources { folder, program: program.collect(), ..Sources::default() }).unwrap()
}

/// Wants a place that nobody names.
fn weather() -> ScriptedArm {
    let mut descriptor = ArmDescriptor::new("weather", ["forecast"]);
    descriptor.input_schema =
        json!({"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]});
    ScriptedArm::new(descriptor, |call| async move { Ok(json!({"got": *call.input})) })
}

async fn open(settings: &Settings) -> octollm_core::Result<Session> {
    let own_arms: Vec<Arc<dyn octollm_core::arm::Arm>> = vec![Arc::new(weather())];
    let options = LocalOptions { arms: Some(Vec::new()), own_arms, ..LocalOptions::default() };
    Session::local(settings, &options).await
}

async fn forecast(session: &Session) -> TaskResult {
    let step = SubTask::new(1, "Forecast the weather", "weather");
    let request = TaskRequest { goal: "Do I need an umbrella in Lyon?".into(), ..planned(vec![step]) };
    let result = session.orchestrator().run(request.into()).await.unwrap();
    assert_eq!(*result.result.clone().unwrap(), json!({"got": {"place": "Lyon"}}));
    result
}

#[tokio::test]
async fn a_folder_of_prompts_replaces_what_models_are_told() {
    let ((url, asked), home) = (model().await, tempfile::tempdir().unwrap());
    let folder = home.path().join("prompts");
    std::fs::create_dir(&folder).unwrap();
    let prompts = folder.display().to_string();
    let settings = settings(home.path(), &url, &[("octollm_prompts_dir", &prompts)]);
    let values = "{{goal}}{{action}}{{arm}}{{missing}}{{context}}{{outputs}}";
    std::fs::write(folder.join("fill.v1.md"), format!("Fill it in, please.<!-- user -->{values}")).unwrap();
    let session = open(&settings).await.unwrap();
    forecast(&session).await;
    let told = asked.lock().unwrap()[0]["messages"][0]["content"].clone();
    assert_eq!(told, "Fill it in, please.");
    session.close().await.unwrap();

    std::fs::write(folder.join("coder.v1.md"), "No values at all.<!-- user -->").unwrap();
    let error = open(&settings).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("coder.v1"), "{error}");
}

#[tokio::test]
async fn a_folder_of_prompts_that_is_not_there_is_named() {
    let home = tempfile::tempdir().unwrap();
    let nowhere = home.path().join("nowhere").display().to_string();
    let settings = settings(home.path(), "http://127.0.0.1:9/v1", &[("OCTOLLM_PROMPTS_DIR", &nowhere)]);
    let error = open(&settings).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotConfigured);
    assert!(error.hint().unwrap().contains("OCTOLLM_PROMPTS_DIR"), "{error}");
}

#[tokio::test]
async fn answers_are_kept_only_where_that_was_asked_for() {
    for (cache, calls, hits) in [("on", 1, 1), ("off", 2, 0)] {
        let ((url, asked), home) = (model().await, tempfile::tempdir().unwrap());
        let session = open(&settings(home.path(), &url, &[("llm_cache", cache)])).await.unwrap();
        let first = forecast(&session).await;
        assert_eq!((first.usage.model_calls, first.usage.cache_hits), (1, 0));
        let second = forecast(&session).await;
        assert_eq!((asked.lock().unwrap().len(), second.usage.cache_hits), (calls, hits));
        session.close().await.unwrap();
    }
}
