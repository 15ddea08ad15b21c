//! One call of an arm that is written in C: what it is asked, and the handle that answers it, once, from any thread.

use std::ffi::{CString, c_char};

use octollm_core::arm::{ArmCall, ArmReply};
use octollm_core::{Error, ErrorKind, Result, Status};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::octollm_error_t;
use crate::guard::{borrowed, guard, guard_or, json, null, text};

/// A call of an arm. It belongs to the arm until it is answered with `octollm_call_complete` or `octollm_call_fail`, or
/// given up with `octollm_call_free`: exactly one of the three must be called, on any thread, now or later. All other
/// functions of a call may be used from several threads at once until then.
#[allow(non_camel_case_types)]
pub struct octollm_call_t {
    call: ArmCall,
    input: CString,
    task_id: CString,
    request_id: CString,
    over: CancellationToken,
    answer: oneshot::Sender<Result<ArmReply>>,
}

impl octollm_call_t {
    /// A handle, and where its answer comes out. `over` is set when nobody waits for it any more.
    pub(crate) fn new(
        call: ArmCall,
        over: CancellationToken,
    ) -> (Box<Self>, oneshot::Receiver<Result<ArmReply>>) {
        let (answer, answered) = oneshot::channel();
        // JSON and ids hold no NUL, so nothing is lost here.
        let readable = |text: String| CString::new(text).unwrap_or_default();
        let handle = Self {
            input: readable(call.input.to_string()),
            task_id: readable(call.task_id.to_string()),
            request_id: readable(call.request_id.to_string()),
            call,
            over,
            answer,
        };
        (Box::new(handle), answered)
    }

    fn answer(self: Box<Self>, answer: Result<ArmReply>) -> Result<()> {
        self.answer
            .send(answer)
            .map_err(|_| Error::new(ErrorKind::Cancelled, "nobody waits for this call any more"))
    }
}

/// The input, as JSON: it satisfies the arm's `input_schema`. NUL-terminated, `*len` bytes where `len` is not NULL; lives
/// as long as the call. NULL for NULL.
///
/// # Safety
/// `call` is NULL or a living call, `len` NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_call_input(call: *const octollm_call_t, len: *mut usize) -> *const c_char {
    guard_or(std::ptr::null(), || {
        // SAFETY: the caller's promise.
        let Some(call) = (unsafe { call.as_ref() }) else { return std::ptr::null() };
        if !len.is_null() {
            // SAFETY: not NULL, and writable by the caller's promise.
            unsafe { len.write(call.input.as_bytes().len()) };
        }
        call.input.as_ptr()
    })
}

/// The task that the call is for. NUL-terminated; lives as long as the call. NULL for NULL.
///
/// # Safety
/// `call` is NULL or a living call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_call_task_id(call: *const octollm_call_t) -> *const c_char {
    guard_or(std::ptr::null(), || {
        // SAFETY: the caller's promise.
        unsafe { call.as_ref() }.map_or(std::ptr::null(), |call| call.task_id.as_ptr())
    })
}

/// The same for every attempt at one step: an idempotency key. NUL-terminated; lives as long as the call. NULL for NULL.
///
/// # Safety
/// `call` is NULL or a living call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_call_request_id(call: *const octollm_call_t) -> *const c_char {
    let none = std::ptr::null();
    // SAFETY: the caller's promise.
    guard_or(none, || unsafe { call.as_ref() }.map_or(none, |call| call.request_id.as_ptr()))
}

/// The step of the task's plan, from 1; 0 for NULL.
///
/// # Safety
/// `call` is NULL or a living call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_call_step(call: *const octollm_call_t) -> u32 {
    // SAFETY: the caller's promise.
    guard_or(0, || unsafe { call.as_ref() }.map_or(0, |call| call.call.step))
}

/// Which attempt at the step this is, from 1; 0 for NULL.
///
/// # Safety
/// `call` is NULL or a living call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_call_attempt(call: *const octollm_call_t) -> u32 {
    // SAFETY: the caller's promise.
    guard_or(0, || unsafe { call.as_ref() }.map_or(0, |call| call.call.attempt))
}

/// Milliseconds until the answer is of no more use; 0 when that is past, and for NULL.
///
/// # Safety
/// `call` is NULL or a living call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_call_remaining_ms(call: *const octollm_call_t) -> u64 {
    guard_or(0, || {
        // SAFETY: the caller's promise.
        let Some(call) = (unsafe { call.as_ref() }) else { return 0 };
        let left = call.call.deadline.saturating_duration_since(Instant::now());
        u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
    })
}

/// Whether nobody waits for the answer any more: the task was cancelled, the time is up, or the program ends. Long work
/// should look now and then, and end. True for NULL.
///
/// # Safety
/// `call` is NULL or a living call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_call_is_cancelled(call: *const octollm_call_t) -> bool {
    // SAFETY: the caller's promise.
    guard_or(true, || unsafe { call.as_ref() }.is_none_or(|call| call.over.is_cancelled()))
}

/// Says what is being done, and how much of it is done: 0..1, or a negative number where nobody knows.
///
/// # Safety
/// `call` is NULL or a living call; `message` is NULL or points to `message_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_call_progress(
    call: *const octollm_call_t,
    message: *const c_char,
    message_len: usize,
    fraction: f32,
) -> *mut octollm_error_t {
    guard(|| {
        // SAFETY: the caller's promise.
        let (call, message) = unsafe { (borrowed(call, "call")?, text(message, message_len, "message")?) };
        let fraction = Some(fraction).filter(|fraction| (0.0..=1.0).contains(fraction));
        call.call.progress.report(message, fraction);
        Ok(())
    })
}

/// Answers the call with this output, as JSON. A number `confidence` (0..1) and an object `usage` in it are read. The call
/// is gone afterwards, unless the output is no JSON: then it still waits for an answer. `cancelled` if nobody waits any
/// more.
///
/// # Safety
/// `call` is NULL or a living call, and not used afterwards; `output` is NULL or points to `output_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_call_complete(
    call: *mut octollm_call_t,
    output: *const c_char,
    output_len: usize,
) -> *mut octollm_error_t {
    guard(|| {
        if call.is_null() {
            return Err(null("call"));
        }
        // SAFETY: the caller's promise.
        let output = unsafe { json(output, output_len, "output") }?;
        // SAFETY: it came from `octollm_call_t::new`, is not NULL, and the caller gives it back.
        unsafe { Box::from_raw(call) }.answer(Ok(ArmReply::new(output)))
    })
}

/// Answers the call with a failure. A temporary one is tried again, after `retry_after_ms` if that is not 0; any other
/// hands the step to another arm or fails it. `message` says what failed, for people and for the journal: no secrets, no
/// personal data. The call is gone afterwards, unless the message is not UTF-8.
///
/// # Safety
/// `call` is NULL or a living call, and not used afterwards; `message` is NULL or points to `message_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_call_fail(
    call: *mut octollm_call_t,
    message: *const c_char,
    message_len: usize,
    temporary: bool,
    retry_after_ms: u64,
) -> *mut octollm_error_t {
    guard(|| {
        if call.is_null() {
            return Err(null("call"));
        }
        // SAFETY: the caller's promise.
        let message = unsafe { text(message, message_len, "message") }?.to_owned();
        let status = if temporary { Status::Temporary } else { Status::Permanent };
        let mut failure = Error::new(ErrorKind::ArmFailed, message).with_status(status);
        if temporary && retry_after_ms > 0 {
            failure = failure.with_retry_after(std::time::Duration::from_millis(retry_after_ms));
        }
        // SAFETY: it came from `octollm_call_t::new`, is not NULL, and the caller gives it back.
        unsafe { Box::from_raw(call) }.answer(Err(failure))
    })
}

/// Gives a call up without an answer: its step fails. NULL is allowed.
///
/// # Safety
/// `call` is NULL or a living call, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_call_free(call: *mut octollm_call_t) {
    if !call.is_null() {
        // SAFETY: it came from `octollm_call_t::new`, is not NULL, and the caller gives it back.
        guard_or((), || drop(unsafe { Box::from_raw(call) }));
    }
}
