//! What every orchestrator must do, near or far.
//!
//! [`orchestrator_suite`] takes an orchestrator with the arms of [`standard_arms`](super::arms::standard_arms) and
//! nothing else, over an empty journal.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::error::ErrorKind;
use crate::memory::TaskFilter;
use crate::orchestrator::{Decision, Orchestrator, Submission};
use crate::task::{
    Approval, Budget, EventKind, ExecutionPlan, PlanSource, StepStatus, SubTask, TaskId, TaskRequest,
    TaskResult, TaskStatus,
};

/// Runs everything.
pub async fn orchestrator_suite(octo: Arc<dyn Orchestrator>) {
    let octo = &*octo;
    a_step_gets_what_earlier_ones_answered(octo).await;
    steps_that_can_run_together_do(octo).await;
    a_temporary_failure_is_tried_again(octo).await;
    a_failed_step_does_not_stop_the_others(octo).await;
    an_arm_that_misbehaves_fails_its_step(octo).await;
    bad_requests_are_refused_with_every_fault(octo).await;
    events_are_numbered_without_gaps(octo).await;
    an_ended_task_has_no_further_events(octo).await;
    what_a_model_says_is_shown_and_not_kept(octo).await;
    a_running_task_can_be_cancelled(octo).await;
    cancelling_a_parent_cancels_its_children(octo).await;
    a_plan_waits_for_approval(octo).await;
    side_effects_wait_for_approval(octo).await;
    a_budget_is_kept(octo).await;
    a_steps_time_limit_is_kept(octo).await;
    the_same_key_is_the_same_task(octo).await;
    tasks_are_listed_newest_first(octo).await;
    what_is_unknown_is_not_found(octo).await;
    arms_are_listed(octo).await;
}

/// A request with this plan.
pub fn planned(subtasks: Vec<SubTask>) -> TaskRequest {
    TaskRequest {
        plan: Some(Arc::new(ExecutionPlan::new(PlanSource::Caller, subtasks))),
        ..TaskRequest::new("Do what the plan says")
    }
}

/// A step on the arm `echo`.
pub fn echo(step: u32, input: Value) -> SubTask {
    SubTask::new(step, "echo", "echo").with_input(input)
}

async fn run(octo: &dyn Orchestrator, request: TaskRequest) -> TaskResult {
    octo.run(request.into()).await.expect("the task is accepted")
}

async fn status_becomes(octo: &dyn Orchestrator, id: TaskId, wanted: TaskStatus) -> TaskResult {
    for _ in 0..500 {
        let result = octo.task(id).await.unwrap();
        if result.status == wanted {
            return result;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{id} does not become {wanted:?}: {:?}", octo.task(id).await);
}

async fn a_step_gets_what_earlier_ones_answered(octo: &dyn Orchestrator) {
    let second = echo(2, json!({"from": {"$step": 1, "pointer": "/echo/n"}}));
    let result = run(octo, planned(vec![echo(1, json!({"n": 7})), second])).await;
    assert_eq!(result.status, TaskStatus::Completed, "{result:?}");
    assert_eq!(*result.result.unwrap(), json!({"echo": {"from": 7}}));
    assert_eq!(result.confidence, None, "nobody stated one");
    assert_eq!(result.usage.arm_calls, 2);
    assert!(result.duration_ms.is_some() && result.completed_at.is_some());
}

async fn steps_that_can_run_together_do(octo: &dyn Orchestrator) {
    let sleep = |step| SubTask::new(step, "sleep", "slow").with_input(json!({"ms": 300}));
    let result = run(octo, planned((1..=10).map(sleep).collect())).await;
    let started: Vec<_> = result.steps.iter().filter_map(|step| step.started_at).collect();
    let ended: Vec<_> = result.steps.iter().filter_map(|step| step.completed_at).collect();
    assert!(started.iter().max() < ended.iter().min(), "a step waited for another: {result:?}");
}

async fn a_temporary_failure_is_tried_again(octo: &dyn Orchestrator) {
    let flaky = SubTask::new(1, "try", "flaky").with_input(json!({"failures": 2}));
    let result = run(octo, planned(vec![flaky])).await;
    assert_eq!(result.status, TaskStatus::Completed, "{result:?}");
    assert_eq!(result.steps[0].attempts, 3);
    let mut hopeless = SubTask::new(1, "try", "flaky").with_input(json!({"failures": 9}));
    hopeless.max_retries = Some(1);
    let result = run(octo, planned(vec![hopeless])).await;
    assert_eq!(result.status, TaskStatus::Failed);
    assert_eq!(result.steps[0].attempts, 2);
}

async fn a_failed_step_does_not_stop_the_others(octo: &dyn Orchestrator) {
    let steps = vec![
        SubTask::new(1, "break", "broken"),
        echo(2, json!({})),
        echo(3, json!({})).after([1]),
        echo(4, json!({})).after([2]),
    ];
    let result = run(octo, planned(steps)).await;
    let statuses: Vec<_> = result.steps.iter().map(|step| step.status).collect();
    use StepStatus::{Completed, Failed, Skipped};
    assert_eq!(statuses, [Failed, Completed, Skipped, Completed]);
    let error = result.error.unwrap();
    assert_eq!((error.code.as_str(), error.step), ("arm_failed", Some(1)));
}

async fn an_arm_that_misbehaves_fails_its_step(octo: &dyn Orchestrator) {
    for (arm, word) in [("liar", "output_schema"), ("panicking", "panicked")] {
        let result = run(octo, planned(vec![SubTask::new(1, "try", arm)])).await;
        assert_eq!(result.status, TaskStatus::Failed);
        assert!(result.error.as_ref().unwrap().message.contains(word), "{result:?}");
    }
}

async fn bad_requests_are_refused_with_every_fault(octo: &dyn Orchestrator) {
    let before = octo.list(TaskFilter::default()).await.unwrap().tasks.len();
    let mut request = planned(vec![echo(1, json!({})).after([2]), SubTask::new(2, "x", "echo").after([9])]);
    request.goal = "short".into();
    request.deadline_seconds = Some(5);
    let error = octo.submit(request.into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let places: Vec<_> = error.faults().iter().map(|fault| fault.pointer.as_str()).collect();
    for place in
        ["/goal", "/deadline_seconds", "/plan/subtasks/0/depends_on/0", "/plan/subtasks/1/depends_on/0"]
    {
        assert!(places.contains(&place), "{place} is missing: {places:?}");
    }
    let error = octo.submit(planned(vec![SubTask::new(1, "x", "nobody")]).into()).await.unwrap_err();
    assert_eq!(error.faults()[0].pointer, "/plan/subtasks/0/required_arm");
    assert!(error.faults()[0].detail.contains("`echo`"), "it lists the arms there are");
    assert_eq!(octo.list(TaskFilter::default()).await.unwrap().tasks.len(), before, "nothing is stored");
}

async fn events_are_numbered_without_gaps(octo: &dyn Orchestrator) {
    let slow = SubTask::new(1, "sleep", "slow").with_input(json!({"ms": 50}));
    let (response, events) =
        octo.stream(planned(vec![slow, echo(2, json!({})).after([1])]).into()).await.unwrap();
    let events: Vec<_> = events.map(|event| event.unwrap()).collect().await;
    let kept: Vec<_> = events.iter().filter(|event| event.seq > 0).collect();
    let names: Vec<_> = kept.iter().map(|event| event.kind.name()).collect();
    let wanted = [
        "task.accepted",
        "plan.created",
        "step.started",
        "step.completed",
        "step.started",
        "step.completed",
        "task.completed",
    ];
    assert_eq!(names, wanted);
    assert!(kept.iter().map(|event| event.seq).eq(1..=7));
    let again: Vec<_> =
        octo.events(response.task_id, 0).await.unwrap().map(|event| event.unwrap()).collect().await;
    assert!(again.iter().map(|event| event.seq).eq(1..=7), "a late reader sees the same");
    let rest: Vec<_> =
        octo.events(response.task_id, 5).await.unwrap().map(|event| event.unwrap()).collect().await;
    assert_eq!(rest.len(), 2, "a reader goes on where it stopped");
    let page = octo.journal(response.task_id, 2, 3).await.unwrap();
    assert!(page.iter().map(|event| event.seq).eq(3..=5));
}

async fn an_ended_task_has_no_further_events(octo: &dyn Orchestrator) {
    let result = run(octo, planned(vec![echo(1, json!({}))])).await;
    let last = octo.journal(result.task_id, 0, 100).await.unwrap().last().unwrap().seq;
    assert_eq!(octo.events(result.task_id, last).await.unwrap().count().await, 0);
}

async fn what_a_model_says_is_shown_and_not_kept(octo: &dyn Orchestrator) {
    let words = "Eight arms, three hearts and nine brains, and each of them has something to say. ".repeat(3);
    let talk = SubTask::new(1, "talk", "talker").with_input(json!({"words": words}));
    let (response, mut events) = octo.stream(planned(vec![talk]).into()).await.unwrap();
    let (mut said, mut next, mut pieces, mut completed) = (String::new(), None, 0, false);
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        match &event.kind {
            EventKind::ModelDelta { step, call, offset, text } => {
                // Who watches from afar may miss the beginning.
                assert_eq!((event.seq, *step, *call, *offset), (0, Some(1), 1, next.unwrap_or(*offset)));
                assert!(!completed, "words come before what they lead to");
                said.push_str(text);
                next = Some(offset + text.len() as u64);
                pieces += 1;
            }
            EventKind::StepCompleted { output, .. } => {
                assert_eq!(output["said"], words.as_str());
                completed = true;
            }
            _ => {}
        }
    }
    assert!(completed && pieces > 1 && words.ends_with(&said), "{pieces} pieces: {said}");
    let kept = octo.journal(response.task_id, 0, 100).await.unwrap();
    assert!(kept.iter().all(|event| event.seq > 0 && !event.kind.is_live_only()));
}

async fn a_running_task_can_be_cancelled(octo: &dyn Orchestrator) {
    let slow = SubTask::new(1, "sleep", "slow").with_input(json!({"ms": 60_000}));
    let response = octo.submit(planned(vec![slow]).into()).await.unwrap();
    status_becomes(octo, response.task_id, TaskStatus::Executing).await;
    let result = octo.cancel(response.task_id, "no longer needed").await.unwrap();
    assert_eq!(result.status, TaskStatus::Cancelled);
    assert!(result.error.unwrap().message.contains("no longer needed"));
    let again = octo.cancel(response.task_id, "twice").await.unwrap();
    assert_eq!(again.status, TaskStatus::Cancelled, "a task that has ended is left as it is");
}

async fn cancelling_a_parent_cancels_its_children(octo: &dyn Orchestrator) {
    let slow = || planned(vec![SubTask::new(1, "sleep", "slow").with_input(json!({"ms": 60_000}))]);
    let parent = octo.submit(slow().into()).await.unwrap().task_id;
    let child = TaskRequest { parent_task_id: Some(parent), ..slow() };
    let child = octo.submit(child.into()).await.unwrap().task_id;
    let grandchild = TaskRequest { parent_task_id: Some(child), ..slow() };
    let grandchild = octo.submit(grandchild.into()).await.unwrap().task_id;
    octo.cancel(parent, "enough").await.unwrap();
    for id in [child, grandchild] {
        status_becomes(octo, id, TaskStatus::Cancelled).await;
    }
    let orphan = TaskRequest { parent_task_id: Some(parent), ..slow() };
    let error = octo.submit(orphan.into()).await.unwrap_err();
    assert_eq!(error.faults()[0].pointer, "/parent_task_id");
}

async fn a_plan_waits_for_approval(octo: &dyn Orchestrator) {
    let request = || TaskRequest { approval: Approval::Plan, ..planned(vec![echo(1, json!({}))]) };
    let id = octo.submit(request().into()).await.unwrap().task_id;
    status_becomes(octo, id, TaskStatus::AwaitingApproval).await;
    let wrong = Decision { step: Some(1), approved: true, note: None };
    assert_eq!(octo.decide(id, wrong).await.unwrap_err().kind(), ErrorKind::Conflict);
    octo.decide(id, Decision { approved: true, ..Decision::default() }).await.unwrap();
    status_becomes(octo, id, TaskStatus::Completed).await;
    let id = octo.submit(request().into()).await.unwrap().task_id;
    status_becomes(octo, id, TaskStatus::AwaitingApproval).await;
    octo.decide(id, Decision { approved: false, ..Decision::default() }).await.unwrap();
    status_becomes(octo, id, TaskStatus::Cancelled).await;
    let late = Decision { approved: true, ..Decision::default() };
    let after = octo.decide(id, late).await;
    assert_eq!(after.unwrap_err().kind(), ErrorKind::Conflict, "what has ended takes no decision");
}

async fn side_effects_wait_for_approval(octo: &dyn Orchestrator) {
    let write = SubTask::new(2, "write", "writer").with_input(json!({"exact": "input"})).after([1]);
    let request = TaskRequest { approval: Approval::SideEffects, ..planned(vec![echo(1, json!({})), write]) };
    let id = octo.submit(request.into()).await.unwrap().task_id;
    let waiting = status_becomes(octo, id, TaskStatus::AwaitingApproval).await;
    assert_eq!(waiting.steps[0].status, StepStatus::Completed, "what changes nothing need not wait");
    let journal = octo.journal(id, 0, 100).await.unwrap();
    let asked = journal.iter().find_map(|event| match &event.kind {
        EventKind::ApprovalRequested { input, arm_id, .. } => Some((input.clone(), arm_id.clone())),
        _ => None,
    });
    let (input, arm_id) = asked.expect("a person is asked");
    assert_eq!((*input.unwrap()).clone(), json!({"exact": "input"}), "a person sees the exact input");
    assert_eq!(arm_id.as_deref(), Some("writer"));
    octo.decide(id, Decision { step: Some(2), approved: true, note: Some("fine".into()) }).await.unwrap();
    status_becomes(octo, id, TaskStatus::Completed).await;
}

async fn a_budget_is_kept(octo: &dyn Orchestrator) {
    let spend = |step, tokens| SubTask::new(step, "spend", "spender").with_input(json!({"tokens": tokens}));
    let budget = Some(Budget { max_tokens: Some(100), ..Budget::default() });
    let steps = vec![spend(1, 60), spend(2, 30).after([1])];
    let result = run(octo, TaskRequest { budget: budget.clone(), ..planned(steps) }).await;
    assert_eq!(result.status, TaskStatus::Completed, "{result:?}");
    assert_eq!(result.usage.input_tokens, 90);
    assert_eq!(result.steps[1].output.as_ref().unwrap()["granted"], 40, "a step is told what is left");
    assert_eq!(result.confidence, Some(0.5));
    let steps = vec![spend(1, 150), spend(2, 1).after([1])];
    let result = run(octo, TaskRequest { budget, ..planned(steps) }).await;
    assert_eq!(result.error.unwrap().code, "budget_exceeded");
    assert_eq!(result.steps[1].attempts, 0);
}

async fn a_steps_time_limit_is_kept(octo: &dyn Orchestrator) {
    let mut slow = SubTask::new(1, "sleep", "slow").with_input(json!({"ms": 60_000}));
    slow.timeout_seconds = Some(1);
    slow.max_retries = Some(0);
    let result = run(octo, planned(vec![slow])).await;
    assert_eq!(result.error.unwrap().code, "timeout");
}

async fn the_same_key_is_the_same_task(octo: &dyn Orchestrator) {
    let submission = || Submission {
        request: planned(vec![echo(1, json!({}))]),
        idempotency_key: Some("order-66".into()),
        ..Submission::default()
    };
    let first = octo.submit(submission()).await.unwrap();
    let second = octo.submit(submission()).await.unwrap();
    assert_eq!(first.task_id, second.task_id);
}

async fn tasks_are_listed_newest_first(octo: &dyn Orchestrator) {
    let mut request = planned(vec![echo(1, json!({}))]);
    request.metadata.insert("team".into(), "reef".into());
    let old = run(octo, request.clone()).await.task_id;
    let new = run(octo, request).await.task_id;
    let mut filter = TaskFilter::default();
    filter.metadata.insert("team".into(), "reef".into());
    let page = octo.list(filter).await.unwrap();
    let ids: Vec<_> = page.tasks.iter().map(|task| task.task_id).collect();
    assert_eq!(ids, [new, old]);
    assert!(page.tasks.iter().all(|task| task.status == TaskStatus::Completed));
}

async fn what_is_unknown_is_not_found(octo: &dyn Orchestrator) {
    let id = TaskId::new();
    assert_eq!(octo.task(id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(octo.cancel(id, "why not").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(octo.decide(id, Decision::default()).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(octo.journal(id, 0, 1).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(octo.events(id, 0).await.is_err());
}

async fn arms_are_listed(octo: &dyn Orchestrator) {
    let arms = octo.arms().await.unwrap();
    let echo = arms.iter().find(|arm| arm.descriptor.arm_id == "echo").unwrap();
    assert!(echo.stats.total > 0 && echo.stats.success == echo.stats.total);
}
