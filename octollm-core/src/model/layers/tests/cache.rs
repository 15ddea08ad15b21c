//! The cache of answers.

use super::*;
use crate::error::{Error, ErrorKind};
use crate::memory::{Cache, InProcessCache};
use crate::model::FinishReason;

fn cached(model: &ScriptedModel, options: CacheOptions) -> Arc<Cached> {
    let cache: Arc<dyn Cache> = Arc::new(InProcessCache::default());
    Arc::new(Cached::new(shared(model), cache, options))
}

fn certain() -> ModelRequest {
    ModelRequest { temperature: Some(0.0), ..hello() }
}

#[tokio::test]
async fn the_same_question_is_paid_for_once() {
    let reply = || ScriptedReply::text("Bonjour").chunked(2).thinking("hm").using(3, 4);
    let model = ScriptedModel::matching(move |_| reply());
    let cached = cached(&model, CacheOptions::default());
    let (mut request, allowance) = spending(Grant::default());
    request.temperature = Some(0.0);
    let paid = cached.complete(&request).await.unwrap();
    assert_eq!((paid.usage.output_tokens, paid.usage.cache_hits), (4, 0));
    let hit = cached.complete(&request).await.unwrap();
    assert_eq!((hit.text.as_str(), hit.reasoning.as_str()), ("Bonjour", "hm"));
    assert_eq!((hit.usage.tokens(), hit.usage.model_calls, hit.usage.cache_hits), (0, 0, 1));
    let mut stream = cached.stream(&request).await.unwrap();
    assert_eq!(word(&mut stream).await.as_deref(), Some("Bonjour"));
    assert_eq!((model.calls(), allowance.used().cache_hits), (1, 2));
}

#[tokio::test]
async fn chance_is_given_chance_unless_it_is_asked_otherwise() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("x"));
    let by_default = cached(&model, CacheOptions::default());
    let sampled = cached(&model, CacheOptions { sampled: true, ..Default::default() });
    for (temperature, kept, kept_if_sampled) in [(None, 0, 1), (Some(0.7), 0, 1), (Some(0.0), 1, 1)] {
        let request = ModelRequest { temperature, ..ask(&format!("{temperature:?}")) };
        for (layer, kept) in [(&by_default, kept), (&sampled, kept_if_sampled)] {
            let before = model.calls();
            layer.complete(&request).await.unwrap();
            layer.stream(&request).await.unwrap().collect::<Vec<_>>().await;
            assert_eq!(model.calls() - before, 2 - kept, "{temperature:?}");
        }
    }
}

#[tokio::test]
async fn only_whole_answers_are_kept() {
    let model = named(
        "m",
        [
            refuse(Reason::Overloaded),
            ScriptedReply::text("cut").finishing(FinishReason::Length),
            ScriptedReply::text("withheld").finishing(FinishReason::ContentFilter),
            ScriptedReply::text("broken").chunked(2).failing_after(1, Reason::CutOff.error("cut")),
            ScriptedReply::text("cut").finishing(FinishReason::Length),
            ScriptedReply::text("whole"),
        ],
    );
    let cached = cached(&model, CacheOptions::default());
    for _ in 0..3 {
        cached.complete(&certain()).await.ok();
    }
    let broken: Vec<_> = cached.stream(&certain()).await.unwrap().collect().await;
    assert_eq!(Reason::of(broken.last().unwrap().as_ref().unwrap_err()), Some(Reason::CutOff));
    cached.stream(&certain()).await.unwrap().collect::<Vec<_>>().await;
    for _ in 0..2 {
        assert_eq!(cached.complete(&certain()).await.unwrap().text, "whole");
    }
    assert_eq!(model.calls(), 6);
}

#[tokio::test(start_paused = true)]
async fn many_at_once_share_one_call_and_the_one_who_asks_streams() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("abcdef").chunked(2).pausing(ms(100)));
    let cached = cached(&model, CacheOptions::default());
    let mut first = cached.stream(&certain()).await.unwrap();
    assert_eq!(word(&mut first).await.as_deref(), Some("ab"), "before the answer is whole");
    let others = (0..20).map(|_| async { cached.complete(&certain()).await.unwrap() });
    let (others, rest) = tokio::join!(futures_util::future::join_all(others), async {
        let mut rest = String::new();
        while let Some(text) = word(&mut first).await {
            rest.push_str(&text);
        }
        rest
    });
    assert_eq!(rest, "cdef");
    assert!(others.iter().all(|reply| reply.text == "abcdef" && reply.usage.cache_hits == 1));
    assert_eq!(model.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn if_the_one_who_asks_is_dropped_another_asks() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("abcd").chunked(2).pausing(ms(100)));
    let cached = cached(&model, CacheOptions::default());
    let mut first = cached.stream(&certain()).await.unwrap();
    word(&mut first).await.unwrap();
    let waiting = {
        let cached = cached.clone();
        tokio::spawn(async move { cached.complete(&certain()).await })
    };
    tokio::time::sleep(ms(1)).await;
    drop(first);
    assert_eq!(waiting.await.unwrap().unwrap().text, "abcd");
    assert_eq!((model.calls(), model.open_streams()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn the_budget_of_the_one_who_asks_is_not_that_of_those_who_wait() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("abcd").after(ms(100)));
    let poor = ScriptedModel::matching(move |_| {
        ScriptedReply::refuse(Error::new(ErrorKind::BudgetExceeded, "nothing left")).after(ms(50))
    });
    let cache: Arc<dyn Cache> = Arc::new(InProcessCache::default());
    let of = |model: &ScriptedModel| Cached::new(shared(model), cache.clone(), CacheOptions::default());
    let (poor, rich) = (of(&poor), of(&model));
    let request = certain();
    let (poor, rich, streamed) =
        tokio::join!(poor.complete(&request), rich.complete(&request), rich.stream(&request));
    assert_eq!(poor.unwrap_err().kind(), ErrorKind::BudgetExceeded);
    assert_eq!(rich.unwrap().text, "abcd");
    assert_eq!(word(&mut streamed.unwrap()).await.as_deref(), Some("abcd"));
}

#[tokio::test]
async fn tenants_share_nothing() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("x"));
    let cache: Arc<dyn Cache> = Arc::new(InProcessCache::default());
    for tenant in ["a", "b", "a"] {
        let options = CacheOptions { tenant: tenant.to_owned(), ..Default::default() };
        Cached::new(shared(&model), cache.clone(), options).complete(&certain()).await.unwrap();
    }
    assert_eq!(model.calls(), 2);
}
