//! OctoLLM for C, C++ and every language that can call C.
//!
//! The rules of the whole interface:
//!
//! - What can fail answers an `octollm_error_t *`, NULL if it went well. Out-parameters are written only then.
//! - Texts that go in are `(pointer, length)` in UTF-8, and are copied where they are kept. Texts that come out are
//!   `octollm_string_t`, freed with `octollm_string_free`. The contract's types travel as JSON.
//! - Handles are opaque. Each has one function that frees it, which takes NULL, too.
//! - A callback gets the `env` that it was given with, may be called from any thread, and must not throw or jump out. Its
//!   finalizer runs exactly once, when nothing can call it any more.
//! - Every function checks its pointers and its texts, and no panic leaves the library.
//! - A process shares one set of threads. After a `fork` the child must not call the library.

pub mod arm;
pub mod builder;
pub mod call;
pub mod chain;
pub mod env;
pub mod error;
pub mod events;
mod guard;
pub mod log;
pub mod orchestrator;
pub mod reflex;
pub mod text;
mod workers;

use std::ffi::c_char;

/// The major version of this header.
pub const OCTOLLM_VERSION_MAJOR: u32 = 0;
/// The minor version of this header.
pub const OCTOLLM_VERSION_MINOR: u32 = 1;
/// The patch version of this header.
pub const OCTOLLM_VERSION_PATCH: u32 = 0;

/// The version of the library that is loaded, as `0.1.0`. NUL-terminated, never freed. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn octollm_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}
