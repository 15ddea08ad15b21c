//! The arm over the real sandbox.

mod attacks;
mod engine;

use std::sync::Arc;
use std::sync::Mutex;

use octollm_core::ErrorKind;
use octollm_core::arm::capability::Caveat;
use octollm_core::arm::{
    Arm, ArmCall, CapabilityKey, Health, HealthStatus, Progress, ProgressSink, SideEffects, StepRef,
};
use serde_json::{Value, json};

use super::{ActionRequest, ActionResponse, ArtifactFolder, Executor, Policy};

fn executor() -> Executor {
    Executor::new(Policy::built_in().unwrap())
}

fn with(policy: &str) -> Executor {
    Executor::new(Policy::from_toml(&format!("name = 'test'\n{policy}")).unwrap())
}

async fn act(executor: &Executor, id: &str, request: &ActionRequest) -> Arc<ActionResponse> {
    executor.act(request, &id.into(), &Progress::default()).await.unwrap()
}

#[tokio::test]
async fn python_runs_and_says_what_was_done() {
    let response = act(
        &executor(),
        "r",
        &ActionRequest::python("import sys\nprint(6 * 7)\nprint('no', file=sys.stderr)"),
    )
    .await;
    assert!(response.success, "{response:?}");
    assert_eq!(
        (response.exit_code, response.stdout.as_str(), response.stderr.as_str()),
        (Some(0), "42\n", "no\n")
    );
    assert_eq!((response.provenance.sandbox.as_str(), response.provenance.command_hash.len()), ("full", 64));
    assert!(response.provenance.policy.starts_with("default@"));
    assert!(!response.truncated && response.error.is_none() && response.artifacts.is_empty());
}

#[tokio::test]
async fn a_program_that_fails_is_an_answer_and_no_error() {
    let response = act(&executor(), "r", &ActionRequest::python("raise ValueError('so')")).await;
    assert_eq!((response.success, response.exit_code), (false, Some(1)));
    assert!(response.stderr.ends_with("ValueError: so\n"), "{}", response.stderr);
    assert!(response.stderr.contains("main.py\", line 1"));
}

#[tokio::test]
async fn files_arguments_and_variables_come_in_and_artifacts_out() {
    let home = tempfile::tempdir().unwrap();
    let folder = ArtifactFolder::new(home.path(), 1 << 20);
    let executor = executor().with_artifacts(folder.clone());
    let mut request = ActionRequest::python(
        "import os, sys\nfrom solution import double\nopen('out.txt', 'w').write(str(double(int(sys.argv[1]))))\nprint(os.environ['TZ'])",
    );
    request.files = [("solution.py".to_owned(), "def double(n):\n    return 2 * n\n".to_owned())].into();
    request.args = vec!["21".into()];
    request.env = [("TZ".to_owned(), "Asia/Tokyo".to_owned())].into();
    let response = act(&executor, "r", &request).await;
    assert_eq!((response.stdout.as_str(), response.stderr.as_str()), ("Asia/Tokyo\n", ""));
    let [artifact] = &response.artifacts[..] else { panic!("{response:?}") };
    assert_eq!(
        (artifact.name.as_str(), artifact.text.as_deref(), artifact.kept),
        ("out.txt", Some("42"), true)
    );
    assert_eq!(std::fs::read_to_string(folder.path(&artifact.sha256)).unwrap(), "42");
}

#[tokio::test]
async fn unit_tests_can_be_run_and_found_to_fail() {
    let mut request = ActionRequest::python("import unittest\nfrom test_it import *\nunittest.main()");
    request.files = [
        ("solution.py".to_owned(), "def reverse(text):\n    return text\n".to_owned()),
        (
            "test_it.py".to_owned(),
            "import unittest\nfrom solution import reverse\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(reverse('ab'), 'ba')\n".to_owned(),
        ),
    ]
    .into();
    let response = act(&executor(), "r", &request).await;
    assert_eq!(response.exit_code, Some(1));
    assert!(response.stderr.contains("FAILED (failures=1)"), "{}", response.stderr);
}

#[tokio::test]
async fn a_command_line_is_split_and_read_by_no_shell() {
    let executor = executor();
    let mut line = ActionRequest::shell("echo 'a;  b' \"$\"", Vec::<String>::new());
    assert_eq!(executor.show(&line).unwrap_err().kind(), ErrorKind::InvalidInput);
    line.command = Some("echo 'a;  b' c".into());
    assert_eq!(act(&executor, "r", &line).await.stdout, "a;  b c\n");
    let separate = ActionRequest::shell("echo", ["$HOME", "`id`", "a|b"]);
    assert_eq!(act(&executor, "s", &separate).await.stdout, "$HOME `id` a|b\n");
}

#[tokio::test]
async fn a_shell_runs_a_script_only_where_the_policy_has_it_by_name() {
    let mut request = ActionRequest::shell("sh", Vec::<String>::new());
    request.code = Some("for n in 1 2; do echo $((n * 2)); done | tac".into());
    let error = executor().show(&request).unwrap_err();
    assert_eq!((error.kind(), error.faults()[0].pointer.as_str()), (ErrorKind::Unauthorized, "/code"));
    let executor = with("[interpreters.sh]\nprogram = 'sh'\nscript = 'script.sh'");
    assert_eq!(act(&executor, "r", &request).await.stdout, "4\n2\n");
}

#[tokio::test]
async fn limits_end_it_and_say_which() {
    let executor = with(
        "[interpreters.python]\nprogram = 'python3'\nscript = 'main.py'\n[limits]\noutput_kib = 1\nwall_seconds = 2",
    );
    let slow = act(
        &executor,
        "slow",
        &ActionRequest::python("import time\nprint('begun', flush=True)\ntime.sleep(60)"),
    )
    .await;
    assert_eq!((slow.success, slow.exit_code, slow.stdout.as_str()), (false, None, "begun\n"));
    assert_eq!(slow.error.as_ref().unwrap().code, "timeout");
    let long = act(&executor, "long", &ActionRequest::python("print('x' * 5000)")).await;
    assert_eq!((long.success, long.truncated, long.stdout.len()), (true, true, 1024));
}

#[tokio::test]
async fn what_is_written_does_nothing_to_a_terminal() {
    let response =
        act(&executor(), "r", &ActionRequest::python("print('\\x1b]0;title\\x07\\x1b[31m')")).await;
    assert_eq!(response.stdout, "\\x1b]0;title\\x07\\x1b[31m\n");
}

#[tokio::test]
async fn there_is_no_network_and_no_home() {
    let code = "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 22), 1)\nexcept OSError as error:\n    print('no')\n\
                try:\n    print(open('/etc/shadow').read())\nexcept OSError:\n    print('no')";
    assert_eq!(act(&executor(), "r", &ActionRequest::python(code)).await.stdout, "no\nno\n");
}

#[tokio::test]
async fn nothing_of_this_process_comes_in_and_no_link_goes_out() {
    let code = "import os\nprint(sorted(os.environ))\nos.symlink('/etc/passwd', 'link')\nos.link('main.py', 'hard')\nos.mkfifo('pipe')";
    let response = act(&executor(), "r", &ActionRequest::python(code)).await;
    assert!(response.success, "{}", response.stderr);
    // What Python itself adds where the locale is C.
    let variables = response.stdout.replace("'LC_CTYPE', ", "");
    assert_eq!(variables, "['HOME', 'LANG', 'PATH', 'TMPDIR']\n");
    assert!(response.artifacts_incomplete);
    assert!(response.artifacts.iter().all(|artifact| artifact.name == "hard"), "{:?}", response.artifacts);
}

/// The artifact's content tells the runs apart: a second run would give another number.
#[tokio::test]
async fn the_same_request_is_carried_out_once() {
    let executor = Arc::new(executor());
    let request = ActionRequest::python("import random\nprint(random.getrandbits(64))");
    let both = tokio::join!(act(&executor, "one", &request), act(&executor, "one", &request));
    assert_eq!(both.0.stdout, both.1.stdout);
    assert_eq!(act(&executor, "one", &request).await.stdout, both.0.stdout);
    assert_ne!(act(&executor, "two", &request).await.stdout, both.0.stdout);
    let other = ActionRequest::python("print(1)");
    let error = executor.act(&other, &"one".into(), &Progress::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn who_goes_away_ends_the_run_and_it_is_not_done_again() {
    let executor =
        with("[interpreters.python]\nprogram = 'python3'\nscript = 'main.py'\n[limits]\nconcurrent = 1");
    let sleeping = ActionRequest::python("import time\nprint('here', flush=True)\ntime.sleep(200)");
    let seen = Arc::new(Lines::default());
    let progress = Progress::to(seen.clone());
    let id = "gone".into();
    tokio::select! {
        _ = executor.act(&sleeping, &id, &progress) => panic!("it should still sleep"),
        () = seen.until("here") => {}
    }
    let error = executor.act(&sleeping, &"gone".into(), &Progress::default()).await.unwrap_err();
    assert!(error.to_string().contains("broken off"), "{error}");
    // Its place is free again: there is only one.
    assert_eq!(act(&executor, "next", &ActionRequest::python("print(1)")).await.stdout, "1\n");
}

#[derive(Default)]
struct Lines(Mutex<Vec<String>>, tokio::sync::Notify);

impl Lines {
    async fn until(&self, wanted: &str) {
        while !self.0.lock().unwrap().iter().any(|line| line == wanted) {
            self.1.notified().await;
        }
    }
}

impl ProgressSink for Lines {
    fn report(&self, _: Option<StepRef>, message: &str, _: Option<f32>) {
        self.0.lock().unwrap().push(message.to_owned());
        self.1.notify_one();
    }
}

#[tokio::test]
async fn a_missing_layer_refuses_by_name_and_the_next_may_try() {
    // A folder that cannot be shown stands for what a machine lacks.
    let executor = with(
        "readable = ['/no/such/folder']\n[interpreters.python]\nprogram = 'python3'\nscript = 'main.py'",
    );
    for _ in 0..2 {
        let request = ActionRequest::python("print(1)");
        let error = executor.act(&request, &"r".into(), &Progress::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConfigured, "{error:?}");
        assert!(error.context("layer").is_some() && error.hint().is_some(), "{error:?}");
    }
    let Health { status, dependencies, .. } = executor.health().await;
    assert_eq!(status, HealthStatus::Unhealthy);
    assert!(dependencies["sandbox"].as_str().unwrap().starts_with("full: the sandbox's layer"));
}

async fn call(executor: &Executor, input: Value) -> octollm_core::Result<Value> {
    executor.execute(ArmCall::new(input)).await.map(|reply| reply.output)
}

#[tokio::test]
async fn as_an_arm_it_keeps_its_schemas_and_its_deadline() {
    let executor = executor();
    assert!(executor.descriptor().validate().is_ok());
    assert_eq!(executor.descriptor().capabilities, ["code_execution", "shell_command"]);
    let output = call(&executor, json!({"action_type": "python", "code": "print(1)"})).await.unwrap();
    let schema = octollm_core::schema::Validator::compile(&executor.descriptor().output_schema).unwrap();
    assert_eq!(schema.faults(&output), []);
    let mut late = ArmCall::new(json!({"action_type": "python", "code": "import time\ntime.sleep(60)"}));
    late.deadline = tokio::time::Instant::now() + std::time::Duration::from_millis(1500);
    let output = executor.execute(late).await.unwrap().output;
    assert_eq!(output["error"]["code"], "timeout");
    assert_eq!(
        call(&executor, json!({"action_type": "python"})).await.unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
}

#[tokio::test]
async fn a_call_does_what_its_token_allows_and_no_more() {
    let key = CapabilityKey::random().unwrap();
    let executor = executor().guarded_by(key.clone());
    let may = |names: &[&str]| Caveat::Capabilities(names.iter().map(|name| (*name).to_owned()).collect());
    let call = |code: bool| {
        ArmCall::new(match code {
            true => json!({"action_type": "python", "code": "print(1)"}),
            false => json!({"action_type": "shell", "command": "echo 1"}),
        })
    };
    let bare = executor.execute(call(true)).await.unwrap_err();
    assert_eq!((bare.kind(), bare.message()), (ErrorKind::Unauthorized, "the call has no capability token"));
    for (code, allowed) in [(true, true), (false, false)] {
        let mut call = call(code);
        call.capability = Some(key.mint(call.task_id).attenuated(may(&["code_execution"])));
        let answer = executor.execute(call).await;
        assert_eq!(answer.is_ok(), allowed, "{:?}", answer.err());
    }
    let mut forged = call(true);
    forged.capability = Some(CapabilityKey::random().unwrap().mint(forged.task_id));
    assert_eq!(executor.execute(forged).await.unwrap_err().context("why"), Some("its signature is wrong"));
}

#[test]
fn a_call_says_what_it_does_to_the_world() {
    let of = |executor: &Executor, input: Value| executor.side_effects(&input);
    let python = json!({"action_type": "python", "code": "1"});
    assert_eq!(of(&executor(), python.clone()), SideEffects::None);
    assert_eq!(of(&with("sandbox = 'none'"), python), SideEffects::Unsafe);
    assert_eq!(
        of(&executor(), json!({"action_type": "http", "url": "https://a.b/"})),
        SideEffects::Idempotent
    );
    assert_eq!(
        of(&executor(), json!({"action_type": "http", "url": "https://a.b/", "method": "post"})),
        SideEffects::Unsafe
    );
}

#[test]
fn a_person_is_shown_the_exact_command() {
    let executor = executor();
    let shown = executor.preview(&json!({
        "action_type": "python", "code": "print('\u{1b}[8m hidden')\n", "args": ["two words"], "env": {"TZ": "UTC"},
    }));
    let shown = shown.unwrap();
    let (command, script) = shown.split_once('\n').unwrap();
    assert!(
        command.starts_with("TZ=UTC /") && command.ends_with("/python3 -E -s -B main.py 'two words'"),
        "{command}"
    );
    let (script, rules) = script.rsplit_once('\n').unwrap();
    assert_eq!(script, "--- main.py\n| print('\\x1b[8m hidden')");
    assert!(rules.starts_with("--- policy default@") && rules.ends_with(", sandbox full"), "{rules}");
    let refused =
        executor.preview(&json!({"action_type": "shell", "command": "rm", "args": ["-rf", "/"]})).unwrap();
    assert!(refused.starts_with("nothing: it will be refused"), "{refused}");
}
