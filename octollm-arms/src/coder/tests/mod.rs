//! The coder against a scripted model: real prompts, real parsers, real stores.

mod input;
mod limits;
mod memory;
mod prompts;
mod syntax;
mod trial;

use std::sync::Arc;

use octollm_core::Result;
use octollm_core::arm::Progress;
use octollm_core::model::{CallContext, ModelRequest, Models, ScriptedModel, ScriptedReply};
use serde_json::{Value, json};

use super::{CodeRequest, CodeResponse, Coder, CoderOptions, RequestType};

fn solution(code: &str) -> Value {
    json!({
        "code": code,
        "tests": null,
        "explanation": "It adds.",
        "warnings": [],
        "confidence": 0.8
    })
}

fn says(code: &str) -> ScriptedReply {
    ScriptedReply::json(&solution(code))
}

fn coder(replies: impl IntoIterator<Item = ScriptedReply>) -> (Coder, ScriptedModel) {
    let model = ScriptedModel::in_order(replies);
    let coder = Coder::new(Models::new(Arc::new(model.clone())), CoderOptions::default()).unwrap();
    (coder, model)
}

async fn code(coder: &Coder, request: &CodeRequest) -> Result<CodeResponse> {
    coder.code(request, CallContext::default(), &Progress::default()).await
}

fn generate() -> CodeRequest {
    CodeRequest::new(RequestType::Generate, "Python3", "Write a function that adds two numbers")
}

fn text(request: &ModelRequest) -> String {
    request
        .messages
        .iter()
        .map(|message| format!("=== {:?} ===\n{}\n", message.role, message.text()))
        .collect()
}
