//! Whether an output says that something passed.
//!
//! Some arms do not make something but say how something is: the judge (`valid`), the guardian (`blocked`), the executor
//! (`success`). That they answer is success for the arm, also where the answer is no. A step that *must pass* turns that no
//! into a failed step, so that what depends on it does not run and the plan is revised for the reason that the arm gave.

use serde_json::Value;

use super::TaskError;
use crate::error::ErrorKind;

/// Issues that a reason lists.
const MOST_ISSUES: usize = 10;
/// Characters of one issue.
const MOST_CHARS: usize = 300;

/// What an output lacks that a step must have which must pass: `None` if it passed.
///
/// Every word that it has must be good (`valid: true`, `blocked: false`, `success: true`), and it must have at least one.
pub(crate) fn rejection(output: &Value) -> Option<TaskError> {
    let word = |name: &str| output.get(name).and_then(Value::as_bool);
    let words =
        [("valid", word("valid")), ("blocked", word("blocked").map(|no| !no)), ("success", word("success"))];
    if words.iter().all(|(_, passed)| passed.is_none()) {
        let what = "the step must pass, and its output says neither `valid` nor `blocked` nor `success`";
        return Some(TaskError::new(ErrorKind::ArmFailed, what).with_hint("take `must_pass` off the step"));
    }
    let (name, _) = words.into_iter().find(|(_, passed)| *passed == Some(false))?;
    let mut reasons = reasons(output);
    if reasons.is_empty() {
        reasons.push(format!("its output says `{name}: {}`, and not why", name == "blocked"));
    }
    let message = format!("did not pass: {}", reasons.join("; "));
    Some(
        TaskError::new(ErrorKind::ArmFailed, message)
            .with_hint("mend what was found, and have it judged again"),
    )
}

fn reasons(output: &Value) -> Vec<String> {
    let issues = output.get("issues").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_error = |issue: &&Value| {
        let severity = issue.get("severity").and_then(Value::as_str);
        !matches!(severity, Some("warning" | "info"))
    };
    let mut reasons: Vec<_> = issues.iter().filter(is_error).take(MOST_ISSUES).filter_map(said).collect();
    let more = issues.iter().filter(is_error).count().saturating_sub(MOST_ISSUES);
    if more > 0 {
        reasons.push(format!("and {more} more"));
    }
    if output.get("success") == Some(&Value::Bool(false)) {
        reasons.extend(ended(output));
    }
    reasons
}

/// `message (at /code, line 3)`
fn said(issue: &Value) -> Option<String> {
    let message = issue.as_str().or_else(|| issue.get("message").and_then(Value::as_str))?;
    let mut said = shortened(message, false);
    let location = issue.get("location");
    let pointer =
        location.and_then(|place| place.get("pointer")).and_then(Value::as_str).filter(|at| !at.is_empty());
    let line = location.and_then(|place| place.get("line")).and_then(Value::as_u64);
    match (pointer, line) {
        (Some(pointer), Some(line)) => said.push_str(&format!(" (at {pointer}, line {line})")),
        (Some(pointer), None) => said.push_str(&format!(" (at {pointer})")),
        (None, Some(line)) => said.push_str(&format!(" (line {line})")),
        (None, None) => {}
    }
    Some(said)
}

/// How a program ended, and its last words.
fn ended(output: &Value) -> Option<String> {
    let words = |name: &str| {
        output.get(name).and_then(Value::as_str).map(str::trim).filter(|words| !words.is_empty())
    };
    let code = output.get("exit_code").and_then(Value::as_i64);
    let code = code.map(|code| format!("ended with code {code}"));
    let last = words("stderr").or_else(|| words("stdout")).map(|words| shortened(words, true));
    match (code, last) {
        (Some(code), Some(last)) => Some(format!("{code}: {last}")),
        (code, last) => code.or(last),
    }
}

/// The first characters of a text, or the last ones.
fn shortened(text: &str, from_the_end: bool) -> String {
    let count = text.chars().count();
    if count <= MOST_CHARS {
        return text.to_owned();
    }
    if from_the_end {
        return text.chars().skip(count - MOST_CHARS).collect::<String>();
    }
    let cut: String = text.chars().take(MOST_CHARS).collect();
    format!("{cut}...")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(output: &Value) -> Option<String> {
        rejection(output).map(|error| error.message)
    }

    #[test]
    fn what_says_that_it_passed_did() {
        for output in
            [json!({"valid": true}), json!({"blocked": false, "safe": false}), json!({"success": true})]
        {
            assert_eq!(message(&output), None, "{output}");
        }
    }

    #[test]
    fn the_reason_is_what_the_arm_said() {
        let judged = json!({"valid": false, "issues": [
            {"severity": "warning", "message": "long"},
            {"severity": "error", "message": "`)` is missing", "location": {"pointer": "/code", "line": 3}},
            {"severity": "error", "message": "is no number", "location": {"pointer": "/age"}},
            "or words alone",
        ]});
        assert_eq!(
            message(&judged).unwrap(),
            "did not pass: `)` is missing (at /code, line 3); is no number (at /age); or words alone"
        );
        let ran =
            json!({"success": false, "exit_code": 1, "stdout": "x", "stderr": "AssertionError: 1 != 2\n"});
        assert_eq!(message(&ran).unwrap(), "did not pass: ended with code 1: AssertionError: 1 != 2");
        assert_eq!(
            message(&json!({"blocked": true})).unwrap(),
            "did not pass: its output says `blocked: true`, and not why"
        );
    }

    #[test]
    fn a_long_reason_is_cut() {
        let many: Vec<_> = (0..50).map(|_| json!({"message": "é".repeat(1_000)})).collect();
        let message = message(&json!({"valid": false, "issues": many})).unwrap();
        assert!(
            message.chars().count() < MOST_ISSUES * (MOST_CHARS + 10) && message.ends_with("and 40 more")
        );
        let last = "x".repeat(400) + "end";
        assert!(super::shortened(&last, true).ends_with("end"));
    }

    #[test]
    fn silence_is_no_pass() {
        assert!(message(&json!({"code": "x"})).unwrap().contains("must pass"));
        assert!(message(&json!("valid")).is_some());
        assert!(message(&json!({"valid": true, "blocked": true})).is_some());
    }
}
