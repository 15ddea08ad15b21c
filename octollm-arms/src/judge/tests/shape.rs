use super::*;

fn person() -> Value {
    json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
        "required": ["name"],
    })
}

#[tokio::test]
async fn every_fault_against_a_schema_has_its_pointer_and_no_value() {
    let response = judged(json!({"output": {"age": "secret-age"}, "expected_schema": person()})).await;
    assert!(!response.valid);
    let places: Vec<_> = errors(&response).into_iter().map(|issue| place(issue).0).collect();
    assert_eq!(places.len(), 2, "{response:?}");
    assert!(places.contains(&"/age") && places.contains(&""));
    assert!(!serde_json::to_string(&response).unwrap().contains("secret-age"));
    let response = judged(json!({"output": {"name": "Ada"}, "expected_schema": person()})).await;
    assert!(response.valid && response.issues.is_empty() && response.confidence == 1.0);
}

#[tokio::test]
async fn a_text_is_read_as_json_unless_the_schema_wants_a_text() {
    let response = judged(json!({"output": "{\"name\": 5}", "expected_schema": person()})).await;
    assert_eq!(place(errors(&response)[0]).0, "/name");
    let response = judged(json!({"output": "{\n  \"name\": }", "expected_schema": person()})).await;
    assert_eq!(place(errors(&response)[0]), ("", Some(2), Some(11)));
    for schema in [
        json!({"type": "string"}),
        json!({"type": ["null", "string"]}),
        json!({"pattern": "^\\{"}),
        json!({"enum": ["{"]}),
    ] {
        assert!(judged(json!({"output": "{", "expected_schema": schema})).await.valid);
    }
}

#[tokio::test]
async fn code_is_read_where_it_stands() {
    let broken = "def f(x):\n    return (x\n";
    for (output, context, expected) in [
        (json!(broken), json!({"language": "py"}), ("", Some(2))),
        (json!({"code": broken, "language": "Python 3.12"}), json!({}), ("/code", Some(2))),
        (json!({"code": "x = 1", "tests": broken}), json!({"language": "python"}), ("/tests", Some(2))),
        (json!(format!("```python\n{broken}```")), json!({}), ("", Some(3))),
    ] {
        let response =
            judged(json!({"output": output, "context": context, "validation_types": ["syntax"]})).await;
        let (pointer, line, column) = place(errors(&response)[0]);
        assert_eq!((pointer, line), expected, "{output}");
        assert!(column.is_some());
    }
}

#[tokio::test]
async fn what_is_checked_follows_from_what_is_there() {
    let response = judged(json!({"output": {"code": "x = 1\n", "language": "python"}})).await;
    assert_eq!(status(&response, ValidationType::Syntax), Some(Status::Passed));
    assert_eq!((response.valid, response.confidence), (true, 1.0));
    assert_eq!(response.checks[0].explanation, "/code (python) parses");
}

#[tokio::test]
async fn a_language_without_a_grammar_is_not_called_sound() {
    let response = judged(json!({
        "output": {"code": "IDENTIFICATION DIVISION."}, "context": {"language": "cobol"}, "validation_types": ["syntax"]
    }))
    .await;
    assert_eq!(status(&response, ValidationType::Syntax), Some(Status::Unverified));
    assert!(response.checks[0].explanation.contains("cobol"));
    let json_value = judged(json!({"output": {"a": 1}, "context": {"language": "json"}})).await;
    assert_eq!(status(&json_value, ValidationType::Syntax), Some(Status::Passed));
}
