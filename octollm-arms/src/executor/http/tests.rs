//! Against a server on this machine, which a policy must name with its port, and with names that point where they like.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use octollm_core::arm::Progress;
use octollm_core::{Error, ErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::Resolve;
use crate::executor::{ActionRequest, ActionResponse, Executor, Policy};

/// Answers every request by its path, and keeps what was asked.
pub(in crate::executor) struct Server {
    pub(in crate::executor) port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// A server whose answer to a path is what `answer` says: everything after the status line's `HTTP/1.1 `.
    pub(in crate::executor) async fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 64 << 10];
                let mut length = 0;
                // The tests send little enough for the head to come with its body.
                while !request[..length].windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut request[length..]).await {
                        Ok(0) | Err(_) => break,
                        Ok(read) => length += read,
                    }
                }
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                kept.lock().unwrap().push(request);
                let answer = format!("HTTP/1.1 {}", answer(&path));
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { port, asked }
    }

    pub(in crate::executor) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

pub(in crate::executor) fn page(body: &str) -> String {
    format!("200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn redirect(status: u16, to: &str) -> String {
    format!("{status} Moved\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
}

fn rule(host: &str, port: u16, more: &str) -> String {
    format!("[[hosts]]\nhost = '{host}'\nport = {port}\nplain = true\n{more}\n")
}

fn executor(rules: &str) -> Executor {
    Executor::new(Policy::from_toml(&format!("name = 'test'\n{rules}")).unwrap())
}

async fn ask(executor: &Executor, request: &ActionRequest) -> Result<Arc<ActionResponse>, Error> {
    static IDS: AtomicUsize = AtomicUsize::new(0);
    let id = format!("r-{}", IDS.fetch_add(1, Ordering::Relaxed));
    executor.act(request, &id.as_str().into(), &Progress::default()).await
}

/// Answers these addresses, the first ones first; the last ones stay.
pub(in crate::executor) struct Names(Mutex<Vec<Vec<IpAddr>>>, pub(in crate::executor) AtomicUsize);

impl Names {
    pub(in crate::executor) fn answering(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parse).collect()), AtomicUsize::new(0)))
    }
}

#[async_trait]
impl Resolve for Names {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        let mut answers = self.0.lock().unwrap();
        Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
    }
}

#[tokio::test]
async fn a_named_host_is_asked_and_answers() {
    let server = Server::start(|_| page("hello\x1b[2J")).await;
    let executor = executor(&rule("127.0.0.1", server.port, "private = true\nheaders = { x-key = 'k1' }"));
    let url = format!("http://127.0.0.1:{}/a?b=c#d", server.port);
    let response = ask(&executor, &ActionRequest::get(&url)).await.unwrap();
    assert!(response.success);
    assert_eq!((response.stdout.as_str(), response.provenance.sandbox.as_str()), ("hello\\x1b[2J", "http"));
    let answer = response.http.as_ref().unwrap();
    assert_eq!((answer.status, answer.content_type.as_deref()), (200, Some("text/plain")));
    assert_eq!(answer.url, format!("http://127.0.0.1:{}/a", server.port));
    let asked = server.asked();
    assert!(asked[0].starts_with("GET /a?b=c HTTP/1.1") && asked[0].contains("x-key: k1"), "{asked:?}");
}

#[tokio::test]
async fn a_body_is_sent_as_text_or_as_json() {
    let server = Server::start(|_| page("ok")).await;
    let executor = executor(&rule("127.0.0.1", server.port, "private = true\nmethods = ['POST']"));
    let mut request = ActionRequest::get(format!("http://127.0.0.1:{}/", server.port));
    request.method = Some("post".into());
    request.body = Some(serde_json::json!({"a": 1}));
    assert!(ask(&executor, &request).await.unwrap().success);
    let asked = server.asked();
    assert!(
        asked[0].contains("content-type: application/json") && asked[0].ends_with(r#"{"a":1}"#),
        "{asked:?}"
    );
}

#[tokio::test]
async fn this_machine_is_asked_only_where_the_policy_says_private() {
    let server = Server::start(|_| page("secret")).await;
    let executor = executor(&rule("127.0.0.1", server.port, ""));
    let error =
        ask(&executor, &ActionRequest::get(format!("http://127.0.0.1:{}/", server.port))).await.unwrap_err();
    assert_eq!((error.kind(), error.context("address is")), (ErrorKind::Unauthorized, Some("loopback")));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_name_that_points_inside_is_refused_even_among_others() {
    let server = Server::start(|_| page("secret")).await;
    for answer in [
        &["127.0.0.1"][..],
        &["93.184.215.14", "10.0.0.1"],
        &["::1"],
        &["169.254.169.254"],
        &["::ffff:127.0.0.1"],
    ] {
        let executor =
            executor(&rule("inside.example.com", server.port, "")).with_resolver(Names::answering(&[answer]));
        let url = format!("http://inside.example.com:{}/", server.port);
        let error = ask(&executor, &ActionRequest::get(url)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{answer:?}");
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_metadata_service_is_refused_even_where_private_is_allowed() {
    let executor = executor(&rule("169.254.169.254", 80, "private = true"));
    let error =
        ask(&executor, &ActionRequest::get("http://169.254.169.254/latest/meta-data")).await.unwrap_err();
    assert_eq!(error.context("address is"), Some("link-local"));
}

/// The name points to an allowed place when it is checked; asked again, it would point elsewhere. Nobody asks again.
#[tokio::test]
async fn a_name_is_looked_up_once_for_the_check_and_the_connection() {
    let server = Server::start(|_| page("the checked one")).await;
    let names = Names::answering(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let executor =
        executor(&rule("moving.example.com", server.port, "private = true")).with_resolver(names.clone());
    let url = format!("http://moving.example.com:{}/", server.port);
    let response = ask(&executor, &ActionRequest::get(&url)).await.unwrap();
    assert_eq!((response.stdout.as_str(), names.1.load(Ordering::Relaxed)), ("the checked one", 1));
    assert!(server.asked()[0].contains("host: moving.example.com"));
}

#[tokio::test]
async fn a_redirect_is_checked_like_the_first_address() {
    let server = Server::start(|path| match path {
        "/metadata" => redirect(302, "http://169.254.169.254/latest"),
        "/elsewhere" => redirect(302, "http://elsewhere.example.com/"),
        "/inside" => redirect(302, "http://rebound.example.com:1/"),
        "/file" => redirect(302, "file:///etc/passwd"),
        "/user" => redirect(302, "http://me:secret@127.0.0.1/"),
        "/port" => redirect(302, "http://127.0.0.1:1/"),
        "/local" => redirect(302, "http://localhost:1/"),
        "/six" => redirect(302, "http://[::1]:1/"),
        "/scheme" => redirect(302, "//elsewhere.example.com/"),
        "/backslashes" => redirect(302, "\\\\elsewhere.example.com\\"),
        "/gopher" => redirect(302, "gopher://127.0.0.1:1/"),
        "/round" => redirect(302, "/round"),
        _ => page("never"),
    })
    .await;
    let rules = rule("127.0.0.1", server.port, "private = true") + &rule("rebound.example.com", 1, "");
    let executor = executor(&rules).with_resolver(Names::answering(&[&["10.1.2.3"]]));
    let once = [
        "metadata",
        "elsewhere",
        "inside",
        "file",
        "user",
        "port",
        "local",
        "six",
        "scheme",
        "backslashes",
        "gopher",
    ];
    for (path, redirects) in once.into_iter().map(|path| (path, 0)).chain([("round", 5)]) {
        let url = format!("http://127.0.0.1:{}/{path}", server.port);
        let response = ask(&executor, &ActionRequest::get(url)).await.unwrap();
        let error = response.error.as_ref().unwrap();
        assert_eq!((response.success, error.code.as_str()), (false, "unauthorized"), "{path}");
        let answer = response.http.as_ref().unwrap();
        assert_eq!((answer.status, answer.redirects), (302, redirects), "{path}");
        assert!(!format!("{response:?}").contains("secret"));
    }
}

#[tokio::test]
async fn no_header_of_one_host_goes_to_another() {
    let other = Server::start(|_| page("arrived")).await;
    let there = format!("http://127.0.0.2:{}/there", other.port);
    // Both listen on loopback; 127.0.0.2 is another host for the policy and the same machine for the test.
    let server = Server::start(move |_| redirect(303, &there)).await;
    let rules = rule(
        "127.0.0.1",
        server.port,
        "private = true\nmethods = ['POST']\nheaders = { authorization = 'Bearer k1' }",
    ) + &rule("127.0.0.2", other.port, "private = true");
    let listener = TcpListener::bind(("127.0.0.2", other.port)).await;
    let executor = executor(&rules);
    let mut request = ActionRequest::get(format!("http://127.0.0.1:{}/", server.port));
    (request.method, request.body) = (Some("POST".into()), Some("private words".into()));
    let answering = tokio::spawn(async move {
        let Ok((mut stream, _)) = listener.unwrap().accept().await else { return String::new() };
        let mut head = vec![0; 8192];
        let length = stream.read(&mut head).await.unwrap();
        stream.write_all(format!("HTTP/1.1 {}", page("arrived")).as_bytes()).await.unwrap();
        String::from_utf8_lossy(&head[..length]).into_owned()
    });
    let response = ask(&executor, &request).await.unwrap();
    assert_eq!((response.stdout.as_str(), response.http.as_ref().unwrap().redirects), ("arrived", 1));
    let head = answering.await.unwrap();
    assert!(
        head.starts_with("GET /there") && !head.contains("k1") && !head.contains("private words"),
        "{head}"
    );
    assert!(server.asked()[0].contains("authorization: Bearer k1"));
}

#[tokio::test]
async fn a_body_is_not_carried_to_another_host() {
    let server = Server::start(|_| redirect(307, "http://other.example.com/")).await;
    let rules = rule("127.0.0.1", server.port, "private = true\nmethods = ['POST']")
        + &rule("other.example.com", 80, "methods = ['POST']");
    let executor = executor(&rules).with_resolver(Names::answering(&[&["93.184.215.14"]]));
    let mut request = ActionRequest::get(format!("http://127.0.0.1:{}/", server.port));
    (request.method, request.body) = (Some("POST".into()), Some("private words".into()));
    let response = ask(&executor, &request).await.unwrap();
    assert!(response.error.as_ref().unwrap().message.contains("body"));
}

#[tokio::test]
async fn a_long_answer_is_cut_and_a_slow_one_given_up() {
    let server = Server::start(|path| match path {
        "/long" => page(&"x".repeat(5000)),
        _ => "200 OK\r\ncontent-length: 10\r\n\r\nhalf".into(),
    })
    .await;
    let more = "[limits]\noutput_kib = 1\nwall_seconds = 1\n";
    let executor = executor(&format!("{more}{}", rule("127.0.0.1", server.port, "private = true")));
    let url = |path: &str| ActionRequest::get(format!("http://127.0.0.1:{}/{path}", server.port));
    let long = ask(&executor, &url("long")).await.unwrap();
    assert_eq!((long.truncated, long.stdout.len()), (true, 1024));
    assert_eq!(ask(&executor, &url("half")).await.unwrap_err().kind(), ErrorKind::Unavailable);
    // Accepts and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let executor = super::tests::executor(&format!("{more}{}", rule("127.0.0.1", port, "private = true")));
    let error = ask(&executor, &ActionRequest::get(format!("http://127.0.0.1:{port}/"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}
