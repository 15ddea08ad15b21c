//! Laws of the fold, over random plans, random outcomes and a crash after every single event.

mod revision;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::error::ErrorKind;
use crate::task::{
    Approval, Budget, Event, EventKind, ExecutionPlan, Grant, PlanSource, SideEffects, StepStatus, SubTask,
    Then, Usage,
};

/// What an arm does when a step is tried: one entry per failed attempt, then success.
#[derive(Debug, Clone)]
struct Script {
    failures: Vec<Fail>,
    side_effects: SideEffects,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fail {
    Temporary,
    Permanent,
}

#[derive(Debug, Clone)]
struct Scenario {
    plan: ExecutionPlan,
    scripts: Vec<Script>,
    approval: Approval,
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let fail = prop_oneof![4 => Just(Fail::Temporary), 1 => Just(Fail::Permanent)];
    let side_effects =
        prop_oneof![Just(SideEffects::None), Just(SideEffects::Idempotent), Just(SideEffects::Unsafe)];
    let script = (prop::collection::vec(fail, 0..3), side_effects)
        .prop_map(|(failures, side_effects)| Script { failures, side_effects });
    let step = (script, any::<u64>(), prop::bool::weighted(0.1));
    let approval = prop_oneof![Just(Approval::Never), Just(Approval::Plan), Just(Approval::SideEffects)];
    (prop::collection::vec(step, 1..8), approval).prop_map(|(steps, approval)| {
        let mut scripts = Vec::new();
        let mut subtasks = Vec::new();
        for (index, (script, edges, ask)) in steps.into_iter().enumerate() {
            let number = index as u32 + 1;
            let dependencies = (1..number).filter(|earlier| edges >> earlier & 3 == 3);
            let mut subtask = SubTask::new(number, "work", "arm").after(dependencies);
            subtask.approval = ask;
            subtasks.push(subtask);
            scripts.push(script);
        }
        let plan = ExecutionPlan::new(PlanSource::Caller, subtasks).normalised();
        Scenario { plan, scripts, approval }
    })
}

/// The driver of the tests: performs actions in virtual time, and dies where it is told to.
struct World {
    scenario: Scenario,
    log: Vec<Arc<Event>>,
    state: TaskState,
    now: Timestamp,
    crash_at: Option<usize>,
    /// Completions per step: the law is that no step has two.
    completions: BTreeMap<u32, u32>,
}

impl World {
    fn new(scenario: Scenario, crash_at: Option<usize>) -> Self {
        let request = TaskRequest {
            plan: Some(Arc::new(scenario.plan.clone())),
            approval: scenario.approval,
            ..TaskRequest::new("a goal that is long enough")
        };
        let now = Timestamp::UNIX_EPOCH;
        let kind = EventKind::TaskAccepted {
            request: Arc::new(request),
            deadline_at: now + Duration::from_secs(3600),
        };
        let event = Arc::new(Event { task_id: TaskId::from_bytes([7; 16]), seq: 1, at: now, kind });
        let state = TaskState::fold([event.clone()]).unwrap();
        Self { scenario, log: vec![event], state, now, crash_at, completions: BTreeMap::new() }
    }

    fn append(&mut self, kind: EventKind) {
        let event = Event { task_id: self.state.task_id(), seq: self.state.seq() + 1, at: self.now, kind };
        self.state.apply(&event).unwrap();
        self.log.push(Arc::new(event));
    }

    /// Dies if it is time: everything in memory is lost, the log is folded again.
    fn crashed(&mut self) -> bool {
        if self.crash_at != Some(self.log.len()) {
            return false;
        }
        self.crash_at = None;
        self.state = TaskState::fold(&self.log).unwrap();
        self.state.interrupt();
        true
    }

    fn run(mut self) -> Self {
        for _ in 0..2000 {
            self.crashed();
            if self.state.status().is_terminal() {
                return self;
            }
            let actions = self.state.next(self.now);
            self.never_stuck(&actions);
            self.turn(actions);
        }
        panic!("the task does not end");
    }

    fn never_stuck(&self, actions: &[Action]) {
        let acts = actions.iter().any(|action| !matches!(action, Action::WaitUntil(_)));
        let runs = self.state.steps().iter().any(|step| step.status() == StepStatus::Running);
        let asks = !self.state.open_questions().is_empty();
        let waits = self.state.steps().iter().any(|step| step.retry_at.is_some());
        assert!(acts || runs || asks || waits, "stuck: {:#?}", self.state);
    }

    fn turn(&mut self, actions: Vec<Action>) {
        let mut wait = None;
        let mut acted = false;
        for action in actions {
            match action {
                Action::WaitUntil(at) => wait = Some(at),
                action => {
                    self.perform(action);
                    acted = true;
                    if self.crashed() {
                        return;
                    }
                }
            }
        }
        if acted {
            return;
        }
        let running = self.state.steps().iter().find(|step| step.status() == StepStatus::Running);
        if let Some(number) = running.map(StepState::step) {
            self.finish(number);
        } else if let Some((step, _)) = self.state.open_questions().first().copied() {
            self.append(EventKind::ApprovalDecided { step, approved: true, note: None });
        } else if let Some(at) = wait {
            self.now = at;
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::ParseIntent => panic!("the plan is given"),
            Action::Plan => {
                let plan = Arc::new(self.scenario.plan.clone());
                self.append(EventKind::PlanCreated { plan, usage: Usage::default() });
            }
            Action::Ask { step, reason } => {
                self.append(EventKind::ApprovalRequested {
                    step,
                    reason,
                    arm_id: None,
                    input: None,
                    shown: None,
                });
            }
            Action::Start { index, grant } => self.start(index, grant),
            Action::Skip { step, reason } => self.append(EventKind::StepSkipped { step, reason }),
            Action::GiveUp { .. } => panic!("one crash is no reason to give up"),
            Action::Integrate => {
                self.append(EventKind::TaskCompleted {
                    result: Arc::new(json!("done")),
                    confidence: None,
                    usage: Usage::default(),
                });
            }
            Action::Revise => unreachable!("nobody allows revisions here"),
            Action::Fail(error) => self.append(EventKind::TaskFailed { error, usage: Usage::default() }),
            Action::Cancel(reason) => {
                self.append(EventKind::TaskCancelled { reason, usage: crate::task::Usage::default() })
            }
            Action::WaitUntil(_) => {}
        }
    }

    fn start(&mut self, index: usize, grant: Grant) {
        let step = self.state.steps()[index].step();
        let side_effects = self.scenario.scripts[index].side_effects;
        match self.state.admit(index, "arm", side_effects) {
            Admission::Ask(reason) => {
                self.append(EventKind::ApprovalRequested {
                    step: Some(step),
                    reason,
                    arm_id: None,
                    input: None,
                    shown: None,
                });
            }
            Admission::Go => {
                let attempt = self.state.steps()[index].attempts() + 1;
                self.append(EventKind::StepStarted {
                    step,
                    arm_id: "arm".into(),
                    attempt,
                    side_effects,
                    grant,
                    routing: None,
                });
            }
        }
    }

    fn finish(&mut self, number: u32) {
        let index = number as usize - 1;
        // What an arm does depends on what it did before, not on how often it was interrupted.
        let failed = self
            .log
            .iter()
            .filter(|event| matches!(&event.kind, EventKind::StepFailed { step, .. } if *step == number));
        let Some(fail) = self.scenario.scripts[index].failures.get(failed.count()).copied() else {
            *self.completions.entry(number).or_default() += 1;
            return self.append(EventKind::StepCompleted {
                step: number,
                arm_id: "arm".into(),
                output: Arc::new(json!({"step": number})),
                confidence: None,
                usage: Usage::default(),
                duration_ms: 1,
            });
        };
        let failure = Failure {
            kind: ErrorKind::ArmFailed,
            temporary: fail == Fail::Temporary,
            called: true,
            alternative: false,
            retry_at: self.now + Duration::from_secs(1),
            max_retries: 2,
        };
        let then = self.state.after_failure(index, failure);
        self.append(EventKind::StepFailed {
            step: number,
            arm_id: Some("arm".into()),
            error: TaskError::new(ErrorKind::ArmFailed, "it failed"),
            usage: Usage::default(),
            duration_ms: 1,
            then,
        });
    }

    /// What must be the same with and without a crash. Which of several failed dependencies a skipped step names may
    /// differ, since a crash may change the order in which they fail.
    fn outcome(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let result = self.state.result();
        let code = |error: &Option<TaskError>| error.as_ref().map(|error| error.code.clone());
        let step =
            |step: &crate::task::StepResult| (step.step, step.status, step.output.clone(), code(&step.error));
        let steps: Vec<_> = result.steps.iter().map(step).collect();
        (result.status, result.result.clone(), result.error.clone(), steps)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_crash_after_any_event_changes_nothing(scenario in scenario()) {
        let calm = World::new(scenario.clone(), None).run();
        for crash_at in 1..=calm.log.len() {
            let crashed = World::new(scenario.clone(), Some(crash_at)).run();
            prop_assert_eq!(calm.outcome(), crashed.outcome(), "crash after event {}", crash_at);
            prop_assert!(crashed.completions.values().all(|count| *count == 1));
        }
    }

    #[test]
    fn folding_the_log_is_the_state(scenario in scenario()) {
        let world = World::new(scenario, None).run();
        prop_assert_eq!(TaskState::fold(&world.log).unwrap(), world.state);
    }

    #[test]
    fn a_step_starts_only_after_what_it_depends_on(scenario in scenario()) {
        let world = World::new(scenario, None).run();
        let mut completed = BTreeSet::new();
        for event in &world.log {
            match &event.kind {
                EventKind::StepStarted { step, .. } => {
                    let subtask = &world.scenario.plan.subtasks[*step as usize - 1];
                    prop_assert!(subtask.depends_on.iter().all(|step| completed.contains(step)));
                    prop_assert!(!completed.contains(step));
                }
                EventKind::StepCompleted { step, .. } => { completed.insert(*step); }
                _ => {}
            }
        }
    }
}

fn planned(request: TaskRequest, plan: ExecutionPlan) -> World {
    let mut world = World::new(Scenario { plan, scripts: Vec::new(), approval: request.approval }, None);
    let kind = EventKind::TaskAccepted { request: Arc::new(request), deadline_at: world.state.deadline_at() };
    let event = Arc::new(Event { kind, ..(*world.log[0]).clone() });
    world.state = TaskState::fold([event]).unwrap();
    world.perform(Action::Plan);
    world
}

fn two_steps() -> ExecutionPlan {
    let steps = vec![SubTask::new(1, "first", "arm"), SubTask::new(2, "second", "arm").after([1])];
    ExecutionPlan::new(PlanSource::Caller, steps)
}

fn started(step: u32, side_effects: SideEffects) -> EventKind {
    let (arm_id, grant) = ("arm".into(), Grant::default());
    EventKind::StepStarted { step, arm_id, attempt: 1, side_effects, grant, routing: None }
}

#[test]
fn an_unsafe_step_in_flight_waits_for_a_person() {
    let mut world = planned(TaskRequest::new("a goal that is long enough"), two_steps());
    world.append(started(1, SideEffects::Unsafe));
    world.state.interrupt();
    let ask = Action::Ask { step: Some(1), reason: crate::task::ApprovalReason::InDoubt };
    assert_eq!(world.state.next(world.now)[0], ask);
    world.perform(ask);
    assert_eq!(world.state.status(), TaskStatus::AwaitingApproval);
    assert!(world.state.next(world.now).is_empty());
}

#[test]
fn a_step_that_kills_its_process_is_given_up() {
    let mut world = planned(TaskRequest::new("a goal that is long enough"), two_steps());
    for _ in 0..5 {
        world.append(started(1, SideEffects::None));
        world.state.interrupt();
    }
    assert!(matches!(world.state.next(world.now)[0], Action::GiveUp { step: 1, .. }));
}

#[test]
fn the_deadline_stands_still_while_a_person_thinks() {
    let request = TaskRequest { approval: Approval::Plan, ..TaskRequest::new("a goal that is long enough") };
    let mut world = planned(request, two_steps());
    let before = world.state.deadline_at();
    world.append(EventKind::ApprovalRequested {
        step: None,
        reason: crate::task::ApprovalReason::Plan,
        arm_id: None,
        input: None,
        shown: None,
    });
    world.now += Duration::from_secs(86_400);
    assert!(world.state.next(world.now).is_empty(), "a parked task must not run into its deadline");
    world.append(EventKind::ApprovalDecided { step: None, approved: true, note: None });
    assert_eq!(world.state.deadline_at(), before + Duration::from_secs(86_400));
    assert!(matches!(world.state.next(world.now)[0], Action::Start { index: 0, .. }));
}

#[test]
fn a_refused_plan_cancels_the_task() {
    let request = TaskRequest { approval: Approval::Plan, ..TaskRequest::new("a goal that is long enough") };
    let mut world = planned(request, two_steps());
    world.append(EventKind::ApprovalDecided { step: None, approved: false, note: None });
    assert!(matches!(world.state.next(world.now)[0], Action::Cancel(_)));
}

#[test]
fn ready_steps_share_what_is_left_and_wait_for_what_is_reserved() {
    let budget = Budget { max_tokens: Some(100), ..Budget::default() };
    let request = TaskRequest { budget: Some(budget), ..TaskRequest::new("a goal that is long enough") };
    let steps = vec![SubTask::new(1, "first", "arm"), SubTask::new(2, "second", "arm")];
    let mut world = planned(request, ExecutionPlan::new(PlanSource::Caller, steps));
    let grant = Grant { tokens: Some(50), cost_usd: None };
    assert_eq!(
        world.state.next(world.now)[..2],
        [Action::Start { index: 0, grant }, Action::Start { index: 1, grant }]
    );
    world.append(EventKind::StepStarted {
        step: 1,
        arm_id: "arm".into(),
        attempt: 1,
        side_effects: SideEffects::None,
        grant: Grant { tokens: Some(100), cost_usd: None },
        routing: None,
    });
    assert!(matches!(world.state.next(world.now)[..], [Action::WaitUntil(_)]), "all of it is reserved");
}

#[test]
fn spending_more_than_the_budget_ends_the_task() {
    let budget = Budget { max_tokens: Some(10), ..Budget::default() };
    let request = TaskRequest { budget: Some(budget), ..TaskRequest::new("a goal that is long enough") };
    let mut world = planned(request, two_steps());
    world.append(started(1, SideEffects::None));
    world.append(EventKind::StepCompleted {
        step: 1,
        arm_id: "arm".into(),
        output: Arc::new(json!(1)),
        confidence: None,
        usage: Usage { input_tokens: 11, ..Usage::default() },
        duration_ms: 1,
    });
    match &world.state.next(world.now)[0] {
        Action::Fail(error) => assert_eq!(error.code, "budget_exceeded"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unsafe_arm_is_called_again_only_if_it_says_that_it_did_not_begin() {
    let mut world = planned(TaskRequest::new("a goal that is long enough"), two_steps());
    world.append(started(1, SideEffects::Unsafe));
    let failure = |kind| Failure {
        kind,
        temporary: true,
        called: true,
        alternative: true,
        retry_at: world.now,
        max_retries: 3,
    };
    assert_eq!(world.state.after_failure(0, failure(ErrorKind::Timeout)), Then::GiveUp);
    assert!(matches!(world.state.after_failure(0, failure(ErrorKind::RateLimited)), Then::Retry { .. }));
}

#[test]
fn a_journal_with_a_gap_is_refused() {
    let world =
        World::new(Scenario { plan: two_steps(), scripts: Vec::new(), approval: Approval::Never }, None);
    let late = Event { seq: 3, kind: started(1, SideEffects::None), ..(*world.log[0]).clone() };
    let mut state = world.state;
    assert_eq!(state.apply(&late).unwrap_err().kind(), ErrorKind::Storage);
}
