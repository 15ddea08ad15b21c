//! One attempt at one step: the call of an arm, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use crate::arm::{ArmCall, ArmReply, ProgressSink, RegisteredArm, StepRef};
use crate::error::Result;
use crate::model::{LiveSink, Words};
use crate::task::{Event, EventKind, Usage, now};

use super::Engine;
use crate::orchestrator::veil::{Veil, Veiled};

/// What came of a call.
pub(crate) struct Outcome {
    /// The step's place in the plan.
    pub(crate) index: usize,
    pub(crate) arm: Arc<RegisteredArm>,
    pub(crate) reply: Result<ArmReply>,
    /// What the reflexes found in it.
    pub(crate) reacted: Option<Box<EventKind>>,
    pub(crate) effort: Effort,
}

/// What a call took, whatever came of it; nothing by default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Effort {
    /// Whether the arm was asked, or only waited for.
    pub(crate) called: bool,
    pub(crate) took: Duration,
    /// Calls of models and of other arms, but not the call itself.
    pub(crate) spent: Usage,
}

/// Calls the arm within its layers: it gets the values that it needs, and its answer is screened before anybody sees it.
pub(crate) async fn attempt(index: usize, arm: Arc<RegisteredArm>, mut call: ArmCall, veil: Veil) -> Outcome {
    let (given, step) = (veil.lift(&mut call, &arm.descriptor), call.step);
    let ledger = call.ledger.clone();
    let cancelled = call.cancelled.clone().drop_guard();
    let reply = arm.layered.execute(call).await;
    cancelled.disarm();
    let began = ledger.began.get();
    let effort = Effort {
        called: began.is_some(),
        took: began.map_or(Duration::ZERO, |began| began.elapsed()),
        // What was paid for a call that failed was paid for.
        spent: reply.as_ref().map_or_else(|_| ledger.used(), |reply| reply.usage.clone()),
    };
    let veiled = match reply {
        Ok(reply) => {
            // What other arms told it, it may hand on.
            let given = if ledger.has_asked() { veil.widened(given) } else { given };
            veil.drop_over(reply, given, step, &arm.descriptor).await
        }
        Err(error) => Err(error),
    };
    let (reply, reacted) = match veiled {
        Ok(Veiled { what, reacted }) => (Ok(what), reacted.map(Box::new)),
        Err(error) => (Err(error), None),
    };
    Outcome { index, arm, reply, reacted, effort }
}

/// Hands a step's progress to those who watch the task.
impl ProgressSink for Engine {
    fn report(&self, of: Option<StepRef>, message: &str, fraction: Option<f32>) {
        let Some(StepRef { task_id, step }) = of else { return };
        let fraction =
            fraction.filter(|fraction| fraction.is_finite()).map(|fraction| fraction.clamp(0.0, 1.0));
        let kind = EventKind::StepProgress { step, message: message.to_owned(), fraction };
        self.hub.publish_live(&Event { task_id, seq: 0, at: now(), kind });
    }
}

/// Hands the words of a running answer to those who watch the task.
impl LiveSink for Engine {
    fn say(&self, words: Words) {
        let Words { task_id: Some(task_id), step, call, offset, text } = words else { return };
        let kind = EventKind::ModelDelta { step, call, offset, text };
        self.hub.publish_live(&Event { task_id, seq: 0, at: now(), kind });
    }
}
