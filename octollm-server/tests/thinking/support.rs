//! The processes that the tests run: the scripted model, the guides' weather arm, the binary.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use octollm_core::model::Models;
use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The scripted model's process, or an arm's that asks it; killed when dropped.
pub(crate) struct Model {
    process: Child,
    url: String,
}

impl Model {
    pub(crate) fn start() -> Self {
        Self::serve(&[])
    }

    /// As [`start`](Self::start); every request is appended to `log`.
    pub(crate) fn start_writing_down(log: &Path) -> Self {
        Self::serve(&["--log", log.to_str().unwrap()])
    }

    fn serve(args: &[&str]) -> Self {
        let mut process = Command::new(python())
            .args(["examples/scripted_model/server.py", "--port", "0"])
            .args(args)
            .current_dir(ROOT)
            .stdout(Stdio::piped())
            .spawn()
            .expect("OCTOLLM_PYTHON is not a Python");
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { process, url: url.trim().to_owned() }
    }

    pub(crate) fn octo(&self, home: &Path, args: &[&str]) -> Output {
        self.command(home, args).output().unwrap()
    }

    pub(crate) fn command(&self, home: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_octollm-server"));
        for name in Models::variables().unwrap() {
            command.env_remove(name);
        }
        command.args(args).current_dir(ROOT).env("OCTOLLM_HOME", home);
        command.env("OPENAI_BASE_URL", &self.url).env("LLM_MODEL", "openai/scripted");
        command
    }

    /// The guides' weather arm, written with FastAPI.
    pub(crate) fn weather_arm() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(python())
            .args(["-m", "uvicorn", "arm:app", "--log-level", "warning", "--port", &port.to_string()])
            .current_dir(Path::new(ROOT).join("examples/weather_arm"))
            .stdout(Stdio::null())
            .spawn();
        Self { process: process.unwrap(), url: format!("http://127.0.0.1:{port}") }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until somebody listens there.
    pub(crate) fn is_there(&self, patience: Duration) {
        let begun = Instant::now();
        while TcpStream::connect(self.url.trim_start_matches("http://")).is_err() {
            assert!(begun.elapsed() < patience, "nobody listens: are FastAPI and uvicorn in OCTOLLM_PYTHON?");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// One arm alone, on a free port.
    pub(crate) fn arm(&self, home: &Path, name: &str) -> Self {
        let mut command = self.command(home, &["arm", name, "--port", "0"]);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url =
            line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{name}: {line}")).to_owned();
        Self { process, url }
    }
}

fn python() -> String {
    std::env::var("OCTOLLM_PYTHON").expect("set OCTOLLM_PYTHON, or run `make test`")
}

impl Drop for Model {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

pub(crate) fn result(output: &Output) -> Value {
    let text = String::from_utf8_lossy;
    assert!(output.status.success(), "{}\n{}", text(&output.stderr), text(&output.stdout));
    serde_json::from_slice(&output.stdout).unwrap()
}
