//! How a command ends: its exit code, or what stopped it.

use std::io;

use octollm_core::task::TaskStatus;
use octollm_core::{Error, ErrorKind, TaskResult};

/// For `--help`.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
    0  completed
    1  failed
    2  wrong usage, invalid input or configuration
    3  cancelled, or refused
    4  waits for approval
  130  interrupted (Ctrl-C)";

/// For `reflex --help`.
pub(super) const REFLEX_EXIT_CODES: &str = "\
Exit codes:
    0  the text may go on, whatever was found in it
    1  it could not be read or written
    2  wrong usage, a bad policy, or no UTF-8
    3  the policy refuses it; where it is redacted, what was written ends before that place";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Completed = 0,
    Failed = 1,
    Usage = 2,
    Refused = 3,
    Waiting = 4,
    Interrupted = 130,
}

/// What stopped a command.
#[derive(Debug)]
pub(super) enum Stop {
    /// It failed.
    Error(Error),
    /// Nobody reads what it writes any more: the end of `octollm-server ... | head`.
    Closed,
}

/// What a command ends with.
pub(super) type Outcome = Result<Exit, Stop>;

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        Self::Error(
            Error::new(ErrorKind::Storage, "the output cannot be written")
                .with_context("reason", error.kind().to_string()),
        )
    }
}

impl Exit {
    /// The code for a task that stands like this.
    pub(super) fn of_task(result: &TaskResult) -> Self {
        match (result.status, &result.error) {
            (TaskStatus::Completed, _) => Self::Completed,
            (TaskStatus::Cancelled, _) => Self::Refused,
            (TaskStatus::AwaitingApproval, _) => Self::Waiting,
            (_, Some(error)) => Self::of_kind(error.kind()),
            _ => Self::Failed,
        }
    }

    /// The code for an error of this kind.
    pub(super) fn of_kind(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidInput | ErrorKind::NotConfigured => Self::Usage,
            ErrorKind::Cancelled | ErrorKind::RefusedByReflex | ErrorKind::Unauthorized => Self::Refused,
            _ => Self::Failed,
        }
    }
}
