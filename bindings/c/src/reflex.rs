//! The detectors, without an orchestrator.

use std::ffi::c_char;
use std::sync::LazyLock;

use octollm_core::reflex::injection::Origin;
use octollm_core::reflex::pii::PiiOptions;
use octollm_core::reflex::{Detectors, RedactStyle, Redactor};
use octollm_core::schema::from_value;
use octollm_core::{Error, ErrorKind, Result};

use crate::error::octollm_error_t;
use crate::guard::{guard, invalid, null, place_for, text};
use crate::text::octollm_string_t;

/// The text comes from outside (a document, a page) and is judged more strictly.
pub const OCTOLLM_REFLEX_EXTERNAL: u32 = 1;
/// Names of persons and street addresses are looked for, too: by a model that errs, and takes longer.
pub const OCTOLLM_REFLEX_NAMES: u32 = 2;

/// The least that a key of hashes has.
const KEY_BYTES: usize = 32;

/// Finds personal data, secrets and injections in a text, and writes them as JSON: a list of `{kind, type, start, end,
/// confidence, severity, explanation}` in the text's order, without overlaps; `start` and `end` count bytes. `flags` are 0,
/// or `OCTOLLM_REFLEX_EXTERNAL` and `OCTOLLM_REFLEX_NAMES` or-ed together. Thread-safe; microseconds.
///
/// # Safety
/// `data` is NULL or points to `len` bytes; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_reflex_scan(
    data: *const c_char,
    len: usize,
    flags: u32,
    out: *mut octollm_string_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let text = unsafe { text(data, len, "text") }?;
        known(flags, OCTOLLM_REFLEX_EXTERNAL | OCTOLLM_REFLEX_NAMES)?;
        let external = flags & OCTOLLM_REFLEX_EXTERNAL != 0;
        let origin = if external { Origin::External } else { Origin::User };
        let findings = octollm_string_t::json(&detectors(flags)?.scan(text, origin))?;
        // SAFETY: the caller's promise.
        unsafe { out.write(findings) };
        Ok(())
    })
}

/// Writes the text without personal data and secrets. `style` is `mask`, `partial`, `hash`, `remove` or `placeholder`;
/// `key` are 32 secret bytes that make the hashes of style `hash`, the same ones for the same key (NULL for other styles).
/// `flags` are 0 or `OCTOLLM_REFLEX_NAMES`. Thread-safe; microseconds.
///
/// # Safety
/// `data` and `style` are NULL or point to as many bytes as they say; `key` is NULL or points to 32 bytes; `out` is NULL or
/// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn octollm_reflex_redact(
    data: *const c_char,
    len: usize,
    flags: u32,
    style: *const c_char,
    style_len: usize,
    key: *const u8,
    out: *mut octollm_string_t,
) -> *mut octollm_error_t {
    guard(|| {
        let out = place_for(out)?;
        // SAFETY: the caller's promise.
        let (text, style) = unsafe { (text(data, len, "text")?, text(style, style_len, "style")?) };
        known(flags, OCTOLLM_REFLEX_NAMES)?;
        let style: RedactStyle = from_value(style.into(), "the style")?;
        let key = match (key.is_null(), style) {
            (true, RedactStyle::Hash) => return Err(null("key")),
            (true, _) => [0; KEY_BYTES],
            // SAFETY: not NULL, and 32 bytes by the caller's promise.
            (false, _) => unsafe { key.cast::<[u8; KEY_BYTES]>().read_unaligned() },
        };
        let redacted = Redactor::new(style, key).redact(text, &detectors(flags)?.private(text));
        // SAFETY: the caller's promise.
        unsafe { out.write(octollm_string_t::new(redacted)) };
        Ok(())
    })
}

/// Whether these are flags that there are.
fn known(flags: u32, there_are: u32) -> Result<()> {
    if flags & !there_are == 0 {
        Ok(())
    } else {
        Err(invalid("flags", "has bits that stand for nothing here"))
    }
}

fn detectors(flags: u32) -> Result<&'static Detectors> {
    static PLAIN: LazyLock<Result<Detectors>> = LazyLock::new(Detectors::new);
    static WITH_NAMES: LazyLock<Result<Detectors>> =
        LazyLock::new(|| Detectors::with(PiiOptions { names: true, ..PiiOptions::default() }));
    let built = if flags & OCTOLLM_REFLEX_NAMES == 0 { &PLAIN } else { &WITH_NAMES };
    built.as_ref().map_err(|_| Error::new(ErrorKind::Internal, "the detectors cannot be built"))
}
