//! Limit and budget.

use super::*;
use crate::error::ErrorKind;
use crate::model::Price;
use crate::model::estimate::input_tokens;

fn limited(model: &ScriptedModel, options: RateOptions) -> Arc<Limit> {
    Arc::new(Limit::new(shared(model), Limits::new(options)))
}

#[tokio::test(start_paused = true)]
async fn so_many_at_once_and_a_dropped_waiter_leaves_the_queue() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("abc").stalling_after(1));
    let limit = limited(&model, RateOptions { concurrent: 1, max_waiting: 1, ..Default::default() });
    let first = limit.stream(&hello()).await.unwrap();
    let error = limit.complete(&within(ms(50))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.retry_after().is_some() && held_back(&error));
    assert!(tokio::time::timeout(ms(50), limit.complete(&hello())).await.is_err());
    drop(first);
    drop(limit.stream(&hello()).await.unwrap());
    assert_eq!(model.calls(), 2, "who waited in vain never called");
}

#[tokio::test(start_paused = true)]
async fn a_place_is_free_when_the_stream_has_ended_even_if_it_is_kept() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("abc"));
    let limit = limited(&model, RateOptions { concurrent: 1, ..Default::default() });
    let mut kept = limit.stream(&hello()).await.unwrap();
    while kept.next().await.is_some() {}
    assert!(limit.complete(&within(ms(50))).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn so_many_a_minute() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("abc").using(1, 1));
    let limit = limited(&model, RateOptions { requests_per_minute: Some(60), ..Default::default() });
    let began = Instant::now();
    for _ in 0..63 {
        limit.complete(&hello()).await.unwrap();
    }
    let took = began.elapsed();
    assert!(took >= ms(2_990) && took < ms(3_100), "{took:?}");
    let error = limit.complete(&within(ms(500))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.retry_after().unwrap() > ms(500));
    assert_eq!(model.calls(), 63, "a wait beyond the deadline is not begun");
}

#[tokio::test(start_paused = true)]
async fn tokens_count_as_they_were_used_not_as_they_were_estimated() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("abc").using(10, 10));
    let limit = limited(&model, RateOptions { tokens_per_minute: Some(2_000), ..Default::default() });
    let began = Instant::now();
    for _ in 0..40 {
        limit.complete(&hello()).await.unwrap();
    }
    assert_eq!(began.elapsed(), Duration::ZERO, "an estimate of a thousand tokens each would have waited");
    let greedy = ScriptedModel::matching(|_| ScriptedReply::text("abc").using(10, 20_000));
    let limit = limited(&greedy, RateOptions { tokens_per_minute: Some(2_000), ..Default::default() });
    limit.complete(&hello()).await.unwrap();
    limit.complete(&hello()).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(540), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_never_made_takes_nothing_of_the_minute() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("abc"));
    let limit = limited(&model, RateOptions { requests_per_minute: Some(1), ..Default::default() });
    limit.complete(&hello()).await.unwrap();
    for _ in 0..5 {
        assert!(tokio::time::timeout(ms(10), limit.complete(&hello())).await.is_err());
    }
    let began = Instant::now();
    limit.complete(&hello()).await.unwrap();
    assert!(began.elapsed() <= Duration::from_secs(60), "{:?}", began.elapsed());
}

fn priced(reply: impl Fn() -> ScriptedReply + Send + Sync + 'static, price: Option<Price>) -> ScriptedModel {
    ScriptedModel::matching(move |_| reply()).described(|model| model.price = price)
}

const ONE_A_TOKEN: Price = Price { input: 1e6, output: 1e6, cached_input: 1e6, cache_write: 1e6 };

fn tokens(tokens: u64) -> Grant {
    Grant { tokens: Some(tokens), cost_usd: None }
}

#[tokio::test]
async fn the_answer_is_shortened_to_what_is_left_and_refused_where_nothing_is() {
    let model = priced(|| ScriptedReply::text("abc").using(6, 80), Some(Price::FREE));
    let budget = Budget::new(shared(&model));
    let (request, allowance) = spending(tokens(190));
    let input = u32::try_from(input_tokens(&request)).unwrap();
    budget.complete(&request).await.unwrap();
    let short = ModelRequest { max_output_tokens: Some(50), ..request.clone() };
    budget.complete(&short).await.unwrap();
    let error = budget.complete(&request).await.unwrap_err();
    let asked: Vec<_> = model.requests().iter().map(|request| request.max_output_tokens).collect();
    assert_eq!(asked, [Some(190 - input), Some(50)], "a limit that fits stays as it is");
    assert_eq!((error.kind(), allowance.used().tokens()), (ErrorKind::BudgetExceeded, 172));
}

#[tokio::test]
async fn money_shortens_the_answer_too() {
    let model = priced(|| ScriptedReply::text("abc").using(6, 10), Some(ONE_A_TOKEN));
    let (request, allowance) = spending(Grant { tokens: None, cost_usd: Some(50.0) });
    let input = u32::try_from(input_tokens(&request)).unwrap();
    Budget::new(shared(&model)).complete(&request).await.unwrap();
    assert_eq!(model.requests()[0].max_output_tokens, Some(50 - input));
    assert!((allowance.used().cost_usd - 16.0).abs() < 1e-9);
}

#[tokio::test]
async fn a_ceiling_on_money_needs_a_price() {
    let model = priced(|| ScriptedReply::text("abc"), None);
    let (request, _) = spending(Grant { tokens: None, cost_usd: Some(50.0) });
    let error = Budget::new(shared(&model)).complete(&request).await.unwrap_err();
    assert_eq!((error.kind(), model.calls()), (ErrorKind::NotConfigured, 0));
    let (request, _) = spending(tokens(500));
    assert!(Budget::new(shared(&model)).complete(&request).await.is_ok());
    assert!(Budget::new(shared(&model)).complete(&hello()).await.is_ok());
}

#[tokio::test]
async fn what_nobody_counted_is_estimated_and_a_failure_before_the_beginning_is_free() {
    let model = named(
        "m",
        [
            refuse(Reason::Overloaded),
            ScriptedReply::text("abcdefghi"),
            ScriptedReply::text("abcdefghi").chunked(3).failing_after(2, Reason::Network.error("broke")),
        ],
    );
    let budget = Budget::new(shared(&model));
    let (request, allowance) = spending(tokens(1_000));
    let input = input_tokens(&request);
    let mut left = vec![];
    for _ in 0..3 {
        budget.complete(&request).await.ok();
        left.push(1_000 - allowance.tokens_left().unwrap());
    }
    assert_eq!(left, [0, input + 3, 2 * input + 5]);
}

#[tokio::test]
async fn calls_at_once_share_what_is_left() {
    let model = priced(|| ScriptedReply::text("abc").chunked(1).using(6, 30), Some(Price::FREE));
    let budget = Budget::new(shared(&model));
    let (mut request, allowance) = spending(tokens(100));
    request.max_output_tokens = Some(40);
    let calls = futures_util::future::join_all((0..8).map(|_| budget.stream(&request))).await;
    let granted = calls.iter().filter(|call| call.is_ok()).count();
    assert!((2..=3).contains(&granted), "{granted} calls");
    assert!(calls.iter().flat_map(|call| call.as_ref().err()).all(|e| e.kind() == ErrorKind::BudgetExceeded));
    drop(calls);
    assert!(allowance.used().tokens() <= 100);
}

#[tokio::test]
async fn what_one_model_is_too_dear_for_a_cheaper_one_may_do() {
    let priced = |name: &str, usd: Option<f64>| {
        let price = usd.map(|usd| Price { input: usd, output: usd, ..Price::FREE });
        let model = ScriptedModel::matching(|_| ScriptedReply::text("here I am").using(10, 5));
        model.described(|model| (model.model, model.price) = (name.to_owned(), price))
    };
    let models = [
        priced("dear", Some(1e4)),
        priced("dearer", Some(2e4)),
        priced("who knows", None),
        priced("cheap", Some(1.0)),
    ];
    let chain = |models: &[ScriptedModel]| {
        let mut paid =
            models.iter().map(|model| Arc::new(Budget::new(shared(model))) as Arc<dyn LanguageModel>);
        Fallback::new(paid.next().unwrap(), paid.collect())
    };
    let purse = Grant { tokens: None, cost_usd: Some(0.01) };
    let (request, allowance) = spending(purse);
    assert_eq!(chain(&models).complete(&request).await.unwrap().model, "cheap");
    assert_eq!(models.each_ref().map(ScriptedModel::calls), [0, 0, 0, 1]);
    assert!(allowance.used().cost_usd < 0.001);
    let (request, _) = spending(purse);
    let error = chain(&models[..3]).complete(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BudgetExceeded);
    assert_eq!(models.each_ref().map(ScriptedModel::calls), [0, 0, 0, 1], "nobody else was asked");
}

#[tokio::test(start_paused = true)]
async fn the_urgent_are_asked_first() {
    let model = ScriptedModel::matching(|_| ScriptedReply::text("abc").after(ms(10)));
    let limit = limited(&model, RateOptions { concurrent: 1, ..Default::default() });
    let ask_as = |text: &'static str, priority| {
        let (limit, mut request) = (limit.clone(), ask(text));
        request.context.priority = priority;
        async move { limit.complete(&request).await.unwrap() }
    };
    use crate::task::Priority::{Critical, Low, Medium};
    tokio::join!(
        ask_as("first", Low),
        ask_as("low", Low),
        ask_as("medium", Medium),
        ask_as("critical", Critical)
    );
    let asked: Vec<_> = model.requests().iter().map(|request| request.messages[0].text()).collect();
    assert_eq!(asked, ["first", "critical", "medium", "low"]);
}
