//! A task that asks what another one asked gets its answer, and only then.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::Semaphore;

use super::*;
use crate::arm::{ArmDescriptor, Peer, SideEffects};
use crate::error::{Error, Status};
use crate::memory::SharedMemory;
use crate::model::{Models, Reason, ScriptedModel, ScriptedReply};
use crate::orchestrator::Submission;
use crate::task::{Approval, EventKind, Priority, SubTask, TaskRequest};
use crate::testing::arms::ScriptedArm;
use crate::testing::orchestrator::planned;

/// An arm that counts how often it is asked, and answers when it may.
struct Counted {
    calls: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Counted {
    /// The arm `id`, which waits for permits, and fails its first `failures` calls for good.
    fn arm(id: &str, side_effects: SideEffects, failures: usize) -> (ScriptedArm, Self) {
        let descriptor = ArmDescriptor { side_effects, max_concurrent: 1000, ..ArmDescriptor::new(id, [id]) };
        Self::described(descriptor, failures)
    }

    /// The arm `id`, which only reads what may be another thing the next moment.
    fn varying(id: &str) -> (ScriptedArm, Self) {
        let descriptor =
            ArmDescriptor { side_effects: SideEffects::None, varies: true, ..ArmDescriptor::new(id, [id]) };
        Self::described(descriptor, 0)
    }

    fn described(descriptor: ArmDescriptor, failures: usize) -> (ScriptedArm, Self) {
        let counted = Self { calls: Arc::default(), gate: Arc::new(Semaphore::new(0)) };
        let (calls, gate) = (counted.calls.clone(), counted.gate.clone());
        let arm = ScriptedArm::new(descriptor, move |call| {
            let (call_number, gate) = (calls.fetch_add(1, Ordering::SeqCst), gate.clone());
            async move {
                gate.acquire().await.unwrap().forget();
                if call_number < failures {
                    return Err(Error::new(ErrorKind::ArmFailed, "no").with_status(Status::Permanent));
                }
                Ok(json!({"said": *call.input}))
            }
        });
        (arm, counted)
    }

    fn open(&self) {
        self.gate.add_permits(1000);
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

fn cached() -> EngineConfig {
    EngineConfig { answers: Some(AnswerCache::default()), ..EngineConfig::default() }
}

/// An orchestrator that gives answers again, with an arm `reader` that only reads and may answer at once.
async fn reading() -> (Arc<LocalOrchestrator>, Counted) {
    let (arm, counted) = Counted::arm("reader", SideEffects::None, 0);
    counted.open();
    (LocalOrchestrator::builder().arm(arm).config(cached()).start().await.unwrap(), counted)
}

fn asking(what: &str) -> TaskRequest {
    planned(vec![SubTask::new(1, "read", "reader").with_input(json!({"what": what}))])
}

#[tokio::test]
async fn the_same_question_is_answered_again_and_the_journal_says_so() {
    let (octo, reader) = reading().await;
    let first = octo.run(asking("tides").into()).await.unwrap();
    let mut again = asking("tides");
    again.metadata.insert("mine".into(), "yes".into());
    let second = octo.run(again.into()).await.unwrap();
    assert_eq!((second.status, &second.result), (TaskStatus::Completed, &first.result));
    assert_eq!((first.usage.cache_hits, second.usage.cache_hits, second.usage.arm_calls), (0, 1, 0));
    assert_eq!((reader.calls(), &*second.metadata["mine"]), (1, "yes"));
    assert_ne!(first.task_id, second.task_id);
    assert_eq!(octo.task(second.task_id).await.unwrap(), second);
    let events = octo.journal(second.task_id, 0, 10).await.unwrap();
    let names: Vec<_> = events.iter().map(|event| event.kind.name()).collect();
    assert_eq!(names, ["task.accepted", "reflex.reacted", "task.completed"]);
    let EventKind::ReflexReacted { verdict, .. } = &events[1].kind else { panic!("{:?}", events[1]) };
    assert_eq!(verdict, "answer");
}

#[tokio::test]
async fn another_question_and_a_wish_for_a_fresh_answer_are_worked_on() {
    let (octo, reader) = reading().await;
    octo.run(asking("tides").into()).await.unwrap();
    octo.run(asking("Tides").into()).await.unwrap();
    assert_eq!(reader.calls(), 2);
    let fresh = Submission { request: asking("tides"), fresh: true, ..Submission::default() };
    assert_eq!(octo.run(fresh).await.unwrap().usage.cache_hits, 0);
    let tenant = |name: &str| Submission {
        request: asking("tides"),
        tenant: Some(name.into()),
        ..Submission::default()
    };
    for (name, hits) in [("a", 0), ("b", 0), ("a", 1), ("b", 1)] {
        assert_eq!(octo.run(tenant(name)).await.unwrap().usage.cache_hits, hits, "{name}");
    }
    assert_eq!(reader.calls(), 5);
}

#[tokio::test]
async fn nothing_is_given_again_unless_somebody_wants_it() {
    let (arm, reader) = Counted::arm("reader", SideEffects::None, 0);
    reader.open();
    let octo = LocalOrchestrator::builder().arm(arm).start().await.unwrap();
    octo.run(asking("tides").into()).await.unwrap();
    octo.run(asking("tides").into()).await.unwrap();
    assert_eq!(reader.calls(), 2);
}

#[tokio::test]
async fn an_answer_ends_with_its_time() {
    let (arm, reader) = Counted::arm("reader", SideEffects::None, 0);
    reader.open();
    let answers = Some(AnswerCache { ttl: Duration::from_millis(20), ..AnswerCache::default() });
    let config = EngineConfig { answers, ..EngineConfig::default() };
    let octo = LocalOrchestrator::builder().arm(arm).config(config).start().await.unwrap();
    octo.run(asking("tides").into()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(60)).await;
    octo.run(asking("tides").into()).await.unwrap();
    assert_eq!(reader.calls(), 2);
}

#[tokio::test]
async fn what_changes_the_world_or_is_too_large_is_done_again() {
    let (writer, written) = Counted::arm("reader", SideEffects::Idempotent, 0);
    written.open();
    let octo = LocalOrchestrator::builder().arm(writer).config(cached()).start().await.unwrap();
    for _ in 0..2 {
        assert_eq!(octo.run(asking("tides").into()).await.unwrap().usage.cache_hits, 0);
    }
    assert_eq!(written.calls(), 2);

    let (arm, reader) = Counted::arm("reader", SideEffects::None, 0);
    reader.open();
    let answers = Some(AnswerCache { max_bytes: 100, ..AnswerCache::default() });
    let config = EngineConfig { answers, ..EngineConfig::default() };
    let octo = LocalOrchestrator::builder().arm(arm).config(config).start().await.unwrap();
    for (what, calls) in [("small".to_owned(), 1), ("large ".repeat(20), 3)] {
        octo.run(asking(&what).into()).await.unwrap();
        octo.run(asking(&what).into()).await.unwrap();
        assert_eq!(reader.calls(), calls, "{what}");
    }
}

#[tokio::test]
async fn what_is_true_for_a_moment_only_is_asked_again() {
    let asking_the_clock = ScriptedArm::new(
        ArmDescriptor { side_effects: SideEffects::None, ..ArmDescriptor::new("reader", ["read"]) },
        |call| async move { Ok(call.ask(&Peer::arm("clock"), json!({})).await?.output) },
    );
    let (clock, asked) = Counted::varying("clock");
    asked.open();
    let builder = LocalOrchestrator::builder().arm(clock).arm(asking_the_clock).config(cached());
    let octo = builder.start().await.unwrap();
    for (arm, calls) in [("clock", 2), ("reader", 4)] {
        for _ in 0..2 {
            let request = planned(vec![SubTask::new(1, "look", arm).with_input(json!({}))]);
            assert_eq!(octo.run(request.into()).await.unwrap().usage.cache_hits, 0);
        }
        assert_eq!(asked.calls(), calls, "{arm}");
    }
}

#[tokio::test]
async fn what_the_rules_did_because_no_model_answered_is_done_again() {
    let broken = ScriptedModel::matching(|_| ScriptedReply::refuse(Reason::Auth.error("no key")));
    for (models, calls) in [(Some(Models::new(Arc::new(broken))), 2), (None, 1)] {
        let (arm, reader) = Counted::arm("reader", SideEffects::None, 0);
        reader.open();
        let mut builder = LocalOrchestrator::builder().arm(arm).config(cached());
        if let Some(models) = models {
            builder = builder.models(models);
        }
        let octo = builder.start().await.unwrap();
        for _ in 0..2 {
            let result = octo.run("Let the reader say what it is".into()).await.unwrap();
            assert_eq!(result.status, TaskStatus::Completed, "{result:?}");
        }
        assert_eq!(reader.calls(), calls);
    }
}

#[tokio::test]
async fn where_a_person_is_asked_each_task_asks() {
    let (octo, reader) = reading().await;
    octo.run(asking("tides").into()).await.unwrap();
    let request = TaskRequest { approval: Approval::Plan, ..asking("tides") };
    let id = octo.submit(request.into()).await.unwrap().task_id;
    status_becomes(&*octo, id, TaskStatus::AwaitingApproval).await;
    octo.decide(id, Decision { approved: true, ..Decision::default() }).await.unwrap();
    status_becomes(&*octo, id, TaskStatus::Completed).await;
    assert_eq!(reader.calls(), 2);
}

#[tokio::test]
async fn an_arm_that_was_replaced_is_asked() {
    let (octo, before) = reading().await;
    octo.run(asking("tides").into()).await.unwrap();
    // The same descriptor, but who knows what is behind it now.
    let (arm, after) = Counted::arm("reader", SideEffects::None, 0);
    after.open();
    octo.registry().add(Arc::new(arm), None).unwrap();
    octo.run(asking("tides").into()).await.unwrap();
    assert_eq!((before.calls(), after.calls()), (1, 1));
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn documents_that_change_make_answers_old() {
    use crate::memory::Document;

    let (octo, reader) = reading().await;
    let documents = octo.memory().documents.clone();
    let put = |content_hash: &str| {
        let document =
            Document { source: "a".into(), content_hash: content_hash.into(), metadata: Default::default() };
        documents.put("notes", document, Vec::new())
    };
    octo.run(asking("tides").into()).await.unwrap();
    for (change, calls) in [("put", 2), ("replace", 3), ("remove", 4), ("nothing", 4)] {
        match change {
            "remove" => drop(documents.remove("notes", &["a".into()]).await.unwrap()),
            "nothing" => drop(documents.remove("notes", &["b".into()]).await.unwrap()),
            other => put(other).await.unwrap(),
        }
        octo.run(asking("tides").into()).await.unwrap();
        assert_eq!(reader.calls(), calls, "{change}");
    }
}

#[tokio::test]
async fn one_memory_does_not_carry_answers_from_one_orchestrator_to_another() {
    let memory = SharedMemory::in_process().await.unwrap();
    for _ in 0..2 {
        let (arm, reader) = Counted::arm("reader", SideEffects::None, 0);
        reader.open();
        let builder = LocalOrchestrator::builder().arm(arm).config(cached()).memory(memory.clone());
        let octo = builder.start().await.unwrap();
        octo.run(asking("tides").into()).await.unwrap();
        assert_eq!(reader.calls(), 1);
    }
}

/// Submits the same request many times, and waits until all of them are accepted and the arm is at work.
async fn at_once(octo: &LocalOrchestrator, reader: &Counted, count: usize) -> Vec<TaskId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(octo.submit(asking("tides").into()).await.unwrap().task_id);
    }
    while reader.calls() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    ids
}

async fn ends(octo: &LocalOrchestrator, ids: &[TaskId]) -> Vec<TaskResult> {
    let end = |id: TaskId| async move { octo.follow(id, octo.events(id, 0).await.unwrap()).await.unwrap() };
    join_all(ids.iter().map(|id| end(*id))).await
}

#[tokio::test]
async fn many_at_once_share_one_tasks_work_and_take_no_place() {
    let (arm, reader) = Counted::arm("reader", SideEffects::None, 0);
    let (other, quick) = Counted::arm("quick", SideEffects::None, 0);
    quick.open();
    // Two may run: the one that works, and one that asks something else.
    let config = EngineConfig { max_concurrent_tasks: 2, ..cached() };
    let octo = LocalOrchestrator::builder().arm(arm).arm(other).config(config).start().await.unwrap();
    let ids = at_once(&octo, &reader, 20).await;
    let other = planned(vec![SubTask::new(1, "read", "quick").with_input(json!({}))]);
    assert_eq!(octo.run(other.into()).await.unwrap().status, TaskStatus::Completed);
    reader.open();
    let results = ends(&octo, &ids).await;
    assert_eq!(reader.calls(), 1);
    assert!(results.iter().all(|result| result.result == results[0].result), "{results:?}");
    assert_eq!(results.iter().map(|result| result.usage.cache_hits).sum::<u64>(), 19);
}

#[tokio::test]
async fn where_the_first_is_cancelled_another_goes_on() {
    let (arm, reader) = Counted::arm("reader", SideEffects::None, 0);
    let octo = LocalOrchestrator::builder().arm(arm).config(cached()).start().await.unwrap();
    let ids = at_once(&octo, &reader, 5).await;
    octo.cancel(ids[1], "of those who wait").await.unwrap();
    octo.cancel(ids[0], "the one that works").await.unwrap();
    while reader.calls() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    reader.open();
    let results = ends(&octo, &ids).await;
    let completed = results.iter().filter(|result| result.status == TaskStatus::Completed).count();
    assert_eq!((reader.calls(), completed), (2, 3), "{results:?}");
}

#[tokio::test]
async fn a_failure_is_not_shared() {
    let (arm, reader) = Counted::arm("reader", SideEffects::None, 1);
    let octo = LocalOrchestrator::builder().arm(arm).config(cached()).start().await.unwrap();
    let ids = at_once(&octo, &reader, 4).await;
    reader.open();
    let results = ends(&octo, &ids).await;
    let failed: Vec<_> = results.iter().filter(|result| result.status == TaskStatus::Failed).collect();
    assert_eq!((failed.len(), failed[0].task_id), (1, ids[0]), "{results:?}");
}

#[tokio::test]
async fn nobody_waits_for_what_changes_the_world_or_is_less_urgent() {
    let (arm, writer) = Counted::arm("reader", SideEffects::Idempotent, 0);
    let octo = LocalOrchestrator::builder().arm(arm).config(cached()).start().await.unwrap();
    let ids = at_once(&octo, &writer, 4).await;
    while writer.calls() < 4 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    writer.open();
    assert!(ends(&octo, &ids).await.iter().all(|result| result.usage.cache_hits == 0));

    let (arm, reader) = Counted::arm("reader", SideEffects::None, 0);
    let octo = LocalOrchestrator::builder().arm(arm).config(cached()).start().await.unwrap();
    at_once(&octo, &reader, 2).await;
    let urgent = TaskRequest { priority: Priority::Critical, ..asking("tides") };
    octo.submit(urgent.into()).await.unwrap();
    while reader.calls() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    reader.open();
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_task_that_waits_for_another_goes_on_after_a_restart() {
    use crate::memory::{SqliteMemory, SqliteOptions};

    let folder = tempfile::TempDir::new().unwrap();
    let start = async |arm: ScriptedArm| {
        let store = SqliteOptions::new(folder.path().join("octollm.db"));
        let memory = SqliteMemory::open(store).await.unwrap();
        let builder = LocalOrchestrator::builder().arm(arm).config(cached());
        (builder.memory(SharedMemory::sqlite(memory.clone())).start().await.unwrap(), memory)
    };
    let (arm, reader) = Counted::arm("reader", SideEffects::None, 0);
    let (octo, memory) = start(arm).await;
    let ids = at_once(&octo, &reader, 3).await;
    octo.shutdown(Duration::ZERO).await;
    memory.close().await.unwrap();
    let (arm, reader) = Counted::arm("reader", SideEffects::None, 0);
    reader.open();
    let (octo, _) = start(arm).await;
    for id in ids {
        status_becomes(&*octo, id, TaskStatus::Completed).await;
    }
}

#[cfg(feature = "reflex")]
mod personal {
    use super::*;
    use crate::memory::{Cache, CacheKey};

    /// Remembers every key and value that is kept.
    #[derive(Default)]
    struct Watched {
        cache: crate::memory::InProcessCache,
        kept: std::sync::Mutex<Vec<String>>,
    }

    #[async_trait]
    impl Cache for Watched {
        async fn get(&self, key: &CacheKey) -> crate::Result<Option<bytes::Bytes>> {
            self.cache.get(key).await
        }

        async fn set(&self, key: &CacheKey, value: bytes::Bytes, ttl: Duration) -> crate::Result<()> {
            self.cache.set(key, value, ttl).await
        }

        async fn remove(&self, key: &CacheKey) -> crate::Result<()> {
            self.cache.remove(key).await
        }

        async fn get_or_compute(
            &self,
            key: &CacheKey,
            ttl: Duration,
            compute: crate::memory::Compute<'_>,
        ) -> crate::Result<bytes::Bytes> {
            let value = self.cache.get_or_compute(key, ttl, compute).await?;
            self.kept.lock().unwrap().push(format!("{key} {}", String::from_utf8_lossy(&value)));
            Ok(value)
        }

        async fn ping(&self) -> crate::Result<()> {
            Ok(())
        }
    }

    async fn watched(needs: &[&str]) -> (Arc<LocalOrchestrator>, Arc<Watched>, Arc<AtomicUsize>) {
        let (cache, calls) = (Arc::new(Watched::default()), Arc::new(AtomicUsize::new(0)));
        let descriptor = ArmDescriptor {
            side_effects: SideEffects::None,
            needs_pii: needs.iter().map(ToString::to_string).collect(),
            ..ArmDescriptor::new("reader", ["read"])
        };
        let counted = calls.clone();
        let arm = ScriptedArm::new(descriptor, move |call| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                let found = if call.input["what"] == "page" { "ask max@example.org" } else { "" };
                Ok(json!({"said": *call.input, "found": found}))
            }
        });
        let memory = SharedMemory { cache: cache.clone(), ..SharedMemory::in_process().await.unwrap() };
        let builder = LocalOrchestrator::builder().arm(arm).config(cached()).memory(memory);
        (builder.start().await.unwrap(), cache, calls)
    }

    #[tokio::test]
    async fn an_address_is_neither_in_a_key_nor_in_a_value_and_each_caller_gets_his_own() {
        let (octo, cache, calls) = watched(&[]).await;
        for (address, hits) in [("jane@example.com", 0), ("john@example.com", 0), ("jane@example.com", 1)] {
            let result = octo.run(asking(&format!("Write to {address}")).into()).await.unwrap();
            let said = json!({"said": {"what": format!("Write to {address}")}, "found": ""});
            assert_eq!((&**result.result.as_ref().unwrap(), result.usage.cache_hits), (&said, hits));
        }
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        let kept = cache.kept.lock().unwrap().join("\n");
        assert!(kept.contains("<EMAIL_1>") && !kept.contains("jane") && !kept.contains("john"), "{kept}");
    }

    #[tokio::test]
    async fn a_placeholder_that_a_caller_wrote_is_not_somebodys_address() {
        let (octo, _, calls) = watched(&[]).await;
        octo.run(asking("Write to jane@example.com").into()).await.unwrap();
        let result = octo.run(asking("Write to <EMAIL_1>").into()).await.unwrap();
        assert_eq!(result.result.unwrap()["said"]["what"], "Write to <EMAIL_1>");
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn what_only_its_own_task_could_turn_back_is_not_kept() {
        // What is personal was found on the way, or an arm has seen it.
        for (needs, what) in [(&[][..], "page"), (&["email"][..], "Write to jane@example.com")] {
            let (octo, cache, calls) = watched(needs).await;
            for _ in 0..2 {
                let result = octo.run(asking(what).into()).await.unwrap();
                assert_eq!(result.status, TaskStatus::Completed);
                assert!(!result.result.unwrap().to_string().contains("<EMAIL"));
            }
            assert_eq!(calls.load(Ordering::SeqCst), 2, "{what}");
            assert!(cache.kept.lock().unwrap().is_empty());
        }
    }
}
