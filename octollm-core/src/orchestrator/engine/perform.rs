//! What a driver does for each action.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use tokio::task::{Id, JoinError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempt::{Effort, Outcome, attempt};
use super::driver::Driver;
use crate::arm::capability::Caveat;
use crate::arm::{ArmCall, ArmReply, CapabilityToken, Ledger, Peers, Progress, RegisteredArm, StepRef};
use crate::error::{Error, ErrorKind, Result, Status};
use crate::orchestrator::router::{Choice, Wanted};
use crate::resilience::seed;
use crate::task::{
    Action, Admission, ApprovalReason, Binding, EventKind, Failure, Grant, RequestId, SideEffects, SubTask,
    TaskError, Timestamp, Usage, bind_input, now, rejection,
};

/// Retries on top of the usual where an arm cannot be reached: it may be starting again.
const PATIENCE: u32 = 4;

/// A call that runs by itself.
pub(super) struct InFlight {
    id: Id,
    /// The step's place in the plan.
    index: usize,
    ledger: Arc<Ledger>,
}

impl InFlight {
    /// What its models have used so far.
    pub(super) fn used(&self) -> Usage {
        self.ledger.used()
    }
}

impl Driver {
    /// Does what the state said at `at`. `alone`: no other step starts now.
    pub(super) async fn perform(&mut self, action: Action, at: Timestamp, alone: bool) -> Result<()> {
        match action {
            Action::ParseIntent => self.parse_intent().await,
            Action::Plan => self.plan().await,
            Action::Revise => self.revise().await,
            Action::Ask { step, reason } => self.ask(step, reason),
            Action::Start { index, grant } => self.start(index, grant, at, alone).await,
            Action::Skip { step, reason } => self.append(EventKind::StepSkipped { step, reason }),
            Action::GiveUp { step, error } => self.append(EventKind::StepFailed {
                step,
                arm_id: None,
                error,
                usage: Usage::default(),
                duration_ms: 0,
                then: crate::task::Then::GiveUp,
            }),
            Action::Integrate => self.integrate().await,
            Action::Fail(error) => self.fail(error, Usage::default()).await,
            Action::Cancel(reason) => {
                let usage = self.break_off().await;
                self.append(EventKind::TaskCancelled { reason, usage })
            }
            Action::WaitUntil(_) => Ok(()),
        }
    }

    /// Asks a person about the plan, or about a step that may have been done already.
    fn ask(&mut self, step: Option<u32>, reason: ApprovalReason) -> Result<()> {
        let arm_id = step.and_then(|step| self.state.step(step)?.arm_id().cloned());
        let plan = self.state.plan().cloned();
        let subtask = plan.as_ref().and_then(|plan| plan.subtasks.iter().find(|one| Some(one.step) == step));
        let arm = arm_id.as_ref().and_then(|id| self.engine.registry.get(id));
        // The person decides about what was handed to the arm; where it cannot be told any more, about the step.
        let input = arm.as_ref().zip(subtask).and_then(|(arm, subtask)| self.bind(subtask, arm).ok());
        let shown = arm.zip(input.as_ref()).and_then(|(arm, input)| arm.preview(input));
        self.append(EventKind::ApprovalRequested { step, reason, arm_id, input: input.map(Arc::new), shown })
    }

    /// Hands the step to the best arm, or asks a person first.
    async fn start(&mut self, index: usize, grant: Grant, at: Timestamp, alone: bool) -> Result<()> {
        let Some(plan) = self.state.plan().cloned() else { return Ok(()) };
        let Some(subtask) = plan.subtasks.get(index) else { return Ok(()) };
        let Choice { arm, routing } = match self.choose(index, subtask) {
            Ok(choice) => choice,
            Err(error) => return self.failed(index, None, &error, Effort::default()),
        };
        let input = match self.bind(subtask, &arm) {
            Ok(input) => Arc::new(input),
            Err(error) => return self.not_bound(index, subtask, &arm, grant, error).await,
        };
        let side_effects = arm.side_effects(&input);
        if arm.descriptor.side_effects != SideEffects::None || arm.descriptor.varies {
            self.answers_nobody_else().await;
        }
        let step = subtask.step;
        // Who wants to see what changes the world sees every call of an arm that can; that this one does not is its word.
        if let Admission::Ask(reason) = self.state.admit(index, &arm.id, arm.descriptor.side_effects) {
            let shown = arm.preview(&input);
            let (step, arm_id, input) = (Some(step), Some(arm.id.clone()), Some(input));
            return self.append(EventKind::ApprovalRequested { step, reason, arm_id, input, shown });
        }
        if let Err(error) = self.as_approved(step, &arm, &input) {
            return self.failed(index, None, &error, Effort::default());
        }
        let attempt = self.state.steps().get(index).map_or(0, crate::task::StepState::attempts) + 1;
        let (arm_id, routing) = (arm.id.clone(), Some(routing));
        self.append_at(at, EventKind::StepStarted { step, arm_id, attempt, side_effects, grant, routing })?;
        match side_effects {
            SideEffects::None => {}
            SideEffects::Idempotent => self.be_accepted().await?,
            SideEffects::Unsafe => self.flush().await?,
        }
        let capability = self.capability(subtask, &arm);
        let line = Arc::new(self.line());
        let peers = Peers::of(line, arm.id.clone(), side_effects);
        let call = ArmCall { capability, ..self.call(subtask, attempt, input, grant, at, peers) };
        self.hand_over(index, arm, call, alone).await
    }

    /// Whether the arm would do what a person was shown and has approved. Between the two its policy, or what it is made of,
    /// may have changed.
    fn as_approved(&self, step: u32, arm: &RegisteredArm, input: &Value) -> Result<()> {
        let Some(approved) = self.state.step(step).and_then(|step| step.approved()) else { return Ok(()) };
        if arm.preview(input).as_deref() == Some(approved) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Conflict, "what would be done is no longer what was approved").with_hint(
            "the arm's policy or the program behind it has changed since: submit the task again to see what it would do now",
        ))
    }

    fn choose(&self, index: usize, subtask: &SubTask) -> Result<Choice> {
        self.engine.router.choose(&self.engine.registry, &self.wanted(index, subtask))
    }

    fn wanted<'a>(&'a self, index: usize, subtask: &'a SubTask) -> Wanted<'a> {
        let gave_up_on = self.state.steps().get(index).map_or(&[][..], |step| step.gave_up_on());
        Wanted { subtask, any_of: &self.state.request().required_capabilities, gave_up_on }
    }

    fn bind(&self, subtask: &SubTask, arm: &RegisteredArm) -> Result<Value> {
        self.with_binding(subtask, arm, |binding| bind_input(binding, arm.input()))
    }

    /// What a step's input is made of here.
    pub(super) fn with_binding<T>(
        &self,
        subtask: &SubTask,
        arm: &RegisteredArm,
        with: impl FnOnce(&Binding<'_>) -> T,
    ) -> T {
        let outputs = |step| self.state.step(step).and_then(|step| step.output().cloned());
        with(&Binding {
            request: self.state.request(),
            subtask,
            arm_id: &arm.id,
            schema: &arm.descriptor.input_schema,
            read: self.state.intent().map(|intent| &intent.context),
            filled: self.state.step(subtask.step).and_then(|step| step.filled()).map(|filled| &**filled),
            outputs: &outputs,
        })
    }

    fn call(
        &self,
        subtask: &SubTask,
        attempt: u32,
        input: Arc<Value>,
        grant: Grant,
        at: Timestamp,
        peers: Peers,
    ) -> ArmCall {
        let task_id = self.state.task_id();
        let step = subtask.step;
        let own = subtask.timeout_seconds.map(|seconds| Duration::from_secs(seconds.into()));
        ArmCall {
            input,
            task_id,
            step,
            attempt,
            request_id: RequestId::of_step(task_id, step),
            priority: self.state.request().priority,
            time_limit: own.unwrap_or(self.engine.config.step_timeout),
            deadline: Instant::now() + self.state.time_left(at),
            grant,
            capability: None,
            cancelled: CancellationToken::new(),
            progress: Progress::to(self.engine.clone()).of(StepRef { task_id, step }),
            live: Some(self.live.clone()),
            ledger: Arc::default(),
            peers,
            redactor: None,
        }
    }

    /// What the call may do, where its arm does what cannot be undone: what the task and the step are restricted to, in
    /// this step, as long as the task may take.
    fn capability(&self, subtask: &SubTask, arm: &RegisteredArm) -> Option<CapabilityToken> {
        let mut token = self.engine.mint(self.state.task_id(), arm)?;
        for names in [&self.state.request().required_capabilities, &subtask.required_capabilities] {
            if !names.is_empty() {
                token = token.attenuated(Caveat::Capabilities(names.clone()));
            }
        }
        Some(
            token.attenuated(Caveat::Step(subtask.step)).attenuated(Caveat::Before(self.state.deadline_at())),
        )
    }

    /// Calls the arm. One that answers at once needs no task of its own: it is asked right here if it is the only one, or
    /// known to be quick. Others run side by side.
    async fn hand_over(
        &mut self,
        index: usize,
        arm: Arc<RegisteredArm>,
        call: ArmCall,
        alone: bool,
    ) -> Result<()> {
        let here = alone || arm.is_quick();
        let ledger = call.ledger.clone();
        let mut attempt = Box::pin(attempt(index, arm, call, self.veil.clone()));
        if here && let Poll::Ready(outcome) = futures_util::poll!(&mut attempt) {
            return self.take(outcome);
        }
        let handle = self.running.spawn(attempt);
        self.calls.push(InFlight { id: handle.id(), index, ledger });
        Ok(())
    }

    /// Takes a call that ended.
    pub(super) fn settle(&mut self, ended: std::result::Result<(Id, Outcome), JoinError>) -> Result<()> {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let Some(place) = self.calls.iter().position(|call| call.id == id) else { return Ok(()) };
        let InFlight { index, ledger, .. } = self.calls.swap_remove(place);
        match ended {
            Ok((_, outcome)) => self.take(outcome),
            Err(_) => {
                let error = Error::new(ErrorKind::Internal, "the call of the arm broke off");
                let effort = Effort { called: true, spent: ledger.used(), ..Effort::default() };
                self.failed(index, None, &error, effort)
            }
        }
    }

    fn take(&mut self, outcome: Outcome) -> Result<()> {
        let Outcome { index, arm, reply, reacted, effort } = outcome;
        if effort.called {
            arm.record(reply.is_ok(), effort.took);
        }
        if let Some(reacted) = reacted {
            self.append(*reacted)?;
        }
        match reply {
            Ok(reply) => match self.rejected(index, &reply) {
                Some(error) => self.did_not_pass(index, &arm, error, effort),
                None => self.completed(index, &arm, reply, effort),
            },
            Err(error) => self.failed(index, Some(&arm), &error, effort),
        }
    }

    fn completed(
        &mut self,
        index: usize,
        arm: &RegisteredArm,
        reply: ArmReply,
        effort: Effort,
    ) -> Result<()> {
        let Some(step) = self.state.steps().get(index).map(crate::task::StepState::step) else {
            return Ok(());
        };
        let ArmReply { output, confidence, .. } = reply;
        let mut usage = effort.spent;
        usage.arm_calls += 1;
        self.must_flush = true;
        self.append(EventKind::StepCompleted {
            step,
            arm_id: arm.id.clone(),
            output: Arc::new(output),
            confidence,
            usage,
            duration_ms: millis(effort.took),
        })
    }

    /// Why an answered step failed all the same: it must pass, and its output says that something did not.
    fn rejected(&self, index: usize, reply: &ArmReply) -> Option<TaskError> {
        let subtask = self.state.plan()?.subtasks.get(index)?;
        if !subtask.must_pass {
            return None;
        }
        rejection(&reply.output).map(|error| error.in_step(subtask.step))
    }

    /// The arm did its work, and said no: neither another attempt nor another arm changes that.
    fn did_not_pass(
        &mut self,
        index: usize,
        arm: &RegisteredArm,
        error: TaskError,
        effort: Effort,
    ) -> Result<()> {
        let Some(step) = self.state.steps().get(index).map(crate::task::StepState::step) else {
            return Ok(());
        };
        let mut usage = effort.spent;
        usage.arm_calls += 1;
        self.append(EventKind::StepFailed {
            step,
            arm_id: Some(arm.id.clone()),
            error,
            usage,
            duration_ms: millis(effort.took),
            then: crate::task::Then::GiveUp,
        })
    }

    pub(super) fn failed(
        &mut self,
        index: usize,
        arm: Option<&Arc<RegisteredArm>>,
        error: &Error,
        effort: Effort,
    ) -> Result<()> {
        let Some(plan) = self.state.plan().cloned() else { return Ok(()) };
        let Some(subtask) = plan.subtasks.get(index) else { return Ok(()) };
        let then = self.state.after_failure(index, self.failure(index, subtask, arm, error, effort.called));
        let mut usage = effort.spent;
        usage.arm_calls += u64::from(effort.called);
        self.append(EventKind::StepFailed {
            step: subtask.step,
            arm_id: arm.map(|arm| arm.id.clone()),
            error: self.veil.error(TaskError::from(error)).in_step(subtask.step),
            usage,
            duration_ms: millis(effort.took),
            then,
        })
    }

    fn failure(
        &self,
        index: usize,
        subtask: &SubTask,
        arm: Option<&Arc<RegisteredArm>>,
        error: &Error,
        called: bool,
    ) -> Failure {
        let config = &self.engine.config;
        let failures = self.state.steps().get(index).map_or(0, crate::task::StepState::failures);
        let random = seed(self.state.task_id().as_bytes(), subtask.step, failures);
        let wait = config.backoff.delay(failures + 1, error.retry_after(), random);
        let (engine, wanted) = (&self.engine, self.wanted(index, subtask));
        let unreachable = error.kind() == ErrorKind::Unavailable;
        Failure {
            kind: error.kind(),
            temporary: error.status() == Status::Temporary,
            called,
            alternative: arm
                .is_some_and(|arm| engine.router.has_alternative(&engine.registry, &wanted, &arm.id)),
            retry_at: now().checked_add(wait).unwrap_or_else(|_| self.state.deadline_at()),
            max_retries: config.max_retries + if unreachable { PATIENCE } else { 0 },
        }
    }
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
