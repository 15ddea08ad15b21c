//! The cases of the suite. Each is handed an empty store.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use super::JournalBackend;
use super::script::{Script, accepted, completed, planned, started, step_completed};
use crate::error::ErrorKind;
use crate::memory::{Append, Journal, PrunePolicy, Pruned, TaskFilter, VaultPart};
use crate::task::{ApprovalReason, EventKind, Priority, TaskId, TaskRequest, TaskStatus, TaskSummary};

fn request(goal: &str) -> TaskRequest {
    TaskRequest::new(format!("Contract suite: {goal}"))
}

async fn ids(journal: &dyn Journal, filter: &TaskFilter) -> Vec<TaskId> {
    journal.list(filter).await.unwrap().tasks.into_iter().map(|task| task.task_id).collect()
}

async fn claimed(journal: &dyn Journal) -> Vec<TaskId> {
    journal.claim().await.unwrap().into_iter().map(|claimed| claimed.task_id).collect()
}

async fn refusal(journal: &dyn Journal, append: Append) -> ErrorKind {
    journal.append(&append).await.unwrap_err().kind()
}

pub(super) async fn events_come_back_as_they_were(backend: &dyn JournalBackend) {
    let journal = backend.open().await;
    let mut task = Script::new();
    task.run(&*journal).await;
    assert_eq!(journal.read(task.id(), 0, 100).await.unwrap(), task.events());
}

pub(super) async fn events_are_read_in_pages(backend: &dyn JournalBackend) {
    let journal = backend.open().await;
    let mut task = Script::new();
    task.run(&*journal).await;
    let read = async |after, limit| {
        let events = journal.read(task.id(), after, limit).await.unwrap();
        events.iter().map(|event| event.seq).collect::<Vec<_>>()
    };
    assert_eq!(read(0, 2).await, [1, 2]);
    assert_eq!(read(2, 2).await, [3, 4]);
    assert_eq!(read(4, 2).await, [5]);
    assert!(read(5, 2).await.is_empty());
    assert!(read(u64::MAX, 2).await.is_empty());
    assert!(read(0, 0).await.is_empty());
    assert_eq!(read(0, usize::MAX).await.len(), 5);
}

pub(super) async fn unknown_ids_are_no_error(backend: &dyn JournalBackend) {
    let journal = backend.open().await;
    let nobody = TaskId::new();
    assert!(journal.read(nobody, 0, 10).await.unwrap().is_empty());
    assert!(journal.record(nobody).await.unwrap().is_none());
    assert_eq!(journal.task_for_key([9; 32]).await.unwrap(), None);
    assert_eq!(journal.claim_task(nobody).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(journal.list(&TaskFilter::default()).await.unwrap().tasks.is_empty());
    assert!(journal.claim().await.unwrap().is_empty());
    assert_eq!(journal.rebuild().await.unwrap(), 0);
    assert_eq!(journal.prune(&PrunePolicy::default()).await.unwrap(), Pruned::default());
    journal.ping().await.unwrap();
}

pub(super) async fn a_malformed_append_is_refused(backend: &dyn JournalBackend) {
    let journal = backend.open().await;
    let whole = Script::new().append(vec![accepted(request("malformed")), planned(), started()]);
    let of = |events: Vec<_>| Append { events, record: whole.record.clone(), vault: None };
    let [first, second, third] = whole.events.as_slice() else { panic!("three events") };

    let with_gap = of(vec![first.clone(), third.clone()]);
    let empty = of(Vec::new());
    let foreign = Script::new().append(vec![accepted(request("foreign"))]);
    let mixed = of(vec![first.clone(), foreign.events[0].clone()]);
    let foreign_row =
        Append { events: vec![first.clone(), second.clone()], record: foreign.record, vault: None };
    let live = EventKind::StepProgress { step: 1, message: "half".into(), fraction: None };
    let live = of(Script::new().append(vec![accepted(request("live")), planned(), live]).events);
    for append in [with_gap, empty, mixed, foreign_row, live] {
        assert_eq!(refusal(&*journal, append).await, ErrorKind::Internal);
    }
    assert!(ids(&*journal, &TaskFilter::default()).await.is_empty());
    assert!(journal.read(first.task_id, 0, 10).await.unwrap().is_empty());
}

pub(super) async fn a_taken_number_is_a_conflict(backend: &dyn JournalBackend) {
    let (journal, other) = (backend.open().await, backend.open().await);
    let mut task = Script::new();
    task.start(&*journal).await;
    let mut rival = task.clone();
    journal.append(&task.append(vec![step_completed()])).await.unwrap();
    let late = EventKind::TaskCancelled { reason: "too late".into(), usage: crate::task::Usage::default() };
    assert_eq!(refusal(&*other, rival.append(vec![late])).await, ErrorKind::Conflict);
    assert_eq!(journal.read(task.id(), 0, 10).await.unwrap(), task.events());
    assert_eq!(journal.record(task.id()).await.unwrap(), Some(task.summary()));
}

pub(super) async fn an_append_is_kept_whole_or_not_at_all(backend: &dyn JournalBackend) {
    let journal = backend.open().await;
    let mut task = Script::new();
    task.start(&*journal).await;
    // Numbers 3 to 5, of which the log has 3 already.
    let mut rival = task.clone();
    let mut append = rival.append(vec![step_completed(), completed()]);
    append.events.insert(0, task.events()[2].clone());
    assert_eq!(refusal(&*journal, append).await, ErrorKind::Conflict);
    assert_eq!(journal.read(task.id(), 0, 10).await.unwrap(), task.events());
    assert_eq!(journal.record(task.id()).await.unwrap(), Some(task.summary()));
    journal.append(&task.append(vec![step_completed(), completed()])).await.unwrap();
    assert_eq!(journal.record(task.id()).await.unwrap(), Some(task.summary()));
}

pub(super) async fn a_vault_comes_with_its_task_and_goes_with_it(backend: &dyn JournalBackend) {
    let journal = backend.open().await;
    let (mut task, mut other) = (Script::new(), Script::new());
    let mut first = task.append(vec![accepted(request("vault"))]);
    first.vault = Some(b"sealed".to_vec());
    let mut later = task.append(vec![planned(), started()]);
    later.vault = Some(vec![0, 255, 7]);
    let last = task.append(vec![step_completed(), completed()]);
    for append in [&first, &later, &last] {
        journal.append(append).await.unwrap();
    }
    other.run(&*journal).await;
    let part = |number, sealed: &[u8]| VaultPart { number, sealed: sealed.to_vec() };
    let parts = [part(1, b"sealed"), part(2, &[0, 255, 7])];
    assert_eq!(journal.vault(task.id()).await.unwrap(), parts);
    assert!(journal.vault(other.id()).await.unwrap().is_empty());
    // What could not be appended has sealed nothing.
    let mut rival = later.clone();
    rival.vault = Some(b"rival".to_vec());
    assert_eq!(refusal(&*journal, rival).await, ErrorKind::Conflict);
    assert_eq!(backend.open().await.vault(task.id()).await.unwrap(), parts);
    journal.prune(&PrunePolicy { keep_newest: Some(0), ..PrunePolicy::default() }).await.unwrap();
    assert!(journal.vault(task.id()).await.unwrap().is_empty());
}

pub(super) async fn a_key_is_claimed_once(backend: &dyn JournalBackend) {
    let journal = backend.open().await;
    let (key, mut task) = ([7; 32], Script::with_key([7; 32]));
    task.run(&*journal).await;
    assert_eq!(journal.task_for_key(key).await.unwrap(), Some(task.id()));
    let mut second = Script::with_key(key);
    assert_eq!(
        refusal(&*journal, second.append(vec![accepted(request("again"))])).await,
        ErrorKind::Conflict
    );
    assert!(journal.read(second.id(), 0, 10).await.unwrap().is_empty());
    assert!(journal.record(second.id()).await.unwrap().is_none());
    journal.rebuild().await.unwrap();
    assert_eq!(journal.task_for_key(key).await.unwrap(), Some(task.id()), "rebuilding keeps keys");
}

pub(super) async fn a_row_follows_its_task(backend: &dyn JournalBackend) {
    let journal = backend.open().await;
    let mut task = Script::new();
    let mut full = request("every field of a row");
    full.priority = Priority::Critical;
    full.parent_task_id = Some(TaskId::new());
    full.metadata = BTreeMap::from([("team".to_owned(), "ink".to_owned())]);
    task.accept(&*journal, full).await;
    for kind in [planned(), started(), step_completed(), completed()] {
        journal.append(&task.append(vec![kind])).await.unwrap();
        assert_eq!(journal.record(task.id()).await.unwrap(), Some(task.summary()));
    }
    let mut failed = Script::new();
    failed.start(&*journal).await;
    let cancelled =
        EventKind::TaskCancelled { reason: "no longer wanted".into(), usage: crate::task::Usage::default() };
    journal.append(&failed.append(vec![cancelled])).await.unwrap();
    assert_eq!(journal.record(failed.id()).await.unwrap(), Some(failed.summary()));
    // Where the row stays as it is, none comes along.
    let mut silent = Script::new();
    silent.start(&*journal).await;
    let before = silent.summary();
    let append = Append { record: None, ..silent.append(vec![step_completed()]) };
    journal.append(&append).await.unwrap();
    assert_eq!(journal.record(silent.id()).await.unwrap(), Some(before));
    assert_eq!(journal.read(silent.id(), 0, 10).await.unwrap().len(), 4);
}

pub(super) async fn a_list_is_newest_first_and_paged(backend: &dyn JournalBackend) {
    let journal = backend.open().await;
    let mut newest_first = Vec::new();
    for number in 0..7 {
        let mut task = Script::new();
        task.accept(&*journal, request(&format!("page {number}"))).await;
        newest_first.insert(0, task.id());
    }
    assert_eq!(ids(&*journal, &TaskFilter::default()).await, newest_first);
    let mut filter = TaskFilter { limit: Some(3), ..TaskFilter::default() };
    let mut pages = Vec::new();
    loop {
        let page = journal.list(&filter).await.unwrap();
        pages.push(page.tasks.iter().map(|task: &TaskSummary| task.task_id).collect::<Vec<_>>());
        let Some(next) = page.next else { break };
        filter.cursor = Some(next);
    }
    assert_eq!(pages, newest_first.chunks(3).map(<[_]>::to_vec).collect::<Vec<_>>());
    let exact = TaskFilter { limit: Some(7), ..TaskFilter::default() };
    assert_eq!(journal.list(&exact).await.unwrap().next, None, "a full last page has no next");
}

pub(super) async fn a_list_is_filtered(backend: &dyn JournalBackend) {
    let journal = backend.open().await;
    let (mut plain, mut child, mut done) = (Script::new(), Script::new(), Script::new());
    plain.accept(&*journal, request("plain")).await;
    let odd = "a \"key\" with $.dots[0], 'quotes' and \u{e9}\u{1f419}";
    let mut labelled = request("child");
    labelled.parent_task_id = Some(plain.id());
    labelled.priority = Priority::High;
    labelled.metadata =
        BTreeMap::from([(odd.to_owned(), "1".to_owned()), ("team".to_owned(), "ink' OR 1=1".to_owned())]);
    child.accept(&*journal, labelled).await;
    done.run(&*journal).await;

    let label = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let any = TaskFilter::default;
    let of_parent = TaskFilter { parent_task_id: Some(plain.id()), ..any() };
    assert_eq!(ids(&*journal, &of_parent).await, [child.id()]);
    let ended = TaskFilter { status: Some(TaskStatus::Completed), ..any() };
    assert_eq!(ids(&*journal, &ended).await, [done.id()]);
    let accepted = TaskFilter { status: Some(TaskStatus::Accepted), ..any() };
    assert_eq!(ids(&*journal, &accepted).await, [child.id(), plain.id()]);
    let high = TaskFilter { priority: Some(Priority::High), ..accepted };
    assert_eq!(ids(&*journal, &high).await, [child.id()]);
    for (key, value) in [(odd, "1"), ("team", "ink' OR 1=1")] {
        assert_eq!(ids(&*journal, &TaskFilter { metadata: label(key, value), ..any() }).await, [child.id()]);
    }
    for (key, value) in [(odd, "2"), ("tea", "ink' OR 1=1"), ("team", "ink"), ("$.team", "%"), ("", "")] {
        assert!(ids(&*journal, &TaskFilter { metadata: label(key, value), ..any() }).await.is_empty());
    }
}

pub(super) async fn a_bad_filter_names_its_fault(backend: &dyn JournalBackend) {
    let journal = backend.open().await;
    let pointer = async |filter: TaskFilter| {
        let error = journal.list(&filter).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.faults().iter().map(|fault| fault.pointer.clone()).collect::<Vec<_>>()
    };
    let cursor = Some("task-nonsense".to_owned());
    assert_eq!(pointer(TaskFilter { cursor, ..TaskFilter::default() }).await, ["/cursor"]);
    for limit in [0, 1001] {
        assert_eq!(pointer(TaskFilter { limit: Some(limit), ..TaskFilter::default() }).await, ["/limit"]);
    }
}

pub(super) async fn a_living_engines_tasks_are_not_claimed(backend: &dyn JournalBackend) {
    let (living, other) = (backend.open().await, backend.open().await);
    let mut task = Script::new();
    task.start(&*living).await;
    assert!(claimed(&*other).await.is_empty());
    assert!(claimed(&*living).await.is_empty(), "what an engine owns already is nothing new to it");
    assert_eq!(other.claim_task(task.id()).await.unwrap_err().kind(), ErrorKind::Conflict);
    living.claim_task(task.id()).await.unwrap();
}

pub(super) async fn a_dead_engines_tasks_are_claimed_once(backend: &dyn JournalBackend) {
    let dying = backend.open().await;
    let (mut accepted, mut running, mut waiting, mut ended) =
        (Script::new(), Script::new(), Script::new(), Script::new());
    let urgent = TaskRequest { priority: Priority::High, ..request("claimed") };
    accepted.accept(&*dying, urgent).await;
    running.start(&*dying).await;
    waiting.accept(&*dying, request("waits for a person")).await;
    let question = EventKind::ApprovalRequested {
        step: Some(1),
        reason: ApprovalReason::Step,
        arm_id: None,
        input: None,
        shown: None,
    };
    dying.append(&waiting.append(vec![planned(), question])).await.unwrap();
    assert_eq!(waiting.summary().status, TaskStatus::AwaitingApproval);
    ended.run(&*dying).await;
    drop(dying);

    let (first, second) = (backend.open().await, backend.open().await);
    let (one, two) = futures_util::join!(first.claim(), second.claim());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one.is_empty() || two.is_empty(), "of two engines one takes over");
    let winner = if one.is_empty() { &second } else { &first };
    let mut both = [one, two].concat();
    both.sort_by_key(|claimed| claimed.task_id);
    let expected = [(accepted.id(), Priority::High), (running.id(), Priority::Medium)];
    assert_eq!(both.iter().map(|claimed| (claimed.task_id, claimed.priority)).collect::<Vec<_>>(), expected);
    assert!(claimed(&**winner).await.is_empty());
    winner.append(&running.append(vec![step_completed(), completed()])).await.unwrap();
}

pub(super) async fn one_task_is_claimed(backend: &dyn JournalBackend) {
    let (journal, other) = (backend.open().await, backend.open().await);
    let mut waiting = Script::new();
    waiting.accept(&*journal, request("waits for a person")).await;
    let question = EventKind::ApprovalRequested {
        step: Some(1),
        reason: ApprovalReason::Step,
        arm_id: None,
        input: None,
        shown: None,
    };
    journal.append(&waiting.append(vec![planned(), question])).await.unwrap();
    // It waits, so nobody owns it, though its engine lives.
    other.claim_task(waiting.id()).await.unwrap();
    other.claim_task(waiting.id()).await.unwrap();
    assert_eq!(journal.claim_task(waiting.id()).await.unwrap_err().kind(), ErrorKind::Conflict);
    drop(other);
    journal.claim_task(waiting.id()).await.unwrap();
    let mut ended = Script::new();
    ended.run(&*journal).await;
    backend.open().await.claim_task(ended.id()).await.unwrap();
}

pub(super) async fn rebuilding_changes_nothing(backend: &dyn JournalBackend) {
    let journal = backend.open().await;
    for number in 0..150 {
        let mut task = Script::new();
        match number % 3 {
            0 => task.run(&*journal).await,
            1 => task.start(&*journal).await,
            _ => task.accept(&*journal, request("rebuilt")).await,
        }
    }
    let all = TaskFilter { limit: Some(1000), ..TaskFilter::default() };
    let before = journal.list(&all).await.unwrap();
    assert_eq!(before.tasks.len(), 150);
    assert_eq!(journal.rebuild().await.unwrap(), 150);
    assert_eq!(journal.list(&all).await.unwrap(), before);
    assert!(claimed(&*backend.open().await).await.is_empty(), "rebuilding leaves owners alone");
}

pub(super) async fn pruning_keeps_the_newest(backend: &dyn JournalBackend) {
    let journal = backend.open().await;
    let mut unfinished = Script::new();
    unfinished.start(&*journal).await;
    let mut ended = Vec::new();
    for number in 0..100 {
        let mut task = Script::with_key([number; 32]);
        task.run(&*journal).await;
        ended.push(task.id());
    }
    let policy = PrunePolicy { keep_newest: Some(3), ..PrunePolicy::default() };
    assert_eq!(journal.prune(&policy).await.unwrap(), Pruned { tasks: 97, events: 97 * 5 });
    assert_eq!(journal.prune(&policy).await.unwrap(), Pruned::default());

    let mut kept: Vec<_> = ended[97..].iter().rev().copied().collect();
    kept.push(unfinished.id());
    assert_eq!(ids(&*journal, &TaskFilter::default()).await, kept);
    assert!(journal.read(ended[0], 0, 10).await.unwrap().is_empty());
    assert_eq!(journal.task_for_key([99; 32]).await.unwrap(), Some(ended[99]));
    assert_eq!(journal.task_for_key([0; 32]).await.unwrap(), None, "a pruned task's key is free");
    Script::with_key([0; 32]).accept(&*journal, request("the key again")).await;
    journal.append(&unfinished.append(vec![step_completed(), completed()])).await.unwrap();
}

pub(super) async fn pruning_by_age_spares_the_young(backend: &dyn JournalBackend) {
    let journal = backend.open().await;
    let (mut unfinished, mut ended) = (Script::new(), Script::new());
    unfinished.start(&*journal).await;
    ended.run(&*journal).await;
    let older_than = |age| PrunePolicy { older_than: Some(age), ..PrunePolicy::default() };
    for age in [Duration::from_secs(3600), Duration::MAX] {
        assert_eq!(journal.prune(&older_than(age)).await.unwrap(), Pruned::default());
    }
    tokio::time::sleep(Duration::from_millis(2)).await;
    let pruned = journal.prune(&older_than(Duration::from_millis(1))).await.unwrap();
    assert_eq!(pruned, Pruned { tasks: 1, events: 5 });
    assert_eq!(ids(&*journal, &TaskFilter::default()).await, [unfinished.id()]);
}

pub(super) async fn many_tasks_append_at_once(backend: &dyn JournalBackend) {
    let journal = backend.open().await;
    let lives = (0..256).map(|_| {
        let journal = journal.clone();
        tokio::spawn(async move {
            let mut task = Script::new();
            task.run(&*journal).await;
            task
        })
    });
    for task in join_all(lives).await {
        let task = task.unwrap();
        assert_eq!(journal.read(task.id(), 0, 10).await.unwrap(), task.events());
        assert_eq!(journal.record(task.id()).await.unwrap(), Some(task.summary()));
    }
}
