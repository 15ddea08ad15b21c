use octollm_core::arm::{Arm, ArmCall};
use octollm_core::model::Purpose;
use octollm_core::{ErrorKind, Status};

use super::*;

#[test]
fn a_request_names_every_fault_at_its_place() {
    let pointers = |value: Value| {
        let error = CodeRequest::from_value(value).unwrap_err();
        error.faults().iter().map(|fault| fault.pointer.clone()).collect::<Vec<_>>()
    };
    let full = |name: &str, value: Value| {
        let mut request = json!({"request_type": "generate", "instruction": "Add", "language": "c"});
        request[name] = value;
        request
    };
    assert!(CodeRequest::from_value(full("constraints", json!(["no malloc"]))).is_ok());
    assert_eq!(pointers(full("request_type", json!("guess"))), ["/request_type"]);
    assert_eq!(pointers(full("instruction", json!("  "))), ["/instruction"]);
    assert_eq!(pointers(full("language", json!("c\nand more"))), ["/language"]);
    assert_eq!(pointers(full("constraints", json!(vec!["x"; 51]))), ["/constraints"]);
    assert_eq!(pointers(full("existing_code", json!("x".repeat((1 << 20) + 1)))), ["/existing_code"]);
    assert_eq!(pointers(json!({})), ["", "", ""]);
    assert!(!pointers(full("surprise", json!(1))).is_empty());
}

#[test]
fn all_but_generate_need_code() {
    for request_type in RequestType::ALL {
        let request = CodeRequest::new(request_type, "go", "Look at it");
        let name = serde_json::to_value(request_type).unwrap();
        assert_eq!(name, request_type.as_str());
        assert!(request.clone().about("package main").validate().is_ok());
        match request.validate() {
            Ok(()) => assert_eq!(request_type, RequestType::Generate),
            Err(error) => {
                let fault = &error.faults()[0];
                assert_eq!(fault.pointer, "/existing_code");
                assert!(fault.detail.contains(request_type.as_str()), "{fault:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_input_asks_no_model() {
    let (coder, model) = coder([]);
    let input = json!({"request_type": "debug", "instruction": "Mend it", "language": "c"});
    let error = coder.execute(ArmCall::new(input)).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidInput, Status::Permanent));
    assert_eq!(model.calls(), 0);
}

#[test]
fn without_a_model_there_is_no_coder() {
    let error = Coder::new(Models::none(), CoderOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConfigured);
}

#[tokio::test]
async fn the_descriptor_is_valid_and_the_answer_satisfies_it() {
    let (coder, model) = coder([says("def add(a, b):\n    return a + b\n")]);
    coder.descriptor().validate().unwrap();
    let input = json!({"request_type": "generate", "instruction": "Add", "language": "py"});
    let reply = coder.execute(ArmCall::new(input)).await.unwrap();
    let schema = octollm_core::schema::Validator::compile(&coder.descriptor().output_schema).unwrap();
    assert_eq!(schema.faults(&reply.output), []);
    assert_eq!((reply.confidence, reply.output["language"].as_str()), (Some(0.8), Some("python")));
    let asked = &model.requests()[0];
    assert_eq!((asked.purpose, asked.context.step), (Purpose::Coding, Some(1)));
    assert!(asked.context.deadline.is_some() && asked.context.task_id.is_some());
}
