//! The edge between C and Rust: no panic crosses it, and nothing is read that was not checked.

use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::sync::OnceLock;
use std::time::Duration;

use octollm_core::{Error, ErrorKind, Fault, Result};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::env::is_amid_work;
use crate::error::octollm_error_t;

/// Runs `work`; NULL if it is well, else the error. A panic is an error, too.
pub(crate) fn guard(work: impl FnOnce() -> Result<()>) -> *mut octollm_error_t {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => std::ptr::null_mut(),
        Ok(Err(error)) => octollm_error_t::into_raw(&error),
        Err(_) => octollm_error_t::into_raw(
            &Error::new(ErrorKind::Internal, "OctoLLM panicked")
                .with_hint("this is a defect of the library; please report it with what led to it"),
        ),
    }
}

/// Runs `work`, which cannot fail; what it panics with is swallowed, and `otherwise` answered.
pub(crate) fn guard_or<T>(otherwise: T, work: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(otherwise)
}

/// What `pointer` points to.
///
/// # Safety
/// `pointer` is NULL or points to a living `T` that nobody changes meanwhile.
pub(crate) unsafe fn borrowed<'a, T>(pointer: *const T, name: &'static str) -> Result<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(name))
}

/// Where an answer is to be written. Asked before work begins, so that no work is done for nobody.
pub(crate) fn place_for<T>(out: *mut T) -> Result<Out<T>> {
    if out.is_null() { Err(null("out")) } else { Ok(Out(out)) }
}

/// A place that is not NULL.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Writes `value` there. What was there is not dropped: it may never have been anything.
    ///
    /// # Safety
    /// The place can be written, and is aligned.
    pub(crate) unsafe fn write(self, value: T) {
        // SAFETY: not NULL, and the rest is the caller's promise.
        unsafe { self.0.write(value) };
    }
}

/// The `len` bytes at `data` as text. NULL is the empty text if `len` is 0.
///
/// # Safety
/// `data` is NULL or points to `len` readable bytes that nobody changes meanwhile.
pub(crate) unsafe fn text<'a>(data: *const c_char, len: usize, name: &'static str) -> Result<&'a str> {
    if data.is_null() {
        return if len == 0 { Ok("") } else { Err(null(name)) };
    }
    if len > isize::MAX as usize {
        return Err(invalid(name, "is longer than memory can be"));
    }
    // SAFETY: the caller's promise, and `len` is within what a slice may be.
    let bytes = unsafe { slice::from_raw_parts(data.cast::<u8>(), len) };
    std::str::from_utf8(bytes)
        .map_err(|error| invalid(name, &format!("is not UTF-8 from byte {} on", error.valid_up_to())))
}

/// The `len` bytes at `data`, which must be JSON.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn json(data: *const c_char, len: usize, name: &'static str) -> Result<Value> {
    // SAFETY: the caller's promise.
    let text = unsafe { text(data, len, name) }?;
    serde_json::from_str(text).map_err(|error| {
        invalid(name, &format!("is not JSON (line {}, column {})", error.line(), error.column()))
    })
}

pub(crate) fn null(name: &'static str) -> Error {
    invalid(name, "must not be NULL")
}

pub(crate) fn invalid(name: &'static str, detail: &str) -> Error {
    Error::invalid("an argument is invalid", vec![Fault::new(name, detail)])
}

/// The threads that all orchestrators of this process share, from the first use to the end of the process.
pub(crate) fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Option<(u32, Runtime)>> = OnceLock::new();
    let started = RUNTIME.get_or_init(|| {
        let runtime = Builder::new_multi_thread().thread_name("octollm").enable_all().build().ok()?;
        Some((std::process::id(), runtime))
    });
    match started {
        Some((process, runtime)) if *process == std::process::id() => Ok(runtime),
        Some(_) => Err(Error::new(ErrorKind::Conflict, "OctoLLM cannot be used after a fork")
            .with_hint("fork before the first call of OctoLLM, or start a new program")),
        None => Err(Error::new(ErrorKind::Unavailable, "no threads can be started")),
    }
}

/// Runs `work` on the runtime while this thread waits.
pub(crate) fn wait_for<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    if is_amid_work() {
        return Err(Error::new(
            ErrorKind::Conflict,
            "a finalizer or a receiver of the log cannot wait for OctoLLM",
        )
        .with_hint("hand what is to be done to a thread of the program's own"));
    }
    runtime()?.block_on(work)
}

/// What comes of `work` within `milliseconds`; 0 is as long as it takes.
pub(crate) async fn within<T>(milliseconds: u64, work: impl Future<Output = T>) -> Option<T> {
    if milliseconds == 0 {
        return Some(work.await);
    }
    tokio::time::timeout(Duration::from_millis(milliseconds), work).await.ok()
}

/// The time is up.
pub(crate) fn late(message: &'static str) -> Error {
    Error::new(ErrorKind::Timeout, message)
}
