//! What the executor may do: a file that a person wrote, or the built-in default. What it does not allow is refused.
//!
//! A policy is read once and never changes while it is used. It decides about every action before anything is started, and
//! its decisions depend on nothing but itself and the action.

mod arguments;
mod environment;
mod file;
mod given;
mod hosts;
mod paths;
mod places;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use octollm_core::{Error, ErrorKind, Fault, Result};
use octollm_sandbox::Level;
use sha2::{Digest, Sha256};

pub use file::Limits;
pub(super) use hosts::{Host, Hosts};
pub(super) use refusal::refused_at;

use super::output::hex;
use arguments::Rule;
use environment::Settable;
use file::{File, Interpreter};

/// The largest policy file that is read, in bytes.
const MOST_POLICY: u64 = 1 << 20;
/// What every sandbox shows.
const SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"];
/// The policy where nobody wrote one.
const DEFAULT: &str = include_str!("default.toml");

/// What the executor may do.
#[derive(Clone)]
pub struct Policy {
    name: String,
    digest: String,
    level: Level,
    path: Vec<PathBuf>,
    /// What operators added to what the system's programs can read.
    readable: Vec<PathBuf>,
    /// The same and the system's own: where arguments may point.
    visible: Vec<PathBuf>,
    environment: BTreeMap<String, String>,
    settable: BTreeMap<String, Settable>,
    needs_pii: Vec<String>,
    limits: Limits,
    interpreters: BTreeMap<String, Interpreter>,
    commands: BTreeMap<String, CommandPolicy>,
    hosts: Hosts,
}

#[derive(Clone)]
struct CommandPolicy {
    program: PathBuf,
    rule: Rule,
    hosts: Vec<String>,
}

/// A program that the policy lets run, and the arguments that stand before those of the request.
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) script: Option<String>,
    /// What it may reach, by the names that the rules have.
    pub(super) hosts: Vec<String>,
}

/// By its label: what it says may hold secrets.
impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Policy").field(&self.label()).finish()
    }
}

impl Policy {
    /// The built-in policy: Python and a few programs that only read and print, in the full sandbox, without a network.
    ///
    /// # Errors
    /// None: that it is sound is tested.
    pub fn built_in() -> Result<Self> {
        Self::from_toml(DEFAULT)
    }

    /// The text of the built-in policy: what a policy of one's own may begin with.
    pub const fn built_in_text() -> &'static str {
        DEFAULT
    }

    /// Reads the policy in this file. Blocks.
    ///
    /// # Errors
    /// `not_configured` with the file, and with the line and every fault in it; also for what it makes readable and is not
    /// there.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |reason: String| {
            Error::new(ErrorKind::NotConfigured, "the executor's policy cannot be read")
                .with_context("file", path.display().to_string())
                .with_context("reason", reason)
                .with_hint("OCTOLLM_EXECUTOR_POLICY names the file; without it the built-in policy holds")
        };
        let length = std::fs::metadata(path).map_err(|error| failed(error.kind().to_string()))?.len();
        if length > MOST_POLICY {
            return Err(failed("it is longer than 1 MiB".to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.kind().to_string()))?;
        let policy = Self::from_toml(&text).and_then(places::found);
        policy.map_err(|error| error.with_context("file", path.display().to_string()))
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// `not_configured` with the line and every fault.
    pub fn from_toml(text: &str) -> Result<Self> {
        let file: File = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            // Only the first line: the others repeat what is written there, which may be a secret.
            let reason = error.message().lines().next().unwrap_or_default().to_owned();
            invalid()
                .with_context("line", (before.matches('\n').count() + 1).to_string())
                .with_context("reason", reason)
        })?;
        let mut faults = Vec::new();
        let policy = Self::compile(file, text, &mut faults);
        if faults.is_empty() { Ok(policy) } else { Err(invalid().with_faults(faults)) }
    }

    fn compile(file: File, text: &str, faults: &mut Vec<Fault>) -> Self {
        if file.name.is_empty() || file.name.len() > 100 || file.name.contains(char::is_control) {
            faults.push(Fault::new("name", "must be 1 to 100 bytes on one line"));
        }
        places::check_folders(&file, faults);
        let level = file.sandbox.as_deref().map_or(Some(Level::Full), Level::from_name);
        if level.is_none() {
            faults.push(Fault::new("sandbox", "must be `full`, `landlock` or `none`"));
        }
        for (name, value, range) in file.limits.ranges() {
            if !range.contains(&value) {
                let detail = format!("must be {} to {}", range.start(), range.end());
                faults.push(Fault::new(format!("limits.{name}"), detail));
            }
        }
        places::check_programs(&file, faults);
        let settable = environment::compile(&file, faults);
        let hosts = Hosts::compile(&file.hosts, faults);
        check_programs_hosts(&file, &hosts, level, faults);
        let visible = SYSTEM.map(PathBuf::from).into_iter().chain(file.readable.iter().cloned()).collect();
        let commands = file.commands.into_iter().map(|(name, rule)| {
            let program = rule.program.clone().unwrap_or_else(|| name.clone().into());
            let hosts = rule.hosts.clone();
            let rule = Rule::compile(&rule, &format!("commands.{name}"), faults);
            (name, CommandPolicy { program, rule, hosts })
        });
        let commands = commands.collect();
        Self {
            digest: hex(&Sha256::digest(text.as_bytes())),
            level: level.unwrap_or_default(),
            visible,
            commands,
            hosts,
            name: file.name,
            path: file.path,
            readable: file.readable,
            environment: file.environment,
            settable,
            needs_pii: file.needs_pii,
            limits: file.limits,
            interpreters: file.interpreters,
        }
    }

    /// Its name and the beginning of its file's SHA-256: `default@1a2b3c4d5e6f`.
    pub fn label(&self) -> String {
        format!("{}@{}", self.name, self.digest.get(..12).unwrap_or_default())
    }

    /// What stands around a program that is run.
    pub fn sandbox(&self) -> Level {
        self.level
    }

    /// The same policy with this around its programs: for operators who say so by name.
    #[must_use]
    pub fn with_sandbox(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// What one action may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Kinds of personal data and secrets whose values its actions are given.
    pub(super) fn needs_pii(&self) -> &[String] {
        &self.needs_pii
    }

    /// What programs can read besides the system's own.
    pub fn readable(&self) -> &[PathBuf] {
        &self.readable
    }

    /// Whether anything may be run at all, by code or by command, and whether any host may be asked.
    pub(super) fn allows(&self) -> [bool; 3] {
        [self.interpreters.contains_key("python"), !self.commands.is_empty(), !self.hosts.is_empty()]
    }

    /// The hosts that may be asked.
    pub(super) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The program behind this command, if it may have these arguments and these files. `place` is where the first argument
    /// stands in the request.
    pub(super) fn command(
        &self,
        name: &str,
        arguments: &[String],
        place: Place,
        files: &BTreeMap<String, String>,
    ) -> Result<Program> {
        let Some(command) = self.commands.get(name) else {
            let names: Vec<_> = self.commands.keys().map(|name| format!("`{name}`")).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(refused_at(
                &self.label(),
                "/command",
                format!("is no command that it has; it has {known}"),
            ));
        };
        let given = command.rule.check(arguments, &self.visible).map_err(|refused| {
            refused_at(&self.label(), &place.of(refused.place), format!("of `{name}` {}", refused.why))
        })?;
        given
            .check(files.keys())
            .map_err(|why| refused_at(&self.label(), "/files", format!("of `{name}` {why}")))?;
        Ok(Program {
            path: self.find(&command.program)?,
            arguments: Vec::new(),
            script: None,
            hosts: command.hosts.clone(),
        })
    }

    /// The interpreter of this name.
    pub(super) fn interpreter(&self, name: &str) -> Result<Program> {
        let Some(interpreter) = self.interpreters.get(name) else {
            let names: Vec<_> = self.interpreters.keys().map(|name| format!("`{name}`")).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            // What is usual may be named; other names are the request's own words.
            let wanted = if matches!(name, "sh" | "python") {
                format!("the interpreter `{name}`, which")
            } else {
                "an interpreter that".to_owned()
            };
            let detail = format!("it takes {wanted} the policy does not have; it has {known}");
            return Err(refused_at(&self.label(), "/code", detail));
        };
        let path = self.find(&interpreter.program)?;
        let mut arguments = interpreter.arguments.clone();
        arguments.push(interpreter.script.clone());
        let (script, hosts) = (Some(interpreter.script.clone()), interpreter.hosts.clone());
        Ok(Program { path, arguments, script, hosts })
    }

    /// The program as an absolute path.
    fn find(&self, program: &Path) -> Result<PathBuf> {
        let candidates = if program.is_absolute() {
            vec![program.to_owned()]
        } else {
            self.path.iter().map(|folder| folder.join(program)).collect()
        };
        candidates.into_iter().find(|path| path.is_file()).ok_or_else(|| {
            Error::new(ErrorKind::NotConfigured, "a program of the policy is not on this machine")
                .with_context("program", program.display().to_string())
                .with_context("policy", self.label())
                .with_hint("install it, or name its place in the policy by `program`, and `readable` if it is outside /usr")
        })
    }
}

/// Faults of what programs may reach: only by a rule, and only from a network of their own.
fn check_programs_hosts(file: &File, hosts: &Hosts, level: Option<Level>, faults: &mut Vec<Fault>) {
    let interpreters = file.interpreters.iter().map(|(name, it)| (format!("interpreters.{name}"), &it.hosts));
    let commands = file.commands.iter().map(|(name, it)| (format!("commands.{name}"), &it.hosts));
    for (place, names) in interpreters.chain(commands).filter(|(_, names)| !names.is_empty()) {
        if level.is_some_and(|level| level != Level::Full) {
            let detail =
                "needs `sandbox = \"full\"`: elsewhere a program has the machine's own network or none";
            faults.push(Fault::new(format!("{place}.hosts"), detail));
        }
        for (index, name) in names.iter().enumerate() {
            if let Err(why) = hosts.for_programs(name) {
                faults.push(Fault::new(format!("{place}.hosts[{index}]"), why));
            }
        }
    }
}

/// Where the arguments of a command stand in its request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// In `args`.
    Arguments,
    /// In `command`, from the second word on.
    CommandLine,
}

impl Place {
    fn of(self, index: Option<usize>) -> String {
        match (self, index) {
            (Self::Arguments, Some(index)) => format!("/args/{index}"),
            (Self::Arguments, None) => "/args".to_owned(),
            (Self::CommandLine, _) => "/command".to_owned(),
        }
    }
}

fn invalid() -> Error {
    Error::new(ErrorKind::NotConfigured, "the executor's policy is invalid")
        .with_hint("docs/executor.md lists what a policy may say; nothing is run until it is mended")
}
