//! The retriever as an arm.

use octollm_core::ErrorKind;
use octollm_core::arm::{Arm, ArmCall, SideEffects};
use octollm_core::schema::Validator;
use serde_json::json;

use crate::support::Bench;

#[tokio::test]
async fn it_says_what_it_can_do_and_no_more() {
    let bench = Bench::new().await;
    let descriptor = bench.retriever.descriptor();
    descriptor.validate().unwrap();
    assert_eq!(descriptor.arm_id, "retriever");
    assert_eq!(descriptor.capabilities, ["knowledge_search"]);
    assert_eq!((descriptor.cost_tier, descriptor.side_effects), (1, SideEffects::None));
}

#[tokio::test]
async fn output_satisfies_its_own_schema() {
    let bench = Bench::filled().await;
    let input = json!({"query": "How many steps are there?", "filters": {"kind": ["markdown", "html"]}});
    let descriptor = bench.retriever.descriptor();
    assert_eq!(Validator::compile(&descriptor.input_schema).unwrap().faults(&input), []);
    let reply = bench.retriever.execute(ArmCall::new(input)).await.unwrap();
    assert_eq!(Validator::compile(&descriptor.output_schema).unwrap().faults(&reply.output), []);
    assert_eq!(reply.output["method_used"], "hybrid");
    assert_eq!(reply.output["citations"][0]["locator"], "tests/corpus/lighthouse.md:23");
    assert_eq!(reply.confidence, None, "nobody measured it");
}

#[tokio::test]
async fn bad_input_is_refused_with_its_places() {
    let bench = Bench::new().await;
    for (input, pointer) in [
        (json!({}), ""),
        (json!({"query": 7}), "/query"),
        (json!({"query": "x", "method": "psychic"}), "/method"),
        (json!({"query": "x", "limit": 1000}), "/limit"),
        (json!({"query": "x", "filters": {"kind": {}}}), "/filters/kind"),
        (json!({"query": "x", "depth": 3}), "/depth"),
        (json!("x"), ""),
    ] {
        let error = bench.retriever.execute(ArmCall::new(input)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.faults()[0].pointer, pointer, "{error}");
        assert!(error.hint().is_some());
    }
}
