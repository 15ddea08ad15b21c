//! What the library says while it works, for a program that wants to hear it.

use std::ffi::{c_char, c_int, c_void};
use std::fmt::{self, Write};

use octollm_core::{Error, ErrorKind, Fault};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry;

use crate::env::{Env, amid_work, is_amid_work, octollm_finalizer_t};
use crate::error::octollm_error_t;
use crate::guard::{guard, null};

/// What failed.
pub const OCTOLLM_LOG_ERROR: c_int = 1;
/// What may need attention.
pub const OCTOLLM_LOG_WARN: c_int = 2;
/// What happens.
pub const OCTOLLM_LOG_INFO: c_int = 3;
/// What a developer looks for.
pub const OCTOLLM_LOG_DEBUG: c_int = 4;
/// Every detail.
pub const OCTOLLM_LOG_TRACE: c_int = 5;

/// Takes one line: `len` bytes without a line end, and a NUL. It lives as long as the call of the callback.
#[allow(non_camel_case_types)]
pub type octollm_log_callback_t =
    Option<unsafe extern "C" fn(env: *mut c_void, level: c_int, line: *const c_char, len: usize)>;

/// Hands every line of this level (`OCTOLLM_LOG_INFO`) and the more important ones to `callback`, from any thread, several
/// at once. Once per process: a second time is `conflict`. `finalize` runs if it fails, and else never.
///
/// # Safety
/// `callback` and `finalize` may be called from any thread with `env`, until the process ends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_log_to(
    level: c_int,
    callback: octollm_log_callback_t,
    env: *mut c_void,
    finalize: octollm_finalizer_t,
) -> *mut octollm_error_t {
    let env = Env::new(env, finalize);
    guard(|| {
        let callback = callback.ok_or_else(|| null("callback"))?;
        let most = filter(level)?;
        let lines = Lines { callback, env }.with_filter(most);
        tracing::subscriber::set_global_default(registry().with(lines))
            .map_err(|_| Error::new(ErrorKind::Conflict, "this process's log has a receiver already"))
    })
}

fn filter(level: c_int) -> octollm_core::Result<LevelFilter> {
    match level {
        OCTOLLM_LOG_ERROR => Ok(LevelFilter::ERROR),
        OCTOLLM_LOG_WARN => Ok(LevelFilter::WARN),
        OCTOLLM_LOG_INFO => Ok(LevelFilter::INFO),
        OCTOLLM_LOG_DEBUG => Ok(LevelFilter::DEBUG),
        OCTOLLM_LOG_TRACE => Ok(LevelFilter::TRACE),
        _ => Err(Error::invalid(
            "an argument is invalid",
            vec![Fault::new("level", "must be OCTOLLM_LOG_ERROR to OCTOLLM_LOG_TRACE")],
        )),
    }
}

fn number(level: Level) -> c_int {
    match level {
        Level::ERROR => OCTOLLM_LOG_ERROR,
        Level::WARN => OCTOLLM_LOG_WARN,
        Level::INFO => OCTOLLM_LOG_INFO,
        Level::DEBUG => OCTOLLM_LOG_DEBUG,
        Level::TRACE => OCTOLLM_LOG_TRACE,
    }
}

struct Lines {
    callback: unsafe extern "C" fn(*mut c_void, c_int, *const c_char, usize),
    env: Env,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // Of what its receiver has the library do, a log would never end.
        if is_amid_work() {
            return;
        }
        let mut line = Line(format!("{}:", event.metadata().target()));
        event.record(&mut line);
        let mut line = line.0.replace(['\n', '\r', '\0'], " ");
        let len = line.len();
        line.push('\0');
        let level = number(*event.metadata().level());
        // SAFETY: the header asks for a callback that takes this `env` from any thread; the text outlives the call.
        amid_work(|| unsafe { (self.callback)(self.env.pointer(), level, line.as_ptr().cast(), len) });
    }
}

/// `target: message name=value`.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
        // Writing to a string does not fail.
        let _ = written;
    }
}
