//! Both wires against servers that somebody else wrote: PyPI `mock-ai-api`, which plays OpenAI and Anthropic and fails
//! on demand.
//!
//! Needs an interpreter with `mock_ai_api/requirements.txt` installed in `OCTOLLM_MOCK_PYTHON`; `make test` makes one.
//! The two servers are started here as two processes, and not by the package's own launcher, whose children would
//! outlive it.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::StreamExt;
use octollm_core::ErrorKind;
use octollm_core::memory::Embedder;
use octollm_core::model::{
    Delta, FinishReason, Message, ModelReply, ModelRequest, Providers, Reason, Vendors,
};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// A server's process; killed when dropped, also when a test fails.
struct Server(Child);

impl Server {
    fn start(app: &str, port: u16) -> Self {
        let python = std::env::var("OCTOLLM_MOCK_PYTHON").expect("OCTOLLM_MOCK_PYTHON is not set");
        let process = Command::new(python)
            .args(["-m", "uvicorn", app, "--log-level", "warning", "--port", &port.to_string()])
            .current_dir(std::env::temp_dir())
            .stdout(Stdio::null())
            .spawn();
        Self(process.expect("no Python in OCTOLLM_MOCK_PYTHON"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits for half a minute: Python takes its time to start.
async fn listening(port: u16) {
    for _ in 0..300 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("mock-ai-api does not start: is it installed in OCTOLLM_MOCK_PYTHON?");
}

/// Both servers, and providers that ask them.
async fn start() -> (Server, Server, Providers) {
    let (openai, anthropic) = (free_port(), free_port());
    let servers =
        (Server::start("app.openai_app:app", openai), Server::start("app.anthropic_app:app", anthropic));
    listening(openai).await;
    listening(anthropic).await;
    let variables = [
        ("OPENAI_BASE_URL", format!("http://127.0.0.1:{openai}/v1")),
        ("OPENAI_API_KEY", "sk-test".to_owned()),
        ("ANTHROPIC_BASE_URL", format!("http://127.0.0.1:{anthropic}")),
        ("ANTHROPIC_API_KEY", "sk-ant-test".to_owned()),
    ];
    let variables: BTreeMap<_, _> = variables.map(|(name, value)| (name.to_owned(), value)).into();
    (servers.0, servers.1, Providers::from_variables(Vendors::built_in().unwrap(), &variables).unwrap())
}

fn question() -> ModelRequest {
    ModelRequest::new(vec![Message::system("Be brief."), Message::user("Say hello to the octopus.")])
}

async fn ask(providers: &Providers, model: &str) -> octollm_core::Result<ModelReply> {
    providers.model(model).unwrap().complete(&question()).await
}

#[tokio::test]
#[ignore = "needs Python with mock-ai-api: set OCTOLLM_MOCK_PYTHON"]
async fn both_wires_against_mock_ai_api() {
    let (_openai, _anthropic, providers) = start().await;
    answers(&providers).await;
    deltas(&providers).await;
    tools(&providers).await;
    failures(&providers).await;
    embeddings(&providers).await;
}

async fn answers(providers: &Providers) {
    for (model, base) in [
        ("openai/gpt-4.1:mock-text", "gpt-4.1"),
        ("anthropic/claude-sonnet-4-5:mock-text", "claude-sonnet-4-5"),
    ] {
        let reply = ask(providers, model).await.unwrap();
        assert_eq!(reply.text, "Hello. It's nice to meet you.", "{model}");
        assert_eq!((reply.finish, reply.model.as_str()), (FinishReason::Stop, base));
        let tokens = reply.tokens.unwrap();
        assert!(tokens.input_tokens > 0 && tokens.output_tokens > 0, "{model}: {tokens:?}");
        assert!(reply.usage.cost_usd > 0.0, "{model} has a price");
    }
}

/// A model that pauses between its words is heard word by word.
async fn deltas(providers: &Providers) {
    for model in ["openai/gpt-4.1:mock-delay", "anthropic/claude-sonnet-4-5:mock-delay"] {
        let model = providers.model(model).unwrap();
        let stream = model.stream(&question()).await.unwrap();
        let deltas: Vec<Delta> = stream.map(|delta| delta.unwrap()).collect().await;
        let texts = deltas.iter().filter(|delta| matches!(delta, Delta::Text(_))).count();
        assert!(texts > 1, "{deltas:?}");
        assert!(
            matches!(deltas.as_slice(), [Delta::Started { .. }, .., Delta::Usage(_), Delta::Finished(_)]),
            "{deltas:?}"
        );
    }
}

async fn tools(providers: &Providers) {
    for model in ["openai/gpt-4.1:mock-tool-stream", "anthropic/claude-sonnet-4-5:mock-tool-stream"] {
        let reply = ask(providers, model).await.unwrap();
        assert_eq!(reply.finish, FinishReason::ToolCalls, "{model}");
        let [call] = reply.tool_calls.as_slice() else { panic!("{model}: {reply:?}") };
        assert!(!call.id.is_empty() && !call.name.is_empty(), "{model}");
        assert!(call.arguments.is_object(), "{model}: {:?}", call.arguments);
    }
}

async fn failures(providers: &Providers) {
    let cases = [
        ("400", Reason::BadRequest),
        ("401", Reason::Auth),
        ("429", Reason::RateLimit),
        ("500", Reason::ServerError),
    ];
    for (status, expected) in cases {
        for model in ["openai/gpt-4.1", "anthropic/claude-sonnet-4-5"] {
            let error = ask(providers, &format!("{model}:mock-{status}")).await.unwrap_err();
            assert_eq!(Reason::of(&error), Some(expected), "{model} {error:?}");
            assert!(!format!("{error:?}").contains("octopus"), "{error:?}");
        }
    }
    for model in ["openai/gpt-4.1:mock-503", "anthropic/claude-sonnet-4-5:mock-503"] {
        let error = ask(providers, model).await.unwrap_err();
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unavailable, true), "{error:?}");
    }
    let error = ask(providers, "anthropic/claude-sonnet-4-5:mock-stream-error").await.unwrap_err();
    assert_eq!(Reason::of(&error), Some(Reason::ServerError), "{error:?}");
}

async fn embeddings(providers: &Providers) {
    let embedder = providers.embedder(None).await.unwrap();
    assert_eq!((embedder.id(), embedder.dimensions()), ("openai/text-embedding-3-small:1536", 1536));
    let texts: Vec<String> = (0..130).map(|n| format!("text {n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = embedder.embed(&texts).await.unwrap();
    assert_eq!(vectors.len(), 130);
    let length = |vector: &[f32]| vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    assert!(vectors.iter().all(|vector| (length(vector) - 1.0).abs() < 1e-5));
    assert_ne!(vectors[0], vectors[129]);
    assert_eq!(embedder.embed(&["text 129"]).await.unwrap()[0], vectors[129], "order survives the batches");
}
