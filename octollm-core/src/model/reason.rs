//! Why a model did not answer: what providers say in a dozen dialects, sorted once.
//!
//! [`ErrorKind`] is what any caller of the library acts on; a layer around a model needs to know more. A fallback
//! helps against an overloaded provider and an unknown model, not against a prompt that is too long for both; a full
//! purse and a full minute are both HTTP 429, and only one of them passes. So the wires put a [`Reason`] on every
//! error, and layers ask [`Reason::of`].

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Status};

/// The key of an error's context that holds the code.
const KEY: &str = "fault";

/// Why a model did not answer, or did not answer to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The key is missing, wrong, or may not use this model.
    Auth,
    /// The account has no money or allowance left: waiting does not help.
    Quota,
    /// Too many requests or tokens in a short time: waiting helps.
    RateLimit,
    /// Prompt and answer together are longer than the model's context.
    ContextTooLong,
    /// The provider refuses what is asked, or withholds what the model said.
    ContentRefused,
    /// The provider has too much to do.
    Overloaded,
    /// The provider failed for reasons of its own.
    ServerError,
    /// Nothing came in the time for the first byte.
    FirstByteTimeout,
    /// The answer began, and then nothing came in the time between two bytes.
    Stalled,
    /// What came is not what the protocol says.
    Malformed,
    /// The connection ended before the answer did.
    CutOff,
    /// The provider cannot be reached, or the connection broke.
    Network,
    /// The provider does not take the request as it is.
    BadRequest,
    /// The provider has no such model.
    UnknownModel,
    /// Something answers at this address, and it is not this kind of provider.
    WrongEndpoint,
}

impl Reason {
    const ALL: [Self; 15] = [
        Self::Auth,
        Self::Quota,
        Self::RateLimit,
        Self::ContextTooLong,
        Self::ContentRefused,
        Self::Overloaded,
        Self::ServerError,
        Self::FirstByteTimeout,
        Self::Stalled,
        Self::Malformed,
        Self::CutOff,
        Self::Network,
        Self::BadRequest,
        Self::UnknownModel,
        Self::WrongEndpoint,
    ];

    /// The stable code: `auth`, `quota`, `rate_limit`, ...
    pub const fn code(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Quota => "quota",
            Self::RateLimit => "rate_limit",
            Self::ContextTooLong => "context_too_long",
            Self::ContentRefused => "content_refused",
            Self::Overloaded => "overloaded",
            Self::ServerError => "server_error",
            Self::FirstByteTimeout => "first_byte_timeout",
            Self::Stalled => "stalled",
            Self::Malformed => "malformed",
            Self::CutOff => "cut_off",
            Self::Network => "network",
            Self::BadRequest => "bad_request",
            Self::UnknownModel => "unknown_model",
            Self::WrongEndpoint => "wrong_endpoint",
        }
    }

    /// The reason with this code, if there is one.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The reason that an error carries; none for errors that did not come from a model's provider.
    pub fn of(error: &Error) -> Option<Self> {
        error.context(KEY).and_then(Self::from_code)
    }

    /// The kind of error that this is to a caller.
    pub const fn kind(self) -> ErrorKind {
        match self {
            Self::Auth => ErrorKind::Unauthorized,
            Self::Quota | Self::RateLimit => ErrorKind::RateLimited,
            Self::ContextTooLong => ErrorKind::TooLarge,
            Self::ContentRefused => ErrorKind::RefusedByReflex,
            Self::FirstByteTimeout | Self::Stalled => ErrorKind::Timeout,
            Self::BadRequest => ErrorKind::InvalidInput,
            Self::UnknownModel | Self::WrongEndpoint => ErrorKind::NotConfigured,
            Self::Overloaded | Self::ServerError | Self::Malformed | Self::CutOff | Self::Network => {
                ErrorKind::Unavailable
            }
        }
    }

    /// Whether the same call of the same model may succeed later.
    pub const fn status(self) -> Status {
        match self {
            Self::Auth
            | Self::Quota
            | Self::ContextTooLong
            | Self::ContentRefused
            | Self::BadRequest
            | Self::UnknownModel
            | Self::WrongEndpoint => Status::Permanent,
            _ => Status::Temporary,
        }
    }

    /// An error for this reason, with its kind and status. `message` says what failed, in our own words.
    pub fn error(self, message: impl Into<Cow<'static, str>>) -> Error {
        self.mark(Error::new(self.kind(), message).with_status(self.status()))
    }

    /// Puts the reason on an error that is otherwise as it should be.
    #[must_use]
    pub fn mark(self, error: Error) -> Error {
        error.with_context(KEY, self.code())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_carries_its_reason_whatever_else_is_added() {
        for reason in Reason::ALL {
            let error = reason.error("the model failed").with_context("model", "openai/gpt-4o-mini");
            assert_eq!(Reason::of(&error), Some(reason));
            assert_eq!((error.kind(), error.status()), (reason.kind(), reason.status()));
            assert_eq!(serde_json::to_value(reason).ok(), Some(reason.code().into()));
        }
        assert_eq!(Reason::of(&Error::new(ErrorKind::Timeout, "the arm did not answer")), None);
    }

    #[test]
    fn a_purse_that_is_empty_is_not_retried_and_a_full_minute_is() {
        assert_eq!(Reason::Quota.kind(), Reason::RateLimit.kind());
        assert!(!Reason::Quota.error("no credit").is_temporary());
        assert!(Reason::RateLimit.error("slow down").is_temporary());
    }
}
