use std::time::Duration;

use octollm_core::ErrorKind;
use octollm_core::arm::{Arm, ArmCall};
use octollm_core::model::layers::{Around, Link, LinkOptions, guarded, standard};
use octollm_core::task::Grant;
use tokio::time::Instant;

use super::*;

const SOUND: &str = "def add(a, b):\n    return a + b\n";

/// A coder over the layers that every model has in a program.
fn layered(model: &ScriptedModel) -> Coder {
    let guarded = guarded(Arc::new(model.clone()), &Link::new(&LinkOptions::default()));
    let model = standard(guarded, Vec::new(), &Around::default());
    Coder::new(Models::new(model), CoderOptions::default()).unwrap()
}

fn call(change: impl FnOnce(&mut ArmCall)) -> ArmCall {
    let input = json!({"request_type": "generate", "instruction": "Add two numbers", "language": "python"});
    let mut call = ArmCall::new(input);
    change(&mut call);
    call
}

#[tokio::test]
async fn what_was_used_is_reported_over_all_rounds() {
    let model = ScriptedModel::in_order([says("def f(:\n").using(700, 50), says(SOUND).using(900, 60)]);
    let reply = layered(&model).execute(call(|_| ())).await.unwrap();
    let usage = reply.usage;
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.model_calls), (1600, 110, 2));
}

#[tokio::test]
async fn a_grant_that_is_too_small_asks_nobody() {
    let model = ScriptedModel::in_order([says(SOUND)]);
    let grant = Grant { tokens: Some(100), cost_usd: None };
    let error = layered(&model).execute(call(|call| call.grant = grant)).await.unwrap_err();
    assert_eq!((error.kind(), model.calls()), (ErrorKind::BudgetExceeded, 0));
}

#[tokio::test]
async fn a_grant_for_one_answer_gives_the_broken_one() {
    let model = ScriptedModel::in_order([says("def f(:\n").using(2_000, 2_990)]);
    let grant = Grant { tokens: Some(5_000), cost_usd: None };
    let reply = layered(&model).execute(call(|call| call.grant = grant)).await.unwrap();
    assert_eq!((reply.output["code"].as_str(), reply.confidence), (Some("def f(:\n"), Some(0.2)));
    assert_eq!((reply.usage.model_calls, model.calls()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_the_model_is_hung_up() {
    let model = ScriptedModel::in_order([says(SOUND).stalling_after(0)]);
    let deadline = Instant::now() + Duration::from_secs(3);
    let error = layered(&model).execute(call(|call| call.deadline = deadline)).await.unwrap_err();
    assert_eq!((error.kind(), model.open_streams()), (ErrorKind::Timeout, 0));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_work_hangs_up() {
    let model = ScriptedModel::in_order([says(SOUND).stalling_after(0)]);
    let coder = layered(&model);
    {
        let work = coder.execute(call(|_| ()));
        assert!(tokio::time::timeout(Duration::from_secs(1), work).await.is_err());
    }
    assert_eq!((model.calls(), model.open_streams()), (1, 0));
}
