//! Tasks: submit, wait, look, cancel, decide.

use std::ffi::c_char;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use octollm_core::arm::Progress;
use octollm_core::memory::TaskFilter;
use octollm_core::orchestrator::{Decision, Orchestrator, Submission};
use octollm_core::schema::from_value;
use octollm_core::{Error, Fault, Result, TaskId, TaskRequest, TaskResult};
use octollm_server::Session;
use serde::Deserialize;

use crate::error::octollm_error_t;
use crate::guard::{borrowed, guard, json, late, place_for, text, wait_for, within};
use crate::text::octollm_string_t;

/// How long running steps may take to end when an orchestrator is freed.
const GRACE: Duration = Duration::from_secs(5);

/// An orchestrator, in this process (`octollm_start`) or on a server (`octollm_connect`). Thread-safe.
#[allow(non_camel_case_types)]
pub struct octollm_t {
    session: Arc<Session>,
}

impl octollm_t {
    pub(crate) fn into_raw(session: Session) -> *mut Self {
        Box::into_raw(Box::new(Self { session: Arc::new(session) }))
    }

    /// The caller's own, so that a call that still waits may outlive the handle.
    pub(crate) fn orchestrator(&self) -> Arc<dyn Orchestrator> {
        self.session.orchestrator().clone()
    }

    pub(crate) async fn close(self) -> Result<()> {
        self.session.close_shared(GRACE).await
    }
}

pub(crate) fn task_id(text: &str) -> Result<TaskId> {
    let fault = |_| Fault::new("task", "must be a task's id, as octollm_submit answered it");
    text.parse().map_err(|error| Error::invalid("an argument is invalid", vec![fault(error)]))
}

/// How a task is submitted.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    idempotency_key: Option<String>,
    fresh: bool,
}

/// A request with its options, which may be NULL.
///
/// # Safety
/// Texts are NULL or point to as many bytes as they say.
unsafe fn submission(request: (*const c_char, usize), options: (*const c_char, usize)) -> Result<Submission> {
    let Options { idempotency_key, fresh } = match options.0.is_null() {
        true => Options::default(),
        // SAFETY: the caller's promise.
        false => from_value(unsafe { json(options.0, options.1, "options") }?, "the options")?,
    };
    // SAFETY: the caller's promise.
    let request = TaskRequest::from_json(unsafe { json(request.0, request.1, "request") }?)?;
    Ok(Submission { request, idempotency_key, fresh, ..Submission::default() })
}

/// Submits a task: `request` is a TaskRequest as JSON, as `{"goal": "..."}`. When this returns, the task is durable and
/// will be done. Writes the TaskResponse as JSON, with the `task_id`. `options` is JSON `{"idempotency_key": "...", "fresh":
/// true}`, each of them optional, or NULL: a repeat with the same key (1 to 255 bytes) answers the same task; with `fresh`
/// the work is done again where an equal task was answered before (setting `ANSWER_CACHE`).
///
/// # Safety
/// `octo` is NULL or living; texts are NULL or point to as many bytes as they say; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_submit(
    octo: *const octollm_t,
    request: *const c_char,
    request_len: usize,
    options: *const c_char,
    options_len: usize,
    out: *mut octollm_string_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let octo = unsafe { borrowed(octo, "octo") }?.orchestrator();
        // SAFETY: the caller's promise.
        let submission = unsafe { submission((request, request_len), (options, options_len)) }?;
        let response = wait_for(octo.submit(submission))?;
        // SAFETY: the caller's promise.
        unsafe { out.write(octollm_string_t::json(&response)?) };
        Ok(())
    })
}

/// Submits a task and waits for its end, `timeout_ms` at most (0: as long as it takes). Writes the TaskResult as JSON: a
/// task that failed is a result with an `error`. If the time is up the answer is `timeout`, and the task is cancelled.
/// `options` are those of `octollm_submit`, or NULL.
///
/// # Safety
/// As `octollm_submit`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_run(
    octo: *const octollm_t,
    request: *const c_char,
    request_len: usize,
    options: *const c_char,
    options_len: usize,
    timeout_ms: u64,
    out: *mut octollm_string_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let octo = unsafe { borrowed(octo, "octo") }?.orchestrator();
        // SAFETY: the caller's promise.
        let submission = unsafe { submission((request, request_len), (options, options_len)) }?;
        let result = wait_for(run(&*octo, submission, timeout_ms))?;
        // SAFETY: the caller's promise.
        unsafe { out.write(octollm_string_t::json(&result)?) };
        Ok(())
    })
}

async fn run(octo: &dyn Orchestrator, submission: Submission, timeout_ms: u64) -> Result<TaskResult> {
    let (response, events) = octo.stream(submission).await?;
    let id = response.task_id;
    let ended = octo.follow(id, events);
    // What else goes wrong says nothing about the task, which may go on.
    if let Some(ended) = within(timeout_ms, ended).await {
        return ended;
    }
    octo.cancel(id, "the caller's time is up").await?;
    Err(late("the task did not end in time and was cancelled").with_context("task", id.to_string()))
}

/// Waits for a task's end, `timeout_ms` at most (0: as long as it takes), and writes its TaskResult as JSON. `timeout` if
/// the time is up; the task goes on.
///
/// # Safety
/// `octo` is NULL or living; `task` is NULL or points to `task_len` bytes; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_wait(
    octo: *const octollm_t,
    task: *const c_char,
    task_len: usize,
    timeout_ms: u64,
    out: *mut octollm_string_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let (octo, task) = unsafe { (borrowed(octo, "octo")?, text(task, task_len, "task")?) };
        let (octo, id) = (octo.orchestrator(), task_id(task)?);
        let ended = within(timeout_ms, async { octo.follow(id, octo.events(id, 0).await?).await });
        let result =
            wait_for(async { ended.await.unwrap_or_else(|| Err(late("the task has not ended in time"))) })?;
        // SAFETY: the caller's promise.
        unsafe { out.write(octollm_string_t::json(&result)?) };
        Ok(())
    })
}

/// Writes where a task stands: its TaskResult as JSON. Does not wait.
///
/// # Safety
/// As `octollm_wait`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_task(
    octo: *const octollm_t,
    task: *const c_char,
    task_len: usize,
    out: *mut octollm_string_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let (octo, task) = unsafe { (borrowed(octo, "octo")?, text(task, task_len, "task")?) };
        let result = wait_for(octo.orchestrator().task(task_id(task)?))?;
        // SAFETY: the caller's promise.
        unsafe { out.write(octollm_string_t::json(&result)?) };
        Ok(())
    })
}

/// Writes a page of tasks, newest first, as JSON: `{tasks, next}`. `filter` is JSON `{status, priority, parent_task_id,
/// metadata, limit, cursor}`, each of them optional, or NULL.
///
/// # Safety
/// `octo` is NULL or living; `filter` is NULL or points to `filter_len` bytes; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_list(
    octo: *const octollm_t,
    filter: *const c_char,
    filter_len: usize,
    out: *mut octollm_string_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let octo = unsafe { borrowed(octo, "octo") }?;
        let filter = match filter.is_null() {
            true => TaskFilter::default(),
            // SAFETY: the caller's promise.
            false => from_value(unsafe { json(filter, filter_len, "filter") }?, "the filter")?,
        };
        let page = wait_for(octo.orchestrator().list(filter))?;
        // SAFETY: the caller's promise.
        unsafe { out.write(octollm_string_t::json(&page)?) };
        Ok(())
    })
}

/// Stops a task, its running steps and its sub-tasks, and writes its TaskResult as JSON. A task that has already ended is
/// left as it is. `reason` is for people.
///
/// # Safety
/// `octo` is NULL or living; texts are NULL or point to as many bytes as they say; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_cancel(
    octo: *const octollm_t,
    task: *const c_char,
    task_len: usize,
    reason: *const c_char,
    reason_len: usize,
    out: *mut octollm_string_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let (octo, task, reason) = unsafe {
            (borrowed(octo, "octo")?, text(task, task_len, "task")?, text(reason, reason_len, "reason")?)
        };
        let result = wait_for(octo.orchestrator().cancel(task_id(task)?, reason))?;
        // SAFETY: the caller's promise.
        unsafe { out.write(octollm_string_t::json(&result)?) };
        Ok(())
    })
}

/// Answers what a task waits for, and writes its TaskResult as JSON. `decision` is JSON `{"approved": true, "step": 2,
/// "note": "..."}`; without `step` it is about the plan, or the only thing that waits.
///
/// # Safety
/// As `octollm_cancel`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_approve(
    octo: *const octollm_t,
    task: *const c_char,
    task_len: usize,
    decision: *const c_char,
    decision_len: usize,
    out: *mut octollm_string_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let (octo, task, decision) = unsafe {
            let decision = json(decision, decision_len, "decision")?;
            (borrowed(octo, "octo")?, text(task, task_len, "task")?, decision)
        };
        let decision: Decision = from_value(decision, "the decision")?;
        let result = wait_for(octo.orchestrator().decide(task_id(task)?, decision))?;
        // SAFETY: the caller's promise.
        unsafe { out.write(octollm_string_t::json(&result)?) };
        Ok(())
    })
}

/// Writes the arms that are there, as JSON: a list with health, breaker and statistics.
///
/// # Safety
/// `octo` is NULL or living; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_arms(
    octo: *const octollm_t,
    out: *mut octollm_string_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let arms = wait_for(unsafe { borrowed(octo, "octo") }?.orchestrator().arms())?;
        // SAFETY: the caller's promise.
        unsafe { out.write(octollm_string_t::json(&arms)?) };
        Ok(())
    })
}

/// Writes how the orchestrator and what it depends on are, as JSON: `{status, version, dependencies}`.
///
/// # Safety
/// `octo` is NULL or living; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_health(
    octo: *const octollm_t,
    out: *mut octollm_string_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let health = wait_for(unsafe { borrowed(octo, "octo") }?.orchestrator().health())?;
        // SAFETY: the caller's promise.
        unsafe { out.write(octollm_string_t::json(&health)?) };
        Ok(())
    })
}

/// Takes files and folders into the index of the orchestrator's store, and writes what was done as JSON: `{added, updated,
/// unchanged, removed, skipped, chunks}`. `paths` is a JSON list of texts; relative ones are looked up from the working
/// directory. Only what changed since the last time is read. `not_configured` for an orchestrator on a server.
///
/// # Safety
/// `octo` is NULL or living; `paths` is NULL or points to `paths_len` bytes; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_index(
    octo: *const octollm_t,
    paths: *const c_char,
    paths_len: usize,
    out: *mut octollm_string_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let (octo, paths) = unsafe { (borrowed(octo, "octo")?, json(paths, paths_len, "paths")?) };
        let paths: Vec<PathBuf> = from_value(paths, "the list of paths")?;
        let report = wait_for(octo.session.clone().index(&paths, &Progress::default()))?;
        // SAFETY: the caller's promise.
        unsafe { out.write(octollm_string_t::json(&report)?) };
        Ok(())
    })
}

/// Searches the index, and writes the results as JSON: `{results, method_used, total_results, synthesis, citations}`.
/// `request` is JSON: `{"query": "...", "method": "hybrid", "limit": 10, "filters": {}, "min_score": 0.5}`, all but the query
/// optional. `not_configured` for an orchestrator on a server.
///
/// # Safety
/// `octo` is NULL or living; `request` is NULL or points to `request_len` bytes; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_search(
    octo: *const octollm_t,
    request: *const c_char,
    request_len: usize,
    out: *mut octollm_string_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let (octo, request) = unsafe { (borrowed(octo, "octo")?, json(request, request_len, "request")?) };
        let response = wait_for(octo.session.clone().search(request))?;
        // SAFETY: the caller's promise.
        unsafe { out.write(octollm_string_t::json(&response)?) };
        Ok(())
    })
}

/// Reads or writes shared memory, and writes the answer as JSON. `call` is JSON that names what to do in `call`:
///
/// - the knowledge graph: `put_entity` (`entity_type`, `name`, `properties`), `put_relationship` (`from_entity_id`,
///   `to_entity_id`, `relationship_type`, `strength`, `properties`), `entities_named` (`name`), `search_entities` (`text`,
///   `entity_type`, `limit`), `neighbours` (`id`, `limit`), `paths` (`from`, `to`, `max_depth`, `limit`), `remove_entity` (`id`);
/// - the cache: `cache_get` (`key`, any JSON; answers `{"value": ...}` or null), `cache_set` (`key`, `value`,
///   `ttl_seconds`), `cache_remove` (`key`);
/// - texts and vectors: `remember` (`collection`, `records` of `{id, text, vector, payload}`), `recall` (`collection`, `text`
///   or `vector`, `limit`, `filter`, `min_score`), `forget` (`collection`, `ids`), `count` and `drop_collection`
///   (`collection`), `embed` (`texts`).
///
/// Thread-safe. `invalid_input` for what is no such call; `not_configured` for an orchestrator on a server.
///
/// # Safety
/// `octo` is NULL or living; `call` is NULL or points to `call_len` bytes; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_memory(
    octo: *const octollm_t,
    call: *const c_char,
    call_len: usize,
    out: *mut octollm_string_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let (octo, call) = unsafe { (borrowed(octo, "octo")?, json(call, call_len, "call")?) };
        let answer = wait_for(octo.session.clone().memory(call))?;
        // SAFETY: the caller's promise.
        unsafe { out.write(octollm_string_t::json(&answer)?) };
        Ok(())
    })
}
