//! The judge by check, without a model: what it decides alone.

use octollm_arms::judge::{Judge, JudgeRequest};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{heading, report, texts};

pub(crate) fn run() {
    heading("judge");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for bytes in [1 << 10, 32 << 10] {
        let code = texts::python(bytes);
        let python = json!({"output": code, "context": {"language": "python"}});
        for check in ["syntax", "quality"] {
            line(
                &runtime,
                &format!("{check}, Python"),
                &code,
                with(&python, "validation_types", json!([check])),
            );
        }
        let entries: Vec<Value> =
            code.lines().map(|line| json!({"name": line, "length": line.len()})).collect();
        let text = json!(entries).to_string();
        let schema = json!({"type": "array", "items": {
            "type": "object", "properties": {"name": {"type": "string"}, "length": {"type": "integer", "minimum": 0}},
            "required": ["name", "length"]
        }});
        line(
            &runtime,
            "schema, a list of objects",
            &text,
            json!({"output": text, "expected_schema": schema}),
        );
        let prose = texts::prose(bytes);
        let criteria =
            ["at most 100000 words", "contains 'fog bell'", "does not mention 'storm'", "is not empty"];
        line(
            &runtime,
            "four criteria by rules",
            &prose,
            json!({"output": prose, "acceptance_criteria": criteria}),
        );
    }
}

fn with(request: &Value, name: &str, value: Value) -> Value {
    let mut request = request.clone();
    request[name] = value;
    request
}

fn line(runtime: &Runtime, name: &str, judged: &str, request: Value) {
    let judge = Judge::new();
    let request = JudgeRequest::from_value(request).unwrap();
    report(name, judged.len(), || {
        let verdict = runtime.block_on(judge.judge(request.clone())).unwrap();
        assert!(verdict.valid);
    });
}
