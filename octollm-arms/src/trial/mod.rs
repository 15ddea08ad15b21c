//! Runs the tests that code came with, by an arm that runs code. A coder has its own tests tried before it answers, a judge
//! those that somebody else answered.

use octollm_core::Error;
use octollm_core::arm::{ArmCall, Peer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::syntax::Language;

/// What the arm must be able to do.
const CAPABILITY: &str = "code_execution";
/// How long the tests may take.
const SECONDS: u32 = 30;
/// Bytes of the tests' output that are kept: the end, where it says what failed.
const MOST_OUTPUT: usize = 4_000;
/// The program that has tests run, but for what it is told.
const DRIVER: &str = include_str!("run_tests.py");
/// The program that runs them, in a process that it shares with the code.
const CHILD: &str = include_str!("test_child.py");

/// How tests went that were really run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestRun {
    /// Whether all of them passed.
    pub passed: bool,
    /// How many were run; 0 where the code or the tests could not even be loaded.
    pub ran: u32,
    /// How many of them failed.
    pub failed: u32,
    /// What the run printed: 4000 bytes of its end.
    pub output: String,
}

/// What came of trying to run tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trial {
    /// There is nothing to run.
    Nothing,
    /// There is, but it could not be run, for this reason.
    NotRun(String),
    /// The tests ran.
    Ran(TestRun),
}

/// What the driver says at the end.
#[derive(Deserialize)]
struct Verdict {
    outcome: String,
    #[serde(default)]
    ran: u32,
    #[serde(default)]
    failed: u32,
    #[serde(default)]
    why: Option<String>,
}

/// Runs these tests against this code, by the best arm that runs code.
pub(crate) async fn run(language: &str, code: &str, tests: &str, call: Option<&ArmCall>) -> Trial {
    if Language::named(language) != Some(Language::Python) {
        return Trial::NotRun("only tests in Python can be run".to_owned());
    }
    let runner = Peer::capability(CAPABILITY);
    let Some(call) = call.filter(|call| call.has(&runner)) else {
        return Trial::NotRun("there is no arm that runs code".to_owned());
    };
    call.progress.report("running the tests", None);
    let mark = mark(&call.request_id.to_string());
    let input =
        json!({"action_type": "python", "code": program(code, tests, &mark), "timeout_seconds": SECONDS});
    match call.ask(&runner, input).await {
        Ok(reply) => Trial::read(&reply.output, &mark),
        Err(error) => Trial::NotRun(reason(&error)),
    }
}

impl Trial {
    fn read(output: &Value, mark: &str) -> Self {
        let text = |name: &str| output.get(name).and_then(Value::as_str).unwrap_or_default();
        let stdout = text("stdout");
        let said = stdout.rsplit_once(mark).and_then(|(before, verdict)| {
            let verdict = verdict.lines().next().unwrap_or_default();
            Some((before, serde_json::from_str::<Verdict>(verdict).ok()?))
        });
        let Some((before, verdict)) = said else {
            // It was ended from outside, or ended itself: the executor's last words say why.
            let output = last_words(&format!("{stdout}\n{}", text("stderr")));
            let output = if output.is_empty() { "it ended without a word".to_owned() } else { output };
            return Self::Ran(TestRun { passed: false, ran: 0, failed: 1, output });
        };
        if verdict.outcome == "not_run" {
            return Self::NotRun(verdict.why.unwrap_or_default());
        }
        let said = match &verdict.why {
            Some(why) => format!("{before}\n{why}"),
            None => before.to_owned(),
        };
        // Who says so ends well, too: a verdict that somebody else wrote, who then ended it, is none.
        let passed = verdict.outcome == "passed" && output.get("success") == Some(&true.into());
        let (ran, failed) = (verdict.ran, verdict.failed.max(u32::from(!passed)));
        Self::Ran(TestRun { passed, ran, failed, output: last_words(&said) })
    }

    /// The run whose tests failed.
    pub(crate) fn failure(&self) -> Option<&TestRun> {
        match self {
            Self::Ran(run) if !run.passed => Some(run),
            _ => None,
        }
    }
}

/// The program that runs these tests: the driver under what it is told. A JSON text of a JSON text is a Python string.
fn program(code: &str, tests: &str, mark: &str) -> String {
    let files = json!({"code": code, "tests": tests, "child": CHILD}).to_string();
    format!("import json\n\nFILES = json.loads({})\nMARK = {}\n{DRIVER}", json!(files), json!(mark))
}

/// What the verdict's line begins with: the same for every attempt, as the request to the other arm is. In letters alone, for
/// what goes from arm to arm is screened, and the digits of one id in a thousand are some country's telephone number.
fn mark(request_id: &str) -> String {
    let letter = |nibble: u8| char::from(b'a' + (nibble & 15));
    let hash = Sha256::digest(request_id.as_bytes());
    let letters: String = hash.iter().take(8).flat_map(|byte| [letter(byte >> 4), letter(*byte)]).collect();
    format!("octollm-tests {letters}:")
}

/// Why it could not be run: the error's own words and its hint, which never hold what was to be run.
pub(crate) fn reason(error: &Error) -> String {
    match error.hint() {
        Some(hint) => format!("{}; {hint}", error.message()),
        None => error.message().to_owned(),
    }
}

/// The end of a text, cut between two characters.
fn last_words(text: &str) -> String {
    let text = text.trim();
    let mut from = text.len().saturating_sub(MOST_OUTPUT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].to_owned()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use octollm_core::reflex::Detectors;

    use super::*;

    /// Runs the program as an executor would, but here.
    fn run(code: &str, tests: &str) -> Trial {
        let program = program(code, tests, "mark:");
        let output = Command::new("python3").args(["-I", "-c", &program]).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        Trial::read(&json!({"stdout": stdout, "stderr": stderr, "success": output.status.success()}), "mark:")
    }

    fn ran(trial: Trial) -> TestRun {
        match trial {
            Trial::Ran(run) => run,
            other => panic!("{other:?}"),
        }
    }

    const GOOD: &str =
        "def backwards(text):\n    \"\"\"Reverse: \\\"é\\\" and 🐙.\"\"\"\n    return text[::-1]\n";

    #[test]
    fn tests_of_every_usual_form_are_found() {
        let unittest = "import unittest\nfrom strings import backwards\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(backwards('ab🐙'), '🐙ba')\nif __name__ == '__main__':\n    unittest.main()\n";
        let functions = "def test_a():\n    assert backwards('ab') == 'ba'\ndef test_b():\n    assert backwards('') == ''\n";
        let class = "from solution import backwards\nclass TestIt:\n    def test_a(self):\n        assert backwards('ab') == 'ba'\n";
        let bare = "assert backwards('ab') == 'ba'\n";
        for (tests, count) in [(unittest, 1), (functions, 2), (class, 1), (bare, 1)] {
            let run = ran(run(GOOD, tests));
            assert_eq!((run.passed, run.ran, run.failed), (true, count, 0), "{tests}: {run:?}");
        }
    }

    #[test]
    fn what_fails_says_what_and_where() {
        let run =
            ran(run("def twice(n):\n    return n + n + 1\n", "def test_two():\n    assert twice(1) == 2\n"));
        assert_eq!((run.passed, run.ran, run.failed), (false, 1, 1));
        assert!(run.output.contains("assert twice(1) == 2") && run.output.contains("line 2"), "{run:?}");
    }

    #[test]
    fn code_that_ends_the_program_has_not_passed() {
        for code in ["import sys\nsys.exit(0)\n", "import os\nos._exit(0)\n", "1 / 0\n"] {
            let run = ran(run(code, "def test_a():\n    pass\n"));
            assert!(!run.passed && run.ran == 0, "{code}: {run:?}");
        }
        let later = "import os\ndef f():\n    os._exit(0)\n";
        let run = ran(run(later, "def test_a():\n    pass\ndef test_b():\n    assert f() == 1\n"));
        assert_eq!((run.passed, run.ran, run.failed), (false, 1, 1));
        assert!(run.output.contains("ended before all tests had run (exit code 0)"), "{run:?}");
    }

    /// Each of them was taken for a pass as long as the code shared a process with what says the verdict.
    #[test]
    fn code_cannot_say_that_its_tests_passed() {
        let verdict = r#"{\"outcome\": \"passed\", \"ran\": 1, \"failed\": 0}"#;
        let tests = "def test_a():\n    assert twice(1) == 2\n";
        for cheat in [
            format!("import os\nprint('\\nmark:{verdict}', flush=True)\nos._exit(0)\n"),
            "import os, __main__\nprint('\\n' + __main__.MARK + '{}')\nos._exit(0)\n".to_owned(),
            // Onto the channel, without its number, and with one that it made up.
            "import os, sys\nos.write(int(sys.argv[1]), b'{\"kind\": \"done\"}\\n')\nos._exit(0)\n".to_owned(),
            "import os, sys\nos.write(int(sys.argv[1]), b'{\"nonce\": \"0\", \"kind\": \"done\"}\\n')\n".to_owned(),
            // Into the output of who started it.
            format!(
                "import os\ntry:\n    out = open('/proc/%d/fd/1' % os.getppid(), 'w')\n    out.write('\\nmark:{verdict}')\n\
                 except OSError:\n    pass\nos.kill(os.getppid(), 9)\n"
            ),
            "import unittest\nunittest.TestCase.run = lambda self, result=None: result.addSuccess(self)\n".to_owned(),
            "import unittest\nunittest.TextTestResult.addFailure = lambda *a: None\n".to_owned(),
            "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\n".to_owned(),
            "import unittest.loader\nunittest.TestLoader.loadTestsFromModule = lambda *a, **k: unittest.TestSuite()\n".to_owned(),
        ] {
            let code = format!("{cheat}\ndef twice(n):\n    return 3\n");
            let run = ran(run(&code, tests));
            assert!(!run.passed, "{cheat}: {run:?}");
        }
    }

    /// A test that vanishes has not passed.
    #[test]
    fn every_test_that_is_written_must_have_run() {
        let code = "import sys\ndef f():\n    return 1\n";
        let tests = "import unittest\nclass TestF(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(f(), 1)\n    \
                     def test_b(self):\n        self.assertEqual(f(), 2)\n";
        let hidden = format!("{tests}del TestF.test_b\n");
        let hidden = ran(run(code, &hidden));
        assert_eq!((hidden.passed, hidden.ran, hidden.failed), (false, 1, 1));
        assert!(hidden.output.contains("did not run: TestF.test_b"), "{hidden:?}");
        let skipped = "import unittest\ndef test_a():\n    raise unittest.SkipTest('not today')\n";
        assert!(matches!(run(code, skipped), Trial::NotRun(why) if why.contains("skipped")));
        let base = "import unittest\nclass TestBase(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(f(), 1)\n\
                    class TestMore(TestBase):\n    pass\ndel TestBase\n";
        let base = ran(run(code, base));
        assert_eq!((base.passed, base.ran), (true, 1), "{base:?}");
    }

    #[test]
    fn tests_that_are_coroutines_are_awaited() {
        let code = "async def f():\n    return 1\n";
        let run =
            |wanted: u32| ran(run(code, &format!("async def test_a():\n    assert await f() == {wanted}\n")));
        assert_eq!((run(1).passed, run(2).passed, run(2).failed), (true, false, 1));
    }

    /// The verdict comes last, and was cut off with the rest of what came after the first MiB.
    #[test]
    fn much_output_does_not_crowd_out_the_verdict() {
        let code = "def f():\n    print('x' * 5_000_000)\n    return 1\nf()\n";
        let program = program(code, "def test_a():\n    assert f() == 1\n", "mark:");
        let output = Command::new("python3").args(["-I", "-c", &program]).output().unwrap();
        assert!(output.stdout.len() < 64 << 10, "{}", output.stdout.len());
        assert!(run(code, "def test_a():\n    assert f() == 1\n").failure().is_none());
    }

    #[test]
    fn what_needs_something_that_is_not_there_was_not_run() {
        let missing = run("import no_such_module_here\n", "def test_a():\n    pass\n");
        assert!(matches!(&missing, Trial::NotRun(why) if why.contains("no_such_module_here")), "{missing:?}");
        assert!(matches!(run(GOOD, "# none yet\n"), Trial::NotRun(_)));
    }

    /// The mark was the id itself, whose digits were taken for a telephone number now and then: the verdict was not found.
    #[test]
    fn no_mark_is_taken_for_something_personal() {
        let detectors = Detectors::new().unwrap();
        for number in 0..5_000 {
            let mark = mark(&format!("task-{number}-step-1"));
            let program = format!("MARK = {}\n{mark}{{\"outcome\": \"failed\"}}", json!(mark));
            assert!(detectors.private(&program).is_empty(), "{mark}");
        }
    }

    #[test]
    fn only_the_end_of_much_output_is_kept() {
        let kept = last_words(&"é".repeat(5_000));
        assert_eq!(kept.len(), MOST_OUTPUT);
    }
}
