//! What is shown of an answer, and when.

use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt;
use proptest::prelude::*;

use super::*;
use crate::model::layers::{Around, Broadcast, Link, LinkOptions, Redactor, Redactors, guarded, standard};
use crate::model::{LanguageModel, Message, Reason, ScriptedModel, ScriptedReply, Tool};

/// Keeps what is shown.
#[derive(Default)]
struct Kept(Mutex<Vec<Words>>);

impl Kept {
    fn words(&self) -> Vec<Words> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn text(&self) -> String {
        self.words().into_iter().map(|words| words.text).collect()
    }
}

impl LiveSink for Kept {
    fn say(&self, words: Words) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(words);
    }
}

/// A request whose answer is shown, and where.
fn shown_by(screen: impl Screen + 'static) -> (ModelRequest, Arc<Kept>) {
    let (mut request, kept) = (ModelRequest::new(vec![Message::user("Speak!")]), Arc::<Kept>::default());
    request.context.step = Some(7);
    request.context.live = Some(Live::new(kept.clone(), Arc::new(screen)));
    (request, kept)
}

fn shown() -> (ModelRequest, Arc<Kept>) {
    shown_by(WholePlaceholders::default())
}

fn overheard(reply: ScriptedReply) -> Broadcast {
    Broadcast::new(Arc::new(ScriptedModel::in_order([reply])))
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[tokio::test(start_paused = true)]
async fn words_come_merged_in_order_and_numbered_by_their_place() {
    let answer = "eight arms and three hearts. ".repeat(20);
    let model = overheard(ScriptedReply::text(&answer).chunked(4).pausing(ms(5)).thinking("hm"));
    let (request, kept) = shown();
    assert_eq!(model.complete(&request).await.unwrap().text, answer);
    let words = kept.words();
    assert_eq!((kept.text(), words[0].text.as_str()), (answer.clone(), "eigh"), "the first comes at once");
    assert!(words.len() < answer.len() / 4 / 5, "{} pieces", words.len());
    let mut offset = 0;
    for words in words {
        assert_eq!((words.step, words.call, words.offset), (Some(7), 1, offset));
        offset += words.text.len() as u64;
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_the_model_holds_nothing_back() {
    let model = overheard(ScriptedReply::text("abcdef").chunked(2).stalling_after(3));
    let (request, kept) = shown();
    let mut stream = model.stream(&request).await.unwrap();
    // The clock stands still unless everybody waits: so the wait ends after the words were due.
    let said = tokio::time::timeout(ms(1_000), async { while stream.next().await.is_some() {} }).await;
    assert!(said.is_err(), "it stalls");
    assert_eq!(kept.text(), "abcdef");
}

#[tokio::test(start_paused = true)]
async fn much_text_does_not_wait_for_the_clock() {
    let answer = "x".repeat(10 * ENOUGH);
    let model = overheard(ScriptedReply::text(&answer).chunked(64));
    let (request, kept) = shown();
    model.complete(&request).await.unwrap();
    assert_eq!((kept.text(), kept.words().len()), (answer, 11));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_asked_for_again_has_another_number() {
    let broken = || ScriptedReply::text("first half").chunked(5).cut_off_after(1);
    let model = Arc::new(ScriptedModel::in_order([broken(), ScriptedReply::text("the whole")]));
    let model = guarded(model, &Link::new(&LinkOptions::default()));
    let (request, kept) = shown();
    assert_eq!(model.complete(&request).await.unwrap().text, "the whole");
    let words: Vec<_> =
        kept.words().into_iter().map(|words| (words.call, words.offset, words.text)).collect();
    assert_eq!(words, [(1, 0, "first".to_owned()), (2, 0, "the whole".to_owned())]);
}

#[tokio::test]
async fn arguments_are_words_where_a_tool_takes_the_answer() {
    let called = || ScriptedReply::text("Well: ").and_tool_call("give", r#"{"n": 8}"#);
    for (forced, expected) in [(true, "Well: {\"n\": 8}"), (false, "Well: ")] {
        let (mut request, kept) = shown();
        let parameters = serde_json::json!({"type": "object"});
        request.tools.push(Tool { name: "give".into(), description: "Gives".into(), parameters });
        request.tool_choice = if forced { ToolChoice::Named("give".into()) } else { ToolChoice::Auto };
        overheard(called()).complete(&request).await.unwrap();
        assert_eq!(kept.text(), expected);
    }
}

/// Knows one name.
struct Ada;

impl Redactor for Ada {
    fn shape(&self) -> Shape {
        WholePlaceholders::default().0
    }

    fn redact(&self, text: &str) -> String {
        text.replace("Ada", "<NAME_1>")
    }

    fn restore(&self, placeholder: &str) -> Option<String> {
        (placeholder == "<NAME_1>").then(|| "Ada".to_owned())
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_restored_in_the_answer_stays_a_placeholder_in_what_is_shown() {
    let reply = ScriptedReply::text("Dear <NAME_1>, a < b.").chunked(1).pausing(ms(50));
    let redactors: Arc<dyn Redactors> = Arc::new(Arc::new(Ada) as Arc<dyn Redactor>);
    let around = Around { redactors: Some(redactors), cache: None };
    let link = Link::new(&LinkOptions::default());
    let model = standard(guarded(Arc::new(ScriptedModel::in_order([reply])), &link), Vec::new(), &around);
    let (request, kept) = shown();
    assert_eq!(model.complete(&request).await.unwrap().text, "Dear Ada, a < b.");
    assert_eq!(kept.text(), "Dear <NAME_1>, a < b.");
    assert!(kept.words().iter().any(|words| words.text.contains("<NAME_1>")), "{:?}", kept.0);
}

/// Shows a word only once its end has come, writes `***` for secrets, and stops at the first refusal.
struct Strict;

impl Screen for Strict {
    fn screen(&self, _: Option<TaskId>, said: &str, ended: bool) -> Shown {
        let bytes = if ended { said.len() } else { said.rfind(' ').map_or(0, |at| at + 1) };
        let ready = &said[..bytes];
        match () {
            () if ready.contains("forbidden") => Shown::Withheld,
            () if ready.contains("secret") => Shown::Instead { text: ready.replace("secret", "***"), bytes },
            () => Shown::AsSaid { bytes },
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_screen_decides_what_is_shown() {
    for (answer, expected) in [
        ("the secret is a secret", "the *** is a ***"),
        ("so far so good and forbidden from here", "so far so good and "),
        ("nospacesatall", "nospacesatall"),
    ] {
        for size in 1..answer.len() {
            let (request, kept) = shown_by(Strict);
            let reply = ScriptedReply::text(answer).chunked(size).pausing(ms(60));
            assert_eq!(overheard(reply).complete(&request).await.unwrap().text, answer);
            let text = kept.text();
            assert!(
                text == expected || (answer.contains("forbidden") && expected.starts_with(&text)),
                "{text}"
            );
            assert!(!text.contains("secret") && !text.contains("forbidden"));
        }
    }
}

/// Never decides.
struct Undecided;

impl Screen for Undecided {
    fn screen(&self, _: Option<TaskId>, said: &str, ended: bool) -> Shown {
        Shown::AsSaid { bytes: if ended { said.len() } else { 0 } }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_is_bounded_and_the_gap_is_seen() {
    let (request, kept) = shown_by(Undecided);
    let answer = "y".repeat(3 * MOST_HELD);
    overheard(ScriptedReply::text(&answer).chunked(1_000)).complete(&request).await.unwrap();
    let words = kept.words();
    assert_eq!(words.len(), 1);
    assert!(words[0].offset > 0 && words[0].text.len() <= MOST_HELD + ENOUGH);
    assert_eq!(words[0].offset as usize + words[0].text.len(), answer.len());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_or_is_dropped_shows_what_was_said_and_no_more() {
    let error = || Reason::Stalled.error("scripted");
    let model = overheard(ScriptedReply::text("abcdef").chunked(2).failing_after(2, error()));
    let (request, kept) = shown();
    assert!(model.complete(&request).await.is_err());
    assert_eq!(kept.text(), "abcd");
    let model = overheard(ScriptedReply::text("abcdef").chunked(2).stalling_after(2));
    let (request, kept) = shown();
    let mut stream = model.stream(&request).await.unwrap();
    while kept.text().is_empty() {
        stream.next().await.unwrap().unwrap();
    }
    drop(stream);
    assert_eq!(kept.text(), "ab");
}

proptest! {
    /// However an answer is cut, no placeholder of it is, and nothing else is lost.
    #[test]
    fn placeholders_stay_whole(parts in prop::collection::vec(("[a <>ü]{0,9}", 1u32..200), 1..8), size in 1usize..9) {
        let answer: String = parts.iter().map(|(text, n)| format!("{text}<MAIL_{n}>")).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let words = runtime.block_on(async {
            let (request, kept) = shown();
            let reply = ScriptedReply::text(&answer).chunked(size).pausing(ms(30));
            overheard(reply).complete(&request).await.unwrap();
            kept.words()
        });
        let mut text = String::new();
        for Words { text: words, .. } in &words {
            let (before, after) = (text.len(), text.len() + words.len());
            text.push_str(words);
            for (at, placeholder) in answer.match_indices("<MAIL_").map(|(at, _)| (at, answer[at..].find('>'))) {
                let end = at + placeholder.unwrap() + 1;
                let cuts = |place| at < place && place < end;
                prop_assert!(!cuts(before) && !cuts(after), "{words:?}");
            }
        }
        prop_assert_eq!(text, answer);
    }
}
