use super::*;

/// What rules say about a criterion: `Some(true)` for met, `None` for nothing.
async fn met(output: Value, criterion: &str) -> Option<bool> {
    let response = judged(json!({
        "output": output, "acceptance_criteria": [criterion], "validation_types": ["criteria"],
        "expected_schema": {"type": "object", "required": ["code"]}
    }))
    .await;
    let report = &response.criteria[0];
    assert_eq!(report.criterion, criterion);
    assert!(!report.reason.is_empty());
    match report.status {
        Status::Passed => Some(true),
        Status::Failed => Some(false),
        Status::Unverified => None,
    }
}

#[tokio::test]
async fn plain_criteria_need_no_model() {
    let text = json!("The quick brown fox. It jumps!\nTwice.");
    let code =
        json!({"code": "def f():\n    return 1\n", "tests": "assert f() == 1\n", "language": "python"});
    let broken = json!({"code": "def f(:\n", "tests": "", "language": "python"});
    for (output, criterion, expected) in [
        (&text, "At most 7 words", Some(true)),
        (&text, "The text must be no more than six words long.", Some(false)),
        (&text, "fewer than 7 words", Some(false)),
        (&text, "between 5 and 10 words", Some(true)),
        (&text, "Exactly 2 lines", Some(true)),
        (&text, "has 1,000 characters or fewer", Some(true)),
        (&text, "Contains `brown fox`", Some(true)),
        (&text, "It mentions \"cat\"", Some(false)),
        (&text, "Must not contain 'dog'", Some(true)),
        (&text, "The answer does not mention the word \"fox\"", Some(false)),
        (&text, "starts with 'The quick'", Some(true)),
        (&text, "ends with \"Once.\"", Some(false)),
        (&text, "is not empty", Some(true)),
        (&json!("  "), "is not empty", Some(false)),
        (&json!([1, 2]), "at least 3 items", Some(false)),
        (&code, "Valid Python", Some(true)),
        (&broken, "The code is valid Python 3", Some(false)),
        (&code, "No syntax errors", Some(true)),
        (&code, "valid JavaScript", Some(false)),
        (&json!("{\"a\": 1}"), "Is valid JSON", Some(true)),
        (&json!("{'a': 1}"), "Is valid JSON", Some(false)),
        (&json!({"a": 1}), "is valid JSON", Some(true)),
        (&code, "Matches the schema", Some(true)),
        (&text, "conforms to the expected JSON schema", Some(false)),
        (&code, "has a field `tests`", Some(true)),
        (&code, "Includes unit tests", Some(true)),
    ] {
        assert_eq!(met(output.clone(), criterion).await, expected, "{criterion} of {output}");
    }
}

/// Where a rule would have to guess, it says nothing.
#[tokio::test]
async fn what_is_not_plain_is_left_to_others() {
    let text = json!("The quick brown fox jumps over THE DOG");
    let two_texts = json!({"title": "a b c", "body": "d e"});
    for (output, criterion) in [
        (&text, "The text is friendly"),
        (&text, "At most 50 words on the weather"),
        (&text, "Contains 'dog'"),
        (&text, "does not contain 'dog'"),
        (&text, "contains a fox"),
        (&text, "contains 'fox' and 'cat'"),
        (&text, "contains 'fox' in every sentence"),
        (&text, "valid"),
        (&text, "valid Klingon"),
        (&text, "at most many words"),
        (&two_texts, "at most 2 words"),
        (&json!({"code": "x = 1", "language": "python"}), "has tests"),
        (&json!({"code": "x = 1", "language": "python"}), "all tests pass"),
    ] {
        assert_eq!(met(output.clone(), criterion).await, None, "{criterion} of {output}");
    }
}

#[tokio::test]
async fn without_a_model_a_criterion_is_unverified_and_never_passed() {
    let response = judged(json!({"output": "x", "acceptance_criteria": ["The text is friendly"]})).await;
    assert_eq!(response.unverified_criteria, ["The text is friendly"]);
    assert!(response.passed_criteria.is_empty() && response.valid && response.confidence == 0.0);
    assert_eq!(status(&response, ValidationType::Criteria), Some(Status::Unverified));
    assert_eq!(response.criteria[0].decided_by, DecidedBy::Nobody);
}
