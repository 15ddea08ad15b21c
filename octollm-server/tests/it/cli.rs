//! The program as a person runs it: its output, its exit codes, its signals.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use axum::routing::{get, post};
use axum::{Json, Router};
use octollm_core::config::SETTINGS;
use octollm_core::model::Models;
use octollm_core::testing::fault_server::{FaultServer, Reply};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A home, a working directory and a program of its own.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("notes")).unwrap();
        let note =
            "# Tides\n\nThe tide at Brest rises by seven metres.\n\nSpring tides follow the full moon.\n";
        std::fs::write(folder.path().join("notes/tides.md"), note).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_octollm-server"));
        for setting in &SETTINGS {
            command.env_remove(setting.name);
        }
        // No test asks a model of whoever runs it.
        for name in Models::variables().unwrap() {
            command.env_remove(name);
        }
        command.env("LLM_DISCOVERY", "off");
        command.args(args).current_dir(self.folder.path()).env("OCTOLLM_HOME", self.path("home"));
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

const QUESTION: &str = "How far does the tide rise at Brest?";

#[test]
fn a_question_is_answered_out_of_documents_on_a_fresh_home() {
    let desk = Desk::new();
    let output = desk.run(&["run", QUESTION, "--docs", "notes"]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output), @r#"
The tide at Brest rises by seven metres. [1]

Sources
  [1] notes/tides.md:3
"#);
    assert_eq!(stderr(&output), "", "quiet where nobody looks");
}

#[test]
fn json_is_the_result_and_events_are_lines() {
    let desk = Desk::new();
    let output = desk.run(&["run", QUESTION, "--docs", "notes", "--json"]);
    let result: octollm_core::TaskResult = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result.status, octollm_core::task::TaskStatus::Completed);

    let output = desk.run(&["run", QUESTION, "--docs", "notes", "--events"]);
    let events: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.first().unwrap()["type"], "task.accepted");
    assert_eq!(events.last().unwrap()["type"], "task.completed");

    let output = desk.run(&["tasks", "events", events[0]["task_id"].as_str().unwrap(), "--after", "1"]);
    let kept: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let streamed: Vec<Value> = events.into_iter().skip(1).filter(|event| event["seq"].is_u64()).collect();
    assert_eq!(kept, streamed);
}

#[test]
fn bad_input_is_refused_with_every_fault_and_nothing_is_stored() {
    let desk = Desk::new();
    std::fs::write(
        desk.path("plan.json"),
        r#"{"subtasks": [{"step": 1, "action": "x", "required_arm": "nobody", "depends_on": [7]}]}"#,
    )
    .unwrap();
    let output = desk.run(&["run", "short", "--plan", "plan.json", "--deadline", "12"]);
    assert_eq!(code(&output), Some(2));
    insta::assert_snapshot!(stderr(&output), @r#"
error: the task is invalid
  /goal: must have 10 to 2000 characters after trimming, has 5
  /plan/subtasks/0/depends_on/0: there is no step 7; the plan has 1
"#);
    assert_eq!(stdout(&output), "");
    for args in [
        &["run", QUESTION, "--context", "{"][..],
        &["run", QUESTION, "--context", "@absent.json"],
        &["run", QUESTION, "--plan", "plan.json", "--playbook", "search"],
        &["run", QUESTION, "--metadata", "novalue"],
        &["tasks", "show", "nonsense"],
        &["tasks", "prune"],
        &["run"],
    ] {
        let output = desk.run(args);
        assert_eq!(code(&output), Some(2), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).starts_with("error: "), "{args:?}: {}", stderr(&output));
    }
    assert_eq!(stdout(&desk.run(&["tasks", "list"])), "");
}

#[test]
fn a_plan_waits_for_approval_over_processes() {
    let desk = Desk::new();
    let output = desk.run(&["run", QUESTION, "--docs", "notes", "--approval", "plan", "--json"]);
    assert_eq!(code(&output), Some(4), "{}", stderr(&output));
    let task: Value = serde_json::from_slice(&output.stdout).unwrap();
    let id = task["task_id"].as_str().unwrap();
    assert!(stdout(&desk.run(&["tasks", "show", id])).contains("awaiting_approval"));
    let output = desk.run(&["tasks", "approve", id]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("seven metres"), "{}", stdout(&output));
    let output = desk.run(&["tasks", "approve", id]);
    assert_eq!(code(&output), Some(1), "it is decided already: {}", stderr(&output));

    let output = desk.run(&["run", QUESTION, "--docs", "notes", "--approval", "plan", "--json"]);
    let task: Value = serde_json::from_slice(&output.stdout).unwrap();
    let output =
        desk.run(&["tasks", "approve", task["task_id"].as_str().unwrap(), "--deny", "--note", "no need"]);
    assert_eq!(code(&output), Some(3), "{}", stderr(&output));
    assert_eq!(stdout(&desk.run(&["tasks", "list", "--status", "awaiting_approval"])), "");
}

#[test]
fn the_list_of_tasks_can_be_rebuilt_and_pruned() {
    let desk = Desk::new();
    for _ in 0..3 {
        assert_eq!(code(&desk.run(&["run", QUESTION, "--docs", "notes", "--metadata", "a=b"])), Some(0));
    }
    let list = stdout(&desk.run(&["tasks", "list", "--metadata", "a=b"]));
    assert_eq!(list.lines().count(), 3);
    assert_eq!(stdout(&desk.run(&["tasks", "rebuild"])), "3 tasks listed again from the journal\n");
    assert_eq!(stdout(&desk.run(&["tasks", "list"])), list);
    let pruned = stdout(&desk.run(&["tasks", "prune", "--keep", "1"]));
    assert!(pruned.starts_with("2 tasks and "), "{pruned}");
    assert_eq!(stdout(&desk.run(&["tasks", "list"])).lines().count(), 1);
}

#[test]
fn documents_are_indexed_once_and_found() {
    let desk = Desk::new();
    let index = |paths: &[&str]| stdout(&desk.run(&[&["index"], paths].concat()));
    assert_eq!(
        index(&["notes"]),
        "1 added, 0 updated, 0 unchanged, 0 removed, 0 left out; 1 passages can be found\n"
    );
    assert_eq!(
        index(&["notes"]),
        "0 added, 0 updated, 1 unchanged, 0 removed, 0 left out; 1 passages can be found\n"
    );
    let found = stdout(&desk.run(&["search", "tide at Brest"]));
    assert!(found.starts_with("notes/tides.md:"), "{found}");
    let output = desk.run(&["index", "absent"]);
    assert_eq!(code(&output), Some(1));
    assert!(stderr(&output).contains("hint: "), "{}", stderr(&output));
}

#[tokio::test]
async fn a_page_that_a_person_names_is_indexed() {
    let desk = Desk::new();
    let page = "<title>Lamps</title><p>The lamp of Bell Rock burns whale oil.</p>";
    let server =
        FaultServer::start(move |_| Reply::http(200, "content-type: text/html\r\n", page)).await.unwrap();
    let url = format!("{}/lamp", server.url());
    let desk = tokio::task::spawn_blocking(move || {
        let report = stdout(&desk.run(&["index", "notes", &url]));
        assert!(report.starts_with("2 added, 0 updated, 0 unchanged, 0 removed, 0 left out"), "{report}");
        let found = stdout(&desk.run(&["search", "whale oil"]));
        assert!(found.starts_with(&url), "{found}");
        let near = stdout(&desk.run(&["index", "--json", "http://169.254.169.254/latest/meta-data"]));
        let near: Value = serde_json::from_str(&near).unwrap();
        let skipped = &near["skipped"][0];
        assert_eq!(skipped["source"], "http://169.254.169.254/latest/meta-data");
        assert!(skipped["reason"].as_str().unwrap().contains("not out in the world"), "{skipped}");
        desk
    });
    desk.await.unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_damaged_store_is_left_as_it_is() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("home")).unwrap();
    let garbage = b"this is no database ".repeat(100);
    std::fs::write(desk.path("home/octollm.db"), &garbage).unwrap();
    let output = desk.run(&["run", QUESTION]);
    assert_eq!(code(&output), Some(1));
    assert!(
        stderr(&output).starts_with("error: ") && stderr(&output).contains("hint: "),
        "{}",
        stderr(&output)
    );
    assert_eq!(std::fs::read(desk.path("home/octollm.db")).unwrap(), garbage);
    let output = desk.run(&["doctor", "--json"]);
    assert_eq!(code(&output), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["healthy"], false);
}

#[test]
fn doctor_says_what_is_set_and_from_where() {
    let desk = Desk::new();
    std::fs::write(desk.path("octollm.toml"), "task_timeout_seconds = 77\n").unwrap();
    let output = desk.command(&["doctor", "--json"]).env("REDIS_URL", "redis://x").output().unwrap();
    assert_eq!(code(&output), Some(0), "{}", stdout(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let timeout =
        report["settings"].as_array().unwrap().iter().find(|set| set["name"] == "TASK_TIMEOUT_SECONDS");
    assert_eq!(
        timeout.unwrap(),
        &json!({"name": "TASK_TIMEOUT_SECONDS", "value": "77", "from": "./octollm.toml"})
    );
    assert_eq!(report["without_effect"], json!([{"name": "REDIS_URL", "from": "environment"}]));
    assert!(report["checks"].as_array().unwrap().iter().any(|check| check["name"] == "arm retriever"));
}

#[test]
fn doctor_names_what_is_set_for_models_and_shows_no_key() {
    let desk = Desk::new();
    let variables = [("OPENAI_API_KEY", "sk-not-to-be-shown"), ("LLM_MODEL", "openai/gpt-4o-mini")];
    let output = desk.command(&["doctor", "--json"]).envs(variables).output().unwrap();
    assert!(!stdout(&output).contains("not-to-be-shown"));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let shown = |name: &str| {
        let settings = report["settings"].as_array().unwrap();
        settings.iter().find(|set| set["name"] == name).map(|set| set["value"].clone())
    };
    assert_eq!(shown("OPENAI_API_KEY"), Some("***".into()));
    assert_eq!(shown("LLM_MODEL"), Some("openai/gpt-4o-mini".into()));
    assert_eq!(shown("ANTHROPIC_API_KEY"), None);
}

#[test]
#[cfg(target_os = "linux")]
fn doctor_says_what_the_sandbox_can_be_made_of() {
    let desk = Desk::new();
    let report: Value = serde_json::from_slice(&desk.run(&["doctor", "--json"]).stdout).unwrap();
    let levels: Vec<_> =
        report["sandbox"].as_array().unwrap().iter().map(|one| one["level"].clone()).collect();
    assert_eq!(levels, ["full", "landlock", "none"]);
    let layers = report["sandbox"][0]["layers"].as_array().unwrap();
    assert!(layers.iter().any(|one| one["layer"] == "seccomp" && one["status"] == "available"), "{layers:?}");
    let checks = report["checks"].as_array().unwrap();
    let executor = checks.iter().find(|check| check["name"] == "executor").unwrap();
    assert!(executor["detail"].as_str().unwrap().starts_with("policy default@"), "{executor}");

    std::fs::write(desk.path("policy.toml"), "name = 'mine'\nsandbox = 'weak'\n").unwrap();
    let output = desk.command(&["doctor"]).env("OCTOLLM_EXECUTOR_POLICY", "policy.toml").output().unwrap();
    assert_eq!(code(&output), Some(1));
    assert!(stdout(&output).contains("sandbox: must be `full`, `landlock` or `none`"), "{}", stdout(&output));
}

#[test]
#[cfg(target_os = "linux")]
fn code_in_a_goal_is_run_and_its_output_is_the_answer() {
    let desk = Desk::new();
    let output = desk.run(&["run", "Run this Python code: print(6*7)"]);
    assert_eq!((code(&output), stdout(&output).as_str()), (Some(0), "42\n"), "{}", stderr(&output));

    let context = r#"{"code": "open('a.txt', 'w').write('x')", "language": "python"}"#;
    let output =
        desk.run(&["run", "Write a file, please", "--playbook", "run_code", "--context", context, "--json"]);
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let artifact = &result["result"]["artifacts"][0];
    assert_eq!((&artifact["name"], &artifact["kept"]), (&json!("a.txt"), &json!(true)), "{result}");
    let sha256 = artifact["sha256"].as_str().unwrap();
    let kept = desk.path("home/artifacts").join(&sha256[..2]).join(sha256);
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "x");
}

#[test]
#[cfg(target_os = "linux")]
fn a_person_sees_the_exact_command_before_it_is_run() {
    let desk = Desk::new();
    let output = desk.run(&["run", "Run this Python code: print(6*7)", "--approval", "side_effects"]);
    assert_eq!((code(&output), stdout(&output).as_str()), (Some(4), ""), "{}", stderr(&output));
    let asked = stderr(&output);
    let (question, rest) = asked.split_once("\n    ").unwrap();
    assert_eq!(question, "Step 1: `executor` is to do this:");
    assert!(rest.contains("python3 -E -s -B main.py\n    --- main.py\n    | print(6*7)\n"), "{asked}");
    let id = rest.split_whitespace().find(|word| word.starts_with("task-")).unwrap();
    assert!(stdout(&desk.run(&["tasks", "show", id])).contains("main.py\n    | print(6*7)"));
    let output = desk.run(&["tasks", "approve", id]);
    assert_eq!((code(&output), stdout(&output).as_str()), (Some(0), "42\n"), "{}", stderr(&output));
}

/// The question is in the journal before the command looks: it must not wait for it to be asked again.
#[test]
#[cfg(target_os = "linux")]
fn a_command_that_was_cut_off_is_shown_before_it_is_run_again() {
    let desk = Desk::new();
    let policy =
        "name = 'bare'\nsandbox = 'none'\n[interpreters.python]\nprogram = 'python3'\nscript = 'main.py'\n";
    std::fs::write(desk.path("policy.toml"), policy).unwrap();
    let command = |args: &[&str]| {
        let mut command = desk.command(args);
        command.env("OCTOLLM_EXECUTOR_POLICY", "policy.toml");
        command
    };
    let code_of_it = "open('ran', 'x'); print(42)";
    let goal = format!("Run this Python code: import time; time.sleep(2); {code_of_it}");
    let mut child = command(&["run", &goal, "--events"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("step.progress")), "it runs");
    child.kill().unwrap();
    child.wait().unwrap();

    let output = command(&["tasks", "resume"]).output().unwrap();
    assert_eq!(code(&output), Some(4), "{}", stderr(&output));
    let asked = stderr(&output);
    assert!(asked.starts_with("Step 1: nobody knows whether `executor` has done this already."), "{asked}");
    assert!(asked.contains(code_of_it), "{asked}");
    let id = asked.split_whitespace().find(|word| word.starts_with("task-")).unwrap();
    let output = command(&["tasks", "approve", id]).output().unwrap();
    assert_eq!(
        (
            code(&output),
            stdout(&output)
                .trim_end()
                .ends_with(" bytes  sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        ),
        (Some(0), true),
        "{output:?}"
    );
}

#[test]
fn a_bad_setting_is_named() {
    let desk = Desk::new();
    let output = desk.command(&["doctor"]).env("API_PORT", "many").output().unwrap();
    assert_eq!(code(&output), Some(2));
    insta::assert_snapshot!(stderr(&output), @r#"
error: the configuration is invalid
  API_PORT (environment): must be a port, 0 to 65535 (0 takes a free one), not `many`
"#);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let desk = Desk::new();
    let mut child =
        desk.command(&["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), stderr(&output)), (Some(0), String::new()));
}

#[test]
fn other_computers_are_served_only_on_request() {
    let desk = Desk::new();
    let output = desk.run(&["serve", "--host", "0.0.0.0", "--port", "0"]);
    assert_eq!(code(&output), Some(2));
    insta::assert_snapshot!(stderr(&output), @r#"
error: the server would let everybody in who can reach it (API_HOST: 0.0.0.0)
hint: serve on 127.0.0.1, or say --insecure where something in front of it checks who is asking
"#);
}

/// A running `serve`, ended with its desk.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

fn serve(desk: &Desk, more: &[&str]) -> (Serving, String) {
    let mut command = desk.command(&[&["serve", "--port", "0"], more].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
    (Serving(child), url)
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// Waits for the end; a process that does not end fails the test.
fn end_of(child: &mut Child) -> Option<i32> {
    for _ in 0..600 {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the process does not end");
}

#[test]
fn a_server_is_spoken_to_and_stops_when_asked() {
    let desk = Desk::new();
    assert_eq!(code(&desk.run(&["index", "notes"])), Some(0));
    let (mut serving, url) = serve(&desk, &[]);
    let away = Desk::new();
    let output = away.run(&["run", QUESTION, "--server", &url]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("seven metres"), "{}", stdout(&output));
    let list = stdout(&away.run(&["tasks", "list", "--server", &url]));
    assert!(list.contains("completed"), "{list}");
    signal(&serving.0, "-TERM");
    assert_eq!(end_of(&mut serving.0), Some(0));
    assert_eq!(stdout(&desk.run(&["tasks", "list"])), list, "it is all in the store");
    let output = away.run(&["tasks", "list", "--server", &url]);
    assert_eq!(code(&output), Some(1));
}

#[test]
fn a_server_answers_again_what_was_asked_before() {
    let desk = Desk::new();
    desk.run(&["index", "notes"]);
    std::fs::write(desk.path("octollm.toml"), "answer_cache = \"10m\"\n").unwrap();
    let (_serving, url) = serve(&desk, &[]);
    let ask = |more: &[&str]| desk.run(&[&["run", QUESTION, "--server", &url], more].concat());
    let said = |output: &Output| (stdout(output), stderr(output).contains("asked before"));
    let first = said(&ask(&[]));
    assert!(first.0.contains("seven metres") && !first.1, "{first:?}");
    assert_eq!(said(&ask(&[])), (first.0.clone(), true));
    assert_eq!(said(&ask(&["--no-cache"])), first);
    // What the task rests on changes, by way of another process.
    std::fs::write(desk.path("notes/more.md"), "# More\n\nNothing of interest.\n").unwrap();
    assert_eq!(code(&desk.run(&["index", "notes"])), Some(0));
    assert!(!said(&ask(&[])).1);
    assert!(said(&ask(&[])).1);
}

/// An arm that takes this long.
async fn sleepy_arm(time: Duration) -> SocketAddr {
    let descriptor = json!({
        "arm_id": "sleepy", "name": "Sleepy", "version": "1", "capabilities": ["sleep"],
        "input_schema": {}, "output_schema": {}, "cost_tier": 1, "average_latency_ms": 1, "max_concurrent": 5,
    });
    let execute = move || async move {
        tokio::time::sleep(time).await;
        Json(json!({"slept": true}))
    };
    let health = || async { Json(json!({"status": "healthy", "version": "1", "dependencies": {}})) };
    let app = Router::new()
        .route("/capabilities", get(|| async { Json(descriptor) }))
        .route("/health", get(health))
        .route("/execute", post(execute));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_though_an_arm_is_away() {
    let desk = Desk::new();
    let here = format!("http://{}", sleepy_arm(Duration::ZERO).await);
    let (_serving, url) = serve(&desk, &["--arm", "http://127.0.0.1:1", "--arm", &here]);
    write_plan(&desk.path("plan.json"));
    let output = desk.run(&["run", "Sleep for no time at all", "--plan", "plan.json", "--server", &url]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_cancels_the_task() {
    let desk = Desk::new();
    let arm = format!("http://{}", sleepy_arm(Duration::from_secs(60)).await);
    write_plan(&desk.path("plan.json"));
    let args = ["run", "Sleep for a good while", "--arm", &arm, "--plan", "plan.json", "--events"];
    let mut child = desk.command(&args).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("step.started")));
    signal(&child, "-INT");
    assert!(lines.any(|line| line.unwrap().contains("task.cancelled")));
    assert_eq!(end_of(&mut child), Some(130));
    assert!(stdout(&desk.run(&["tasks", "list"])).contains("cancelled"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_task_goes_on_when_it_is_resumed() {
    let desk = Desk::new();
    let arm = format!("http://{}", sleepy_arm(Duration::from_secs(2)).await);
    write_plan(&desk.path("plan.json"));
    let args = ["run", "Sleep for a little while", "--arm", &arm, "--plan", "plan.json", "--events"];
    let mut child = desk.command(&args).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("step.started")));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(stdout(&desk.run(&["tasks", "list"])).contains("executing"));
    let output = desk.run(&["tasks", "resume", "--arm", &arm]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("\"slept\": true"), "{}", stdout(&output));
    assert!(stdout(&desk.run(&["tasks", "list"])).contains("completed"));
}

fn write_plan(path: &Path) {
    let plan = json!({"subtasks": [{"step": 1, "action": "sleep", "required_arm": "sleepy", "input": {}}]});
    std::fs::write(path, plan.to_string()).unwrap();
}

#[cfg(not(feature = "candle"))]
#[test]
fn a_model_needs_a_program_that_was_built_for_it() {
    let desk = Desk::new();
    let output =
        desk.command(&["search", "tides"]).env("OCTOLLM_EMBEDDER", "/models/minilm").output().unwrap();
    assert_eq!(code(&output), Some(2));
    insta::assert_snapshot!(stderr(&output), @r#"
error: this program was built without embedding models (OCTOLLM_EMBEDDER: /models/minilm)
hint: build it with `--features candle`, or set OCTOLLM_EMBEDDER to `hashed`
"#);
}
