//! What the model is told: one prompt for all requests, with the paragraph of the request's own type.
//!
//! The system's part is the same for all, so that providers keep it; what differs comes after it.

use std::path::Path;

use octollm_core::Result;
use octollm_core::model::prompts::{Prompt, Values, data_block, text_in};
use octollm_core::model::{CallContext, Message, ModelRequest, Purpose};
use serde_json::{Map, Value};

use super::draft::Draft;
use super::memory::Example;
use super::request::{CodeRequest, RequestType};

/// The prompt's values.
const VALUES: &[&str] =
    &["task", "language", "instruction", "constraints", "existing_code", "issues", "context", "examples"];

/// Where in a request's context somebody says what was wrong with the code.
const ISSUES: &str = "issues";

/// The prompt's name.
const NAME: &str = "coder.v1";

/// The coder's prompt.
pub(super) fn prompt() -> Result<Prompt> {
    Prompt::parse(NAME, include_str!("../../prompts/coder.v1.md"), VALUES)
}

/// The coder's prompt in this folder, if the folder has one.
pub(super) fn prompt_in(folder: &Path) -> Result<Option<Prompt>> {
    text_in(folder, NAME)?.map(|text| Prompt::parse(NAME, &text, VALUES)).transpose()
}

/// What this type of request asks for.
const fn task(request_type: RequestType) -> &'static str {
    match request_type {
        RequestType::Generate => include_str!("../../prompts/coder.v1/generate.md"),
        RequestType::Debug => include_str!("../../prompts/coder.v1/debug.md"),
        RequestType::Refactor => include_str!("../../prompts/coder.v1/refactor.md"),
        RequestType::Analyze => include_str!("../../prompts/coder.v1/analyze.md"),
        RequestType::Test => include_str!("../../prompts/coder.v1/test.md"),
        RequestType::Explain => include_str!("../../prompts/coder.v1/explain.md"),
        RequestType::Optimize => include_str!("../../prompts/coder.v1/optimize.md"),
    }
}

/// The question that a request is.
pub(super) fn question(
    prompt: &Prompt,
    request: &CodeRequest,
    examples: &[Example],
    call: CallContext,
) -> Result<ModelRequest> {
    let mut context = request.context.clone().unwrap_or_default();
    let issues = context.remove(ISSUES);
    let values = Values::new()
        .words("task", task(request.request_type).trim())
        .data("language", request.language.trim())
        .data("instruction", request.instruction.trim())
        .list("constraints", &request.constraints)
        .words("existing_code", data_or_none("existing_code", request.code()))
        .words("issues", data_or_none("issues", &told(issues)))
        .words("context", data_or_none("context", &pretty(&context)))
        .words("examples", told_examples(examples));
    let mut question = ModelRequest::new(prompt.render(&values)?);
    question.purpose = Purpose::Coding;
    // The same request should lead to the same code.
    question.temperature = Some(0.0);
    question.context = call;
    Ok(question)
}

/// Gives an answer back that does not parse.
pub(super) fn give_back(question: &mut ModelRequest, draft: &Draft, flaws: &[String]) {
    let said = serde_json::to_string(draft).unwrap_or_default();
    let flaws = data_block("syntax_errors", &flaws.join("\n\n"));
    question.messages.push(Message::assistant(said));
    question.messages.push(Message::user(format!(
        "The parser cannot read that. Where it stopped, with the line as it stands there (lines count from 1 within \
         `code` or `tests`):\n\n{flaws}\n\nThe cause may stand before that place. Mend it, change nothing else, and give the \
         whole answer again."
    )));
}

/// Gives an answer back whose tests were run and failed.
pub(super) fn give_back_failure(question: &mut ModelRequest, draft: &Draft, output: &str) {
    let said = serde_json::to_string(draft).unwrap_or_default();
    let output = data_block("test_output", output);
    question.messages.push(Message::assistant(said));
    question.messages.push(Message::user(format!(
        "Your `tests` were run against your `code`, and failed. What the run printed:\n\n{output}\n\nFind out which of the \
         two is wrong by what the instruction asks, mend that one, and give the whole answer again. A test is changed only if \
         it asks for what the instruction does not."
    )));
}

fn data_or_none(name: &str, text: &str) -> String {
    if text.trim().is_empty() { "none".to_owned() } else { data_block(name, text) }
}

fn pretty(context: &Map<String, Value>) -> String {
    if context.is_empty() {
        return String::new();
    }
    serde_json::to_string_pretty(context).unwrap_or_default()
}

/// Issues one to a line, whatever form they have.
fn told(issues: Option<Value>) -> String {
    let line = |issue: &Value| match issue {
        Value::String(text) => format!("- {text}"),
        other => format!("- {other}"),
    };
    match issues {
        None | Some(Value::Null) => String::new(),
        Some(Value::Array(all)) => all.iter().map(line).collect::<Vec<_>>().join("\n"),
        Some(one) => line(&one),
    }
}

fn told_examples(examples: &[Example]) -> String {
    let told = examples.iter().map(|example| {
        let text = format!("Asked: {}\n\n{}\n\n{}", example.instruction, example.code, example.explanation);
        data_block("earlier_solution", &text)
    });
    let told: Vec<_> = told.collect();
    if told.is_empty() { "none".to_owned() } else { told.join("\n\n") }
}
