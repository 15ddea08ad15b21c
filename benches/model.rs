//! What the model client costs beside the plain HTTP client. `make bench` prints these figures; nothing asserts a time.
//!
//! - time to the first delta, against the first bytes of a plain request;
//! - 1,000 deltas as fast as they come, and at a model's pace, against reading the same bytes plainly;
//! - 1,000 answers at once: memory, and the longest silence within an answer.
//!
//! The far end is a process of its own on the loopback address, which writes every delta alone.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints and may fail loudly"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use octollm_core::http_client::{ClientOptions, client};
use octollm_core::model::{Delta, LanguageModel, Message, ModelRequest, Providers, Vendors};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Names the part that a child process runs.
const PART: &str = "OCTOLLM_BENCH_PART";
/// Deltas of an answer.
const DELTAS: usize = 1_000;

fn main() {
    let Ok(part) = std::env::var(PART) else {
        for part in ["first", "burst", "paced", "concurrent"] {
            assert!(child(part).status().unwrap().success());
        }
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let task = runtime.spawn(async move {
        match part.as_str() {
            "server" => serve().await,
            "first" => first().await,
            "burst" => thousand("as fast as they come", "burst", 300).await,
            "paced" => thousand("1 ms apart", "paced", 5).await,
            _ => concurrent().await,
        }
    });
    runtime.block_on(task).unwrap();
}

fn child(part: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(PART, part);
    command
}

/// The far end. The first part of the path says how it answers.
struct Server(Child, u16);

impl Server {
    fn start() -> Self {
        let mut process = child("server").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(process, line.trim().parse().unwrap())
    }

    fn base(&self, how: &str) -> String {
        format!("http://127.0.0.1:{}/{how}/v1", self.1)
    }

    fn url(&self, how: &str) -> String {
        format!("{}/chat/completions", self.base(how))
    }

    fn model(&self, how: &str) -> Arc<dyn LanguageModel> {
        let variables = BTreeMap::from([("OPENAI_BASE_URL".to_owned(), self.base(how))]);
        let providers = Providers::from_variables(Vendors::built_in().unwrap(), &variables).unwrap();
        providers.model("openai/gpt-4o-mini").unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        tokio::spawn(answer_all(stream));
    }
}

/// Answers one request after the other on this connection.
async fn answer_all(mut stream: TcpStream) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&bytes[..at]).to_lowercase();
                let length = head.split("content-length: ").nth(1)?.lines().next()?.parse::<usize>().ok()?;
                if bytes.len() >= at + 4 + length {
                    break at + 4 + length;
                }
            }
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let path = String::from_utf8_lossy(&bytes[..20]).into_owned();
        bytes.drain(..end);
        let (deltas, pause) = match path.split('/').nth(1)? {
            "one" => (1, 0),
            "burst" => (DELTAS, 0),
            "paced" => (DELTAS, 1),
            _ => (100, 50),
        };
        answer(&mut stream, deltas, Duration::from_millis(pause)).await?;
    }
}

async fn answer(stream: &mut TcpStream, deltas: usize, pause: Duration) -> Option<()> {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head).await.ok()?;
    let delta = frame(
        r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":" octopus"},"logprobs":null,"finish_reason":null}]}"#,
    );
    let mut clock = tokio::time::interval(pause.max(Duration::from_nanos(1)));
    for _ in 0..deltas {
        if !pause.is_zero() {
            clock.tick().await;
        }
        stream.write_all(&delta).await.ok()?;
    }
    let stop = frame(r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#);
    stream.write_all(&[stop, frame("[DONE]"), b"0\r\n\r\n".to_vec()].concat()).await.ok()
}

fn frame(data: &str) -> Vec<u8> {
    let event = format!("data: {data}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}

fn question() -> ModelRequest {
    ModelRequest::new(vec![Message::user("What has eight arms?")])
}

/// The body that the model client sends for the question.
const BODY: &str = r#"{"model":"gpt-4o-mini","messages":[{"content":"What has eight arms?","role":"user"}],"stream":true,"stream_options":{"include_usage":true}}"#;

/// Asks plainly for what the model client asks for: when the first bytes came, and when the last.
macro_rules! ask_plainly {
    ($client:expr, $url:expr) => {{
        let started = Instant::now();
        let request = $client.post($url).header("content-type", "application/json").body(BODY);
        let mut response = request.send().await.unwrap();
        response.chunk().await.unwrap().unwrap();
        let first = started.elapsed();
        while response.chunk().await.unwrap().is_some() {}
        (first, started.elapsed())
    }};
}

/// When the first words came, and when the end.
async fn ask(model: &Arc<dyn LanguageModel>) -> (Duration, Duration) {
    let started = Instant::now();
    let mut stream = model.stream(&question()).await.unwrap();
    let mut first = None;
    while let Some(delta) = stream.next().await {
        if first.is_none() && matches!(delta.unwrap(), Delta::Text(_)) {
            first = Some(started.elapsed());
        }
    }
    (first.unwrap(), started.elapsed())
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

async fn first() {
    let server = Server::start();
    let (plain, url, model) =
        (client(&ClientOptions::default()).unwrap(), server.url("one"), server.model("one"));
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    // In turn, so that what else the machine does falls on both.
    for round in 0..4_000 {
        let (a, b) = (ask_plainly!(plain, &url).0, ask(&model).await.0);
        if round >= 500 {
            theirs.push(micros(a));
            ours.push(micros(b));
        }
    }
    let (theirs, ours) = (median(theirs), median(ours));
    println!(
        "first delta: {ours:.0} us, first bytes plainly {theirs:.0} us: {:.0} us more (p50)",
        ours - theirs
    );
}

async fn thousand(name: &str, how: &str, rounds: usize) {
    let server = Server::start();
    let (plain, url, model) =
        (client(&ClientOptions::default()).unwrap(), server.url(how), server.model(how));
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    let (mut their_cpu, mut our_cpu) = (0.0, 0.0);
    for _ in 0..rounds {
        let start = cpu();
        theirs.push(micros(ask_plainly!(plain, &url).1));
        let middle = cpu();
        ours.push(micros(ask(&model).await.1));
        their_cpu += middle - start;
        our_cpu += cpu() - middle;
    }
    let (theirs, ours) = (median(theirs), median(ours));
    let each = |seconds: f64| seconds * 1e3 / rounds as f64;
    println!(
        "{DELTAS} deltas {name}: {:.2} ms, plainly {:.2} ms: {:+.2}% (p50); processor {:.2} ms, plainly {:.2} ms",
        ours / 1e3,
        theirs / 1e3,
        (ours / theirs - 1.0) * 100.0,
        each(our_cpu),
        each(their_cpu)
    );
}

/// Seconds of processor that this process has used, all threads together (Linux).
fn cpu() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanos = threads.filter_map(|thread| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanos.sum::<f64>() / 1e9
}

/// Resident memory in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

/// 1,000 answers of 100 deltas, 50 ms apart.
async fn concurrent() {
    const STREAMS: usize = 1_000;
    let server = Server::start();
    let model = server.model("many");
    let (before, started) = (resident(), Instant::now());
    let mut answers = tokio::task::JoinSet::new();
    for _ in 0..STREAMS {
        answers.spawn(gaps(model.clone()));
    }
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let during = resident();
    let mut gaps: Vec<f64> = Vec::new();
    while let Some(longest) = answers.join_next().await {
        gaps.push(longest.unwrap());
    }
    gaps.sort_by(f64::total_cmp);
    println!(
        "{STREAMS} answers at once, 100 deltas 50 ms apart each: {:.1} s, {during:.0} MiB in all ({:.0} MiB before); \
         longest silence within an answer {:.0} ms (p50), {:.0} ms (worst)",
        started.elapsed().as_secs_f64(),
        before,
        gaps[STREAMS / 2],
        gaps[STREAMS - 1]
    );
}

/// The longest silence between two deltas, in ms.
async fn gaps(model: Arc<dyn LanguageModel>) -> f64 {
    let mut stream = model.stream(&question()).await.unwrap();
    let (mut last, mut longest, mut words) = (None::<Instant>, Duration::ZERO, 0);
    while let Some(delta) = stream.next().await {
        words += usize::from(matches!(delta.unwrap(), Delta::Text(_)));
        longest = longest.max(last.map_or(Duration::ZERO, |last| last.elapsed()));
        last = Some(Instant::now());
    }
    assert_eq!(words, 100);
    longest.as_secs_f64() * 1e3
}
