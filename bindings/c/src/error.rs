//! What went wrong, for C: a code to act on, words for a person, and what to do next.

use std::ffi::{CString, c_char};

use octollm_core::Error;
use serde_json::json;

use crate::guard::guard_or;

/// An error. Every function that can fail answers one, or NULL if it went well. Free it with `octollm_error_free`.
///
/// Its texts live as long as the error. They hold no value that a user or a model wrote. Thread-safe.
#[allow(non_camel_case_types)]
pub struct octollm_error_t {
    code: CString,
    message: CString,
    hint: Option<CString>,
    json: CString,
    retry_after_ms: u64,
    temporary: bool,
}

impl octollm_error_t {
    pub(crate) fn into_raw(error: &Error) -> *mut Self {
        let retry_after_ms =
            error.retry_after().map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let json = json!({
            "code": error.kind().code(),
            "message": error.summary(),
            "hint": error.hint(),
            "temporary": error.is_temporary(),
            "errors": error.faults(),
        });
        Box::into_raw(Box::new(Self {
            code: c_string(error.kind().code()),
            message: c_string(&error.to_string()),
            hint: error.hint().map(c_string),
            json: c_string(&json.to_string()),
            retry_after_ms,
            temporary: error.is_temporary(),
        }))
    }
}

/// `text` up to its first NUL: C could not read further.
fn c_string(text: &str) -> CString {
    let readable = text.split('\0').next().unwrap_or_default();
    CString::new(readable).unwrap_or_default()
}

/// The stable code: `invalid_input`, `not_found`, `conflict`, `unauthorized`, `refused_by_reflex`, `too_large`,
/// `rate_limited`, `timeout`, `cancelled`, `budget_exceeded`, `arm_failed`, `not_configured`, `storage`, `unavailable`
/// or `internal`. NUL-terminated; "" for NULL.
///
/// # Safety
/// `error` is NULL or a living error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_error_code(error: *const octollm_error_t) -> *const c_char {
    // SAFETY: the caller's promise.
    guard_or(c"".as_ptr(), || unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.code.as_ptr()))
}

/// What failed, where, and every broken rule. NUL-terminated; "" for NULL.
///
/// # Safety
/// `error` is NULL or a living error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_error_message(error: *const octollm_error_t) -> *const c_char {
    // SAFETY: the caller's promise.
    guard_or(c"".as_ptr(), || unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.message.as_ptr()))
}

/// What a person can do about it. NUL-terminated; NULL where nobody knows.
///
/// # Safety
/// `error` is NULL or a living error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_error_hint(error: *const octollm_error_t) -> *const c_char {
    let none = std::ptr::null();
    guard_or(none, || {
        // SAFETY: the caller's promise.
        unsafe { error.as_ref() }.and_then(|error| error.hint.as_ref()).map_or(none, |hint| hint.as_ptr())
    })
}

/// The whole error as JSON: `{code, message, hint, temporary, errors: [{pointer, detail}]}`. NUL-terminated; "" for NULL.
///
/// # Safety
/// `error` is NULL or a living error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_error_json(error: *const octollm_error_t) -> *const c_char {
    // SAFETY: the caller's promise.
    guard_or(c"".as_ptr(), || unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.json.as_ptr()))
}

/// Whether the same call may succeed later.
///
/// # Safety
/// `error` is NULL or a living error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_error_is_temporary(error: *const octollm_error_t) -> bool {
    // SAFETY: the caller's promise.
    guard_or(false, || unsafe { error.as_ref() }.is_some_and(|error| error.temporary))
}

/// Milliseconds after which to come back; 0 where nobody said.
///
/// # Safety
/// `error` is NULL or a living error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_error_retry_after_ms(error: *const octollm_error_t) -> u64 {
    // SAFETY: the caller's promise.
    guard_or(0, || unsafe { error.as_ref() }.map_or(0, |error| error.retry_after_ms))
}

/// Frees an error. NULL is allowed.
///
/// # Safety
/// `error` is NULL or an error that was not freed; it must not be used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_error_free(error: *mut octollm_error_t) {
    if !error.is_null() {
        // SAFETY: it came from `into_raw`, and the caller gives it back.
        guard_or((), || drop(unsafe { Box::from_raw(error) }));
    }
}
