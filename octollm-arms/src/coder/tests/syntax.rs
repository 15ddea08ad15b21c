use std::sync::Mutex;

use octollm_core::arm::ProgressSink;
use octollm_core::arm::StepRef;
use octollm_core::{Error, ErrorKind};

use super::*;

const BROKEN: &str = "def add(a, b)\n    return a + b\n";
const SOUND: &str = "def add(a, b):\n    return a + b\n";

#[tokio::test]
async fn sound_code_is_answered_as_it_is() {
    let (coder, model) = coder([says(SOUND)]);
    let response = code(&coder, &generate()).await.unwrap();
    assert_eq!((response.code.as_str(), response.confidence), (SOUND, Some(0.8)));
    assert_eq!((response.warnings.len(), model.calls()), (0, 1));
}

#[tokio::test]
async fn broken_code_goes_back_with_the_line_that_is_wrong() {
    let (coder, model) = coder([says(BROKEN), says(SOUND)]);
    let response = code(&coder, &generate()).await.unwrap();
    assert_eq!((response.code.as_str(), response.confidence), (SOUND, Some(0.8)));
    assert_eq!(response.warnings, Vec::<String>::new());
    let second = &model.requests()[1].messages;
    assert_eq!(second.len(), 4);
    assert!(second[2].text().contains("def add(a, b)\\n"));
    insta::assert_snapshot!(second[3].text(), @r#"
    The parser cannot read that. Where it stopped, with the line as it stands there (lines count from 1 within `code` or `tests`):

    <data-1 name="syntax_errors">
    In `code`, line 1, column 1: what begins here, up to line 2, cannot be read
    def add(a, b)
    </data-1>

    The cause may stand before that place. Mend it, change nothing else, and give the whole answer again.
    "#);
}

#[tokio::test]
async fn after_two_rounds_it_is_answered_with_a_warning_and_less_confidence() {
    let (coder, model) = coder([says(BROKEN), says(BROKEN), says(BROKEN), says(SOUND)]);
    let response = code(&coder, &generate()).await.unwrap();
    assert_eq!((response.code.as_str(), model.calls()), (BROKEN, 3));
    assert_eq!(response.confidence, Some(0.2));
    assert!(response.warnings[0].starts_with("syntax error: In `code`, line 1"), "{:?}", response.warnings);
}

#[tokio::test]
async fn tests_are_checked_like_code() {
    let mut with_tests = solution(SOUND);
    with_tests["tests"] = json!("assert add(1, 2 == 3\n");
    let (coder, model) = coder([ScriptedReply::json(&with_tests), says(SOUND)]);
    let response = code(&coder, &generate()).await.unwrap();
    assert_eq!((response.tests, model.calls()), (None, 2));
    assert!(text(&model.requests()[1]).contains("In `tests`, line 1"));
}

#[tokio::test]
async fn what_cannot_be_checked_says_so() {
    let (coder, _) = coder([says("IDENTIFICATION DIVISION.")]);
    let request = CodeRequest { language: "COBOL".into(), ..generate() };
    let response = code(&coder, &request).await.unwrap();
    assert_eq!((response.language.as_str(), response.confidence), ("COBOL", Some(0.8 * 0.8)));
    assert!(response.warnings[0].contains("not checked"));
}

#[tokio::test]
async fn a_confidence_that_nobody_stated_is_not_made_up() {
    for code_of in [SOUND, BROKEN] {
        let mut unsure = solution(code_of);
        unsure["confidence"] = Value::Null;
        let (coder, _) = coder((0..3).map(|_| ScriptedReply::json(&unsure)));
        let response = code(&coder, &generate()).await.unwrap();
        assert_eq!(response.confidence, None);
        assert!(serde_json::to_value(response).unwrap().get("confidence").is_none());
    }
}

#[tokio::test]
async fn a_model_that_fails_while_it_mends_leaves_the_first_answer() {
    let broke = Error::new(ErrorKind::BudgetExceeded, "nothing is left");
    let (coder, _) = coder([says(BROKEN), ScriptedReply::refuse(broke)]);
    let response = code(&coder, &generate()).await.unwrap();
    assert_eq!((response.code.as_str(), response.confidence), (BROKEN, Some(0.2)));
}

#[tokio::test]
async fn an_answer_of_the_wrong_shape_is_the_arms_failure() {
    let (coder, _) = coder([ScriptedReply::text("Sure!"), ScriptedReply::text("Here it is.")]);
    let error = code(&coder, &generate()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ArmFailed);
    assert!(octollm_core::model::structured::raw_answer(&error).is_some());
    assert!(!error.to_string().contains("Here it is"));
}

#[derive(Default)]
struct Said(Mutex<Vec<String>>);

impl ProgressSink for Said {
    fn report(&self, _: Option<StepRef>, message: &str, _: Option<f32>) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

#[tokio::test]
async fn it_says_what_it_does() {
    let (coder, _) = coder([says(BROKEN), says(SOUND)]);
    let said = Arc::new(Said::default());
    coder.code(&generate(), CallContext::default(), &Progress::to(said.clone())).await.unwrap();
    assert_eq!(*said.0.lock().unwrap(), ["asking the model", "mending the syntax, round 1"]);
}
