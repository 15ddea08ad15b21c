//! What a callback is given back: a pointer of the caller's, and how to be rid of it.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Ends the life of an `env`. NULL where there is nothing to end.
#[allow(non_camel_case_types)]
pub type octollm_finalizer_t = Option<unsafe extern "C" fn(env: *mut c_void)>;

/// An `env` with its finalizer, which runs when this is dropped.
pub(crate) struct Env {
    pointer: AtomicPtr<c_void>,
    finalizer: octollm_finalizer_t,
}

impl Env {
    pub(crate) fn new(pointer: *mut c_void, finalizer: octollm_finalizer_t) -> Self {
        Self { pointer: AtomicPtr::new(pointer), finalizer }
    }

    pub(crate) fn pointer(&self) -> *mut c_void {
        self.pointer.load(Ordering::Relaxed)
    }
}

impl Drop for Env {
    fn drop(&mut self) {
        if let Some(finalizer) = self.finalizer {
            // SAFETY: the header says that a finalizer may be called once from any thread with its `env`.
            amid_work(|| unsafe { finalizer(self.pointer()) });
        }
    }
}

thread_local! {
    static AMID_WORK: Cell<bool> = const { Cell::new(false) };
}

/// Calls a callback of the program in the midst of the library's own work, on a thread that may drive everything else:
/// what would wait there for the library would wait for itself.
pub(crate) fn amid_work(callback: impl FnOnce()) {
    let before = AMID_WORK.replace(true);
    callback();
    AMID_WORK.set(before);
}

/// Whether this is such a callback.
pub(crate) fn is_amid_work() -> bool {
    AMID_WORK.get()
}
