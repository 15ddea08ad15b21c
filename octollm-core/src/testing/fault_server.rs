//! An HTTP server that misbehaves as it is told: what a client must survive, over a real socket.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Bytes of a request that are read.
const MAX_REQUEST: usize = 1024 * 1024;

/// What comes back on a connection, which is closed afterwards.
#[derive(Debug, Clone)]
pub enum Reply {
    /// These bytes as they are, head and all.
    Raw(Vec<u8>),
    /// These bytes, one at a time with a pause after each.
    Slow(Vec<u8>, Duration),
    /// These bytes, then more bytes for as long as the client takes them.
    Endless(Vec<u8>),
    /// These bytes, then nothing until the client goes away.
    Stall(Vec<u8>),
    /// Nothing, until the client goes away.
    Silent,
}

impl Reply {
    /// A well-formed answer. `headers` are whole lines, each ending in `\r\n`.
    pub fn http(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 {status} Status\r\n{headers}content-length: {}\r\n\r\n", body.len());
        Self::Raw([head.as_bytes(), body].concat())
    }

    /// The beginning of a stream of server-sent events, which ends with the connection.
    pub fn events(body: impl AsRef<[u8]>) -> Vec<u8> {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        [head, body.as_ref()].concat()
    }

    /// A well-formed answer in JSON.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::http(status, "content-type: application/json\r\n", body.to_string())
    }
}

/// A request, as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// Request line and headers.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, if it has it.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// Whether it is for this method and path: `GET /health`.
    pub fn is(&self, method_and_path: &str) -> bool {
        self.head.strip_prefix(method_and_path).is_some_and(|rest| rest.starts_with(' '))
    }
}

/// The server. Dropping it stops it and frees its port.
#[derive(Debug)]
pub struct FaultServer {
    address: SocketAddr,
    task: JoinHandle<()>,
    shared: Arc<Shared>,
    hang_ups: watch::Receiver<usize>,
}

#[derive(Debug, Default)]
struct Shared {
    requests: Mutex<Vec<Request>>,
    hang_ups: watch::Sender<usize>,
}

impl FaultServer {
    /// Starts on a free port of the loopback address; `answer` says what each request gets.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> io::Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), answer).await
    }

    /// As [`start`](Self::start), at this address: a service that comes back.
    ///
    /// # Errors
    /// Where the port cannot be had.
    pub async fn start_at(
        address: SocketAddr,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let hang_ups = shared.hang_ups.subscribe();
        let task = tokio::spawn(accept(listener, Arc::new(answer), Arc::clone(&shared)));
        Ok(Self { address, task, shared, hang_ups })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a client has gone away from a reply that was not complete.
    pub async fn hang_up(&self) {
        // Fails only if the server is gone, and with it every connection.
        let _ = self.hang_ups.clone().wait_for(|count| *count > 0).await;
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Answer = dyn Fn(&Request) -> Reply + Send + Sync;

async fn accept(listener: TcpListener, answer: Arc<Answer>, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&answer), Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<Answer>, shared: Arc<Shared>) {
    let Ok(request) = read(&mut stream).await else { return };
    let reply = answer(&request);
    shared.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    if write(&mut stream, reply).await.is_err() {
        shared.hang_ups.send_modify(|count| *count += 1);
    }
}

async fn write(stream: &mut TcpStream, reply: Reply) -> io::Result<()> {
    match reply {
        Reply::Raw(bytes) => stream.write_all(&bytes).await?,
        Reply::Slow(bytes, pause) => {
            for byte in bytes {
                stream.write_all(&[byte]).await?;
                sleep(pause).await;
            }
        }
        Reply::Endless(head) => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(&[b'x'; 16 * 1024]).await?;
            }
        }
        Reply::Stall(bytes) => {
            stream.write_all(&bytes).await?;
            return until_gone(stream).await;
        }
        Reply::Silent => return until_gone(stream).await,
    }
    stream.shutdown().await
}

/// Waits until the client goes away, which is an error.
async fn until_gone(stream: &mut TcpStream) -> io::Result<()> {
    while stream.read(&mut [0; 1024]).await? > 0 {}
    Err(io::ErrorKind::ConnectionAborted.into())
}

async fn read(stream: &mut TcpStream) -> io::Result<Request> {
    let mut bytes = Vec::new();
    loop {
        if let Some(request) = parse(&bytes) {
            return Ok(request);
        }
        if bytes.len() > MAX_REQUEST || stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

/// The request, once all of it is there.
fn parse(bytes: &[u8]) -> Option<Request> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, rest) = bytes.split_at(end + 4);
    let mut request = Request { head: String::from_utf8_lossy(head).into_owned(), body: Vec::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    request.body = rest.get(..length)?.to_vec();
    Some(request)
}
