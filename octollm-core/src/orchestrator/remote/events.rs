//! The events of a remote task, as one stream over as many connections as it takes.
//!
//! The server numbers events, so a connection that breaks costs nothing: the next one says where to go on, and an
//! event that is known already is left out. Attempts are bounded, and every event that arrives makes up for the
//! failures before it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use reqwest::header::{ACCEPT, HeaderMap};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::{RemoteOrchestrator, accepted};
use crate::error::{Error, ErrorKind, Result, Status};
use crate::http_client::{Refusal, transport_error};
use crate::orchestrator::EventStream;
use crate::sse::{Frame, Parser};
use crate::task::{Event, TaskId};

/// Failed attempts in a row after which the stream gives up: with the pauses between them about half a minute.
const MAX_FAILURES: u32 = 9;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A server that is alive says so every 15 s.
const MAX_SILENCE: Duration = Duration::from_secs(45);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

struct Follower {
    remote: RemoteOrchestrator,
    task: TaskId,
    /// The last kept event that was handed out.
    after: u64,
    connection: Option<Connection>,
    failures: u32,
    ended: bool,
}

struct Connection {
    response: Response,
    parser: Parser,
    frames: VecDeque<Frame>,
}

/// Opens the stream; the first connection's refusal is the caller's to see.
pub(super) async fn follow(remote: RemoteOrchestrator, task: TaskId, after: u64) -> Result<EventStream> {
    let mut follower = Follower { remote, task, after, connection: None, failures: 0, ended: false };
    follower.connect().await?;
    let events = stream::unfold(follower, |mut follower| async {
        let event = follower.next().await?;
        Some((event, follower))
    });
    Ok(events.boxed())
}

impl Follower {
    async fn next(&mut self) -> Option<Result<Arc<Event>>> {
        while !self.ended {
            match self.advance().await {
                Ok(Some(event)) => return Some(Ok(event)),
                Ok(None) => {}
                Err(error) if error.is_temporary() && self.failures < MAX_FAILURES => {
                    self.connection = None;
                    sleep(self.pause(&error)).await;
                    self.failures += 1;
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }

    /// The next event, if the next frame is one that is not known yet.
    async fn advance(&mut self) -> Result<Option<Arc<Event>>> {
        let Some(connection) = &mut self.connection else {
            self.connect().await?;
            return Ok(None);
        };
        let frame = connection.next_frame().await?;
        let event = Arc::new(read(&frame)?);
        self.failures = 0;
        self.ended = event.kind.is_terminal();
        if event.seq != 0 {
            if event.seq <= self.after {
                return Ok(None);
            }
            self.after = event.seq;
        }
        Ok(Some(event))
    }

    async fn connect(&mut self) -> Result<()> {
        let url = self.remote.task_url(self.task, "/events");
        let request = self
            .remote
            .request(Method::GET, url)
            .header(ACCEPT, "text/event-stream")
            .header("last-event-id", self.after.to_string());
        let response = timeout(CONNECT_TIMEOUT, request.send()).await.map_err(|_| silent())?;
        let response = accepted(response.map_err(transport_error)?, "text/event-stream").await?;
        // Nothing more will come: the task ended with the event that we know last.
        self.ended = response.status() == StatusCode::NO_CONTENT;
        self.connection = Some(Connection { response, parser: Parser::default(), frames: VecDeque::new() });
        Ok(())
    }

    /// Doubles with every failure, and never comes before the server asked for.
    fn pause(&self, error: &Error) -> Duration {
        let backoff = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
        backoff.max(error.retry_after().unwrap_or_default().min(LONGEST_PAUSE))
    }
}

impl Connection {
    async fn next_frame(&mut self) -> Result<Frame> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Ok(frame);
            }
            let chunk = timeout(MAX_SILENCE, self.response.chunk()).await.map_err(|_| silent())?;
            let chunk = chunk.map_err(transport_error)?.ok_or_else(|| {
                Error::new(ErrorKind::Unavailable, "the stream of events broke off before the task ended")
            })?;
            self.frames.extend(self.parser.push(&chunk)?);
        }
    }
}

fn silent() -> Error {
    Error::new(ErrorKind::Timeout, "the server stopped sending")
}

/// The event in a frame, or the problem that kept the server from sending it.
fn read(frame: &Frame) -> Result<Event> {
    if frame.event == "problem" {
        return Err(problem(&frame.data));
    }
    serde_json::from_str(&frame.data).map_err(|error| {
        Error::new(ErrorKind::Unavailable, "an event of the stream cannot be read")
            .with_status(Status::Permanent)
            .with_hint("check that the server is of the same version as this program")
            .with_source(error)
    })
}

fn problem(data: &str) -> Error {
    let body: Value = serde_json::from_str(data).unwrap_or_default();
    let status = body.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Refusal::parse(status, &HeaderMap::new(), data.as_bytes()).into_error()
}
