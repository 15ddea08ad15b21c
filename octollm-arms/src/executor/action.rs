//! What exactly is to be done: a request, after the policy has allowed it.
//!
//! An action is decided about once and then carried out as it is. What a person approves, what is hashed and what is run
//! are one and the same value.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use octollm_core::{Error, Fault, Result};
use octollm_sandbox::{Command, Limits};
use reqwest::{Method, Url};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::command_line;
use super::output::{self, hex, neutral, quoted};
use super::policy::{Place, Policy, Program, refused_at};
use super::proxy;
use super::request::{ActionRequest, ActionType, LONGEST_WORD, cannot_both_be};

/// The interpreter of scripts where a request names none.
const USUAL_SHELL: &str = "sh";
/// Characters of a script or a body that a person is shown.
const SHOWN: usize = 20_000;

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// Run a program in the sandbox.
    Run(Run),
    /// Send an HTTP request.
    Fetch(Fetch),
}

/// A program that is to run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    program: PathBuf,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
    /// What it may reach over the network, by the names that the policy has.
    pub(super) hosts: Vec<String>,
    pub(super) wall: Duration,
}

/// An HTTP request that is to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fetch {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<Body>,
    pub(super) wall: Duration,
}

/// What is sent along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) content_type: &'static str,
    pub(super) text: String,
}

impl Action {
    /// Decides about a request.
    ///
    /// # Errors
    /// `unauthorized` with the place that the policy does not allow; `invalid_input` for what cannot be understood;
    /// `not_configured` for a program that is not on this machine.
    pub(super) fn of(request: &ActionRequest, policy: &Policy) -> Result<Self> {
        request.validate()?;
        let wall = Duration::from_secs(request.timeout_seconds.min(policy.limits().wall_seconds).into());
        match request.action_type {
            ActionType::Python => script(request, "python", policy, wall),
            ActionType::Shell => match (&request.code, &request.command) {
                (Some(_), named) => script(request, named.as_deref().unwrap_or(USUAL_SHELL), policy, wall),
                (None, command) => command_of(request, command.as_deref().unwrap_or_default(), policy, wall),
            },
            ActionType::Http => fetch(request, policy, wall),
        }
    }

    /// The same action, ended after this time at the latest.
    pub(super) fn within(mut self, time: Duration) -> Self {
        match &mut self {
            Self::Run(Run { wall, .. }) | Self::Fetch(Fetch { wall, .. }) => *wall = time.min(*wall),
        }
        self
    }

    /// SHA-256, in hexadecimal, of everything that decides what is done.
    pub(super) fn hash(&self) -> String {
        let everything = match self {
            Self::Run(run) => serde_json::json!({
                "program": run.program.to_string_lossy(), "arguments": run.arguments, "environment": run.environment,
                "files": run.files, "hosts": run.hosts,
            }),
            Self::Fetch(fetch) => serde_json::json!({
                "method": fetch.method.as_str(), "url": fetch.url.as_str(),
                "body": fetch.body.as_ref().map(|body| &body.text),
            }),
        };
        hex(&Sha256::digest(everything.to_string().as_bytes()))
    }

    /// Whether it may change something outside of this machine.
    pub(super) fn reaches_hosts(&self) -> bool {
        match self {
            Self::Run(run) => !run.hosts.is_empty(),
            Self::Fetch(_) => true,
        }
    }

    /// What is done, for the person who is to approve it: the exact command, and what it runs or sends.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Run(run) => run.shown(),
            Self::Fetch(fetch) => fetch.shown(),
        }
    }
}

impl Run {
    /// The command for the sandbox.
    pub(super) fn command(&self, policy: &Policy) -> Command {
        const MIB: u64 = 1 << 20;
        let limits = policy.limits();
        let mut command = Command::new(&self.program).arguments(&self.arguments).limits(Limits {
            wall: self.wall,
            cpu: Duration::from_secs(limits.cpu_seconds.into()),
            address_space: u64::from(limits.address_space_mib) * MIB,
            memory: u64::from(limits.memory_mib) * MIB,
            processes: limits.processes.into(),
            open_files: limits.open_files.into(),
            work_bytes: u64::from(limits.work_mib) * MIB,
            work_files: limits.work_files.into(),
            output_bytes: (limits.output_kib as usize) << 10,
            harvest_bytes: (limits.artifacts_mib as usize) << 20,
            harvest_files: limits.artifacts as usize,
        });
        if !self.hosts.is_empty() {
            command = command.port(proxy::PORT);
            for (name, value) in proxy::variables().filter(|(name, _)| !self.environment.contains_key(*name))
            {
                command = command.variable(name, value);
            }
        }
        for (name, value) in &self.environment {
            command = command.variable(name, value);
        }
        for (path, text) in &self.files {
            command = command.file(path, text.as_bytes());
        }
        command
    }

    fn shown(&self) -> String {
        let program = self.program.to_string_lossy();
        let variables = self.environment.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
        let words = std::iter::once(&*program).chain(self.arguments.iter().map(String::as_str)).map(quoted);
        let mut shown = variables.chain(words).collect::<Vec<_>>().join(" ");
        if !self.hosts.is_empty() {
            shown.push_str(&format!("\n--- may reach {}", self.hosts.join(", ")));
        }
        for (path, text) in &self.files {
            shown.push_str(&format!("\n--- {}{}", output::name(path.as_bytes()), excerpt(text)));
        }
        shown
    }
}

impl Fetch {
    fn shown(&self) -> String {
        let line = format!("{} {}", self.method, neutral(self.url.as_str()));
        match &self.body {
            Some(body) => format!("{line}\n{}{}", body.content_type, excerpt(&body.text)),
            None => line,
        }
    }
}

/// What somebody else wrote, line by line behind a mark: no line of it looks like one that says what is done.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => {
            let (rest, whole) = (text.len() - end, hex(&Sha256::digest(text.as_bytes())));
            let shown = output::marked(text.get(..end).unwrap_or_default());
            format!("{shown}\n[{rest} more bytes are not shown; the whole has the SHA-256 {whole}]")
        }
        None => output::marked(text.trim_end()),
    }
}

fn script(request: &ActionRequest, interpreter: &str, policy: &Policy, wall: Duration) -> Result<Action> {
    let Program { path, mut arguments, script, hosts } = policy.interpreter(interpreter)?;
    arguments.extend(request.args.iter().cloned());
    let mut files = request.files.clone();
    if let (Some(name), Some(code)) = (script, &request.code) {
        if files.keys().any(|file| cannot_both_be(file, &name)) {
            let detail =
                format!("must not have `{name}`, nor a folder or a file in its place: the code is put there");
            let fault = Fault::new("/files", detail);
            return Err(Error::invalid("the executor's request is invalid", vec![fault]));
        }
        files.insert(name, code.clone());
    }
    let environment = policy.variables(&request.env)?;
    Ok(Action::Run(Run { program: path, arguments, environment, files, hosts, wall }))
}

fn command_of(request: &ActionRequest, command: &str, policy: &Policy, wall: Duration) -> Result<Action> {
    let whole = request.args.is_empty() && command.trim().contains(char::is_whitespace);
    let (name, arguments, place) = if whole {
        let mut words = command_line::split(command).map_err(|why| {
            let fault = Fault::new("/command", format!("is no plain command: {why}"));
            Error::invalid("the executor's request is invalid", vec![fault]).with_hint(
                "give the program as `command` and its arguments as `args`; a script goes into `code`, and needs an \
                 interpreter such as `sh` in the policy",
            )
        })?;
        if words.iter().any(|word| word.len() > LONGEST_WORD) {
            let fault = Fault::new("/command", "must not have an argument of more than 131071 bytes");
            return Err(Error::invalid("the executor's request is invalid", vec![fault]));
        }
        (words.remove(0), words, Place::CommandLine)
    } else {
        (command.trim().to_owned(), request.args.clone(), Place::Arguments)
    };
    let Program { path, arguments: mut all, hosts, .. } =
        policy.command(&name, &arguments, place, &request.files)?;
    all.extend(arguments);
    let environment = policy.variables(&request.env)?;
    let files = request.files.clone();
    Ok(Action::Run(Run { program: path, arguments: all, environment, files, hosts, wall }))
}

/// An address that a policy can be asked about, without its fragment.
///
/// # Errors
/// Why it is none.
pub(super) fn readable_url(text: &str) -> std::result::Result<Url, &'static str> {
    let mut url: Url = text.trim().parse().map_err(|_| "must be a URL such as https://example.com/")?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("must begin with https:// or http:// and have a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a user or a password: the policy gives a host its headers");
    }
    url.set_fragment(None);
    Ok(url)
}

fn fetch(request: &ActionRequest, policy: &Policy, wall: Duration) -> Result<Action> {
    let invalid = |pointer, detail: &str| {
        Error::invalid("the executor's request is invalid", vec![Fault::new(pointer, detail)])
    };
    let url =
        readable_url(request.url.as_deref().unwrap_or_default()).map_err(|detail| invalid("/url", detail))?;
    let method = request.method.as_deref().unwrap_or("GET").to_ascii_uppercase();
    let method =
        Method::from_bytes(method.as_bytes()).map_err(|_| invalid("/method", "must be an HTTP method"))?;
    if request.body.is_some() && (method == Method::GET || method == Method::HEAD) {
        return Err(invalid("/body", "has no meaning for GET and HEAD"));
    }
    policy.hosts().allowing(&policy.label(), &method, &url)?;
    let body = request.body.as_ref().map(|body| match body {
        Value::String(text) => Body { content_type: "text/plain; charset=utf-8", text: text.clone() },
        other => Body { content_type: "application/json", text: other.to_string() },
    });
    if body.as_ref().is_some_and(|body| body.text.len() > 1 << 20) {
        return Err(refused_at(&policy.label(), "/body", "is longer than 1 MiB"));
    }
    Ok(Action::Fetch(Fetch { method, url, body, wall }))
}
