//! What models say while they say it, as those who watch a task see it.

use super::*;
use crate::model::{Models, Screen, ScriptedModel, ScriptedReply, Shown};
use crate::task::{EventKind, SubTask};
use crate::testing::orchestrator::planned;

fn talk(words: &str) -> TaskRequest {
    planned(vec![SubTask::new(1, "talk", "talker").with_input(serde_json::json!({"words": words}))])
}

/// What was said, call by call, as far as it was shown.
async fn said(mut events: EventStream) -> String {
    let mut said = String::new();
    while let Some(event) = events.next().await {
        if let EventKind::ModelDelta { text, .. } = &event.unwrap().kind {
            said.push_str(text);
        }
    }
    said
}

#[tokio::test]
async fn nobody_waits_for_a_watcher_that_does_not_read() {
    let octo = engine(EngineConfig::default()).await;
    let words = "many words ".repeat(12);
    let (response, slow) = octo.stream(talk(&words).into()).await.unwrap();
    let result = status_becomes(&*octo, response.task_id, TaskStatus::Completed).await;
    assert_eq!(result.steps[0].output.as_ref().unwrap()["said"], words.as_str());
    // What waited for the watcher has become one piece, and nothing of it is missing.
    let mut texts = Vec::new();
    let mut kept = 0;
    let mut slow = slow;
    while let Some(event) = slow.next().await {
        match &event.unwrap().kind {
            EventKind::ModelDelta { text, .. } => texts.push(text.clone()),
            _ => kept += 1,
        }
    }
    assert_eq!((texts.concat(), kept), (words, 5));
    assert!(texts.len() <= 2, "{texts:?}");
}

#[tokio::test]
async fn a_task_is_cancelled_in_the_middle_of_a_word() {
    let octo = engine(EngineConfig::default()).await;
    let (response, mut events) = octo.stream(talk(&"endless ".repeat(10_000)).into()).await.unwrap();
    let mut cancelled = false;
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        assert!(!cancelled, "{event:?} after the end");
        if let EventKind::ModelDelta { .. } = event.kind {
            octo.cancel(response.task_id, "enough").await.unwrap();
        }
        cancelled = matches!(event.kind, EventKind::TaskCancelled { .. });
    }
    assert!(cancelled);
}

#[tokio::test]
async fn the_brains_own_words_belong_to_no_step() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("I would rather not."));
    let models = Models::layered(Arc::new(model));
    let octo = with_arms(LocalOrchestrator::builder()).models(models).start().await.unwrap();
    let (_, mut events) = octo.stream("Please echo this back to me".into()).await.unwrap();
    let mut calls = Vec::new();
    while let Some(event) = events.next().await {
        if let EventKind::ModelDelta { step, call, text, .. } = &event.unwrap().kind {
            assert_eq!((*step, text.as_str()), (None, "I would rather not."));
            calls.push(*call);
        }
    }
    assert!(!calls.is_empty() && calls.is_sorted_by(|earlier, later| earlier < later), "{calls:?}");
}

/// Shows nothing.
struct Silence;

impl Screen for Silence {
    fn screen(&self, task: Option<TaskId>, _: &str, _: bool) -> Shown {
        assert!(task.is_some());
        Shown::Withheld
    }
}

#[tokio::test]
async fn nothing_is_shown_that_the_screen_withholds() {
    let octo = with_arms(LocalOrchestrator::builder()).screen(Arc::new(Silence)).start().await.unwrap();
    let (_, events) = octo.stream(talk("not for everybody").into()).await.unwrap();
    assert_eq!(said(events).await, "");
    let octo = engine(EngineConfig::default()).await;
    let (_, events) = octo.stream(talk("for everybody").into()).await.unwrap();
    assert_eq!(said(events).await, "for everybody");
}
