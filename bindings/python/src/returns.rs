//! How answers get back from Python's threads.
//!
//! Waking a thread of the runtime takes as long as a short arm does, and a step that is taken up alone has a commit of its
//! own. So answers are handed on together: at once where no other call waits for a thread, and else when the last of those
//! that wait is answered, or a moment has passed. A call that takes long holds up no other one's answer for longer.

use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use octollm_core::Result;
use serde_json::Value;
use tokio::sync::{Notify, oneshot};

use crate::runtime::runtime;
use crate::workers;

/// How long an answer may wait for those that come after it.
const MOMENT: Duration = Duration::from_millis(1);

/// Where an answer is waited for.
pub(crate) type Asker = oneshot::Sender<Result<Value>>;

/// No longer than there are calls under way.
static ANSWERS: Mutex<Vec<(Asker, Result<Value>)>> = Mutex::new(Vec::new());
static CAME: Notify = Notify::const_new();

fn answers() -> MutexGuard<'static, Vec<(Asker, Result<Value>)>> {
    ANSWERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands an answer on; `more`: others will soon follow it. False if nobody waits any more.
pub(crate) fn push(to: Asker, answer: Result<Value>, more: bool) -> bool {
    static STARTED: Once = Once::new();
    if to.is_closed() {
        return false;
    }
    let mut answers = answers();
    answers.push((to, answer));
    let first = answers.len() == 1;
    drop(answers);
    STARTED.call_once(|| {
        // There is a runtime: it has called.
        drop(runtime().map(|runtime| runtime.spawn(hand_on())));
    });
    if first || !more {
        CAME.notify_one();
    }
    true
}

async fn hand_on() {
    loop {
        CAME.notified().await;
        if workers::call_waits() {
            drop(tokio::time::timeout(MOMENT, CAME.notified()).await);
        }
        let taken = std::mem::take(&mut *answers());
        for (to, answer) in taken {
            drop(to.send(answer));
        }
    }
}
