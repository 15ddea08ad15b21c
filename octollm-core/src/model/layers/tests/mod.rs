//! Every layer over a scripted model, and all of them together.

mod cache;
mod failures;
mod spending;
mod trace;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::Instant;

use super::*;
use crate::model::{
    Allowance, Delta, LanguageModel, Message, ModelRequest, ModelStream, Reason, ScriptedModel, ScriptedReply,
};
use crate::task::Grant;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn ask(text: &str) -> ModelRequest {
    ModelRequest::new(vec![Message::user(text)])
}

fn hello() -> ModelRequest {
    ask("hello")
}

fn within(time: Duration) -> ModelRequest {
    let mut request = hello();
    request.context.deadline = Some(Instant::now() + time);
    request
}

fn spending(grant: Grant) -> (ModelRequest, Arc<Allowance>) {
    let (mut request, allowance) = (hello(), Allowance::new(grant));
    request.context.allowance = Some(allowance.clone());
    (request, allowance)
}

fn named(name: &str, replies: impl IntoIterator<Item = ScriptedReply>) -> ScriptedModel {
    ScriptedModel::in_order(replies).described(|model| model.model = name.to_owned())
}

fn shared(model: &ScriptedModel) -> Arc<dyn LanguageModel> {
    Arc::new(model.clone())
}

fn refuse(reason: Reason) -> ScriptedReply {
    ScriptedReply::refuse(reason.error("scripted"))
}

/// The next piece of text.
async fn word(stream: &mut ModelStream) -> Option<String> {
    while let Some(delta) = stream.next().await {
        if let Ok(Delta::Text(text)) = delta {
            return Some(text);
        }
    }
    None
}

#[tokio::test(start_paused = true)]
async fn dropping_the_whole_stack_closes_the_connection_and_settles() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("abcdef").chunked(3).stalling_after(1));
    let link = Link::new(&LinkOptions {
        rates: RateOptions { concurrent: 1, ..Default::default() },
        ..Default::default()
    });
    let model_in_layers = standard(guarded(shared(&model), &link), Vec::new(), &Around::default());
    let (request, allowance) = spending(Grant { tokens: Some(1_000), cost_usd: None });
    for _ in 0..3 {
        let mut stream = model_in_layers.stream(&request).await.unwrap();
        assert_eq!(word(&mut stream).await.as_deref(), Some("abc"));
        assert_eq!(model.open_streams(), 1);
        drop(stream);
        assert_eq!(model.open_streams(), 0, "the place is free again and so is the connection");
    }
    let used = allowance.used();
    assert_eq!((used.model_calls, used.output_tokens), (3, 3));
    assert_eq!(allowance.tokens_left(), Some(1_000 - used.tokens()), "nothing stays reserved");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_before_it_began_leaves_nothing_behind() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("late").after(Duration::from_secs(60)));
    let link = Link::new(&LinkOptions::default());
    let model_in_layers = standard(guarded(shared(&model), &link), Vec::new(), &Around::default());
    let (request, allowance) = spending(Grant { tokens: Some(1_000), cost_usd: None });
    let call = tokio::time::timeout(ms(10), model_in_layers.complete(&request)).await;
    assert!(call.is_err());
    assert_eq!((model.open_streams(), allowance.tokens_left()), (0, Some(1_000)));
}

/// Calls Ada `[[A]]`.
struct Ada;

impl Redactor for Ada {
    fn shape(&self) -> Shape {
        Shape { open: "[[", close: "]]", longest: 8 }
    }

    fn redact(&self, text: &str) -> String {
        text.replace("Ada", "[[A]]")
    }

    fn restore(&self, placeholder: &str) -> Option<String> {
        (placeholder == "[[A]]").then(|| "Ada".to_owned())
    }
}

#[tokio::test(start_paused = true)]
async fn together_they_retry_fall_back_keep_and_hide() {
    let down = ScriptedModel::matching(|_| refuse(Reason::Overloaded));
    let up = named("up", [ScriptedReply::text("Dear [[A]]!").chunked(2).using(10, 5)]);
    let cache: Arc<dyn crate::memory::Cache> = Arc::new(crate::memory::InProcessCache::default());
    let ada: Arc<dyn Redactor> = Arc::new(Ada);
    let around = Around { redactors: Some(Arc::new(ada)), cache: Some((cache, CacheOptions::default())) };
    let guarded = |model: &ScriptedModel| guarded(shared(model), &Link::new(&LinkOptions::default()));
    let model = standard(guarded(&down), vec![guarded(&up)], &around);

    let (mut request, allowance) = spending(Grant { tokens: Some(10_000), cost_usd: None });
    (request.messages, request.temperature) = (vec![Message::user("Write to Ada")], Some(0.0));
    for _ in 0..2 {
        let mut said = String::new();
        let mut stream = model.stream(&request).await.unwrap();
        while let Some(text) = word(&mut stream).await {
            said.push_str(&text);
        }
        assert_eq!(said, "Dear Ada!");
    }
    assert_eq!((down.calls(), up.calls()), (3, 1), "three attempts, one fallback, one hit");
    assert_eq!(up.requests()[0].messages[0].text(), "Write to [[A]]");
    let used = allowance.used();
    assert_eq!((used.tokens(), used.model_calls, used.cache_hits), (15, 1, 1));
}
