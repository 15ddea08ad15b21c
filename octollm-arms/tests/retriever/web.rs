//! Web searches, over real HTTP, in the formats that the providers document.

use octollm_arms::retriever::{Method, SearchRequest, SearchResponse, WebSearch};
use octollm_core::arm::Arm;
use octollm_core::testing::fault_server::{FaultServer, Reply, Request};
use octollm_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::support::Bench;

const KEY: &str = "k-3f9a";

async fn answering(body: Value) -> FaultServer {
    FaultServer::start(move |_| Reply::json(200, &body)).await.unwrap()
}

async fn bench(provider: &str, url: &str) -> Bench {
    let Bench { retriever, memory, files } = Bench::new().await;
    let web = WebSearch::new(provider, Some(url), Some(KEY)).unwrap();
    Bench { retriever: retriever.with_web(web), memory, files }
}

async fn search(provider: &str, server: &FaultServer) -> Result<SearchResponse> {
    let request = SearchRequest {
        method: Method::Web,
        limit: 3,
        ..SearchRequest::new("how tall is Bell Rock? & more")
    };
    bench(provider, &server.url()).await.retriever.search(&request).await
}

fn found(title: &str, url: &str, words: &str, names: [&str; 3]) -> Value {
    json!({names[0]: title, names[1]: url, names[2]: words, "rank": 1})
}

#[tokio::test]
async fn each_provider_is_asked_and_understood_in_its_own_format() {
    const ONE: &str = "https://example.org/bell-rock";
    let words = "Bell Rock is <strong>35 metres</strong> tall &amp; stands on a reef.";
    let result = |names| found("Bell Rock", ONE, words, names);
    let usual = ["title", "url", "content"];
    let answers = [
        ("searxng", json!({"query": "q", "results": [result(usual)], "answers": []})),
        (
            "brave",
            json!({"type": "search", "web": {"type": "search", "results": [result(["title", "url", "description"])]}}),
        ),
        ("tavily", json!({"query": "q", "answer": null, "results": [result(usual)]})),
        ("serper", json!({"searchParameters": {}, "organic": [result(["title", "link", "snippet"])]})),
        (
            "bing",
            json!({"_type": "SearchResponse", "webPages": {"value": [result(["name", "url", "snippet"])]}}),
        ),
    ];
    assert_eq!(WebSearch::providers().collect::<Vec<_>>(), answers.each_ref().map(|(name, _)| *name));
    for (name, body) in answers {
        let server = answering(body).await;
        let response = search(name, &server).await.unwrap();
        assert_eq!(response.method_used, Method::Web, "{name}");
        let first = &response.results[0];
        assert_eq!(
            (first.content.as_str(), first.source.as_str()),
            ("Bell Rock is 35 metres tall & stands on a reef.", ONE)
        );
        assert_eq!((&first.metadata["heading"], first.score), (&json!("Bell Rock"), 1.0), "{name}");
        assert_eq!(response.citations[0].locator, ONE);
        assert_eq!(
            response.synthesis.as_deref(),
            Some("Bell Rock is 35 metres tall & stands on a reef. [1]"),
            "{name}"
        );
        asked(name, &server.requests()[0]);
    }
}

/// Whether the question came as the provider wants it.
fn asked(name: &str, request: &Request) {
    let encoded = "how+tall+is+Bell+Rock%3F+%26+more";
    let (line, key) = match name {
        "searxng" => (format!("GET /search?q={encoded}&format=json"), None),
        "brave" => {
            (format!("GET /res/v1/web/search?q={encoded}&count=3"), Some(("x-subscription-token", KEY)))
        }
        "bing" => (format!("GET /v7.0/search?q={encoded}&count=3"), Some(("ocp-apim-subscription-key", KEY))),
        "tavily" => ("POST /search".to_owned(), Some(("authorization", "Bearer k-3f9a"))),
        _ => ("POST /search".to_owned(), Some(("x-api-key", KEY))),
    };
    let first = request.head.lines().next().unwrap();
    let ordered = |line: &str| {
        let mut parts: Vec<_> = line.split(['?', '&', ' ']).map(str::to_owned).collect();
        parts.sort();
        parts
    };
    assert_eq!(ordered(first.trim_end_matches(" HTTP/1.1")), ordered(&line), "{name}");
    match key {
        Some((header, value)) => assert_eq!(request.header(header), Some(value), "{name}"),
        None => assert!(!request.head.contains(KEY), "SearXNG has no keys"),
    }
    if !request.body.is_empty() {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let question = body.get("query").or(body.get("q")).unwrap();
        assert_eq!(question, "how tall is Bell Rock? & more");
        assert!(body.get("max_results").or(body.get("num")) == Some(&json!(3)), "{body}");
    }
}

#[tokio::test]
async fn results_are_counted_cleaned_and_taken_once() {
    let usual = ["title", "url", "content"];
    let results = json!({"results": [
        found("A script", "javascript:alert(1)", "x", usual),
        found("A file", "file:///etc/passwd", "x", usual),
        {"title": "no address"},
        "no object",
        found("", "https://example.org/1", "<script>alert(1)</script><b>Only words</b>", usual),
        found("Again", "https://example.org/1", "twice", usual),
        found("Only a title", "https://example.org/2", "", usual),
        found("Long", "https://example.org/3", &"word ".repeat(10_000), usual),
        found("Too many", "https://example.org/4", "x", usual),
    ]});
    let response = search("searxng", &answering(results).await).await.unwrap();
    let found: Vec<_> =
        response.results.iter().map(|one| (one.source.as_str(), one.content.len().min(20))).collect();
    assert_eq!(
        found,
        [("https://example.org/1", 10), ("https://example.org/2", 12), ("https://example.org/3", 20)]
    );
    assert!(response.results[2].content.len() <= 8_000);
    let nothing = search("brave", &answering(json!({"type": "search", "query": {}})).await).await.unwrap();
    assert_eq!((nothing.results.len(), nothing.synthesis), (0, None));
}

async fn failing(provider: &str, reply: Reply) -> Error {
    let server = FaultServer::start(move |_| reply.clone()).await.unwrap();
    let error = search(provider, &server).await.unwrap_err();
    let told = format!("{error:?}{error}{:?}", error.hint());
    assert!(!told.contains(KEY) && !told.contains("Bell"), "neither the key nor the question: {told}");
    error
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let echo = json!({"error": {"detail": format!("{KEY} may not ask for Bell Rock")}});
    for (provider, status, kind, hint) in [
        ("brave", 401, ErrorKind::NotConfigured, "check WEB_SEARCH_API_KEY"),
        ("searxng", 403, ErrorKind::NotConfigured, "search.formats"),
        ("tavily", 432, ErrorKind::RateLimited, "plan"),
    ] {
        let error = failing(provider, Reply::json(status, &echo)).await;
        assert_eq!(error.kind(), kind, "{provider} {status}");
        assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
    }
    let busy = failing("brave", Reply::http(429, "retry-after: 7\r\n", echo.to_string())).await;
    assert_eq!(
        (busy.kind(), busy.retry_after().map(|after| after.as_secs())),
        (ErrorKind::RateLimited, Some(7))
    );
    assert!(busy.is_temporary());
    assert_eq!(failing("brave", Reply::json(503, &echo)).await.kind(), ErrorKind::Unavailable);
    for body in ["<html>", "[]", "{}", "{\"error\": \"Bell\"}", "{\"web\": {\"results\": [{\"x\": 1}]}}"] {
        let error = failing("brave", Reply::http(200, "", body)).await;
        assert_eq!(error.kind(), ErrorKind::ArmFailed, "{body}");
        assert!(error.hint().unwrap().contains("WEB_SEARCH_URL"));
    }
    let endless = Reply::Endless(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec());
    assert_eq!(failing("brave", endless).await.kind(), ErrorKind::TooLarge);
}

/// The key goes with the request to wherever a redirect points, so none is followed.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let thief = answering(json!({"results": []})).await;
    let location = format!("location: {}/search\r\n", thief.url());
    let error = failing("tavily", Reply::http(302, &location, "")).await;
    assert!(!error.is_temporary(), "{error}");
    assert_eq!(thief.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_says_nothing_is_left_after_a_while() {
    assert_eq!(failing("searxng", Reply::Silent).await.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn the_web_stands_beside_the_index() {
    let names = ["title", "url", "content"];
    let server = answering(
        json!({"results": [found("Otters", "https://example.org/otters", "Otters hold hands.", names)]}),
    )
    .await;
    let up = bench("searxng", &server.url()).await;
    up.write("otters.md", "# Otters\n\nOtters eat clams.\n");
    up.ingest().await;
    let request = SearchRequest { include_web: true, ..SearchRequest::new("What do otters do?") };
    let response = up.retriever.search(&request).await.unwrap();
    let mut sources: Vec<_> = response.results.iter().map(|one| one.source.clone()).collect();
    sources.sort();
    assert_eq!(sources, [up.source("otters.md"), "https://example.org/otters".to_owned()]);
    assert_eq!((response.method_used, response.notes.len()), (Method::Hybrid, 0));

    let address = server.url();
    drop(server);
    let down = bench("searxng", &address).await;
    down.write("otters.md", "Otters eat clams.\n");
    down.ingest().await;
    let response = down.retriever.search(&request).await.unwrap();
    assert_eq!(response.results.len(), 1, "the index answers without the web");
    assert!(response.notes[0].starts_with("the web was not searched: "), "{:?}", response.notes);
    let only = SearchRequest { method: Method::Web, ..request };
    assert_eq!(down.retriever.search(&only).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn who_searches_is_the_operators_choice() {
    let closed = Bench::new().await;
    for request in [
        SearchRequest { method: Method::Web, ..SearchRequest::new("x") },
        SearchRequest { include_web: true, ..SearchRequest::new("x") },
    ] {
        let error = closed.retriever.search(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConfigured);
        assert!(error.hint().unwrap().contains("WEB_SEARCH_PROVIDER"));
    }
    for (provider, url, key, hint) in [
        ("altavista", None, Some(KEY), "searxng, brave, tavily, serper, bing"),
        ("brave", None, None, "WEB_SEARCH_API_KEY"),
        ("brave", None, Some(""), "WEB_SEARCH_API_KEY"),
        ("searxng", None, None, "WEB_SEARCH_URL"),
    ] {
        let error = WebSearch::new(provider, url, key).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConfigured);
        assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
    }
    assert!(WebSearch::new("searxng", Some("ftp://127.0.0.1"), None).is_err());
    let web = WebSearch::new("brave", Some("http://me:pass@127.0.0.1:9/"), Some(KEY)).unwrap();
    assert_eq!((web.name(), web.address().as_str()), ("brave", "http://127.0.0.1:9/res/v1/web/search"));
    let shown = format!("{web:?}");
    assert!(!shown.contains(KEY) && !shown.contains("pass"), "{shown}");
    let bench = bench("searxng", "http://127.0.0.1:9").await;
    assert_eq!(bench.retriever.descriptor().capabilities, ["knowledge_search", "web_search"]);
}
