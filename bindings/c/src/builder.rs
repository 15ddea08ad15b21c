//! Opens an orchestrator: in this process, or on a server.

use std::ffi::c_char;
use std::sync::Arc;

use octollm_core::arm::{Arm, ArmDescriptor};
use octollm_core::schema::from_value;
use octollm_core::{Error, ErrorKind, Result};
use octollm_server::settings::{Settings, Sources};
use octollm_server::{LocalOptions, Session};
use serde_json::Value;

use crate::arm::{CallbackArm, octollm_arm_t};
use crate::env::{Env, is_amid_work};
use crate::error::octollm_error_t;
use crate::guard::{guard, guard_or, json, null, place_for, text, wait_for};
use crate::orchestrator::octollm_t;
use crate::workers::is_worker;

/// What an orchestrator will be made of. Not thread-safe.
#[derive(Default)]
#[allow(non_camel_case_types)]
pub struct octollm_builder_t {
    settings: Vec<(String, Value)>,
    own_arms: Vec<Arc<dyn Arm>>,
    addresses: Vec<String>,
}

impl octollm_builder_t {
    /// The session that was described. Settings come from `octollm.toml`, `.env` and the environment, too, as for the
    /// command line.
    async fn open(self) -> Result<Session> {
        let settings = Settings::load(&Sources { program: self.settings, ..Sources::of_process() })?;
        let options = LocalOptions {
            arms: Some(self.addresses),
            own_arms: self.own_arms,
            take_over: true,
            ..LocalOptions::default()
        };
        Session::local(&settings, &options).await
    }
}

/// Begins an orchestrator with every default: durable, in one SQLite file in the platform's data folder, with the arms
/// that come with OctoLLM. `*out` goes to `octollm_start`, or to `octollm_builder_free`.
///
/// # Safety
/// `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_builder_new(out: *mut *mut octollm_builder_t) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        unsafe { out.write(Box::into_raw(Box::default())) };
        Ok(())
    })
}

/// Sets a setting by its name, in either spelling: `OCTOLLM_HOME`, `octollm_home`. It wins over `octollm.toml` and the
/// environment. Names and values are checked by `octollm_start`, all of them at once.
///
/// # Safety
/// `builder` is NULL or living; texts are NULL or point to as many bytes as they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_builder_set(
    builder: *mut octollm_builder_t,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
) -> *mut octollm_error_t {
    guard(|| {
        // SAFETY: the caller's promise.
        let builder = unsafe { builder.as_mut() }.ok_or_else(|| null("builder"))?;
        // SAFETY: the caller's promise.
        let (name, value) = unsafe { (text(name, name_len, "name")?, text(value, value_len, "value")?) };
        builder.settings.push((name.to_owned(), value.into()));
        Ok(())
    })
}

/// Adds an arm of the program's own. `descriptor` is an ArmDescriptor as JSON; `arm_id`, `name` and `capabilities` must be
/// there, as `{"arm_id": "weather", "name": "Weather", "capabilities": ["weather_forecast"]}`. `arm` is copied. Its
/// finalizer runs once, also if this fails.
///
/// # Safety
/// `builder` is NULL or living; `descriptor` is NULL or points to `descriptor_len` bytes; `arm` is NULL or readable, and
/// its callbacks may be called from any thread with its `env`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_builder_add_arm(
    builder: *mut octollm_builder_t,
    descriptor: *const c_char,
    descriptor_len: usize,
    arm: *const octollm_arm_t,
) -> *mut octollm_error_t {
    guard(|| {
        // SAFETY: the caller's promise.
        let arm = unsafe { arm.as_ref() }.ok_or_else(|| null("arm"))?;
        // Made first: its finalizer runs however this ends.
        let env = Env::new(arm.env, arm.finalize);
        // SAFETY: the caller's promise.
        let builder = unsafe { builder.as_mut() }.ok_or_else(|| null("builder"))?;
        // SAFETY: the caller's promise.
        let descriptor = unsafe { json(descriptor, descriptor_len, "descriptor") }?;
        let descriptor: ArmDescriptor = from_value(descriptor, "the descriptor")?;
        descriptor.validate()?;
        let execute = arm.execute.ok_or_else(|| null("arm.execute"))?;
        builder.own_arms.push(Arc::new(CallbackArm::new(descriptor, execute, arm.health, env)));
        Ok(())
    })
}

/// Adds an arm behind HTTP, by its address. `octollm_start` fails if it does not answer.
///
/// # Safety
/// `builder` is NULL or living; `url` is NULL or points to `url_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_builder_add_arm_url(
    builder: *mut octollm_builder_t,
    url: *const c_char,
    url_len: usize,
) -> *mut octollm_error_t {
    guard(|| {
        // SAFETY: the caller's promise.
        let builder = unsafe { builder.as_mut() }.ok_or_else(|| null("builder"))?;
        // SAFETY: the caller's promise.
        builder.addresses.push(unsafe { text(url, url_len, "url") }?.to_owned());
        Ok(())
    })
}

/// Frees a builder that was not started. NULL is allowed.
///
/// # Safety
/// `builder` is NULL or living, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_builder_free(builder: *mut octollm_builder_t) {
    if !builder.is_null() {
        // SAFETY: it came from `octollm_builder_new`, and the caller gives it back.
        guard_or((), || drop(unsafe { Box::from_raw(builder) }));
    }
}

/// Starts what the builder describes; the builder is gone afterwards, also if this fails. Tasks that an earlier process
/// left unfinished go on. `*out` is to be freed with `octollm_free`.
///
/// # Safety
/// `builder` is NULL or living, and not used afterwards; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_start(
    builder: *mut octollm_builder_t,
    out: *mut *mut octollm_t,
) -> *mut octollm_error_t {
    guard(|| {
        if builder.is_null() {
            return Err(null("builder"));
        }
        // SAFETY: it came from `octollm_builder_new`, and the caller gives it back.
        let builder = unsafe { Box::from_raw(builder) };
        let out = place_for(out)?;
        let session = wait_for(builder.open())?;
        // SAFETY: the caller's promise.
        unsafe { out.write(octollm_t::into_raw(session)) };
        Ok(())
    })
}

/// Works on the server at this address, as `http://127.0.0.1:8000`. `*out` is to be freed with `octollm_free`.
///
/// # Safety
/// `url` is NULL or points to `url_len` bytes; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_connect(
    url: *const c_char,
    url_len: usize,
    out: *mut *mut octollm_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let url = unsafe { text(url, url_len, "url") }?;
        let session = wait_for(Session::remote(url))?;
        // SAFETY: the caller's promise.
        unsafe { out.write(octollm_t::into_raw(session)) };
        Ok(())
    })
}

/// Ends an orchestrator: running steps may end within 5 seconds, the rest stays in the journal and goes on at the next
/// start. Calls that wait in other threads meanwhile end with `unavailable`; their tasks go on at the next start, too.
/// Must not be called from a callback: then it answers `conflict` and the handle lives on. NULL is allowed.
///
/// # Safety
/// `octo` is NULL or living; no call begins with it once this has begun, unless it answers an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_free(octo: *mut octollm_t) -> *mut octollm_error_t {
    guard(|| {
        if octo.is_null() {
            return Ok(());
        }
        if is_amid_work() || is_worker() {
            return Err(Error::new(
                ErrorKind::Conflict,
                "an orchestrator cannot be ended by a callback of its own",
            )
            .with_hint("end it from the thread that started it"));
        }
        // SAFETY: it came from `into_raw`, and the caller gives it back.
        let octo = unsafe { Box::from_raw(octo) };
        wait_for(octo.close())
    })
}
