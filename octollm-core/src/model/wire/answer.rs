//! An answer as it comes in: bytes to frames to deltas, with a limit on every silence.
//!
//! What a server calls its answer is not believed: some stream as `text/plain`, some answer a request for a stream with
//! one JSON document, some proxies put a web page in between. The first byte that is not white space tells them apart.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::unfold;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::{Decoder, Endpoint, Progress, cut_off, deadline_passed, earlier, named, network};
use crate::error::{Error, Result};
use crate::model::{Delta, ModelStream, Reason};
use crate::sse::Parser;

/// Bytes that an answer may have that comes in one piece.
const MAX_WHOLE: usize = 32 * 1024 * 1024;
/// How long the protocol's end is waited for after the model has said all: counts of tokens may come in it, but an
/// answer that is complete is not lost for them.
const GRACE: Duration = Duration::from_secs(5);
/// How long the connection's end is waited for after the protocol's, so that the connection can be used again.
const LINGER: Duration = Duration::from_millis(50);

/// The deltas of this answer. Dropping the stream drops the connection.
pub(in crate::model) fn stream(
    endpoint: &Endpoint,
    response: Response,
    decoder: impl Decoder,
    deadline: Option<Instant>,
) -> ModelStream {
    let answer = Answer {
        response: Some(response),
        shape: Shape::Unknown,
        decoder,
        pending: VecDeque::new(),
        progress: Progress::Going,
        idle: endpoint.limits().idle,
        total: Instant::now() + endpoint.limits().total,
        deadline,
        failed: None,
        name: Arc::clone(&endpoint.name),
    };
    Box::pin(unfold(answer, |mut answer| async move { answer.next().await.map(|delta| (delta, answer)) }))
}

struct Answer<D> {
    /// Gone once the answer has ended, in one way or another.
    response: Option<Response>,
    shape: Shape,
    decoder: D,
    pending: VecDeque<Delta>,
    progress: Progress,
    idle: Duration,
    total: Instant,
    deadline: Option<Instant>,
    /// What ended it, told after everything that came before.
    failed: Option<Error>,
    name: Arc<str>,
}

enum Shape {
    /// Nothing but white space so far.
    Unknown,
    Events(Parser),
    Whole(Vec<u8>),
}

/// What came, or did not.
enum Read {
    Bytes(Bytes),
    End,
    Failed(Error),
}

impl<D: Decoder> Answer<D> {
    async fn next(&mut self) -> Option<Result<Delta>> {
        loop {
            if let Some(delta) = self.pending.pop_front() {
                return Some(Ok(delta));
            }
            if let Some(error) = self.failed.take() {
                return Some(Err(named(error, &self.name)));
            }
            self.response.as_ref()?;
            if self.progress == Progress::Ended {
                self.linger().await;
                return None;
            }
            if let Err(error) = self.advance().await {
                self.response = None;
                self.failed = Some(error);
            }
        }
    }

    async fn advance(&mut self) -> Result<()> {
        match self.read().await {
            Read::Bytes(bytes) => self.take(&bytes),
            // The model has said all: how the connection ends changes nothing about its answer.
            Read::Failed(_) if self.progress == Progress::Said => self.finish(),
            Read::Failed(error) => Err(error),
            Read::End => self.finish(),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        if matches!(self.shape, Shape::Unknown) {
            self.shape = Shape::of(bytes)?;
        }
        let frames = match &mut self.shape {
            Shape::Unknown => return Ok(()),
            Shape::Whole(body) => return collect(body, bytes),
            Shape::Events(parser) => parser.push(bytes).map_err(too_long)?,
        };
        for frame in frames {
            match self.decoder.frame(&frame, &mut self.pending)? {
                Progress::Going => {}
                Progress::Said => self.progress = Progress::Said,
                Progress::Ended => {
                    self.progress = Progress::Ended;
                    return self.decoder.end(&mut self.pending);
                }
            }
        }
        Ok(())
    }

    /// The connection has ended.
    fn finish(&mut self) -> Result<()> {
        self.response = None;
        match &self.shape {
            Shape::Unknown => return Err(cut_off()),
            Shape::Whole(body) => self.decoder.whole(body, &mut self.pending)?,
            Shape::Events(_) => {}
        }
        self.decoder.end(&mut self.pending)
    }

    async fn read(&mut self) -> Read {
        let Some(response) = &mut self.response else { return Read::End };
        let patience = if self.progress == Progress::Said { GRACE.min(self.idle) } else { self.idle };
        let limit = Instant::now() + patience;
        let limit = earlier(limit.min(self.total), self.deadline);
        match timeout_at(limit, response.chunk()).await {
            Ok(Ok(Some(bytes))) => Read::Bytes(bytes),
            Ok(Ok(None)) => Read::End,
            Ok(Err(error)) => Read::Failed(broken(error)),
            Err(_) => Read::Failed(self.too_slow()),
        }
    }

    fn too_slow(&self) -> Error {
        let now = Instant::now();
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            return deadline_passed();
        }
        if self.total <= now {
            return Reason::Stalled
                .error("the model's answer took too long")
                .with_hint("raise LLM_TOTAL_SECONDS");
        }
        Reason::Stalled
            .error(format!("the model stopped answering: nothing came for {:?}", self.idle))
            .with_hint("raise LLM_IDLE_SECONDS if the model thinks longer than that without showing it")
    }

    /// Lets the connection come to its end, if it does so at once.
    async fn linger(&mut self) {
        let Some(mut response) = self.response.take() else { return };
        let limit = Instant::now() + LINGER;
        while let Ok(Ok(Some(_))) = timeout_at(limit, response.chunk()).await {}
    }
}

impl Shape {
    fn of(bytes: &[u8]) -> Result<Self> {
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace() && !BYTE_ORDER_MARK.contains(byte));
        match first {
            None => Ok(Self::Unknown),
            Some(b'{' | b'[') => Ok(Self::Whole(Vec::new())),
            Some(b'<') => Err(web_page()),
            Some(_) => Ok(Self::Events(Parser::default())),
        }
    }
}

const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

fn collect(body: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    if body.len() + bytes.len() > MAX_WHOLE {
        return Err(Reason::Malformed.error(format!("the model's answer is longer than {MAX_WHOLE} bytes")));
    }
    body.extend_from_slice(bytes);
    Ok(())
}

fn too_long(error: Error) -> Error {
    Reason::Malformed.error(error.message().to_owned())
}

fn web_page() -> Error {
    Reason::WrongEndpoint
        .error("a web page answered instead of a model")
        .with_hint("check the provider's address: it usually ends in /v1, and a proxy may stand before it")
}

/// A connection that breaks in the middle of an answer has cut it off.
fn broken(error: reqwest::Error) -> Error {
    let error = network(error);
    cut_off().with_source(error)
}
