//! Reflexes in their order, those of the program among them.
//!
//! A text is screened on the thread that asks, so a reflex of the program's runs where its caller does.

use std::ffi::{CString, c_char, c_void};
use std::sync::{Mutex, PoisonError};

use octollm_core::reflex::{Origin, Policy, Preset, Reaction, Reflex, ReflexChain, Stimulus};
use octollm_core::schema::from_value;
use octollm_core::{Error, ErrorKind, Result};
use serde_json::Value;

use crate::env::{Env, octollm_finalizer_t};
use crate::error::octollm_error_t;
use crate::guard::{borrowed, guard, guard_or, invalid, json, null, place_for, text};
use crate::text::{octollm_string_free, octollm_string_t};

/// Reflexes in their order, and the policy that decides what they do. Thread-safe, where the program's reflexes are.
#[allow(non_camel_case_types)]
pub struct octollm_chain_t {
    chain: ReflexChain,
}

/// What a reflex says about a text. It lives as long as the callback that it is given to.
#[allow(non_camel_case_types)]
pub struct octollm_reaction_t {
    said: Mutex<Option<String>>,
}

/// A reflex of the program's own.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types)]
pub struct octollm_reflex_t {
    /// Its name, in reports: `name_len` bytes.
    pub name: *const c_char,
    /// Bytes of the name.
    pub name_len: usize,
    /// Whether it sees a text as it goes on, with placeholders for what was found, instead of as it came.
    pub behind: bool,
    /// Given to the callbacks.
    pub env: *mut c_void,
    /// Looks at a text of `len` bytes, which end with a NUL that `len` does not count, and whose `origin` is `user`, `arm`,
    /// `document` or `tool`. It says what to do with `octollm_reaction_say`, or nothing for a text that may pass. Called on the
    /// threads that screen texts, from several at once. Must not be NULL.
    pub react: Option<
        unsafe extern "C" fn(
            env: *mut c_void,
            text: *const c_char,
            len: usize,
            origin: *const c_char,
            reaction: *mut octollm_reaction_t,
        ),
    >,
    /// Called once, when nothing calls the reflex any more. NULL where `env` needs no end.
    pub finalize: octollm_finalizer_t,
}

type React = unsafe extern "C" fn(*mut c_void, *const c_char, usize, *const c_char, *mut octollm_reaction_t);

/// The callback as a reflex.
struct CallbackReflex {
    name: String,
    react: React,
    env: Env,
}

impl Reflex for CallbackReflex {
    fn name(&self) -> &str {
        &self.name
    }

    fn react(&self, stimulus: &mut Stimulus<'_>) -> Reaction {
        let mut reaction = octollm_reaction_t { said: Mutex::new(None) };
        let mut text = octollm_string_t::new(stimulus.text().to_owned());
        let origin = CString::new(stimulus.origin.name()).unwrap_or_default();
        // SAFETY: the header asks for a callback that takes this `env` from any thread; texts and reaction live until it
        // returns.
        unsafe { (self.react)(self.env.pointer(), text.data, text.len, origin.as_ptr(), &raw mut reaction) };
        // SAFETY: made above, and nobody else has it.
        unsafe { octollm_string_free(&raw mut text) };
        let said = reaction.said.into_inner().unwrap_or_else(PoisonError::into_inner);
        // What cannot be judged goes no further.
        Reaction::said(said.as_deref(), stimulus).unwrap_or_else(|_| Reaction::failed())
    }
}

/// Builds a chain. `policy` is the section `reflex` of a configuration as JSON, `{"policy": "strict", "pii": "flag"}`; the default
/// policy where it is empty. `reflexes` are `count` reflexes of the program's own, copied, in their order. Their finalizers
/// run once, also if this fails. `*out` is to be freed with `octollm_chain_free`.
///
/// # Safety
/// `policy` is NULL or points to `policy_len` bytes; `reflexes` is NULL or points to `count` of them, whose callbacks may be
/// called from any thread with their `env`; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_chain_new(
    policy: *const c_char,
    policy_len: usize,
    reflexes: *const octollm_reflex_t,
    count: usize,
    out: *mut *mut octollm_chain_t,
) -> *mut octollm_error_t {
    guard(|| {
        // SAFETY: the caller's promise.
        let reflexes = unsafe { all(reflexes, count) }?;
        // Made first: their finalizers run however this ends.
        let given: Vec<_> =
            reflexes.iter().map(|reflex| (*reflex, Env::new(reflex.env, reflex.finalize))).collect();
        let out = place_for(out)?;
        let section = match policy_len {
            0 => Value::Null,
            // SAFETY: the caller's promise.
            _ => unsafe { json(policy, policy_len, "policy") }?,
        };
        let mut builder = ReflexChain::builder(Policy::read(Preset::Default, &section)?);
        for (reflex, env) in given {
            let react = reflex.react.ok_or_else(|| null("reflexes.react"))?;
            // SAFETY: the caller's promise.
            let name = unsafe { text(reflex.name, reflex.name_len, "reflexes.name") }?.to_owned();
            let callback = CallbackReflex { name, react, env };
            builder = if reflex.behind { builder.after(callback) } else { builder.before(callback) };
        }
        let chain = Box::new(octollm_chain_t { chain: builder.build()? });
        // SAFETY: the caller's promise.
        unsafe { out.write(Box::into_raw(chain)) };
        Ok(())
    })
}

/// # Safety
/// `reflexes` is NULL or points to `count` of them.
unsafe fn all<'a>(reflexes: *const octollm_reflex_t, count: usize) -> Result<&'a [octollm_reflex_t]> {
    match (reflexes.is_null(), count) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(null("reflexes")),
        (false, 1..=MOST_REFLEXES) => {
            // SAFETY: not NULL, and `count` of them by the caller's promise.
            Ok(unsafe { std::slice::from_raw_parts(reflexes, count) })
        }
        _ => Err(invalid("count", "must be 64 at most")),
    }
}

/// Reflexes of one chain.
const MOST_REFLEXES: usize = 64;

/// Says what to do with a text, as JSON: `{"rewrite": "another text"}`, `{"answer": ...}`, `{"refuse": "code"}` or
/// `{"throttle": seconds}`; what was said before is forgotten. A reflex that says something else lets nothing pass.
///
/// # Safety
/// `reaction` is NULL or what the callback was given, and it has not returned; `said` is NULL or points to `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_reaction_say(
    reaction: *mut octollm_reaction_t,
    said: *const c_char,
    len: usize,
) -> *mut octollm_error_t {
    guard(|| {
        // SAFETY: the caller's promise.
        let reaction = unsafe { borrowed(reaction, "reaction") }?;
        // SAFETY: the caller's promise.
        let said = unsafe { text(said, len, "said") };
        // Kept also where it is no reaction, so that nothing passes that nobody judged.
        let kept = said.as_ref().map_or_else(|_| String::new(), |said| (*said).to_owned());
        *reaction.said.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept.clone());
        said?;
        Reaction::said(Some(&kept), &mut Stimulus::new("")).map(drop)
    })
}

/// Screens a text that comes from `origin` (`user`, `arm`, `document` or `tool`), and writes what came of it as JSON: `text` as
/// it goes on; `verdict` is `pass`, `rewrite`, `answer`, `throttle` or `refuse`; `findings` as those of
/// `octollm_reflex_scan`, with what was done about each in `actions`; `code`, `answer` and `retry_after` where there are
/// such. Thread-safe; microseconds, and what the program's reflexes take.
///
/// # Safety
/// `chain` is NULL or living; `data` and `origin` are NULL or point to as many bytes as they say; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_chain_screen(
    chain: *const octollm_chain_t,
    data: *const c_char,
    len: usize,
    origin: *const c_char,
    origin_len: usize,
    out: *mut octollm_string_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let chain = unsafe { borrowed(chain, "chain") }?;
        // SAFETY: the caller's promise.
        let (data, origin) = unsafe { (text(data, len, "text")?, text(origin, origin_len, "origin")?) };
        let origin: Origin = from_value(origin.into(), "the origin")?;
        let (screened, report) = chain.chain.screen(data, origin);
        let mut told = report.told(report.findings());
        let fields =
            told.as_object_mut().ok_or_else(|| Error::new(ErrorKind::Internal, "a report is no object"))?;
        fields.insert("text".to_owned(), screened.into());
        let told = octollm_string_t::json(&told)?;
        // SAFETY: the caller's promise.
        unsafe { out.write(told) };
        Ok(())
    })
}

/// Frees a chain. NULL is allowed.
///
/// # Safety
/// `chain` is NULL or living, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_chain_free(chain: *mut octollm_chain_t) {
    if !chain.is_null() {
        // SAFETY: it came from `octollm_chain_new`, and the caller gives it back.
        guard_or((), || drop(unsafe { Box::from_raw(chain) }));
    }
}
