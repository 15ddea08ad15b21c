//! Retry, fallback, breaker, deadline.

use super::*;
use crate::error::{Error, ErrorKind};
use crate::model::FinishReason;
use crate::resilience::{Breaker, BreakerOptions, BreakerState};

fn retrying(model: &ScriptedModel) -> Retry {
    Retry::new(shared(model), RetryOptions::default())
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_and_the_rest_is_not() {
    let passing =
        [Reason::Overloaded, Reason::ServerError, Reason::Network, Reason::Stalled, Reason::RateLimit];
    for reason in passing {
        let model = named("m", [refuse(reason), refuse(reason), ScriptedReply::text("there")]);
        assert_eq!(retrying(&model).complete(&hello()).await.unwrap().text, "there", "{reason}");
    }
    for reason in
        [Reason::Auth, Reason::Quota, Reason::ContextTooLong, Reason::ContentRefused, Reason::BadRequest]
    {
        let model = named("m", [refuse(reason)]);
        let error = retrying(&model).complete(&hello()).await.unwrap_err();
        assert_eq!((Reason::of(&error), model.calls()), (Some(reason), 1));
    }
    let model = ScriptedModel::matching(|_| refuse(Reason::Overloaded));
    assert!(retrying(&model).complete(&hello()).await.is_err());
    assert_eq!(model.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_provider_s_own_wait_is_kept_unless_it_is_too_long() {
    let slow_down = |seconds| {
        ScriptedReply::refuse(
            Reason::RateLimit.error("slow down").with_retry_after(Duration::from_secs(seconds)),
        )
    };
    let model = named("m", [slow_down(7), ScriptedReply::text("there")]);
    let began = Instant::now();
    retrying(&model).complete(&hello()).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(7));

    for (request, wait) in [(hello(), 3600), (within(Duration::from_secs(5)), 7)] {
        let model = named("m", [slow_down(wait), ScriptedReply::text("there")]);
        let began = Instant::now();
        let error = retrying(&model).complete(&request).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(wait)));
        assert_eq!((model.calls(), began.elapsed()), (1, Duration::ZERO), "told at once");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_said_twice() {
    let breaks = || ScriptedReply::text("abcdef").chunked(3).failing_after(1, Reason::CutOff.error("cut"));
    let before = || ScriptedReply::text("abc").failing_after(0, Reason::Network.error("broke"));
    let model = named("m", [before(), breaks(), ScriptedReply::text("never")]);
    let items: Vec<_> = retrying(&model).stream(&hello()).await.unwrap().collect().await;
    assert!(matches!(&items[1], Ok(Delta::Text(text)) if text == "abc"), "{items:?}");
    assert_eq!(Reason::of(items[2].as_ref().unwrap_err()), Some(Reason::CutOff));
    assert_eq!((items.len(), model.calls()), (3, 2), "retried before the first piece, never after it");

    let model = named("m", [breaks(), ScriptedReply::text("whole")]);
    assert_eq!(retrying(&model).complete(&hello()).await.unwrap().text, "whole");
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_waits_can_be_dropped() {
    let model = ScriptedModel::matching(|_| refuse(Reason::Overloaded));
    assert!(tokio::time::timeout(ms(1), retrying(&model).complete(&hello())).await.is_err());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(model.calls(), 1);
}

fn chain(models: &[&ScriptedModel]) -> Fallback {
    Fallback::new(shared(models[0]), models[1..].iter().map(|model| shared(model)).collect())
}

#[tokio::test]
async fn a_failure_moves_on_where_another_model_may_help() {
    let table = [
        (Reason::Auth, true),
        (Reason::Quota, true),
        (Reason::RateLimit, true),
        (Reason::Overloaded, true),
        (Reason::ServerError, true),
        (Reason::FirstByteTimeout, true),
        (Reason::Stalled, true),
        (Reason::Malformed, true),
        (Reason::CutOff, true),
        (Reason::Network, true),
        (Reason::UnknownModel, true),
        (Reason::WrongEndpoint, true),
        (Reason::ContextTooLong, false),
        (Reason::ContentRefused, false),
        (Reason::BadRequest, false),
    ];
    for (reason, moves_on) in table {
        let (first, second) = (named("a", [refuse(reason)]), named("b", [ScriptedReply::text("b")]));
        let reply = chain(&[&first, &second]).complete(&hello()).await;
        assert_eq!(reply.is_ok_and(|reply| reply.model == "b"), moves_on, "{reason}");
        assert_eq!(second.calls(), usize::from(moves_on), "{reason}");
    }
    let poor = Error::new(ErrorKind::BudgetExceeded, "nothing left");
    let (first, second) = (named("a", [ScriptedReply::refuse(poor)]), named("b", []));
    let error = chain(&[&first, &second]).complete(&hello()).await.unwrap_err();
    assert_eq!((error.kind(), second.calls()), (ErrorKind::BudgetExceeded, 0));
}

#[tokio::test]
async fn a_prompt_that_is_too_long_goes_to_a_longer_context_only() {
    let sized = |name: &str, context, reply| {
        named(name, [reply]).described(move |model| model.context_tokens = context)
    };
    let first = sized("a", Some(8_000), refuse(Reason::ContextTooLong));
    let same = sized("b", Some(8_000), ScriptedReply::text("no"));
    let unknown = sized("c", None, ScriptedReply::text("no"));
    let larger = sized("d", Some(128_000), ScriptedReply::text("yes"));
    let reply = chain(&[&first, &same, &unknown, &larger]).complete(&hello()).await.unwrap();
    assert_eq!((reply.text.as_str(), same.calls(), unknown.calls()), ("yes", 0, 0));
}

#[tokio::test]
async fn a_stream_says_who_answers_and_is_priced_by_who_answered() {
    let dear = crate::model::Price { output: 1e6, ..crate::model::Price::FREE };
    let first = named("a", [refuse(Reason::Overloaded), refuse(Reason::Overloaded)]);
    let second = named("b", [ScriptedReply::text("x").using(1, 2), ScriptedReply::text("x").using(1, 2)])
        .described(|model| model.price = Some(dear));
    let chain = chain(&[&first, &second]);
    let mut stream = chain.stream(&hello()).await.unwrap();
    let started = stream.next().await.unwrap().unwrap();
    assert!(matches!(started, Delta::Started { model, .. } if model == "b"));
    let reply = chain.complete(&hello()).await.unwrap();
    assert_eq!((reply.usage.cost_usd, chain.descriptor().model.as_str()), (2.0, "a"));
}

#[tokio::test]
async fn where_all_fail_the_error_worth_a_retry_is_told_with_the_others() {
    let models = [named("a", [refuse(Reason::Auth)]), named("b", [refuse(Reason::Overloaded)])];
    let error = chain(&[&models[0], &models[1]]).complete(&hello()).await.unwrap_err();
    insta::assert_snapshot!(error, @"scripted (fault: overloaded, others: scripted/a: auth)");
    assert!(error.is_temporary());
}

#[tokio::test(start_paused = true)]
async fn a_breaker_opens_on_what_speaks_against_the_provider() {
    let options = BreakerOptions { failures: 2, ..BreakerOptions::default() };
    for (reason, opens) in [
        (Reason::ServerError, true),
        (Reason::Stalled, true),
        (Reason::Network, true),
        (Reason::RateLimit, false),
        (Reason::Auth, false),
        (Reason::BadRequest, false),
        (Reason::ContentRefused, false),
    ] {
        let breaker = Breaker::new(options);
        let model = ScriptedModel::matching(move |_| refuse(reason));
        let guard = Guard::new(shared(&model), breaker.clone());
        for _ in 0..3 {
            assert!(guard.complete(&hello()).await.is_err());
        }
        assert_eq!(breaker.state(Instant::now()) == BreakerState::Open, opens, "{reason}");
        assert_eq!(model.calls(), if opens { 2 } else { 3 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_counts_at_its_end_and_a_dropped_probe_gives_its_place_back() {
    let breaker = Breaker::new(BreakerOptions { failures: 1, ..BreakerOptions::default() });
    let model = named(
        "m",
        [
            ScriptedReply::text("abc").cut_off_after(1),
            ScriptedReply::text("abc").stalling_after(1),
            ScriptedReply::text("abc"),
        ],
    );
    let guard = Guard::new(shared(&model), breaker.clone());
    let items: Vec<_> = guard.stream(&hello()).await.unwrap().collect().await;
    assert_eq!(
        (items.len(), breaker.state(Instant::now())),
        (2, BreakerState::Open),
        "a silent end is a failure"
    );
    let refused = Retry::new(Arc::new(Guard::new(shared(&model), breaker.clone())), RetryOptions::default());
    let error = refused.complete(&hello()).await.unwrap_err();
    assert_eq!(
        (error.kind(), model.calls()),
        (ErrorKind::Unavailable, 1),
        "a retry does not wait for a breaker"
    );

    tokio::time::sleep(Duration::from_secs(10)).await;
    drop(guard.stream(&hello()).await.unwrap());
    assert_eq!(breaker.state(Instant::now()), BreakerState::HalfOpen);
    guard.complete(&hello()).await.unwrap();
    assert_eq!(breaker.state(Instant::now()), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_a_call_wherever_it_is() {
    let model = named(
        "m",
        [
            ScriptedReply::text("late").after(Duration::from_secs(60)),
            ScriptedReply::text("abcdef").chunked(3).stalling_after(1),
            ScriptedReply::text("in time"),
        ],
    );
    let model_in_time = Deadline::new(shared(&model));
    let error = model_in_time.complete(&within(ms(100))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let items: Vec<_> = model_in_time.stream(&within(ms(100))).await.unwrap().collect().await;
    assert_eq!(items.last().unwrap().as_ref().unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(model.open_streams(), 0);
    let reply = model_in_time.complete(&within(ms(100))).await.unwrap();
    assert_eq!(reply.finish, FinishReason::Stop);
}
