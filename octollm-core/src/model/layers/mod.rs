//! What surrounds every call of a model. Each layer wraps an `Arc<dyn LanguageModel>` and is one; [`standard`] stacks
//! them in the right order, from the outside in:
//!
//! 1. [`Deadline`]: ends the call when nobody can use its answer any more.
//! 2. [`Redact`]: below it everything has placeholders where people had names: caches, logs and providers alike.
//! 3. [`Cached`] (opt-in): answers what was asked before. A hit costs nothing and waits for nobody.
//! 4. [`Fallback`]: asks the next model where one cannot answer. For each model of the chain:
//!     1. [`Retry`]: asks again after a failure that may pass.
//!     2. [`Budget`]: sets aside what the call can cost and settles what it did cost. Below the retries, so that a call
//!        that waits for its next attempt holds nothing back; for each model, because each has its own price.
//!     3. [`Limit`]: waits until the provider takes another call.
//!     4. [`Guard`]: refuses at once while the provider keeps failing. Below the limit, so that whoever waited for a
//!        place while the breaker opened does not ask in vain.
//!     5. [`Trace`]: a span for each call that a provider really gets.
//!     6. [`Broadcast`]: shows the words of an answer while they come. Below everything, so that those who listen see
//!        placeholders where people had names, and every attempt as an answer of its own.
//!
//! **Cancellation.** A layer keeps nothing alive: no layer starts a task of its own, so dropping the future of a call, or
//! its stream, drops everything down to the connection. What is held comes back in the same moment: the place in the
//! limit, the breaker's probe, the reservation. A stream that is dropped half-way has cost something: the budget settles
//! what was seen of it.
//!
//! **Streams.** Until the first piece of an answer has been passed on, a failure may be retried or taken to a fallback;
//! after that it is told, because the half of one answer and the half of another make none. [`complete`] passes nothing
//! on before the end, so there an answer that breaks off is asked for again.
//!
//! [`complete`]: crate::model::LanguageModel::complete

mod breaker;
mod broadcast;
mod budget;
mod cache;
mod deadline;
mod fallback;
mod limit;
mod redact;
mod retry;
mod standard;
mod tally;
#[cfg(test)]
mod tests;
mod trace;
mod watch;

pub use breaker::Guard;
pub use broadcast::Broadcast;
pub use budget::Budget;
pub use cache::{CacheOptions, Cached};
pub use deadline::Deadline;
pub use fallback::Fallback;
pub use limit::{Limit, Limits, RateOptions};
pub use redact::{CallRedactor, Redact, Redactor, Redactors, Shape};
pub use retry::{Retry, RetryOptions};
pub use standard::{Around, Link, LinkOptions, guarded, standard};
pub use trace::Trace;

use crate::error::Error;

/// The key of an error's context that names the layer which did not even ask the provider.
const HELD_BACK: &str = "held_back_by";

/// Whether one of our own layers refused, and no provider was asked.
fn held_back(error: &Error) -> bool {
    error.context(HELD_BACK).is_some()
}
