//! A task's journal: a page of it, or a live stream of server-sent events.
//!
//! Each event of the stream has the journal's `seq` as its id, so a client that was cut off says `Last-Event-ID` and
//! goes on where it was. Live-only events have no id. The stream ends after the event that ends the task; a client
//! that comes back after that is answered 204, which tells browsers to stop asking.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::{ACCEPT, CACHE_CONTROL};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt};
use octollm_core::orchestrator::EventStream;
use octollm_core::task::Event;
use octollm_core::{Error, Fault, Result, TaskId};
use serde::Serialize;

use super::AppState;
use super::problem::Problem;
use super::query::Params;
use super::tasks::TaskPath;

/// How often a silent stream says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const DEFAULT_PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

/// A page of a task's journal.
#[derive(Serialize)]
struct EventPage {
    events: Vec<Arc<Event>>,
    /// What `?after=` of the next page is; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// `GET /api/v1/tasks/{id}/events`
pub(super) async fn events(
    State(state): State<AppState>,
    TaskPath(id): TaskPath,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, Problem> {
    let after = params.number("after", 0..=u64::MAX);
    let limit = params.number("limit", 1..=MAX_PAGE);
    params.finish()?;
    if wants_stream(&headers) {
        let after = last_event_id(&headers)?.or(after).unwrap_or(0);
        return stream(&state, id, after).await;
    }
    page(&state, id, after.unwrap_or(0), limit.unwrap_or(DEFAULT_PAGE)).await
}

async fn page(state: &AppState, id: TaskId, after: u64, limit: usize) -> Result<Response, Problem> {
    // One more than asked for tells whether there is a next page.
    let mut events = state.orchestrator.journal(id, after, limit + 1).await?;
    let more = events.len() > limit;
    events.truncate(limit);
    let next = events.last().map(|event| event.seq).filter(|_| more);
    Ok(Json(EventPage { events, next }).into_response())
}

async fn stream(state: &AppState, id: TaskId, after: u64) -> Result<Response, Problem> {
    if after > 0 && nothing_more(state, id, after).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let events = state.orchestrator.events(id, after).await?;
    let shutdown = state.shutdown.clone().cancelled_owned();
    let frames = frames(events).take_until(shutdown);
    let stream = Sse::new(frames).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(([(CACHE_CONTROL, "no-store")], stream).into_response())
}

async fn nothing_more(state: &AppState, id: TaskId, after: u64) -> Result<bool> {
    if !state.orchestrator.journal(id, after, 1).await?.is_empty() {
        return Ok(false);
    }
    Ok(state.orchestrator.task(id).await?.status.is_terminal())
}

/// The events as frames; what keeps the journal from being read is told, and ends the stream.
fn frames(events: EventStream) -> impl Stream<Item = Result<Frame, Infallible>> {
    let frames = events.scan(false, |ended, event| {
        if *ended {
            return ready(None);
        }
        let frame = event.and_then(|event| frame(&event)).unwrap_or_else(|error| {
            *ended = true;
            broken(error)
        });
        ready(Some(frame))
    });
    frames.map(Ok)
}

fn frame(event: &Event) -> Result<Frame> {
    let frame = Frame::default().event(event.kind.name()).json_data(event).map_err(|error| {
        Error::new(octollm_core::ErrorKind::Internal, "an event cannot be written as JSON").with_source(error)
    })?;
    Ok(if event.seq == 0 { frame } else { frame.id(event.seq.to_string()) })
}

/// What a client reads where the journal cannot be read further.
fn broken(error: Error) -> Frame {
    let problem = Problem::from(error);
    let body = serde_json::to_string(&problem.body(None)).unwrap_or_default();
    Frame::default().event("problem").data(body)
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        range.split(';').next().is_some_and(|range| range.trim().eq_ignore_ascii_case("text/event-stream"))
    })
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let seq = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    seq.map(Some).ok_or_else(|| {
        Error::invalid(
            "the stream cannot be resumed",
            vec![Fault::new("Last-Event-ID", "must be the `seq` of the last event that was read")],
        )
    })
}
