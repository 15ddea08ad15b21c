//! What a model answers, before it is checked.

use octollm_core::model::structured::Shape;
use octollm_core::{Fault, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::request::RequestType;

/// A model's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct Draft {
    /// The code; empty where the task says so.
    pub(super) code: String,
    /// Tests; null if there are none.
    pub(super) tests: Option<String>,
    /// What was done or found, and why.
    pub(super) explanation: String,
    /// What somebody who uses the code must know.
    pub(super) warnings: Vec<String>,
    /// How likely it is right, 0 to 1; null if that cannot be told.
    #[schemars(range(min = 0, max = 1))]
    pub(super) confidence: Option<f64>,
}

impl Draft {
    /// The shape of an answer to this type of request: a draft that has what the type is about.
    pub(super) fn shape(of: RequestType) -> Result<Shape> {
        Ok(Shape::of::<Self>("solution")?.checked(move |value| missing(value, of)))
    }

    /// The same without fences around the code, and without empty tests.
    pub(super) fn tidied(mut self) -> Self {
        self.code = unfenced(self.code);
        self.tests = self.tests.map(unfenced).filter(|tests| !tests.trim().is_empty());
        self
    }
}

fn missing(value: &Value, request_type: RequestType) -> Vec<Fault> {
    let blank =
        |name: &str| value.get(name).and_then(Value::as_str).is_none_or(|text| text.trim().is_empty());
    let needed = [
        ("code", request_type.writes_code()),
        ("tests", request_type == RequestType::Test),
        ("explanation", true),
    ];
    let missing = needed.into_iter().filter(|(name, needed)| *needed && blank(name));
    missing.map(|(name, _)| Fault::new(format!("/{name}"), "must not be empty for this task")).collect()
}

/// The code within one fence, if that is all there is: models fence code although they are told not to.
fn unfenced(code: String) -> String {
    let inner = || {
        let (_, rest) = code.trim().strip_prefix("```")?.split_once('\n')?;
        let inner = rest.strip_suffix("```")?;
        (!inner.contains("\n```")).then(|| inner.to_owned())
    };
    inner().unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fence_is_taken_off_and_nothing_else() {
        for (code, bare) in [
            ("```python\nx = 1\n```", "x = 1\n"),
            ("\n```\na\n\nb\n```\n", "a\n\nb\n"),
            ("x = '```'\n", "x = '```'\n"),
            ("```sh\na\n```\ntext\n```sh\nb\n```", "```sh\na\n```\ntext\n```sh\nb\n```"),
            ("```", "```"),
        ] {
            assert_eq!(unfenced(code.into()), bare);
        }
    }
}
