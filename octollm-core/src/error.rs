//! One error type for everything that can go wrong.
//!
//! A caller asks an error three questions, and each has its own field. *What kind is it?* [`ErrorKind`], with a
//! stable string code that HTTP, Python and C share. *May the same call work later?* [`Status`], the only thing that
//! decides about a retry. *What should a person do?* [`Error::hint`], kept apart from what failed.
//!
//! An error never carries the text that a user or a model wrote: it names the place, not the value.

mod pointer;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The result of every fallible call of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it is. The list is short on purpose: a kind exists where a caller would act differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// Fields of a request break a rule; [`Error::faults`] lists all of them.
    InvalidInput,
    /// There is no such task, arm, document or file.
    NotFound,
    /// The state does not allow it: already ended, already decided, fenced off by another writer.
    Conflict,
    /// The caller did not prove who it is, or may not do this.
    Unauthorized,
    /// A reflex refused the text.
    RefusedByReflex,
    /// A body, a file or an output is larger than its limit.
    TooLarge,
    /// The caller sends too much; [`Error::retry_after`] says when to come back.
    RateLimited,
    /// A deadline or a time limit passed.
    Timeout,
    /// Somebody cancelled it.
    Cancelled,
    /// The task's budget does not allow another call.
    BudgetExceeded,
    /// An arm answered with an error, or with something its own schema forbids.
    ArmFailed,
    /// A setting is missing or wrong; the hint names it.
    NotConfigured,
    /// The store is missing, read-only, full, corrupt or from a newer version.
    Storage,
    /// A queue is full or another process cannot be reached.
    Unavailable,
    /// A defect of this library.
    Internal,
}

impl ErrorKind {
    /// The stable code, as it stands in JSON: `invalid_input`, `not_found`, ...
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Unauthorized => "unauthorized",
            Self::RefusedByReflex => "refused_by_reflex",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::BudgetExceeded => "budget_exceeded",
            Self::ArmFailed => "arm_failed",
            Self::NotConfigured => "not_configured",
            Self::Storage => "storage",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// The kind with this code, if there is one.
    pub fn from_code(code: &str) -> Option<Self> {
        const ALL: [ErrorKind; 15] = [
            ErrorKind::InvalidInput,
            ErrorKind::NotFound,
            ErrorKind::Conflict,
            ErrorKind::Unauthorized,
            ErrorKind::RefusedByReflex,
            ErrorKind::TooLarge,
            ErrorKind::RateLimited,
            ErrorKind::Timeout,
            ErrorKind::Cancelled,
            ErrorKind::BudgetExceeded,
            ErrorKind::ArmFailed,
            ErrorKind::NotConfigured,
            ErrorKind::Storage,
            ErrorKind::Unavailable,
            ErrorKind::Internal,
        ];
        ALL.into_iter().find(|kind| kind.code() == code)
    }

    const fn default_status(self) -> Status {
        match self {
            Self::RateLimited | Self::Timeout | Self::Unavailable => Status::Temporary,
            Self::ArmFailed | Self::Storage | Self::Internal => Status::Unknown,
            _ => Status::Permanent,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Whether the same call may succeed later. Only `Temporary` is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The same call fails again.
    Permanent,
    /// The same call may succeed later.
    Temporary,
    /// Nobody can tell; treated as permanent.
    Unknown,
}

/// One broken rule of a request: where, and what is allowed there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to the offending place; empty for the whole document. In an [`Error`], a key that looks like a
    /// value (an address, a number, a credential) is `*`.
    pub pointer: String,
    /// What is wrong and what is allowed, without the offending value.
    pub detail: String,
}

impl Fault {
    /// A fault at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// The error of this library: see the module's documentation for how its parts are used.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    status: Status,
    message: Cow<'static, str>,
    context: Vec<(&'static str, String)>,
    hint: Option<Cow<'static, str>>,
    faults: Vec<Fault>,
    retry_after: Option<Duration>,
    trace: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind`, with that kind's usual [`Status`]. `message` says what failed.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            status: kind.default_status(),
            message: message.into(),
            context: Vec::new(),
            hint: None,
            faults: Vec::new(),
            retry_after: None,
            trace: None,
            source: None,
        }))
    }

    /// [`ErrorKind::InvalidInput`] with all faults of a document.
    pub fn invalid(message: impl Into<Cow<'static, str>>, faults: Vec<Fault>) -> Self {
        Self::new(ErrorKind::InvalidInput, message).with_faults(faults)
    }

    /// Adds broken rules, or what was found where.
    #[must_use]
    pub fn with_faults(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        let told = |fault: Fault| Fault { pointer: pointer::without_values(fault.pointer), ..fault };
        self.0.faults.extend(faults.into_iter().map(told));
        self
    }

    /// The same error for one of several callers who waited for the same work; the original becomes its source.
    pub(crate) fn from_shared(shared: Arc<Self>) -> Self {
        let original = &shared.0;
        let mut error = Self::new(original.kind, original.message.clone());
        error.0.status = original.status;
        error.0.context.clone_from(&original.context);
        error.0.hint.clone_from(&original.hint);
        error.0.faults.clone_from(&original.faults);
        error.0.retry_after = original.retry_after;
        error.0.trace.clone_from(&original.trace);
        error.with_source(shared)
    }

    /// Overrides the kind's usual status.
    #[must_use]
    pub fn with_status(mut self, status: Status) -> Self {
        self.0.status = status;
        self
    }

    /// Adds a place or a name: `("arm", "weather")`. Never a value that a user or a model wrote.
    #[must_use]
    pub fn with_context(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.0.context.push((key, value.into()));
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Says when to come back, which makes the error temporary.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self.0.status = Status::Temporary;
        self
    }

    /// Keeps where in the arm's own code it failed: the traceback of another language. It goes to who asked for the task
    /// and into the journal, and into no message and no log.
    #[must_use]
    pub fn with_trace(mut self, trace: impl Into<String>) -> Self {
        self.0.trace = Some(trace.into());
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed later.
    pub fn status(&self) -> Status {
        self.0.status
    }

    /// Whether a retry is worth it.
    pub fn is_temporary(&self) -> bool {
        self.0.status == Status::Temporary
    }

    /// What failed, without context and hint.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What failed and where, on one line, without faults and hint.
    pub fn summary(&self) -> String {
        let mut text = self.0.message.to_string();
        for (index, (key, value)) in self.0.context.iter().enumerate() {
            text.push_str(if index == 0 { " (" } else { ", " });
            text.push_str(key);
            text.push_str(": ");
            text.push_str(value);
        }
        if !self.0.context.is_empty() {
            text.push(')');
        }
        text
    }

    /// The first value that was added under this key.
    pub fn context(&self, key: &str) -> Option<&str> {
        self.0.context.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Where in the arm's own code it failed, in the words of its language.
    pub fn trace(&self) -> Option<&str> {
        self.0.trace.as_deref()
    }

    /// Every broken rule, for [`ErrorKind::InvalidInput`]; what was found where, for [`ErrorKind::RefusedByReflex`].
    pub fn faults(&self) -> &[Fault] {
        &self.0.faults
    }

    /// When to come back.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())?;
        for fault in &self.0.faults {
            let place = if fault.pointer.is_empty() { "the document" } else { &fault.pointer };
            write!(f, "; {place}: {}", fault.detail)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}, {:?}]", self, self.0.kind, self.0.status)?;
        if let Some(hint) = &self.0.hint {
            write!(f, "; hint: {hint}")?;
        }
        if let Some(source) = &self.0.source {
            write!(f, "; caused by: {source}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_finds_its_kind_again() {
        for kind in [ErrorKind::InvalidInput, ErrorKind::RefusedByReflex, ErrorKind::Internal] {
            assert_eq!(ErrorKind::from_code(kind.code()), Some(kind));
            assert_eq!(serde_json::to_value(kind).ok(), Some(kind.code().into()));
        }
        assert_eq!(ErrorKind::from_code("nonsense"), None);
    }

    #[test]
    fn display_names_context_and_faults() {
        let error =
            Error::invalid("the plan is invalid", vec![Fault::new("/subtasks/0/step", "must be 1 or more")])
                .with_context("task", "task-1");
        assert_eq!(
            error.to_string(),
            "the plan is invalid (task: task-1); /subtasks/0/step: must be 1 or more"
        );
    }

    #[test]
    fn retry_after_makes_an_error_temporary() {
        let error = Error::new(ErrorKind::ArmFailed, "busy").with_retry_after(Duration::from_secs(2));
        assert!(error.is_temporary());
    }
}
