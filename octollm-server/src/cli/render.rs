//! Results for people: an answer with its sources where there is one, readable JSON otherwise.

use std::collections::{BTreeMap, BTreeSet};

use octollm_core::task::{StepStatus, TaskSummary};
use octollm_core::{Error, TaskResult};
use serde_json::Value;

use super::documents;
use super::output::{Output, one_line, plain};

/// Characters of a passage that are shown where there is no synthesis.
const PASSAGE: usize = 240;
const PASSAGES: usize = 5;

/// A task's result.
pub(super) fn answer(output: Output, result: &Value) -> String {
    if let Value::String(text) = result {
        return plain(text);
    }
    if let Some(Value::String(integrated)) = result.get("answer") {
        let outputs = result.get("outputs").and_then(Value::as_array).into_iter().flatten();
        let cited = outputs.filter_map(|step| step.pointer("/output/citations")?.as_array()).flatten();
        let sources: BTreeSet<_> = cited.filter_map(place).collect();
        return with_sources(output, text(integrated), &sources.into_iter().collect::<Vec<_>>());
    }
    if let Some(shown) = solution(output, result).or_else(|| carried_out(output, result)) {
        return shown;
    }
    found(output, result).unwrap_or_else(|| plain(&serde_json::to_string_pretty(result).unwrap_or_default()))
}

/// Code that was written, with what there is to say about it.
fn solution(output: Output, result: &Value) -> Option<String> {
    let part = |name: &str| result.get(name)?.as_str().map(text).filter(|text| !text.is_empty());
    let explanation = part("explanation").filter(|_| result.get("code").is_some())?;
    let mut parts = vec![explanation];
    parts.extend(part("code"));
    parts.extend(part("tests").map(|tests| format!("{}\n\n{tests}", output.bold("Tests"))));
    parts.extend(result.get("test_run").and_then(|run| test_run(output, run)));
    let warnings = result.get("warnings").and_then(Value::as_array).into_iter().flatten();
    let warnings: Vec<_> =
        warnings.filter_map(Value::as_str).map(|warning| format!("  {}", text(warning))).collect();
    if !warnings.is_empty() {
        parts.push(format!("{}\n{}", output.bold("Warnings"), warnings.join("\n")));
    }
    Some(parts.join("\n\n"))
}

/// How the tests of the code went, with what the run printed.
fn test_run(output: Output, run: &Value) -> Option<String> {
    let (ran, failed) = (run.get("ran")?.as_u64()?, run.get("failed")?.as_u64()?);
    let outcome = match run.get("passed")?.as_bool()? {
        true => format!("{ran} passed"),
        false => format!("{failed} of {} failed", ran.max(failed)),
    };
    let printed = run.get("output").and_then(Value::as_str).map(text).unwrap_or_default();
    let printed: Vec<_> = printed.lines().map(|line| format!("  {line}").trim_end().to_owned()).collect();
    Some(format!("{}: {outcome}\n{}", output.bold("Test run"), output.dim(&printed.join("\n"))))
}

/// What came of an action of the executor.
fn carried_out(output: Output, result: &Value) -> Option<String> {
    result.pointer("/provenance/command_hash")?;
    let part = |name: &str| result.get(name)?.as_str().map(plain);
    let written = part("stdout").into_iter().chain(part("stderr")).filter(|text| !text.trim().is_empty());
    let mut parts: Vec<_> = written.map(|text| text.trim_end().to_owned()).collect();
    if result.get("truncated") == Some(&Value::Bool(true)) {
        parts.push(output.dim("[some of the output is left out]"));
    }
    if let Some(why) = result.pointer("/error/message").and_then(Value::as_str) {
        parts.push(text(why));
    } else if let Some(code) = result.get("exit_code").and_then(Value::as_i64).filter(|code| *code != 0) {
        parts.push(format!("exit code {code}"));
    } else if let Some(status) =
        result.pointer("/http/status").filter(|_| result.get("success") == Some(&false.into()))
    {
        parts.push(format!("status {status}"));
    }
    let files = result.get("artifacts").and_then(Value::as_array).into_iter().flatten();
    let files = files.filter_map(|file| {
        let name = file.get("name")?.as_str().map(plain)?;
        Some(format!("  {name}  {} bytes  sha256:{}", file.get("bytes")?, file.get("sha256")?.as_str()?))
    });
    let files: Vec<_> = files.collect();
    if !files.is_empty() {
        parts.push(format!("{}\n{}", output.bold("Files"), files.join("\n")));
    }
    Some(parts.join("\n"))
}

/// What a search found: the synthesis and what it rests on.
fn found(output: Output, result: &Value) -> Option<String> {
    let results = result.get("results")?.as_array()?;
    let citations = result.get("citations")?.as_array()?;
    if results.is_empty() {
        return Some("Nothing was found.".to_owned());
    }
    let answer = match result.get("synthesis").and_then(Value::as_str) {
        Some(synthesis) if !synthesis.trim().is_empty() => text(synthesis),
        _ => results.iter().take(PASSAGES).filter_map(passage).collect::<Vec<_>>().join("\n\n"),
    };
    let sources: Vec<_> = citations.iter().filter_map(citation).collect();
    Some(with_sources(output, answer, &sources))
}

fn with_sources(output: Output, answer: String, sources: &[String]) -> String {
    if sources.is_empty() {
        return answer;
    }
    let sources =
        sources.iter().map(|source| format!("  {}", output.dim(source))).collect::<Vec<_>>().join("\n");
    format!("{answer}\n\n{}\n{sources}", output.bold("Sources"))
}

fn passage(hit: &Value) -> Option<String> {
    hit.get("content").and_then(Value::as_str).map(|content| one_line(content, PASSAGE))
}

/// Text that others wrote.
pub(super) fn text(text: &str) -> String {
    plain(text.trim())
}

/// A citation's number and place, named from the working directory.
fn citation(citation: &Value) -> Option<String> {
    let number = citation.get("index").and_then(Value::as_u64);
    let number = number.map(|number| format!("[{number}] ")).unwrap_or_default();
    let doubt = match citation.get("check").and_then(Value::as_str) {
        None | Some("verified") => "",
        Some("changed") => " (the file is another one now, or gone)",
        Some(_) => " (does not hold)",
    };
    Some(format!("{number}{}{doubt}", place(citation)?))
}

fn place(citation: &Value) -> Option<String> {
    let locator = citation.get("locator").or_else(|| citation.get("source"))?.as_str()?;
    Some(plain(&documents::from_here(locator)))
}

/// What the reflexes did about a task.
#[derive(Debug, Default)]
pub(super) struct Reactions {
    /// How often each type was found.
    pub(super) found: BTreeMap<String, u64>,
    /// Whether an equal task's answer was given.
    pub(super) answered: bool,
}

/// Where a task stands, step by step.
pub(super) fn task(output: Output, task: &TaskResult, reactions: &Reactions) -> String {
    let mut lines = vec![format!("{}  {}", output.bold(&task.task_id.to_string()), task.status.as_str())];
    if let Some(error) = &task.error {
        lines.push(format!("  {}", plain(&Error::from(error.clone()).summary())));
    }
    for step in &task.steps {
        let arm = step.arm_id.as_deref().unwrap_or("-");
        let time = step.duration_ms.map(|ms| format!("{ms} ms")).unwrap_or_default();
        let action = task
            .plan
            .as_ref()
            .and_then(|plan| plan.subtasks.iter().find(|subtask| subtask.step == step.step));
        let action = action.map(|subtask| one_line(&subtask.action, 60)).unwrap_or_default();
        lines.push(format!(
            "  {:>3}  {:<10} {:<16} {:>9}  {}",
            step.step,
            step_status(step.status),
            plain(arm),
            time,
            action
        ));
    }
    if reactions.answered {
        lines.push(format!("  {}", output.dim("answered as an equal task before")));
    }
    if !reactions.found.is_empty() {
        let counts: Vec<_> = reactions
            .found
            .iter()
            .map(|(type_name, count)| format!("{} {count}", plain(type_name)))
            .collect();
        lines.push(format!("  {} {}", output.dim("found by the reflexes:"), counts.join(", ")));
    }
    if let Some(result) = &task.result {
        lines.push(String::new());
        lines.push(answer(output, result));
    }
    lines.join("\n")
}

fn step_status(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "pending",
        StepStatus::Running => "running",
        StepStatus::AwaitingApproval => "waiting",
        StepStatus::Completed => "completed",
        StepStatus::Failed => "failed",
        StepStatus::Skipped => "skipped",
    }
}

/// A task in a list, on one line.
pub(super) fn summary(task: &TaskSummary) -> String {
    let goal = one_line(&task.goal, 60);
    let created = task.created_at.strftime("%Y-%m-%d %H:%M:%S");
    format!("{}  {:<17} {:<8} {created}  {goal}", task.task_id, task.status.as_str(), task.priority.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_action_shows_what_it_wrote_and_how_it_ended() {
        let result = json!({
            "success": false, "exit_code": 3, "stdout": "42\n", "stderr": "Traceback\n", "truncated": true,
            "artifacts": [{"name": "a.txt", "bytes": 2, "sha256": "ab", "kept": true}],
            "provenance": {"command_hash": "cd"},
        });
        insta::assert_snapshot!(answer(Output::detect(), &result), @r#"
        42
        Traceback
        [some of the output is left out]
        exit code 3
        Files
          a.txt  2 bytes  sha256:ab
        "#);
    }

    #[test]
    fn an_answer_comes_with_its_sources() {
        let result = json!({
            "results": [{"content": "A journal is a log.", "source": "a.md", "score": 1.0, "rank": 1, "metadata": {}}],
            "synthesis": "A journal is a log.\u{1b}[2J",
            "citations": [{"index": 1, "source": "a.md", "locator": "a.md:3-4", "quote": "A journal is a log."}],
        });
        insta::assert_snapshot!(answer(Output::detect(), &result), @r#"
A journal is a log.[2J

Sources
  [1] a.md:3-4
"#);
    }

    #[test]
    fn an_integrated_answer_comes_with_the_sources_of_its_parts() {
        let part =
            |place: &str| json!({"step": 1, "output": {"citations": [{"index": 1, "locator": place}]}});
        let result = json!({"answer": "Both.", "outputs": [part("b.md:1"), part("a.md:2"), part("b.md:1")]});
        assert_eq!(answer(Output::detect(), &result), "Both.\n\nSources\n  a.md:2\n  b.md:1");
    }

    #[test]
    fn code_comes_with_its_explanation_tests_and_warnings() {
        let result = json!({
            "code": "def f():\n    return 1\n", "tests": "assert f() == 1", "explanation": "It is one.",
            "language": "python", "warnings": ["Only one."], "confidence": 0.9,
            "test_run": {"passed": false, "ran": 2, "failed": 1, "output": "FAIL: test_a\n\nRan 2 tests"},
        });
        insta::assert_snapshot!(answer(Output::detect(), &result), @r"
        It is one.

        def f():
            return 1

        Tests

        assert f() == 1

        Test run: 1 of 2 failed
          FAIL: test_a

          Ran 2 tests

        Warnings
          Only one.
        ");
    }

    #[test]
    fn what_is_no_search_is_json() {
        assert_eq!(answer(Output::detect(), &json!({"a": 1})), "{\n  \"a\": 1\n}");
        assert_eq!(answer(Output::detect(), &json!({"results": [], "citations": []})), "Nothing was found.");
        assert_eq!(answer(Output::detect(), &json!("text")), "text");
    }
}
