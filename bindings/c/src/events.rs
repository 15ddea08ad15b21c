//! The events of a task: one by one for who asks, or by callback.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use futures_util::StreamExt;
use octollm_core::orchestrator::EventStream;
use tokio::sync::Mutex;

use crate::env::{Env, octollm_finalizer_t};
use crate::error::octollm_error_t;
use crate::guard::{borrowed, guard, guard_or, late, null, place_for, runtime, text, wait_for, within};
use crate::orchestrator::{octollm_t, task_id};
use crate::text::octollm_string_t;
use crate::workers;

/// The events of one task, from one of them on. May be used from several threads: each event goes to one of them.
#[allow(non_camel_case_types)]
pub struct octollm_events_t {
    stream: Mutex<EventStream>,
}

/// Takes one event, as JSON: `len` bytes and a NUL. It lives as long as the call of the callback.
#[allow(non_camel_case_types)]
pub type octollm_event_callback_t =
    Option<unsafe extern "C" fn(env: *mut c_void, event: *const c_char, len: usize)>;

/// Opens the events of a task after the one numbered `after` (0: all), then those that come, until the task has ended.
/// `*out` is to be freed with `octollm_events_free`.
///
/// # Safety
/// `octo` is NULL or living; `task` is NULL or points to `task_len` bytes; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_events_open(
    octo: *const octollm_t,
    task: *const c_char,
    task_len: usize,
    after: u64,
    out: *mut *mut octollm_events_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let (octo, task) = unsafe { (borrowed(octo, "octo")?, text(task, task_len, "task")?) };
        let stream = wait_for(octo.orchestrator().events(task_id(task)?, after))?;
        let events = Box::new(octollm_events_t { stream: Mutex::new(stream) });
        // SAFETY: the caller's promise.
        unsafe { out.write(Box::into_raw(events)) };
        Ok(())
    })
}

/// Waits for the next event, `timeout_ms` at most (0: as long as it takes), and writes it to `event` as JSON, to be freed
/// with `octollm_string_free`. After the last one `*ended` is true and `event` is not written. `timeout` if none came in
/// time: ask again.
///
/// # Safety
/// `events` is NULL or living; `event` and `ended` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_events_next(
    events: *const octollm_events_t,
    timeout_ms: u64,
    event: *mut octollm_string_t,
    ended: *mut bool,
) -> *mut octollm_error_t {
    guard(|| {
        let (event, ended) = (place_for(event)?, place_for(ended)?);
        // SAFETY: the caller's promise.
        let events = unsafe { borrowed(events, "events") }?;
        let next = within(timeout_ms, async { events.stream.lock().await.next().await });
        let next = wait_for(async { next.await.ok_or_else(|| late("the next event did not come in time")) })?;
        let next = next.transpose()?.map(|event| octollm_string_t::json(&*event)).transpose()?;
        // SAFETY: the caller's promise.
        unsafe { ended.write(next.is_none()) };
        if let Some(next) = next {
            // SAFETY: the caller's promise.
            unsafe { event.write(next) };
        }
        Ok(())
    })
}

/// Closes the events. The task goes on. NULL is allowed.
///
/// # Safety
/// `events` is NULL or living, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_events_free(events: *mut octollm_events_t) {
    if !events.is_null() {
        // SAFETY: it came from `octollm_events_open`, and the caller gives it back.
        guard_or((), || drop(unsafe { Box::from_raw(events) }));
    }
}

/// Calls `callback` with every event of a task after the one numbered `after`, in order and one at a time, from a thread
/// of the library. A slow callback delays its own events only. When the task has ended, or its events cannot be read on,
/// `finalize` is called.
///
/// # Safety
/// `octo` is NULL or living; `task` is NULL or points to `task_len` bytes; `callback` and `finalize` may be called from
/// any thread with `env`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_watch(
    octo: *const octollm_t,
    task: *const c_char,
    task_len: usize,
    after: u64,
    callback: octollm_event_callback_t,
    env: *mut c_void,
    finalize: octollm_finalizer_t,
) -> *mut octollm_error_t {
    // Made first: its finalizer runs however this ends.
    let env = Arc::new(Env::new(env, finalize));
    guard(|| {
        let callback = callback.ok_or_else(|| null("callback"))?;
        // SAFETY: the caller's promise.
        let (octo, task) = unsafe { (borrowed(octo, "octo")?, text(task, task_len, "task")?) };
        let mut stream = wait_for(octo.orchestrator().events(task_id(task)?, after))?;
        runtime()?.spawn(async move {
            while let Some(Ok(event)) = stream.next().await {
                let Ok(event) = octollm_string_t::json(&*event) else { break };
                let (env, event) = (env.clone(), Shown(event));
                if workers::call(move || event.to(callback, &env)).await.is_err() {
                    break;
                }
            }
        });
        Ok(())
    })
}

/// An event on its way to a callback.
struct Shown(octollm_string_t);

// SAFETY: it owns its bytes; nobody else has the pointer.
unsafe impl Send for Shown {}

impl Shown {
    fn to(&self, callback: unsafe extern "C" fn(*mut c_void, *const c_char, usize), env: &Env) {
        // SAFETY: the header asks for a callback that takes this `env` from any thread; the text outlives the call.
        unsafe { callback(env.pointer(), self.0.data, self.0.len) };
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        // SAFETY: the text is of the library's making and used no more.
        unsafe { crate::text::octollm_string_free(&raw mut self.0) };
    }
}
