use serde_json::json;

use super::*;
use crate::error::ErrorKind;
use crate::model::wire::testing::question;
use crate::testing::fault_server::{FaultServer, Reply};

fn read(variables: &[(&str, &str)]) -> Result<Providers> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Providers::from_variables(Vendors::built_in().unwrap(), &variables.collect())
}

fn hint(error: &Error) -> &str {
    error.hint().unwrap_or_default()
}

#[test]
fn the_one_with_a_key_is_the_default() {
    let nothing = read(&[]).unwrap();
    assert_eq!((nothing.configured(), nothing.default_vendor()), (vec![], None));
    assert!(hint(&nothing.model("gpt-4o").err().unwrap()).contains("OPENAI_API_KEY"));

    let anthropic =
        read(&[("ANTHROPIC_API_KEY", "k"), ("GROQ_API_KEY", "k"), ("OPENAI_API_KEY", " ")]).unwrap();
    assert_eq!(anthropic.configured(), ["anthropic", "groq"]);
    assert_eq!(anthropic.default_model().as_deref(), Some("anthropic/claude-sonnet-5-5"));
    assert_eq!(anthropic.model("claude-opus-5").unwrap().descriptor().name(), "anthropic/claude-opus-5");

    let both = read(&[("ANTHROPIC_API_KEY", "k"), ("OPENAI_API_KEY", "k")]).unwrap();
    assert_eq!(both.default_vendor(), Some("openai"));
    let set = read(&[
        ("ANTHROPIC_API_KEY", "k"),
        ("OPENAI_API_KEY", "k"),
        ("LLM_MODEL", "anthropic/claude-opus-5"),
    ]);
    let set = set.unwrap();
    assert_eq!(
        (set.default_vendor(), set.default_model().as_deref()),
        (Some("anthropic"), Some("anthropic/claude-opus-5"))
    );
}

#[test]
fn names_may_have_slashes_of_their_own() {
    let providers = read(&[("OPENROUTER_API_KEY", "k")]).unwrap();
    let descriptor = providers.describe("openrouter/meta-llama/llama-3.3-70b-instruct").unwrap();
    assert_eq!(descriptor.model, "meta-llama/llama-3.3-70b-instruct");
    let error = providers.model("meta-llama/llama-3.3").err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotConfigured);
    assert!(hint(&error).contains("openai, anthropic"), "{error:?}");
}

#[test]
fn what_is_missing_is_named() {
    let providers = read(&[("OPENAI_API_KEY", "k")]).unwrap();
    let missing = |name: &str| providers.model(name).err().map(|error| hint(&error).to_owned());
    assert_eq!(missing("anthropic/claude-opus-5").as_deref(), Some("set ANTHROPIC_API_KEY"));
    assert_eq!(missing("azure/deployment").as_deref(), Some("set AZURE_OPENAI_ENDPOINT"));
    assert_eq!(missing("ollama/llama3.1"), None, "a local server needs no key");
}

#[test]
fn bad_values_are_named_without_being_shown() {
    let error =
        read(&[("OPENAI_BASE_URL", "sk-secret"), ("LLM_IDLE_SECONDS", "soon"), ("OLLAMA_HOST", "no host")]);
    let error = error.unwrap_err();
    let places: Vec<_> = error.faults().iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(places, ["/OLLAMA_HOST", "/OPENAI_BASE_URL", "/LLM_IDLE_SECONDS"]);
    assert!(!format!("{error:?}").contains("sk-secret"));
    let pasted = read(&[("OPENAI_API_KEY", "two\nlines")]).unwrap();
    let error = pasted.model("openai/gpt-4o").err().unwrap();
    assert!(!format!("{error:?}").contains("lines"), "{error:?}");
}

#[test]
fn debug_hides_keys() {
    let providers =
        read(&[("OPENAI_API_KEY", "sk-secret"), ("OPENAI_BASE_URL", "http://u:hidden@host/v1")]).unwrap();
    let shown = format!("{providers:?}");
    assert!(shown.contains("http://host/v1"), "{shown}");
    assert!(!shown.contains("secret") && !shown.contains("hidden"), "{shown}");
}

#[tokio::test]
async fn azure_has_its_deployment_in_the_address() {
    let server = FaultServer::start(|_| Reply::json(401, &json!({"error": {"code": "401"}}))).await.unwrap();
    let url = server.url();
    let variables = [
        ("AZURE_OPENAI_ENDPOINT", url.as_str()),
        ("AZURE_OPENAI_API_KEY", "k"),
        ("OPENAI_API_VERSION", "2025-01-01"),
    ];
    let model = read(&variables).unwrap().model("azure/my-deployment").unwrap();
    assert!(model.complete(&question()).await.is_err());
    let request = server.requests().pop().unwrap();
    assert!(
        request.is("POST /openai/deployments/my-deployment/chat/completions?api-version=2025-01-01"),
        "{}",
        request.head
    );
    assert_eq!((request.header("api-key"), request.header("authorization")), (Some("k"), None));
}

/// Providers whose local servers are all at addresses where nobody listens, but for one.
async fn nearby(port_of: &str, server: &FaultServer, variables: &[(&str, &str)]) -> Providers {
    let table: String = ["ollama", "lmstudio", "llamacpp", "vllm"]
        .iter()
        .map(|name| {
            let url = if *name == port_of { server.url() } else { "http://127.0.0.1:1".into() };
            format!("vendor.{name}.base_url = \"{url}/v1\"\n")
        })
        .collect();
    let vendors = Vendors::built_in().unwrap().with_overrides(&table).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Providers::from_variables(vendors, &variables.collect()).unwrap()
}

#[tokio::test]
async fn a_local_server_is_found_when_nothing_else_is_configured() {
    let list = json!({"object": "list", "data": [{"id": "nomic-embed-text:latest"}, {"id": "llama3.1:8b"}]});
    let server = FaultServer::start(move |_| Reply::json(200, &list)).await.unwrap();
    let mut providers = nearby("vllm", &server, &[]).await;
    assert_eq!(providers.discover().await.as_deref(), Some("vllm/llama3.1:8b"));
    assert_eq!(providers.default_model().as_deref(), Some("vllm/llama3.1:8b"));
    assert!(
        providers
            .model("other")
            .unwrap()
            .descriptor()
            .price
            .is_some_and(|price| price == crate::model::Price::FREE)
    );

    let mut keyed = nearby("vllm", &server, &[("OPENAI_API_KEY", "k")]).await;
    assert_eq!(keyed.discover().await, None, "nobody is asked where a key is set");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn another_service_on_that_port_is_no_model() {
    for reply in [
        Reply::json(404, &json!({})),
        Reply::http(200, "", "<html>"),
        Reply::json(200, &json!({"data": []})),
        Reply::Silent,
    ] {
        let server = FaultServer::start(move |_| reply.clone()).await.unwrap();
        assert_eq!(nearby("llamacpp", &server, &[]).await.discover().await, None);
    }
}
