//! Texts that the library gives to C.

use std::ffi::c_char;

use octollm_core::{Error, ErrorKind, Result};
use serde::Serialize;

use crate::guard::guard_or;

/// A text that the library made: UTF-8, `len` bytes at `data`, and a NUL after them that `len` does not count. Free it
/// with `octollm_string_free`.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct octollm_string_t {
    /// The bytes; NULL once freed.
    pub data: *mut c_char,
    /// How many there are.
    pub len: usize,
}

impl octollm_string_t {
    pub(crate) fn new(text: String) -> Self {
        let len = text.len();
        let mut bytes = text.into_bytes();
        bytes.push(0);
        Self { data: Box::into_raw(bytes.into_boxed_slice()).cast(), len }
    }

    /// `value` as JSON.
    pub(crate) fn json(value: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_string(value).map_err(|error| {
            Error::new(ErrorKind::Internal, "an answer cannot be written as JSON").with_source(error)
        })?;
        Ok(Self::new(text))
    }
}

/// Frees a text, and empties it, so that freeing it twice does no harm. NULL is allowed.
///
/// # Safety
/// `string` is NULL or points to a text that this library wrote, or to one with `data` NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_string_free(string: *mut octollm_string_t) {
    // SAFETY: the caller's promise.
    let Some(string) = (unsafe { string.as_mut() }) else { return };
    let data = std::mem::replace(&mut string.data, std::ptr::null_mut());
    let len = std::mem::take(&mut string.len);
    if !data.is_null() {
        let bytes = std::ptr::slice_from_raw_parts_mut(data.cast::<u8>(), len + 1);
        // SAFETY: `new` made it, of this length with its NUL, and the caller gives it back.
        guard_or((), || drop(unsafe { Box::from_raw(bytes) }));
    }
}
