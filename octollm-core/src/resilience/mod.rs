//! Living with what fails, what is slow and who asks too much: a breaker, a backoff, a gate and a quota, one of each.
//!
//! All of them decide and none of them waits by the clock: whoever calls brings the time and does the sleeping. So one
//! implementation serves models and arms alike, and tests need no sleep.

mod backoff;
mod breaker;
mod gate;
mod quota;

pub use backoff::{Backoff, Jitter, seed};
pub use breaker::{Breaker, BreakerOptions, BreakerPermit, BreakerState, RetryAfter};
pub use gate::{Gate, Permit};
pub use quota::Quota;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a panic elsewhere: what stands behind these locks is whole after every statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
