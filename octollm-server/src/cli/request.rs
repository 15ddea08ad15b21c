//! From the command line to a task, with every fault named at once.

use std::path::{Path, PathBuf};

use octollm_core::{Error, ErrorKind, Result, TaskRequest};
use serde_json::{Map, Value, json};

use super::args::RunArgs;
use super::documents;
use crate::store;

/// Bytes that a file may have which is read into a task.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// The task that these arguments ask for.
pub(super) fn build(args: &RunArgs) -> Result<TaskRequest> {
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
    put("goal", args.goal.as_str().into());
    put("priority", octollm_core::task::Priority::from(args.priority).as_str().into());
    put("approval", json!(octollm_core::task::Approval::from(args.approval)));
    put("constraints", json!(args.constraint));
    put(
        "metadata",
        args.metadata.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect(),
    );
    if let Some(text) = &args.context {
        put("context", context(text)?);
    }
    if let Some(path) = &args.plan {
        put("plan", parse(&read(path)?, ("--plan", "the file holds a plan as JSON: {\"subtasks\": [...]}"))?);
    }
    if let Some(name) = &args.playbook {
        put("playbook", name.as_str().into());
    }
    if !args.docs.is_empty() {
        search_in(&mut document, &store::absolute(&args.docs)?);
    }
    if let Some(seconds) = args.deadline {
        document.insert("deadline_seconds".to_owned(), seconds.into());
    }
    TaskRequest::from_json(document.into())
}

/// Answers out of these documents, unless something else is asked for.
fn search_in(document: &mut Map<String, Value>, paths: &[PathBuf]) {
    if !document.contains_key("plan") && !document.contains_key("playbook") {
        document.insert("playbook".to_owned(), "search".into());
    }
    let context = document.entry("context").or_insert_with(|| Map::new().into());
    if let Some(context) = context.as_object_mut() {
        context.entry("filters").or_insert_with(|| documents::filters(paths).into());
    }
}

fn context(text: &str) -> Result<Value> {
    match text.strip_prefix('@') {
        Some(path) => parse(&read(Path::new(path))?, ("--context", "the file holds a JSON object")),
        None => parse(
            text.as_bytes(),
            (
                "--context",
                "quote it for the shell, or write it to a file and pass its name (--context @FILE)",
            ),
        ),
    }
}

/// Reads JSON out of an option; the hint says what the option takes.
fn parse(bytes: &[u8], (option, hint): (&'static str, &'static str)) -> Result<Value> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, "the value is not JSON")
            .with_context("option", option)
            .with_context("reason", error.to_string())
            .with_hint(hint)
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::InvalidInput, "the file cannot be read")
            .with_context("file", path.display().to_string())
            .with_context("reason", error.to_string())
    };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > MAX_FILE {
        return Err(Error::new(ErrorKind::TooLarge, "the file is larger than 4 MiB")
            .with_context("file", path.display().to_string()));
    }
    std::fs::read(path).map_err(failed)
}
