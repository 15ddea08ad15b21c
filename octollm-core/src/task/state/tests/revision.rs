//! Another plan for a task whose plan did not work out.

use super::*;
use crate::task::ApprovalReason;

/// A task whose plan a model made: step 1 done, step 2 failed, step 3 waiting for it.
fn with_a_failed_step() -> World {
    let steps = vec![
        SubTask::new(1, "first", "arm"),
        SubTask::new(2, "second", "arm"),
        SubTask::new(3, "third", "arm").after([2]),
    ];
    let plan = ExecutionPlan::new(PlanSource::Model, steps);
    let request = TaskRequest::new("a goal that is long enough");
    let mut world = planned(TaskRequest { plan: None, ..request }, plan);
    world.state.allow_revisions(1);
    for (step, ends) in [(1, true), (2, false)] {
        world.append(started(step, SideEffects::None));
        world.append(if ends { completed(step) } else { given_up(step) });
    }
    world
}

fn completed(step: u32) -> EventKind {
    EventKind::StepCompleted {
        step,
        arm_id: "arm".into(),
        output: Arc::new(json!({"step": step})),
        confidence: None,
        usage: Usage::default(),
        duration_ms: 1,
    }
}

fn given_up(step: u32) -> EventKind {
    EventKind::StepFailed {
        step,
        arm_id: Some("arm".into()),
        error: TaskError::new(ErrorKind::ArmFailed, "it went wrong"),
        usage: Usage::default(),
        duration_ms: 1,
        then: Then::GiveUp,
    }
}

fn revised(steps: Vec<SubTask>) -> ExecutionPlan {
    ExecutionPlan::new(PlanSource::Model, steps)
}

fn revision(steps: Vec<SubTask>) -> EventKind {
    let (plan, reason) = (Arc::new(revised(steps)), "it went wrong".into());
    EventKind::PlanRevised { plan, reason, usage: Usage::default() }
}

#[test]
fn a_failed_step_leads_to_another_plan_and_what_is_done_stays() {
    let mut world = with_a_failed_step();
    assert_eq!(world.state.next(world.now), [Action::Revise]);
    let plan = vec![SubTask::new(1, "first", "arm"), SubTask::new(4, "otherwise", "arm").after([1])];
    world.append(revision(plan));
    let actions = world.state.next(world.now);
    assert!(matches!(actions.first(), Some(Action::Start { index: 1, .. })), "{actions:?}");
    assert_eq!(world.state.step(1).unwrap().status(), StepStatus::Completed);
    world.append(started(4, SideEffects::None));
    world.append(given_up(4));
    assert!(matches!(world.state.next(world.now)[..], [Action::Fail(_)]), "there was one revision to be had");
}

#[test]
fn a_plan_is_revised_only_when_nothing_runs() {
    let mut world = with_a_failed_step();
    let mut plan = revised(vec![
        SubTask::new(1, "first", "arm"),
        SubTask::new(5, "a", "arm"),
        SubTask::new(6, "b", "arm"),
    ]);
    plan.revision = 1;
    world.state.allow_revisions(2);
    world.append(EventKind::PlanRevised {
        plan: Arc::new(plan),
        reason: String::new(),
        usage: Usage::default(),
    });
    world.append(started(5, SideEffects::None));
    world.append(started(6, SideEffects::None));
    world.append(given_up(5));
    assert!(matches!(world.state.next(world.now)[..], [Action::WaitUntil(_)]));
    world.append(completed(6));
    assert_eq!(world.state.next(world.now), [Action::Revise]);
}

#[test]
fn a_revised_plan_may_not_rewrite_the_past() {
    let world = with_a_failed_step();
    let faults = |steps| world.state.check_revision(&revised(steps)).unwrap_err().faults().to_vec();
    let first = || SubTask::new(1, "first", "arm");
    let cases = [
        (vec![SubTask::new(4, "other", "arm")], "/subtasks", "step 1 has completed and must stay"),
        (vec![SubTask::new(1, "changed", "arm")], "/subtasks/0", "step 1 must stay as it is"),
        (vec![first(), SubTask::new(2, "second", "arm")], "/subtasks/1", "step 2 has failed"),
        (vec![first(), SubTask::new(3, "changed", "arm")], "/subtasks/1", "step 3 must stay as it is"),
    ];
    for (steps, pointer, detail) in cases {
        let faults = faults(steps);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].pointer == pointer && faults[0].detail.contains(detail), "{faults:?}");
    }
    let mut world = with_a_failed_step();
    let event = Event {
        task_id: world.state.task_id(),
        seq: world.state.seq() + 1,
        at: world.now,
        kind: revision(vec![SubTask::new(1, "changed", "arm")]),
    };
    assert!(world.state.apply(&event).is_err());
    world.append(revision(vec![first(), SubTask::new(7, "new", "arm")]));
    assert_eq!(world.state.highest_step(), 7);
}

#[test]
fn a_person_who_approves_plans_approves_the_revised_one_too() {
    let world = with_a_failed_step();
    let request = TaskRequest { approval: Approval::Plan, ..TaskRequest::new("a goal that is long enough") };
    let mut again = planned(request, (**world.state.plan().unwrap()).clone());
    again.state.allow_revisions(1);
    let decision = || EventKind::ApprovalDecided { step: None, approved: true, note: None };
    let question = || EventKind::ApprovalRequested {
        step: None,
        reason: ApprovalReason::Plan,
        arm_id: None,
        input: None,
        shown: None,
    };
    again.append(question());
    again.append(decision());
    for kind in [started(1, SideEffects::None), completed(1), started(2, SideEffects::None), given_up(2)] {
        again.append(kind);
    }
    again.append(revision(vec![SubTask::new(1, "first", "arm"), SubTask::new(4, "new", "arm")]));
    let asks = Action::Ask { step: None, reason: ApprovalReason::Plan };
    assert_eq!(again.state.next(again.now), [asks]);
}

#[test]
fn what_the_caller_planned_is_not_replanned() {
    let mut world = planned(TaskRequest::new("a goal that is long enough"), two_steps());
    world.state.allow_revisions(3);
    world.append(started(1, SideEffects::None));
    world.append(given_up(1));
    assert!(!world.state.next(world.now).contains(&Action::Revise));
}

/// A task of which step 1 has failed while an arm of this kind worked on step 2, and then the process died.
fn killed_beside_a_failure(side_effects: SideEffects) -> World {
    let steps = vec![
        SubTask::new(1, "first", "arm"),
        SubTask::new(2, "second", "arm"),
        SubTask::new(3, "third", "arm").after([1]),
    ];
    let request = TaskRequest { plan: None, ..TaskRequest::new("a goal that is long enough") };
    let mut world = planned(request, ExecutionPlan::new(PlanSource::Model, steps));
    world.state.allow_revisions(1);
    world.append(started(1, SideEffects::None));
    world.append(started(2, side_effects));
    world.append(given_up(1));
    world.state.interrupt();
    world
}

#[test]
fn what_a_dead_process_left_is_seen_to_before_the_plan_is_revised() {
    let mut world = killed_beside_a_failure(SideEffects::Idempotent);
    let actions = world.state.next(world.now);
    assert!(matches!(actions[..], [Action::Start { index: 1, .. }, Action::WaitUntil(_)]), "{actions:?}");
    world.append(started(2, SideEffects::Idempotent));
    world.append(completed(2));
    assert_eq!(world.state.next(world.now), [Action::Revise]);
}

#[test]
fn a_revision_waits_for_a_persons_answer_and_never_overrules_it() {
    let mut world = killed_beside_a_failure(SideEffects::Unsafe);
    let asks = Action::Ask { step: Some(2), reason: ApprovalReason::InDoubt };
    assert_eq!(world.state.next(world.now).first(), Some(&asks));
    let (step, reason, arm_id) = (Some(2), ApprovalReason::InDoubt, Some("arm".into()));
    world.append(EventKind::ApprovalRequested { step, reason, arm_id, input: None, shown: None });
    assert_eq!(world.state.status(), TaskStatus::AwaitingApproval);
    let decided = |approved| EventKind::ApprovalDecided { step, approved, note: None };

    let mut refused = killed_beside_a_failure(SideEffects::Unsafe);
    refused.append(EventKind::ApprovalRequested { step, reason, arm_id: None, input: None, shown: None });
    refused.append(decided(false));
    let actions = refused.state.next(refused.now);
    assert!(actions.contains(&Action::Skip { step: 2, reason: "it was not approved".into() }), "{actions:?}");
    assert!(!actions.contains(&Action::Revise));

    world.append(decided(true));
    assert_eq!(world.state.next(world.now), [Action::Revise]);
    world.append(revision(vec![SubTask::new(2, "second", "arm"), SubTask::new(4, "instead", "arm")]));
    let starts = |action: &Action| matches!(action, Action::Start { .. });
    assert_eq!(world.state.next(world.now).iter().filter(|action| starts(action)).count(), 2);
    assert_eq!(world.state.admit(0, "arm", SideEffects::Unsafe), Admission::Go, "the answer is kept");
}
