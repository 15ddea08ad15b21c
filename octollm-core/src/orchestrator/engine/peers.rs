//! Arms that ask arms.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::arm::capability::Caveat;
use crate::arm::{ArmCall, ArmReply, CapabilityToken, Peer, RegisteredArm, Switchboard};
use crate::error::{Error, ErrorKind, Result, Status};
use crate::model::Allowance;
use crate::orchestrator::router::{Choice, Wanted};
use crate::orchestrator::veil::Veil;
use crate::task::{RequestId, SubTask, Usage, now};

/// Arms on the way from a step to the arm that is asked last.
const MOST_HOPS: usize = 4;

/// The way from one task's arms to others.
pub(super) struct Line {
    pub(super) engine: Arc<Engine>,
    pub(super) veil: Veil,
    /// Set once an arm was asked whose answers vary.
    pub(super) varied: Arc<AtomicBool>,
}

#[async_trait]
impl Switchboard for Line {
    fn has(&self, from: &ArmCall, whom: &Peer) -> bool {
        self.engine.find(from, whom).is_ok()
    }

    async fn connect(&self, from: &ArmCall, whom: &Peer, input: Value) -> Result<ArmReply> {
        let arm = self.engine.find(from, whom)?;
        if arm.descriptor.varies {
            self.varied.store(true, Ordering::Release);
        }
        let mut input = input;
        self.veil.hide(&mut input);
        let faults = arm.input().faults(&input);
        if !faults.is_empty() {
            return Err(Error::invalid("the input does not satisfy the other arm's schema", faults)
                .with_context("arm", &*arm.id));
        }
        let capability = self.engine.capability(from, &arm, whom);
        let mut call = ArmCall { capability, ..onward(from, &arm, input)? };
        let given = self.veil.lift(&mut call, &arm.descriptor);
        let (ledger, cancelled) = (call.ledger.clone(), call.cancelled.clone().drop_guard());
        let reply = arm.layered.execute(call).await;
        cancelled.disarm();
        let reply = match reply {
            // What was found is told with the next event of the step.
            Ok(reply) => {
                self.veil.drop_over(reply, given, from.step, &arm.descriptor).await.map(|veiled| veiled.what)
            }
            Err(error) => Err(error),
        };
        let Some(began) = ledger.began.get() else { return reply };
        arm.record(reply.is_ok(), began.elapsed());
        // What went through the allowance is counted already, for it was of this call's.
        let mut beyond =
            reply.as_ref().map_or_else(|_| Usage::default(), |reply| reply.usage.beyond(&ledger.used()));
        beyond.arm_calls += 1;
        from.allowance().add(&beyond);
        reply
    }
}

impl Engine {
    /// What the call may do, where its arm does what cannot be undone: what it is asked for, within the step.
    fn capability(&self, from: &ArmCall, arm: &RegisteredArm, whom: &Peer) -> Option<CapabilityToken> {
        let left = from.deadline.saturating_duration_since(Instant::now());
        let token = self.mint(from.task_id, arm)?.attenuated(Caveat::Step(from.step));
        let token = token.attenuated(Caveat::Before(now().checked_add(left).ok()?));
        Some(match whom {
            Peer::Arm(_) => token,
            Peer::Capability(name) => token.attenuated(Caveat::Capabilities(vec![name.clone()])),
        })
    }

    /// The best such arm that is not on the way to this call already: it might wait for itself.
    fn find(&self, from: &ArmCall, whom: &Peer) -> Result<Arc<RegisteredArm>> {
        let on_the_way: Vec<_> = from.peers.on_the_way().map(|caller| caller.arm_id.clone()).collect();
        if on_the_way.len() >= MOST_HOPS {
            return Err(Error::new(ErrorKind::Unavailable, "too many arms ask one another")
                .with_status(Status::Permanent)
                .with_hint(format!("at most {MOST_HOPS} may; make some of them steps of the plan")));
        }
        let mut subtask = SubTask::new(from.step, "", "");
        match whom {
            Peer::Arm(id) => subtask.required_arm.clone_from(id),
            Peer::Capability(name) => subtask.required_capabilities.push(name.clone()),
        }
        let choose = |gave_up_on| {
            let wanted = Wanted { subtask: &subtask, any_of: &[], gave_up_on };
            self.router.choose(&self.registry, &wanted)
        };
        match choose(&on_the_way) {
            Ok(Choice { arm, .. }) => Ok(arm),
            Err(error) if choose(&[]).is_err() => Err(error),
            // It will not come later, as one that is not there may.
            Err(_) => Err(Error::new(
                ErrorKind::Unavailable,
                "the arm that is asked is on the way to this call already",
            )
            .with_status(Status::Permanent)
            .with_context("asked_for", whom.to_string())
            .with_hint("arms that ask one another in a circle would wait for themselves")),
        }
    }
}

/// The call that follows from this one.
fn onward(from: &ArmCall, arm: &RegisteredArm, input: Value) -> Result<ArmCall> {
    let side_effects = arm.side_effects(&input);
    if from.peers.caller().is_some_and(|asking| side_effects > asking.side_effects) {
        return Err(Error::new(
            ErrorKind::Unauthorized,
            "the other arm may do more to the world than the arm that asks it",
        )
        .with_context("arm", &*arm.id)
        .with_hint(
            "declare the side effects of the arm that asks, or make the other arm a step of the plan",
        ));
    }
    // The same for every attempt of the step, if the arm asks for the same in the same order.
    let request_id = format!("{}-{}-{}", from.request_id, arm.id, from.ledger.count());
    let call = ArmCall {
        input: Arc::new(input),
        task_id: from.task_id,
        step: from.step,
        attempt: from.attempt,
        request_id: RequestId::from(request_id.as_str()),
        priority: from.priority,
        time_limit: from.deadline.saturating_duration_since(Instant::now()),
        deadline: from.deadline,
        grant: from.allowance().left(),
        capability: None,
        cancelled: CancellationToken::new(),
        progress: from.progress.clone(),
        live: from.live.clone(),
        ledger: Arc::default(),
        peers: from.peers.onward(arm.id.clone(), side_effects),
        redactor: from.redactor.clone(),
    };
    call.ledger.allowance.set(Allowance::within(from.allowance())).ok();
    Ok(call)
}
