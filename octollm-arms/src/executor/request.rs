//! What the executor is asked and what it answers: the wire types of `POST /execute` and of the library alike.

use std::collections::BTreeMap;

use octollm_core::schema::{self, Validator};
use octollm_core::task::TaskError;
use octollm_core::{Error, Fault, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Bytes of code, of a command line, of a body, and of all files together.
const MOST_TEXT: usize = 1 << 20;
/// Arguments of one command.
const MOST_ARGUMENTS: usize = 1_000;
/// Files that a request may bring along.
const MOST_FILES: usize = 100;
/// Bytes of one argument, or of a variable with its name: Linux takes no longer ones (`MAX_ARG_STRLEN`, with its end).
pub(super) const LONGEST_WORD: usize = (128 << 10) - 1;
/// Bytes of all variables together, so that they have room beside the arguments.
const MOST_VARIABLES: usize = 256 << 10;
/// Bytes of one name in a path.
const LONGEST_NAME: usize = 255;
/// Seconds that an action may take at most, where the policy does not say less.
const MOST_SECONDS: u32 = 300;

/// What kind of action it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionType {
    /// Run one program with arguments, or a script by an interpreter that the policy has.
    Shell,
    /// Run Python code.
    Python,
    /// Send one HTTP request.
    Http,
}

impl ActionType {
    /// The name, as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Python => "python",
            Self::Http => "http",
        }
    }

    /// The capability that it takes.
    pub const fn capability(self) -> &'static str {
        match self {
            Self::Shell => "shell_command",
            Self::Python => "code_execution",
            Self::Http => "api_call",
        }
    }
}

/// An action for the executor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionRequest {
    /// What kind of action it is.
    pub action_type: ActionType,
    /// `shell`: the program by the name that the policy gives it, or a whole command line, which is split into arguments
    /// and never read by a shell. With `code`, the interpreter that runs the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// `shell`: the program's arguments; `python`: the script's. 1000 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub args: Vec<String>,
    /// `python`: the program. `shell`: a script for the interpreter that `command` names, `sh` by default. 1 MiB at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Files that are in the working folder when it begins: text by relative path. 100 files, 1 MiB at most.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// `http`: where to. Without user and password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `http`: `GET` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// `http`: what is sent: a string as text, anything else as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Seconds until it is ended with everything that it started, 1 to 300; 30 by default. The policy may allow less.
    #[serde(default = "usual_seconds", deserialize_with = "whole_seconds")]
    #[schemars(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
    /// `shell`, `python`: environment variables, of those that the policy lets a request set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

fn usual_seconds() -> u32 {
    30
}

/// To JSON Schema `30.0` is a whole number, and there are languages that write it so.
fn whole_seconds<'de, D: serde::Deserializer<'de>>(number: D) -> std::result::Result<u32, D::Error> {
    let number = serde_json::Number::deserialize(number)?;
    let whole = number.as_u64().or_else(|| {
        // Exact below 2^32, and nothing above is taken.
        number
            .as_f64()
            .filter(|seconds| seconds.fract() == 0.0 && (0.0..4e9).contains(seconds))
            .map(|seconds| seconds as u64)
    });
    whole
        .and_then(|seconds| u32::try_from(seconds).ok())
        .ok_or_else(|| serde::de::Error::custom("`timeout_seconds` must be 1 to 300"))
}

impl ActionRequest {
    /// An action of this kind, with nothing else said.
    fn new(action_type: ActionType) -> Self {
        Self {
            action_type,
            command: None,
            args: Vec::new(),
            code: None,
            files: BTreeMap::new(),
            url: None,
            method: None,
            body: None,
            timeout_seconds: usual_seconds(),
            env: BTreeMap::new(),
        }
    }

    /// Runs this Python code.
    pub fn python(code: impl Into<String>) -> Self {
        Self { code: Some(code.into()), ..Self::new(ActionType::Python) }
    }

    /// Runs this program with these arguments.
    pub fn shell(program: impl Into<String>, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        Self { command: Some(program.into()), args, ..Self::new(ActionType::Shell) }
    }

    /// Fetches this address.
    pub fn get(url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..Self::new(ActionType::Http) }
    }

    /// Reads and checks a request.
    ///
    /// # Errors
    /// `invalid_input` with every fault and its place.
    pub fn from_value(value: Value) -> Result<Self> {
        let faults = Validator::of::<Self>().faults(&value);
        if !faults.is_empty() {
            return Err(invalid(faults));
        }
        let request: Self = schema::from_value(value, "the executor's request")?;
        request.validate()?;
        Ok(request)
    }

    /// Checks every rule that does not depend on the policy.
    ///
    /// # Errors
    /// `invalid_input` with every fault and its place.
    pub fn validate(&self) -> Result<()> {
        let mut faults = self.wrong_fields();
        if !(1..=MOST_SECONDS).contains(&self.timeout_seconds) {
            faults.push(Fault::new("/timeout_seconds", "must be 1 to 300"));
        }
        let texts = [("/command", &self.command), ("/code", &self.code), ("/url", &self.url)];
        for (pointer, text) in texts {
            if text.as_ref().is_some_and(|text| text.trim().is_empty() || text.len() > MOST_TEXT) {
                faults.push(Fault::new(pointer, "must have 1 to 1048576 bytes that are not all white space"));
            }
        }
        let arguments: usize = self.args.iter().map(String::len).sum();
        if self.args.len() > MOST_ARGUMENTS || arguments > MOST_TEXT {
            faults.push(Fault::new("/args", "must be 1000 at most, of 1048576 bytes together"));
        }
        faults.extend(self.too_long());
        let mut words = self.args.iter().chain(&self.command).chain(self.env.values());
        if words.any(|word| word.contains('\0')) {
            faults.push(Fault::new(
                "",
                "a command, an argument or a variable must not contain the character NUL",
            ));
        }
        faults.extend(self.wrong_files());
        if faults.is_empty() { Ok(()) } else { Err(invalid(faults)) }
    }

    /// Fields that this kind of action needs and does not have, or has and cannot use.
    fn wrong_fields(&self) -> Vec<Fault> {
        let http = self.action_type == ActionType::Http;
        let what = self.action_type.as_str();
        let missing = match self.action_type {
            ActionType::Python if self.code.is_none() => Some("code"),
            ActionType::Shell if self.command.is_none() && self.code.is_none() => Some("command"),
            ActionType::Http if self.url.is_none() => Some("url"),
            _ => None,
        };
        let missing = missing.map(|name| Fault::new("", format!("a `{what}` action needs `{name}`")));
        let useless = [
            ("command", self.command.is_some() && self.action_type != ActionType::Shell),
            ("args", http && !self.args.is_empty()),
            ("code", http && self.code.is_some()),
            ("files", http && !self.files.is_empty()),
            ("env", http && !self.env.is_empty()),
            ("url", !http && self.url.is_some()),
            ("method", !http && self.method.is_some()),
            ("body", !http && self.body.is_some()),
        ];
        let useless = useless.into_iter().filter(|(_, there)| *there);
        let useless = useless
            .map(|(name, _)| Fault::new(format!("/{name}"), format!("has no meaning in a `{what}` action")));
        missing.into_iter().chain(useless).collect()
    }

    /// What no program can be started with.
    fn too_long(&self) -> Vec<Fault> {
        let long = self.args.iter().position(|argument| argument.len() > LONGEST_WORD);
        let long = long.map(|index| (format!("/args/{index}"), "must be 131071 bytes at most"));
        let sizes = self.env.iter().map(|(name, value)| name.len() + 1 + value.len());
        let (longest, together) = sizes.fold((0, 0), |(most, sum), size| (size.max(most), sum + size));
        let variables = (longest > LONGEST_WORD || together > MOST_VARIABLES)
            .then(|| ("/env".to_owned(), "must be 131071 bytes at most each, and 262144 together"));
        long.into_iter().chain(variables).map(|(pointer, detail)| Fault::new(pointer, detail)).collect()
    }

    fn wrong_files(&self) -> Vec<Fault> {
        let size: usize = self.files.iter().map(|(name, text)| name.len() + text.len()).sum();
        let mut faults = Vec::new();
        if self.files.len() > MOST_FILES || size > MOST_TEXT {
            faults.push(Fault::new("/files", "must be 100 files at most, of 1048576 bytes together"));
        }
        if !self.files.keys().all(|name| is_relative_path(name)) {
            let detail =
                "must have relative paths without `..`, `.` and empty parts, of names of 255 bytes at most";
            faults.push(Fault::new("/files", detail));
        }
        let names = |name: &String| folders_above(name).any(|folder| self.files.contains_key(folder));
        if self.files.keys().any(names) {
            faults.push(Fault::new("/files", "must not have one path both as a file and as a folder"));
        }
        faults
    }
}

/// Whether it names a file below a folder, in one way only.
pub(super) fn is_relative_path(name: &str) -> bool {
    let part_is_fine =
        |part: &str| !part.is_empty() && part != "." && part != ".." && part.len() <= LONGEST_NAME;
    name.len() <= 1_000 && !name.contains(['\0', '\\']) && name.split('/').all(part_is_fine)
}

/// The folders that a relative path leads through.
fn folders_above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(end, _)| path.get(..end))
}

/// Whether two relative paths cannot both be files: they are the same, or one is a folder of the other's.
pub(super) fn cannot_both_be(one: &str, other: &str) -> bool {
    one == other
        || folders_above(one).any(|folder| folder == other)
        || folders_above(other).any(|it| it == one)
}

fn invalid(faults: Vec<Fault>) -> Error {
    Error::invalid("the executor's request is invalid", faults).with_hint(
        "send {\"action_type\": \"python\", \"code\": \"...\"}, {\"action_type\": \"shell\", \"command\": \"...\", \"args\": []} \
         or {\"action_type\": \"http\", \"url\": \"...\"}",
    )
}

/// What came of an action that was begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActionResponse {
    /// Whether it ended by itself with exit code 0, or was answered with a status from 200 to 299.
    pub success: bool,
    /// The exit code; absent where it did not end by itself, and for `http`.
    pub exit_code: Option<i32>,
    /// What it wrote to standard output, or the body that was answered: UTF-8 where it is, with control characters
    /// other than tab and newline, and what is not seen, written out (`\x1b`, `\u202e`).
    pub stdout: String,
    /// What it wrote to standard error, in the same way.
    pub stderr: String,
    /// Whether some of `stdout` or `stderr` is left out because it was too long.
    pub truncated: bool,
    /// Milliseconds that it took.
    pub duration_ms: u64,
    /// Files that it left in its working folder.
    pub artifacts: Vec<Artifact>,
    /// Whether it left more than `artifacts` says: too many, too large, or what is no regular file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub artifacts_incomplete: bool,
    /// What exactly was done, and under which rules.
    pub provenance: Provenance,
    /// Why it did not end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TaskError>,
    /// What was answered, for `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpAnswer>,
}

/// What a server answered, besides the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// Where the answer came from, after redirects; without a query.
    pub url: String,
    /// The body's media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// How many redirects were followed.
    pub redirects: u32,
}

/// A file that an action left in its working folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Artifact {
    /// Its path in the working folder, on one line: what is not seen or no UTF-8 is written out (`\x1b`, `\n`, `\u202e`), and a
    /// backslash is doubled, so that different names stay different.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal: the name under which it is kept.
    pub sha256: String,
    /// Its content, where it is text and short. As it is, so that it has the hash: with whatever control characters it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Whether its content is kept in the folder of artifacts.
    pub kept: bool,
    /// Why its content is neither here nor kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

/// What exactly was done, and under which rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// SHA-256, in hexadecimal, of what was run or sent: the program, every argument, variable and file; or method,
    /// address and body.
    pub command_hash: String,
    /// The policy: its name, and the beginning of its file's SHA-256.
    pub policy: String,
    /// What stood around it: `full`, `landlock` or `none`; `http` for a request, which runs nothing here.
    pub sandbox: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(value: Value) -> Vec<(String, String)> {
        let error = ActionRequest::from_value(value).unwrap_err();
        error.faults().iter().map(|fault| (fault.pointer.clone(), fault.detail.clone())).collect()
    }

    #[test]
    fn defaults_are_filled_in() {
        let request =
            ActionRequest::from_value(json!({"action_type": "python", "code": "print(1)"})).unwrap();
        assert_eq!(request, ActionRequest::python("print(1)"));
        assert_eq!(request.timeout_seconds, 30);
    }

    /// The schema let it pass, and then it was refused without its place.
    #[test]
    fn seconds_may_be_written_as_a_decimal() {
        let timed =
            |seconds: Value| json!({"action_type": "python", "code": "x", "timeout_seconds": seconds});
        let request = ActionRequest::from_value(timed(json!(100.0))).unwrap();
        assert_eq!(request.timeout_seconds, 100);
        for wrong in [json!(1.5), json!(0.0), json!(301.0), json!(1e300), json!(-1), json!("30"), json!(null)]
        {
            assert_eq!(faults(timed(wrong.clone()))[0].0, "/timeout_seconds", "{wrong}");
        }
    }

    #[test]
    fn every_kind_says_what_it_needs_and_what_it_cannot_use() {
        assert_eq!(faults(json!({"action_type": "python"}))[0].1, "a `python` action needs `code`");
        assert_eq!(faults(json!({"action_type": "shell"}))[0].1, "a `shell` action needs `command`");
        let wrong = faults(json!({"action_type": "http", "code": "x", "env": {"A": "b"}}));
        let places: Vec<_> = wrong.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(places, ["", "/code", "/env"]);
        assert_eq!(faults(json!({"action_type": "python", "code": "x", "command": "ls"}))[0].0, "/command");
    }

    #[test]
    fn limits_hold_and_unknown_names_are_refused() {
        assert_eq!(
            faults(json!({"action_type": "python", "code": "x", "timeout_seconds": 301}))[0].0,
            "/timeout_seconds"
        );
        assert_eq!(faults(json!({"action_type": "python", "code": " "}))[0].0, "/code");
        assert_eq!(faults(json!({"action_type": "python", "code": "x", "cwd": "/"}))[0].0, "/cwd");
        assert!(
            faults(json!({"action_type": "shell", "command": "ls", "args": ["a\u{0}b"]}))[0]
                .1
                .contains("NUL")
        );
    }

    #[test]
    fn a_file_has_one_name_below_the_working_folder() {
        for bad in ["/etc/passwd", "../x", "a/../b", "a//b", "./a", "", "a\\b"] {
            assert!(!is_relative_path(bad), "{bad}");
        }
        assert!(is_relative_path("tests/test_a.py") && !is_relative_path(&format!("a/{}", "x".repeat(256))));
        let wrong = faults(json!({"action_type": "python", "code": "x", "files": {"../x": "y"}}));
        assert_eq!(wrong[0].0, "/files");
    }

    /// The sandbox said that AppArmor was in the way, or that the program was no executable.
    #[test]
    fn what_no_program_can_be_started_with_is_a_fault_of_the_request() {
        let long = "x".repeat(LONGEST_WORD + 1);
        for (field, value, pointer) in [
            ("files", json!({"a": "", "a/b": ""}), "/files"),
            ("files", json!({"a/b": "", "a/b/c/d": ""}), "/files"),
            ("files", json!({(&long[..256]): ""}), "/files"),
            ("args", json!(["x", long]), "/args/1"),
            ("env", json!({"LANG": &long[4..]}), "/env"),
            ("env", json!({"A": &long[9..], "B": &long[9..], "C": &long[9..]}), "/env"),
        ] {
            let wrong = faults(json!({"action_type": "python", "code": "x", field: value}));
            assert_eq!((wrong.len(), wrong[0].0.as_str()), (1, pointer));
        }
    }
}
