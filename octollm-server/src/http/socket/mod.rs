//! Tasks watched over a WebSocket: a client names tasks, and is told how far each is until it ends.
//!
//! Nothing is kept for a slow client: its tasks' events are read only when the message before has left, and what is live
//! only is merged or left out where they come from. A client that neither reads nor answers a ping is let go.

mod watched;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use octollm_core::schema::{Validator, from_value};
use octollm_core::{Error, ErrorKind, Result, TaskId};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::AppState;
use super::problem::Problem;
use watched::{Update, Watched};

/// Sockets at once.
const MAX_SOCKETS: usize = 1024;
/// Bytes of a client's message.
const MAX_MESSAGE: usize = 4096;
/// How often a client is asked whether it is still there.
const PING: Duration = Duration::from_secs(15);
/// After this long without a word, or a pong, it is not.
const SILENCE: Duration = Duration::from_secs(45);
/// How long a client may take to read a message.
const SEND: Duration = Duration::from_secs(30);

/// The room that there is for sockets.
#[derive(Debug, Clone)]
pub(super) struct Sockets(Arc<Semaphore>);

impl Default for Sockets {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_SOCKETS)))
    }
}

impl Sockets {
    fn place(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| {
            Error::new(ErrorKind::Unavailable, format!("{MAX_SOCKETS} sockets are open already"))
                .with_retry_after(PING)
        })
    }
}

/// What a client says: a task that it wants to watch.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Watch {
    /// The task.
    task_id: String,
    /// Only what comes after the event with this `seq`: for a client that comes back.
    #[serde(default)]
    after: u64,
}

/// `GET /ws/{client_id}`
pub(super) async fn socket(
    State(state): State<AppState>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|_| no_upgrade())?;
    if !is_name(&client_id) {
        let error = Error::new(ErrorKind::InvalidInput, "the client's id is invalid")
            .with_hint("/ws/NAME takes 1 to 128 letters, digits, `-`, `_`, `.` or `:`");
        return Err(error.into());
    }
    if !is_of_this_site(&headers) {
        let error = Error::new(ErrorKind::Unauthorized, "the page that asks belongs to another site");
        return Err(Problem::with_status(StatusCode::FORBIDDEN, error));
    }
    let place = state.sockets.place()?;
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    Ok(upgrade.on_upgrade(move |socket| async move {
        tracing::debug!(client = client_id, "a socket is open");
        if let Err(why) = converse(socket, &state).await {
            tracing::debug!(client = client_id, ?why, "a socket was let go");
        }
        drop(place);
    }))
}

fn no_upgrade() -> Problem {
    let error = Error::new(ErrorKind::InvalidInput, "this address takes WebSockets only").with_hint(
        "send `Upgrade: websocket`; over plain HTTP, /api/v1/tasks/{id}/events streams the same events",
    );
    Problem::with_status(StatusCode::UPGRADE_REQUIRED, error)
}

fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

/// Browsers open sockets for any page to any address, and say only whose page it was. Who is no browser says nothing.
fn is_of_this_site(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    matches!((origin, host), (Some((_, of)), Some(host)) if of.eq_ignore_ascii_case(host))
}

/// Why a socket is closed by this side.
#[derive(Debug)]
enum Gone {
    /// It could not be written to, or not in time.
    Deaf,
    /// Nothing came for too long.
    Silent,
    /// It broke off, or sent what is no WebSocket.
    Broken,
}

/// Talks until the client goes, or has to.
async fn converse(mut socket: WebSocket, state: &AppState) -> Result<(), Gone> {
    let mut watched = Watched::default();
    let mut pings = interval(PING);
    let mut heard = Instant::now();
    let mut shutdown = pin!(CancellationToken::cancelled(&state.shutdown));
    loop {
        tokio::select! {
            () = &mut shutdown => return close(socket, close_code::AWAY, "the server shuts down").await,
            message = socket.recv() => {
                heard = Instant::now();
                match message {
                    None | Some(Ok(Message::Close(_))) => return Ok(()),
                    Some(Ok(Message::Text(text))) => hear(&text, &mut watched, state, &mut socket).await?,
                    Some(Ok(Message::Binary(_))) => {
                        return close(socket, close_code::UNSUPPORTED, "messages are JSON, as text").await;
                    }
                    // Pings are answered by the protocol itself.
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Err(_)) => return Err(Gone::Broken),
                }
            }
            Some(update) = watched.next() => say(&mut socket, &update).await?,
            _ = pings.tick() => {
                if heard.elapsed() > SILENCE {
                    return Err(Gone::Silent);
                }
                send(&mut socket, Message::Ping(Default::default())).await?;
            }
        }
    }
}

/// Takes a task into those that are watched, or says why not.
async fn hear(
    text: &str,
    watched: &mut Watched,
    state: &AppState,
    socket: &mut WebSocket,
) -> Result<(), Gone> {
    let (named, outcome) = match read(text) {
        Ok(Watch { task_id, after }) => {
            let outcome = begin(&task_id, after, watched, state).await;
            (Some(task_id), outcome)
        }
        Err(error) => (None, Err(error)),
    };
    match outcome {
        Ok(()) => Ok(()),
        Err(error) => say(socket, &Update::refusal(named, error)).await,
    }
}

async fn begin(task_id: &str, after: u64, watched: &mut Watched, state: &AppState) -> Result<()> {
    let id: TaskId = task_id.parse().map_err(|_| Error::new(ErrorKind::NotFound, "there is no such task"))?;
    watched.admits(id)?;
    let events = state.orchestrator.events(id, 0).await?;
    watched.add(id, events, after);
    Ok(())
}

fn read(text: &str) -> Result<Watch> {
    let document: Value = serde_json::from_str(text).map_err(|_| {
        Error::new(ErrorKind::InvalidInput, "the message is not JSON")
            .with_hint("send {\"task_id\": \"task-...\"}")
    })?;
    let faults = Validator::of::<Watch>().faults(&document);
    if faults.is_empty() {
        from_value(document, "the message")
    } else {
        Err(Error::invalid("the message is invalid", faults))
    }
}

async fn say(socket: &mut WebSocket, update: &Update) -> Result<(), Gone> {
    let text = serde_json::to_string(update).map_err(|_| Gone::Broken)?;
    send(socket, Message::Text(text.into())).await
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match timeout(SEND, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone::Deaf),
    }
}

async fn close(mut socket: WebSocket, code: u16, reason: &'static str) -> Result<(), Gone> {
    send(&mut socket, Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await
}
