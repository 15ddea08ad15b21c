//! What a reflex that is written in another language says: a reaction as JSON.
//!
//! Nothing is said where the text may pass; else it is one of `{"rewrite": "..."}`, `{"answer": ...}`, `{"refuse": "code"}` and
//! `{"throttle": seconds}`. What cannot be read counts as a refusal: a text that cannot be judged goes no further.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{Findings, Reaction, Stimulus};
use crate::error::{Error, ErrorKind, Result};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    Rewrite(String),
    Answer(Value),
    Refuse(String),
    Throttle(f64),
}

impl Reaction {
    /// The reaction that a reflex in another language answers as JSON, nothing for `pass`; a new text takes the old one's
    /// place in the stimulus.
    ///
    /// ```
    /// use octollm_core::reflex::{Reaction, Stimulus};
    ///
    /// let mut stimulus = Stimulus::new("HELLO");
    /// let reaction = Reaction::said(Some(r#"{"rewrite": "hello"}"#), &mut stimulus)?;
    /// assert_eq!((reaction, stimulus.text()), (Reaction::Rewrite, "hello"));
    /// # Ok::<(), octollm_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `internal` for what is no reaction; its words are not repeated.
    pub fn said(json: Option<&str>, stimulus: &mut Stimulus<'_>) -> Result<Self> {
        let Some(json) = json else { return Ok(Self::Pass) };
        // What the reader says of it may hold its words, so it is no source of the error.
        let said = serde_json::from_str(json).map_err(|_| {
            Error::new(ErrorKind::Internal, "a reflex answered what is no reaction")
                .with_hint("answer nothing, or an object with one of rewrite, answer, refuse and throttle")
        })?;
        Ok(match said {
            Said::Rewrite(text) => {
                stimulus.rewrite(text);
                Self::Rewrite
            }
            Said::Answer(answer) => Self::Answer(answer),
            Said::Refuse(code) => Self::refusing(code),
            Said::Throttle(seconds) => Self::Throttle {
                retry_after: Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(1)),
            },
        })
    }

    /// The reaction of a reflex that failed.
    pub fn failed() -> Self {
        Self::refusing("reflex_failed")
    }

    fn refusing(code: impl Into<Cow<'static, str>>) -> Self {
        Self::Refuse { code: code.into(), findings: Findings::default() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_reaction_can_be_said() {
        let mut stimulus = Stimulus::new("a text");
        let mut said = |json: Option<&str>| Reaction::said(json, &mut stimulus);
        assert_eq!(said(None).unwrap(), Reaction::Pass);
        assert_eq!(said(Some(r#"{"answer": {"a": 1}}"#)).unwrap(), Reaction::Answer(json!({"a": 1})));
        assert_eq!(said(Some(r#"{"refuse": "shouting"}"#)).unwrap(), Reaction::refusing("shouting"));
        for (seconds, retry_after) in [("2.5", 2500), ("-1", 1000), ("1e300", 1000)] {
            let retry_after = Duration::from_millis(retry_after);
            let said = said(Some(&format!("{{\"throttle\": {seconds}}}"))).unwrap();
            assert_eq!(said, Reaction::Throttle { retry_after });
        }
        assert_eq!(said(Some(r#"{"rewrite": "another"}"#)).unwrap(), Reaction::Rewrite);
        assert_eq!(stimulus.text(), "another");
    }

    #[test]
    fn what_is_no_reaction_is_an_error_without_its_words() {
        for json in [
            "",
            "null",
            "SECRET",
            r#""SECRET""#,
            r#"{"SECRET": 1}"#,
            r#"{"rewrite": "a", "refuse": "SECRET"}"#,
        ] {
            let error = Reaction::said(Some(json), &mut Stimulus::new("x")).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("SECRET"), "{error:?}");
        }
    }
}
